//! Filters of numbers, and of sizes as people write them.

use minijinja::{Error, State, value::Value};

use super::{
    super::{
        arguments::Arguments,
        python::{self, text},
        word::Word,
        wrong,
    },
    value::no_such,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["int"], "an integer, or the default, 0", int),
    Word::new(&["float"], "a number with a fraction, or the default, 0.0", float),
    Word::new(&["round"], "rounded: `common`, `ceil` or `floor`", round),
    Word::engine(&["abs"], "without its sign"),
    Word::new(&["log"], "its logarithm, natural or of a base", |_, value, mut args| {
        let number = number(value)?;
        let base = args.optional("base").map(|it| self::number(&it)).transpose()?;
        args.end()?;
        if number <= 0.0 {
            return Err(wrong("a logarithm needs a number above 0"));
        }
        Ok(Value::from(match base {
            Some(10.0) => number.log10(),
            Some(2.0) => number.log2(),
            Some(base) => number.ln() / base.ln(),
            None => number.ln(),
        }))
    }),
    Word::new(&["pow"], "to a power", |_, value, mut args| {
        let power = self::number(&args.value("y")?)?;
        args.end()?;
        Ok(Value::from(number(value)?.powf(power)))
    }),
    Word::new(&["root"], "its root, square or another", |_, value, mut args| {
        let base = args.optional("base").map_or(Ok(2.0), |it| self::number(&it))?;
        args.end()?;
        let number = number(value)?;
        if number < 0.0 {
            return Err(wrong("a root needs a number that is not below 0"));
        }
        Ok(Value::from(if base == 2.0 { number.sqrt() } else { number.powf(1.0 / base) }))
    }),
    Word::new(&["filesizeformat"], "bytes as people read them, `1.2 MB`", filesizeformat),
    Word::new(&["human_readable"], "bytes as Ansible writes them, `1.18 MB`", human_readable),
    Word::new(&["human_to_bytes"], "`10K` as bytes", human_to_bytes),
];

fn number(value: &Value) -> Result<f64, Error> {
    python::number(value).ok_or_else(|| wrong(format!("{} is not a number", python::repr(value))))
}

fn int(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let default = args.optional("default").unwrap_or_else(|| Value::from(0));
    let base = u32::try_from(args.int_or("base", 10)?).ok().filter(|base| (2..=36).contains(base));
    let base = base.ok_or_else(|| wrong("`base` of `int` is from 2 to 36"))?;
    args.end()?;
    if value.is_integer() {
        return Ok(value.clone());
    }
    if let Some(number) = python::number(value) {
        return Ok(if number.is_finite() { Value::from(number.trunc() as i128) } else { default });
    }
    let Some(text) = value.as_str() else { return Ok(default) };
    let digits = text.trim().replace('_', "");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => (-1, digits.to_owned()),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits).to_owned()),
    };
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = digits.to_lowercase();
    let digits = digits.strip_prefix(prefix).unwrap_or(&digits);
    if let Ok(number) = i128::from_str_radix(digits, base) {
        return Ok(Value::from(sign * number));
    }
    Ok(parse_float(text)
        .filter(|it| it.is_finite())
        .map_or(default, |it| Value::from(it.trunc() as i128)))
}

/// A number as Python's `float()` reads it.
fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim().replace('_', "");
    text.parse().ok()
}

fn float(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let default = args.optional("default").unwrap_or_else(|| Value::from(0.0));
    args.end()?;
    let number = python::number(value).or_else(|| value.as_str().and_then(parse_float));
    Ok(number.map_or(default, Value::from))
}

fn round(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let precision = args.int_or("precision", 0)?.clamp(-300, 300) as i32;
    let method = args.text_or("method", "common")?;
    args.end()?;
    let exact = number(value)?;
    let factor = 10_f64.powi(precision);
    Ok(match method.as_str() {
        "common" if value.is_integer() && precision >= 0 => value.clone(),
        "common" if precision >= 0 => {
            // The digits of the number itself decide, and a tie goes to the even one.
            let rounded = format!("{exact:.*}", precision as usize);
            Value::from(rounded.parse::<f64>().unwrap_or(exact))
        }
        "common" => Value::from((exact * factor).round_ties_even() / factor),
        "ceil" => Value::from((exact * factor).ceil() / factor),
        "floor" => Value::from((exact * factor).floor() / factor),
        _ => return Err(no_such("method", &method, &["common", "ceil", "floor"])),
    })
}

fn filesizeformat(
    _: &mut State<'_, '_>,
    value: &Value,
    mut args: Arguments,
) -> Result<Value, Error> {
    let binary = args.bool_or("binary", false)?;
    args.end()?;
    let bytes = match value.as_str() {
        Some(text) => {
            parse_float(text).ok_or_else(|| wrong(format!("`{text}` is not a number")))?
        }
        None => number(value)?,
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", bytes.trunc())));
    }
    let suffixes = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let at = (0..suffixes.len())
        .find(|at| bytes < base.powi(*at as i32 + 2))
        .unwrap_or(suffixes.len() - 1);
    let unit = base.powi(at as i32 + 2);
    let suffix = match (binary, at) {
        (true, 0) => "KiB".to_owned(),
        (true, _) => format!("{}iB", suffixes[at]),
        (false, _) => format!("{}B", suffixes[at]),
    };
    Ok(Value::from(format!("{:.1} {suffix}", base * bytes / unit)))
}

/// From the greatest.
const RANGES: [(&str, f64); 9] = [
    ("Y", 1_208_925_819_614_629_174_706_176.0),
    ("Z", 1_180_591_620_717_411_303_424.0),
    ("E", 1_152_921_504_606_846_976.0),
    ("P", 1_125_899_906_842_624.0),
    ("T", 1_099_511_627_776.0),
    ("G", 1_073_741_824.0),
    ("M", 1_048_576.0),
    ("K", 1024.0),
    ("B", 1.0),
];

fn human_readable(
    _: &mut State<'_, '_>,
    value: &Value,
    mut args: Arguments,
) -> Result<Value, Error> {
    let isbits = args.bool_or("isbits", false)?;
    let unit = args.maybe_text("unit").map(|it| it.to_uppercase());
    args.end()?;
    let size = number(value)?;
    let fits =
        |(name, limit): &&(&str, f64)| unit.as_ref().map_or(size >= *limit, |unit| unit == name);
    let (name, limit) = RANGES.iter().find(fits).copied().unwrap_or(RANGES[8]);
    let base = if isbits { "bits" } else { "Bytes" };
    let suffix = if limit == 1.0 { base.to_owned() } else { format!("{name}{}", &base[..1]) };
    Ok(Value::from(format!("{:.2} {suffix}", size / limit)))
}

fn human_to_bytes(
    _: &mut State<'_, '_>,
    value: &Value,
    mut args: Arguments,
) -> Result<Value, Error> {
    let default = args.maybe_text("default_unit");
    let isbits = args.bool_or("isbits", false)?;
    args.end()?;
    let text = text(value);
    let bad = || wrong(format!("`{text}` is not a size such as `10K` or `1.5 MB`"));
    let trimmed = text.trim_end();
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let size: f64 = trimmed[..end].parse().map_err(|_| bad())?;
    let unit = trimmed[end..].trim_start();
    let unit = if unit.is_empty() { default.unwrap_or_default() } else { unit.to_owned() };
    let Some(first) = unit.chars().next() else {
        return Ok(Value::from(size.round_ties_even() as i128));
    };
    let range = RANGES.iter().find(|(name, _)| *name == first.to_ascii_uppercase().to_string());
    let (name, limit) = range.ok_or_else(bad)?;
    let (letter, word) = if isbits { ('b', "bit") } else { ('B', "byte") };
    let rest = &unit[first.len_utf8()..];
    let is_whole = matches!(*name, "B") && unit.to_lowercase().trim_end_matches('s') == word;
    if !(rest.is_empty() || is_whole || rest.starts_with(letter) && rest.len() == 1) {
        return Err(bad());
    }
    Ok(Value::from((size * limit).round_ties_even() as i128))
}
