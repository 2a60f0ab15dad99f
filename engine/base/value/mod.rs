//! A value as users write it: in the inventory, in a script, for a template. Secrets stay secrets.

use std::{fmt, iter::Enumerate, vec};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, Error as _, IntoDeserializer, Unexpected, Visitor},
};

pub use self::misfit::Misfit;
use crate::base::secret::Secret;

mod misfit;

/// What a variable, an argument or a parameter holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing: Rhai's `()`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A text that never shows.
    Secret(Secret),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name, in the order they were written.
    Map(IndexMap<String, Value>),
}

impl Value {
    /// The kind of value, for messages: `a string`, `a number`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Text(_) => "a string",
            Value::Secret(_) => "a secret",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// What it is and what it holds, for messages: `the string "x"`. A secret stays one; a long text is cut.
    pub fn shown(&self) -> String {
        misfit::GivenValue(self.unexpected()).to_string()
    }

    /// The error of giving it where something else is wanted.
    pub fn misfit(&self, wanted: &str) -> Misfit {
        Misfit::invalid_type(self.unexpected(), &wanted)
    }

    /// As a script writes it: `"x"`. A secret shows its name.
    pub fn written(&self) -> String {
        serde_json::to_string(self).expect("values can be written as JSON")
    }

    /// The text, if it is one and no secret.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Int(value) => Unexpected::Signed(*value),
            Value::Float(value) => Unexpected::Float(*value),
            Value::Text(text) => Unexpected::Str(text),
            Value::Secret(_) => Unexpected::NewtypeStruct,
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        }
    }

    /// Whether a text in it is one of those, at any depth.
    pub fn any_text(&self, is_one: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Value::Text(text) => is_one(text),
            Value::Secret(secret) => is_one(secret.expose()),
            Value::List(values) => values.iter().any(|value| value.any_text(is_one)),
            Value::Map(values) => {
                values.iter().any(|(name, value)| is_one(name) || value.any_text(is_one))
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
        }
    }

    /// Whether a secret is in it, at any depth.
    pub fn has_secret(&self) -> bool {
        match self {
            Value::Secret(_) => true,
            Value::List(values) => values.iter().any(Value::has_secret),
            Value::Map(values) => values.values().any(Value::has_secret),
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

/// A secret is written as its name, so that what is kept or printed never holds its text.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => value.serialize(serializer),
            Value::Int(value) => value.serialize(serializer),
            Value::Float(value) => value.serialize(serializer),
            Value::Text(value) => value.serialize(serializer),
            Value::Secret(value) => value.to_string().serialize(serializer),
            Value::List(values) => values.serialize(serializer),
            Value::Map(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number, boolean, list or map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, secret: D) -> Result<Value, D::Error> {
        Secret::from_marked(secret).map(Value::Secret)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = IndexMap::new();
        while let Some((name, value)) = items.next_entry()? {
            values.insert(name, value);
        }
        Ok(Value::Map(values))
    }
}

/// Lets serde fill a struct from a value. A secret arrives as a newtype, which only a [`Text`](crate::base::secret::Text) takes.
impl<'de> Deserializer<'de> for Value {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(value) => visitor.visit_string(value),
            Value::Secret(secret) => visitor.visit_newtype_struct(secret.marked()),
            Value::List(values) => visitor.visit_seq(Items(values.into_iter().enumerate())),
            Value::Map(values) => {
                visitor.visit_map(Entries { rest: values.into_iter(), next: Default::default() })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Value::Text(text) => {
                let text: de::value::StringDeserializer<Self::Error> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            other => {
                let wanted = variants.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>();
                Err(other.misfit(&wanted.join(" or ")))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The values of a list. A misfit in one of them learns which it is.
struct Items(Enumerate<vec::IntoIter<Value>>);

impl<'de> de::SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some((index, value)) = self.0.next() else { return Ok(None) };
        seed.deserialize(value).map(Some).map_err(|misfit| misfit.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The values of a map. A misfit in one of them, or in its key, learns which it is.
struct Entries {
    rest: indexmap::map::IntoIter<String, Value>,
    /// The one whose key was taken.
    next: (String, Value),
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some(next) = self.rest.next() else { return Ok(None) };
        self.next = next;
        let key = self.next.0.as_str();
        let read = seed.deserialize(IntoDeserializer::<Misfit>::into_deserializer(key));
        read.map(Some).map_err(|misfit| misfit.at_key(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let (key, value) = std::mem::take(&mut self.next);
        seed.deserialize(value).map_err(|misfit| misfit.at_key(&key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Text;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Example {
        name: String,
        password: Option<Text>,
    }

    fn example(password: Value, name: Value) -> Result<Example, Misfit> {
        let map = [("name".to_owned(), name), ("password".to_owned(), password)];
        Example::deserialize(Value::Map(map.into_iter().collect()))
    }

    #[test]
    fn a_secret_fits_only_where_it_may_be() {
        let secret = Value::Secret(Secret::new("db", "hunter2"));
        let ok = example(secret.clone(), "x".into()).unwrap();
        assert!(matches!(ok.password, Some(Text::Secret(secret)) if secret.expose() == "hunter2"));
        assert_eq!(ok.name, "x");
        let error = example(Value::Null, secret).unwrap_err().to_string();
        assert!(error.contains("takes a string, not a secret"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_misfit_says_where_it_is() {
        let map = |name: &str, value| Value::Map([(name.to_owned(), value)].into());
        let list = Value::List(vec![map("name", "x".into()), map("name", Value::Bool(true))]);
        let given = map("all", map("of", list));
        let misfit =
            IndexMap::<String, IndexMap<String, Vec<Example>>>::deserialize(given).unwrap_err();
        assert_eq!(misfit.path, "all.of[1].name");
        assert_eq!(misfit.predicate, "takes a string, not the boolean true");
        let misfit = Example::deserialize(map("nmae", "x".into())).unwrap_err();
        assert_eq!((misfit.path.as_str(), misfit.unknown_key.as_deref()), ("nmae", Some("nmae")));
    }

    #[test]
    fn a_secret_shows_its_name_only() {
        let secret = Value::Secret(Secret::new("db", "hunter2"));
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"(secret db)\"");
        assert_eq!(format!("{secret:?}"), "Secret((secret db))");
    }
}
