//! `role.toml`: what a role is for, and the parameters that it takes.

use indexmap::IndexMap;

use crate::base::{
    diagnostic::{Diagnostic, Result, Source, did_you_mean},
    document::{Document, DocumentEntry, DocumentNode, Kinds},
    value::Value,
};

/// The constants that a role finds besides its parameters.
pub(super) const GIVEN: [&str; 2] = [PARAMS, HOST];
pub(super) const PARAMS: &str = "params";
pub(super) const HOST: &str = "host";

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

impl Type {
    /// Whether an inventory can hold it: hosts and secrets come from scripts.
    pub fn is_written(self) -> bool {
        !matches!(self, Type::Hosts | Type::Secret)
    }
}

/// Each type by its name in `role.toml`, and what it is called in messages.
const TYPES: &[(&str, Type, &str)] = &[
    ("string", Type::Text, "a string"),
    ("secret", Type::Secret, "a secret"),
    ("integer", Type::Integer, "an integer"),
    ("float", Type::Float, "a number"),
    ("boolean", Type::Boolean, "a boolean"),
    ("list", Type::List, "a list"),
    ("map", Type::Map, "a map"),
    ("hosts", Type::Hosts, "hosts"),
    ("any", Type::Any, "anything"),
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
    /// The first error in it.
    pub fn parse(source: &Source) -> Result<Self> {
        let document = Document::toml(source, KINDS)?;
        let mut fields = document.fields()?;
        let description = fields.text("description")?.unwrap_or_default().to_owned();
        let mut all = IndexMap::new();
        for (name, entry) in fields.table("parameters")?.into_iter().flatten() {
            check_name(&document, name, entry)?;
            all.insert(name.clone(), Parameter::read(&document, name, entry)?);
        }
        fields.finish()?;
        Ok(Self { description, all })
    }

    /// The error of a name that is no parameter.
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

/// A parameter becomes a constant of the script, so its name must be one that a script can say.
fn check_name(document: &Document, name: &str, entry: &DocumentEntry) -> Result<()> {
    let error = |message: String| document.error("role::name", message, &entry.key);
    if GIVEN.contains(&name) {
        let message = format!("every role already has a `{name}`");
        return Err(error(message).hint("give the parameter another name"));
    }
    if !rhai::is_valid_identifier(name) || rhai::Token::lookup_symbol_from_syntax(name).is_some() {
        let message = format!("`{name}` cannot be a variable of a script");
        return Err(
            error(message).hint("use letters, digits and `_`, and no keyword of the language")
        );
    }
    Ok(())
}

impl Parameter {
    fn read(document: &Document, name: &str, entry: &DocumentEntry) -> Result<Self> {
        let mut fields = document.fields_of(&entry.node)?;
        let r#type = fields.get("type").map(|node| read_type(document, node)).transpose()?;
        let choices = fields.get("choices").map(|node| document.list(node)).transpose()?;
        let default = fields.get("default");
        let parameter = Self {
            r#type: r#type.unwrap_or(Type::Any),
            description: fields.text("description")?.unwrap_or_default().to_owned(),
            default: default.map(Value::from),
            choices: choices.into_iter().flatten().map(Value::from).collect(),
        };
        fields.finish()?;
        if let (Some(value), Some(node)) = (&parameter.default, default) {
            let error = |found: Diagnostic| {
                let error = document.error("role::default", found.message().to_owned(), &node.span);
                found.hint_text().into_iter().fold(error, Diagnostic::hint)
            };
            parameter.check(name, value).map_err(error)?;
        }
        Ok(parameter)
    }

    /// Whether a value may be given.
    ///
    /// # Errors
    /// Says why not, without a place: the caller knows it.
    pub fn check(&self, name: &str, value: &Value) -> Result<()> {
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
            return Err(self.mistyped(name, &value.shown()));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices = self.choices.iter().map(Value::written).collect::<Vec<_>>();
            let message = format!("`{name}` takes {}, not {}", choices.join(" or "), value.shown());
            let texts = self.choices.iter().filter_map(Value::as_str);
            let near = value.as_str().and_then(|value| did_you_mean(value, texts));
            let error = Diagnostic::new("role::parameter", message);
            return Err(near.into_iter().fold(error, Diagnostic::hint));
        }
        Ok(())
    }

    /// The error of a value of another type; `given` is what it is.
    pub(super) fn mistyped(&self, name: &str, given: &str) -> Diagnostic {
        let message = format!("`{name}` takes {}, not {given}", self.wanted());
        let error = Diagnostic::new("role::parameter", message);
        match self.r#type {
            Type::Secret => error.hint("use secret(\"NAME\")"),
            Type::Hosts => error.hint("use hosts(\"PATTERN\")"),
            _ => error,
        }
    }

    /// The error of a call that does not give it.
    pub(super) fn missing(&self, role: &str, name: &str) -> Diagnostic {
        let mut hint = format!("`{name}` takes {}", self.wanted());
        if !self.description.is_empty() {
            hint += &format!(": {}", self.description);
        }
        if self.r#type.is_written() {
            hint += &format!("; the call gives it, or the inventory, or -e {name}=VALUE");
        }
        let message = format!("role {role} needs the parameter `{name}`");
        Diagnostic::new("role::missing-parameter", message).hint(hint)
    }

    /// What may be given, for messages and the manual.
    pub fn wanted(&self) -> &'static str {
        let named = TYPES.iter().find(|(_, r#type, _)| *r#type == self.r#type);
        named.map_or("anything", |(_, _, words)| *words)
    }
}

fn read_type(document: &Document, node: &DocumentNode) -> Result<Type> {
    let word = document.text(node)?;
    let found = TYPES.iter().find(|(name, ..)| *name == word);
    found.map(|(_, r#type, _)| *r#type).ok_or_else(|| {
        let names: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
        let hint = did_you_mean(word, names.iter().copied());
        document
            .error("role::unknown-type", format!("there is no type `{word}`"), &node.span)
            .hint(hint.unwrap_or_else(|| format!("types: {}", names.join(", "))))
    })
}

/// A host becomes a map of these when it leaves the script.
fn is_host(value: &Value) -> bool {
    matches!(value, Value::Map(parts) if parts.contains_key("name") && parts.contains_key("address"))
}
