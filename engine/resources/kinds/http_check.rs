//! The `http_check` kind.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        script::{Script, Words},
        value::Value,
    },
    resources::{
        check::{self, Check, Patience},
        resource::ArgumentError,
    },
    sh,
};

/// A URL that must answer as wanted, asked from the host itself.
///
/// When something before it changed, it waits until the answer is right, up to the deadline. It needs curl or wget
/// on the host. Redirections are not followed, except by the wget of busybox.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// What to ask for, such as `http://127.0.0.1:8080/health`.
    url: String,
    /// The status of the answer, or a list of those that are right; by default 200.
    #[serde(default)]
    #[schemars(schema_with = "statuses")]
    status: Statuses,
    /// A text that the answer must hold.
    contains: Option<String>,
    /// Values that the JSON of the answer must have, by path: `#{ "version": "1.2", "nodes.0.up": true }`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    json: JsonValues,
    /// Headers to send. They hold no secret, since a plan asks too.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// `GET` or `HEAD`.
    #[serde(default)]
    method: HttpMethod,
    /// Whether any certificate will do.
    #[serde(default)]
    insecure: bool,
    /// Seconds that one try may take.
    #[serde(default = "check::timeout")]
    timeout: u32,
    /// Seconds until it must hold; 30 if `retries` is not given either.
    deadline: Option<u32>,
    /// How often it is tried once more before it has failed, in the place of a deadline.
    retries: Option<u32>,
    /// Seconds between two tries.
    #[serde(default = "check::delay", alias = "interval")]
    delay: u32,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
enum HttpMethod {
    #[default]
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
}

/// One status, or a list of them.
fn statuses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "array"], "items": { "type": "integer" } })
}

/// The status of an answer, or several that are right.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Value")]
struct Statuses(Vec<String>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec!["200".to_owned()])
    }
}

impl TryFrom<Value> for Statuses {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let one = |value: &Value| match value {
            Value::Int(code @ 100..=599) => Ok(code.to_string()),
            _ => Err("a status is a number from 100 to 599"),
        };
        match &value {
            Value::Null => Ok(Self::default()),
            Value::List(codes) if !codes.is_empty() => {
                codes.iter().map(one).collect::<Result<_, _>>().map(Self)
            }
            code => Ok(Self(vec![one(code)?])),
        }
    }
}

/// Values by their paths in a document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
struct JsonValues(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, Value>> for JsonValues {
    type Error = String;

    fn try_from(values: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        let scalar = |(path, value): (String, Value)| {
            let text = match value {
                Value::Text(text) => text,
                Value::Int(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Float(number) => number.to_string(),
                other => {
                    let given = other.type_name();
                    return Err(format!(
                        "`{path}` must be a text, a number or a boolean, not {given}"
                    ));
                }
            };
            Ok((path, text))
        };
        values.into_iter().map(scalar).collect::<Result<_, _>>().map(Self)
    }
}

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy)]
struct HttpAnswer<'a> {
    statuses: &'a Statuses,
    contains: Option<&'a str>,
    json: &'a JsonValues,
}

impl Check for HttpCheck {
    const KIND: &'static str = "http_check";
    const FIRST: &'static str = "url";

    fn key(&self) -> String {
        self.url.clone()
    }

    fn check(&self) -> Result<(), ArgumentError> {
        check_url("url", &self.url)?;
        if self
            .headers
            .iter()
            .flat_map(|(name, value)| [name, value])
            .any(|it| it.contains(char::is_control))
        {
            let message = "a header is one line, without control characters";
            return Err(ArgumentError::new("headers", message));
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            timeout: self.timeout,
            deadline: self.deadline,
            retries: self.retries,
            delay: self.delay,
        }
    }

    fn attempt(&self) -> Script {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let method = match self.method {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
        };
        let insecure = self.insecure.to_string();
        sh!(
            "http_get {} {} {} {} {} && {}",
            method,
            self.timeout,
            insecure,
            self.url,
            Words(&headers),
            self.answer().conditions()
        )
    }

    fn wanted(&self) -> Vec<[String; 2]> {
        self.answer().wanted()
    }

    fn words(&self) -> Script {
        told(&self.url)
    }
}

impl HttpCheck {
    fn answer(&self) -> HttpAnswer<'_> {
        HttpAnswer { statuses: &self.status, contains: self.contains.as_deref(), json: &self.json }
    }
}

/// What must answer, asked from the host: `#{ port: 8080, path: "/health", json: #{ version: "1.2" } }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// What to ask for; or give `port` and `path`.
    url: Option<String>,
    /// The port on the host to ask.
    port: Option<u16>,
    /// The path to ask for; by default `/`.
    path: Option<String>,
    /// The status of the answer, or a list of those that are right; by default 200.
    #[serde(default)]
    #[schemars(schema_with = "statuses")]
    status: Statuses,
    /// A text that the answer must hold.
    contains: Option<String>,
    /// Values that the JSON of the answer must have, by path.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    json: JsonValues,
    /// Seconds that one try may take.
    #[serde(default = "check::timeout")]
    timeout: u32,
    /// Seconds until it must hold.
    #[serde(default = "health_deadline")]
    deadline: u32,
}

/// Seconds that what is new gets to become healthy.
pub(super) fn health_deadline() -> u32 {
    60
}

impl Health {
    /// Checks what the types alone cannot.
    pub(super) fn check(&self) -> Result<(), ArgumentError> {
        check_url("health", &self.url()?)
    }

    fn answer(&self) -> HttpAnswer<'_> {
        HttpAnswer { statuses: &self.status, contains: self.contains.as_deref(), json: &self.json }
    }

    /// One try, as a list of commands.
    pub(super) fn attempt(&self) -> Script {
        let url = self.url().unwrap_or_default();
        sh!("http_get GET {} false {} && {}", self.timeout, url, self.answer().conditions())
    }

    /// Seconds until it must hold.
    pub(super) fn deadline(&self) -> u32 {
        self.deadline
    }

    /// What `until_holds` has to know of what is wanted.
    pub(super) fn wanted(&self) -> Script {
        self.answer().words()
    }

    fn url(&self) -> Result<String, ArgumentError> {
        match (&self.url, self.port) {
            (Some(url), None) if self.path.is_none() => Ok(url.clone()),
            (None, Some(port)) => {
                let path = self.path.as_deref().unwrap_or("/");
                Ok(format!("http://127.0.0.1:{port}/{}", path.trim_start_matches('/')))
            }
            _ => Err(ArgumentError::new("health", "either url, or port and path")),
        }
    }
}

impl HttpAnswer<'_> {
    /// What the script asks of an answer that `http_get` got, as a list of commands.
    fn conditions(&self) -> Script {
        let mut script = sh!("http_status {}", self.statuses.0.join(" "));
        if let Some(text) = &self.contains {
            script = sh!("{} && http_contains {}", script, text);
        }
        if !self.json.0.is_empty() {
            let pairs: Vec<&String> =
                self.json.0.iter().flat_map(|(path, value)| [path, value]).collect();
            script = sh!("{} && http_json {}", script, Words(&pairs));
        }
        script
    }

    /// Each argument that a try can miss, and what it should have been.
    fn wanted(&self) -> Vec<[String; 2]> {
        let fixed = [("status", self.statuses.0.join(" or ")), ("json", "JSON".to_owned())];
        let contains = self.contains.iter().map(|text| ("contains", (*text).to_owned()));
        let named = fixed.into_iter().chain(contains).map(|(name, text)| [name.to_owned(), text]);
        let json = self.json.0.iter().map(|(path, value)| [format!("json.{path}"), value.clone()]);
        named.chain(json).collect()
    }

    /// The same for `until_holds`.
    fn words(&self) -> Script {
        sh!("{}", Words(&self.wanted().concat()))
    }
}

/// What is wrong with an answer, in words.
fn told(url: &str) -> Script {
    sh!(
        "case $1/$2 in
status/no*) say {}\" gave $2\" ;;
status/*) say {}\" answered with status $2, not $3\" ;;
contains/*) say {}\" answered without \\`$3\\`: $2\" ;;
*) say {}\" answered with $1 $2, not $3\" ;;
esac",
        url,
        url,
        url,
        url
    )
}

/// Checks that a text is a URL that curl and wget take as one.
fn check_url(argument: &'static str, url: &str) -> Result<(), ArgumentError> {
    let known = url.starts_with("http://") || url.starts_with("https://");
    if known && !url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Ok(());
    }
    Err(ArgumentError::new(argument, format!("`{url}` is not a URL"))
        .hint("it begins with http:// or https:// and has no white space"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_refused() {
        let statuses = |value| Statuses::try_from(value).map(|statuses| statuses.0);
        assert_eq!(statuses(Value::Null).unwrap(), ["200"]);
        assert_eq!(statuses(Value::List(vec![Value::Int(301), Value::Int(302)])).unwrap().len(), 2);
        assert!(statuses(Value::Int(20)).is_err() && statuses(Value::List(vec![])).is_err());
        let json = BTreeMap::from([("a".to_owned(), Value::List(vec![]))]);
        assert!(JsonValues::try_from(json).is_err());
        assert!(check_url("url", "ftp://a").is_err() && check_url("url", "http://a b").is_err());
    }
}
