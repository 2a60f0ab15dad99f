//! Values that never show, and how they are kept out of what is shown.

mod reading;
mod pieces;
mod forms;
mod redactor;

use std::{fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

pub use self::redactor::Redactor;

/// What stands where a text was cut. Whoever cuts one puts it there, so that what is left of a secret is known as such.
pub const CUT: &str = "…";

/// What is shorter is common in any text: the secret `no` would wreck every second line. It is replaced only
/// where it stands as a word of its own, and its encodings, which say little, are not looked for.
const SHORT: usize = 4;

/// A value that is known by name. It prints as `(secret name)`, and so is written wherever it is kept.
#[derive(Clone)]
pub struct Secret {
    name: Arc<str>,
    text: Arc<SecretString>,
}

impl Secret {
    /// The secret `name` and what it is.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: Arc::new(SecretString::from(text.into())) }
    }

    /// The name it is asked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text itself: only for what goes to the host as content, and for the redaction of output.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Itself in a form that serde hands over as a newtype: name, then text.
    pub(crate) fn marked<'de, E: de::Error>(self) -> impl Deserializer<'de, Error = E> {
        let parts = [self.name.to_string(), self.expose().to_owned()];
        de::value::SeqDeserializer::new(parts.into_iter())
    }

    /// Reads what [`marked`](Self::marked) made.
    pub(crate) fn from_marked<'de, D: Deserializer<'de>>(marked: D) -> Result<Self, D::Error> {
        let (name, text) = <(String, String)>::deserialize(marked)
            .map_err(|_| de::Error::custom("expected a secret"))?;
        Ok(Self::new(name, text))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(secret {})", self.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.expose() == other.expose()
    }
}

/// A text that may be a secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// Everyone may see it.
    Plain(String),
    /// Nobody may see it.
    Secret(Secret),
}

impl Text {
    /// The text itself; whoever asks keeps a secret one from the eye.
    pub fn expose(&self) -> &str {
        match self {
            Text::Plain(text) => text,
            Text::Secret(secret) => secret.expose(),
        }
    }

    /// Whether it must not show.
    pub fn is_secret(&self) -> bool {
        matches!(self, Text::Secret(_))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Text::Plain(text) => serializer.serialize_str(text),
            Text::Secret(secret) => serializer.collect_str(secret),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Plain(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Text, D::Error> {
                Secret::from_marked(d).map(Text::Secret)
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret", "description": "" })
    }
}
