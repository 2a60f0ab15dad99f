//! `'%s' % x`: gaps in a text, as Python fills them.

use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::super::{
    python::{self, text},
    wrong,
};
use crate::input::template::parts;

/// A gap: `%(name)-05.2f`.
#[derive(Default)]
struct Gap {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Fills the gaps: with a tuple's items, a map's values, or one value.
pub(in crate::input::template) fn fill(pattern: &str, filling: &Value) -> Result<String, Error> {
    let mut values = match filling.is_tuple() {
        true => parts::items(filling)?.into_iter(),
        false => vec![filling.clone()].into_iter(),
    };
    let mut named = false;
    let mut filled = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            filled.push(c);
            continue;
        }
        let mut name = None;
        if chars.next_if_eq(&'(').is_some() {
            name = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut gap = Gap::default();
        while let Some(flag) = chars.next_if(|c| "-+ 0#".contains(*c)) {
            match flag {
                '-' => gap.left = true,
                '+' => gap.plus = true,
                ' ' => gap.space = true,
                '0' => gap.zero = true,
                _ => gap.alternate = true,
            }
        }
        let mut next = || {
            values
                .next()
                .ok_or_else(|| wrong("the format has more placeholders than there are values"))
        };
        let mut size =
            |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Result<usize, Error> {
                if chars.next_if_eq(&'*').is_some() {
                    return next()?.as_usize().ok_or_else(|| wrong("`*` takes a number"));
                }
                let mut digits = String::new();
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                Ok(digits.parse().unwrap_or(0))
            };
        gap.width = size(&mut chars)?.min(100_000);
        if chars.next_if_eq(&'.').is_some() {
            gap.precision = Some(size(&mut chars)?.min(1000));
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let kind = chars.next().ok_or_else(|| wrong("the format ends within a placeholder"))?;
        if kind == '%' {
            filled.push('%');
            continue;
        }
        let value = match name {
            Some(name) => {
                named = true;
                let value = filling.get_attr(&name).unwrap_or_default();
                if value.is_undefined() {
                    return Err(wrong(format!("there is no value for the placeholder `{name}`")));
                }
                value
            }
            None => next()?,
        };
        filled += &gap.filled(kind, &value)?;
    }
    let is_map = filling.kind() == ValueKind::Map;
    match !named && !is_map && values.next().is_some() {
        true => Err(wrong("there are more values than placeholders")),
        false => Ok(filled),
    }
}

impl Gap {
    fn filled(&self, kind: char, value: &Value) -> Result<String, Error> {
        let not =
            |what: &str| wrong(format!("`%{kind}` takes {what}, not {}", python::repr(value)));
        let (sign, body) = match kind {
            's' | 'r' | 'a' => {
                let text = if kind == 's' { text(value).into_owned() } else { python::repr(value) };
                (
                    String::new(),
                    self.precision
                        .map_or(text.clone(), |length| text.chars().take(length).collect()),
                )
            }
            'c' => match (value.as_str(), value.as_usize()) {
                (Some(text), _) if text.chars().count() == 1 => (String::new(), text.to_owned()),
                (None, Some(code)) => {
                    let c = u32::try_from(code).ok().and_then(char::from_u32);
                    (String::new(), c.ok_or_else(|| not("one character"))?.to_string())
                }
                _ => return Err(not("one character")),
            },
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let whole = match value.kind() {
                    ValueKind::Bool => Some(i128::from(value.is_true())),
                    ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
                    ValueKind::Number if matches!(kind, 'd' | 'i' | 'u') => {
                        python::number(value).map(|it| it as i128)
                    }
                    _ => None,
                };
                let whole = whole.ok_or_else(|| not("an integer"))?;
                let size = whole.unsigned_abs();
                let (prefix, digits) = match kind {
                    'o' => ("0o", format!("{size:o}")),
                    'x' => ("0x", format!("{size:x}")),
                    'X' => ("0X", format!("{size:X}")),
                    _ => ("", size.to_string()),
                };
                let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
                let prefix = if self.alternate { prefix } else { "" };
                (self.sign(whole < 0) + prefix, digits)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = python::number(value).ok_or_else(|| not("a number"))?;
                let digits = fraction(
                    number.abs(),
                    kind.to_ascii_lowercase(),
                    self.precision.unwrap_or(6),
                    self.alternate,
                );
                let digits = if kind.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
                (self.sign(number.is_sign_negative()), digits)
            }
            _ => return Err(wrong(format!("`%{kind}` is not a placeholder"))),
        };
        let room = self.width.saturating_sub(sign.chars().count() + body.chars().count());
        let is_number = !matches!(kind, 's' | 'r' | 'a' | 'c');
        Ok(match (self.left, self.zero && is_number) {
            (true, _) => format!("{sign}{body}{}", " ".repeat(room)),
            (false, true) => format!("{sign}{}{body}", "0".repeat(room)),
            (false, false) => format!("{}{sign}{body}", " ".repeat(room)),
        })
    }

    fn sign(&self, negative: bool) -> String {
        let sign = if negative {
            "-"
        } else if self.plus {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        };
        sign.to_owned()
    }
}

/// A number as `%e`, `%f` or `%g` writes it.
fn fraction(number: f64, kind: char, precision: usize, alternate: bool) -> String {
    if !number.is_finite() {
        return python::float(number);
    }
    let scientific = |precision: usize| {
        let digits = format!("{number:.precision$e}");
        let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        (mantissa.to_owned(), exponent)
    };
    let written = |(mantissa, exponent): (String, i32)| {
        format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    };
    match kind {
        'f' => format!("{number:.precision$}"),
        'e' => written(scientific(precision)),
        _ => {
            let precision = precision.max(1);
            let (mantissa, exponent) = scientific(precision - 1);
            let short = |text: String| match text.contains('.') && !alternate {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            };
            if exponent < -4 || exponent >= precision as i32 {
                return written((short(mantissa), exponent));
            }
            let places = usize::try_from(precision as i32 - 1 - exponent).unwrap_or_default();
            short(format!("{number:.places$}"))
        }
    }
}
