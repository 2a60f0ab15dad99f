//! `role.toml`: what a role is for, and the parameters that it takes.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Result, Source, did_you_mean},
    document::{Document, Kinds},
    value::Value,
};

/// What `role.toml` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    /// What the role is for.
    pub description: String,
    /// The parameters by name, in the order written.
    pub all: IndexMap<String, Parameter>,
}

/// A parameter of a role.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What may be given.
    pub r#type: Type,
    /// What it is for.
    pub description: String,
    /// What it is when nobody gives it; a parameter without one is required.
    pub default: Option<Value>,
    /// The only values that may be given, if there is such a list.
    pub choices: Vec<Value>,
}

/// What may be given as a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text that is no secret.
    Text,
    /// A text that is a secret.
    Secret,
    /// A whole number.
    Integer,
    /// Any number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A map.
    Map,
    /// What `hosts(..)` gives.
    Hosts,
    /// Anything.
    Any,
}

const TYPES: &[(&str, Type)] = &[
    ("string", Type::Text),
    ("secret", Type::Secret),
    ("integer", Type::Integer),
    ("float", Type::Float),
    ("boolean", Type::Boolean),
    ("list", Type::List),
    ("map", Type::Map),
    ("hosts", Type::Hosts),
    ("any", Type::Any),
];

const KINDS: Kinds = Kinds {
    syntax: "role::syntax",
    unknown_key: "role::unknown-key",
    wrong_type: "role::wrong-type",
};

impl Parameters {
    /// Reads `role.toml`.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(source: &Source) -> Result<Self> {
        let document = Document::toml(source, KINDS)?;
        let mut fields = document.fields()?;
        let description = fields.text("description")?.unwrap_or_default().to_owned();
        let mut all = IndexMap::new();
        for (name, entry) in fields.table("parameters")?.into_iter().flatten() {
            let mut fields = document.fields_of(&entry.node)?;
            let r#type = match fields.get("type") {
                None => Type::Any,
                Some(node) => {
                    let word = document.text(node)?;
                    let found = TYPES.iter().find(|(name, _)| *name == word);
                    let names = TYPES.iter().map(|(name, _)| *name);
                    found.map(|(_, r#type)| *r#type).ok_or_else(|| {
                        let known = names.clone().collect::<Vec<_>>().join(", ");
                        let message = format!("there is no type `{word}`");
                        document
                            .mistake("role::unknown-type", message, &node.span)
                            .hint(did_you_mean(word, names).unwrap_or(format!("types: {known}")))
                    })?
                }
            };
            let parameter = Parameter {
                r#type,
                description: fields.text("description")?.unwrap_or_default().to_owned(),
                default: fields.get("default").map(Value::from),
                choices: match fields.get("choices") {
                    Some(node) => document.list(node)?.iter().map(Value::from).collect(),
                    None => Vec::new(),
                },
            };
            let default = fields.get("default").map_or(&entry.key, |node| &node.span);
            if let Some(value) = &parameter.default
                && let Err(message) = parameter.check(name, value)
            {
                return Err(document.mistake("role::default", message, default));
            }
            fields.finish()?;
            all.insert(name.clone(), parameter);
        }
        fields.finish()?;
        Ok(Self { description, all })
    }

    /// The mistake of a name that is no parameter.
    pub fn unknown(&self, role: &str, name: &str) -> Diagnostic {
        let message = format!("role {role} has no parameter `{name}`");
        let names = || self.all.keys().map(String::as_str);
        let hint = did_you_mean(name, names()).unwrap_or_else(|| {
            if self.all.is_empty() {
                "it takes none".to_owned()
            } else {
                format!("it takes {}", names().collect::<Vec<_>>().join(", "))
            }
        });
        Diagnostic::new("role::unknown-parameter", message).hint(hint)
    }
}

impl Parameter {
    /// Whether a value may be given.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), String> {
        let fits = match (self.r#type, value) {
            (Type::Text, Value::Text(_))
            | (Type::Secret, Value::Secret(_))
            | (Type::Integer, Value::Int(_))
            | (Type::Float, Value::Float(_) | Value::Int(_))
            | (Type::Boolean, Value::Bool(_))
            | (Type::List, Value::List(_))
            | (Type::Map, Value::Map(_))
            | (Type::Any, _) => true,
            (Type::Hosts, Value::List(hosts)) => hosts.iter().all(is_host),
            (Type::Hosts, host) => is_host(host),
            _ => false,
        };
        if !fits {
            return Err(format!("`{name}` is {}, not {}", self.wanted(), value.type_name()));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices = self.choices.iter().map(shown).collect::<Vec<_>>().join(", ");
            return Err(format!("`{name}` is one of {choices}, not {}", shown(value)));
        }
        Ok(())
    }

    /// What may be given, for messages and the manual.
    pub fn wanted(&self) -> &'static str {
        match self.r#type {
            Type::Text => "a string",
            Type::Secret => "a secret",
            Type::Integer => "an integer",
            Type::Float => "a number",
            Type::Boolean => "a boolean",
            Type::List => "a list",
            Type::Map => "a map",
            Type::Hosts => "hosts",
            Type::Any => "anything",
        }
    }
}

/// A host becomes a map of these when it leaves the script.
fn is_host(value: &Value) -> bool {
    matches!(value, Value::Map(parts) if parts.contains_key("name") && parts.contains_key("address"))
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.type_name().to_owned())
}
