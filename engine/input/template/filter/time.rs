//! Times that do not go on.

use std::sync::Arc;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use minijinja::{
    Error, ErrorKind, State,
    value::{Object, ObjectRepr, Value},
};

use super::super::{
    arguments::Arguments,
    python::{self, text},
    word::Word,
    wrong,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["strftime"],
        "seconds since 1970 as a text, in UTC; without them it would be the current time, which is refused",
        strftime,
    ),
    Word::new(
        &["to_datetime"],
        "a time of a text, with `.year` .. `.second`, `.strftime()`, `.isoformat()`, `.timestamp()`",
        to_datetime,
    ),
];

fn strftime(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let second = args.optional("second").filter(|it| !it.is_none());
    let _ = args.optional("utc");
    args.end()?;
    let second = second.ok_or_else(|| {
        wrong("the current time differs in each run: give `strftime` the seconds")
    })?;
    let number = match second.as_str() {
        Some(text) => text.parse().ok(),
        None => python::number(&second),
    };
    let time = number.and_then(|number| Timestamp::from_second(number.floor() as i64).ok());
    let time = time.ok_or_else(|| wrong("`second` is not a time"))?;
    written(&text(value), time.to_zoned(TimeZone::UTC).datetime())
}

fn written(format: &str, time: DateTime) -> Result<Value, Error> {
    jiff::fmt::strtime::format(format, time).map(Value::from).map_err(wrong)
}

fn to_datetime(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let format = args.text_or("format", "%Y-%m-%d %H:%M:%S")?;
    args.end()?;
    let read = jiff::fmt::strtime::parse(&format, text(value).as_ref());
    let time = read.and_then(|read| {
        read.to_datetime()
            .or_else(|_| read.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight())))
    });
    Ok(Value::from_object(Moment(time.map_err(wrong)?)))
}

/// A time, as Python's `datetime`.
#[derive(Debug)]
struct Moment(DateTime);

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from(match key.as_str()? {
            "year" => i64::from(self.0.year()),
            "month" => i64::from(self.0.month()),
            "day" => i64::from(self.0.day()),
            "hour" => i64::from(self.0.hour()),
            "minute" => i64::from(self.0.minute()),
            "second" => i64::from(self.0.second()),
            _ => return None,
        }))
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut args = Arguments::new(method, args)?;
        match method {
            "strftime" => written(&args.text("format")?, self.0),
            "isoformat" => written("%Y-%m-%dT%H:%M:%S", self.0),
            "timestamp" => {
                let zoned = self.0.to_zoned(TimeZone::UTC).map_err(wrong)?;
                Ok(Value::from(zoned.timestamp().as_second() as f64))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%d %H:%M:%S"))
    }
}
