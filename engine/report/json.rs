//! Events as JSON lines.

use std::fmt::Write as _;

use super::sanitize::deceives;
use crate::plan::event::Event;

/// The event on one line, with its end. What a terminal would obey is written as `\uXXXX`: the same text to a parser.
pub(super) fn line(event: &Event) -> String {
    let plain = serde_json::to_string(event).expect("an event has only texts for keys");
    let mut line = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if c.is_control() || deceives(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(line, "\\u{unit:04x}").expect("a String takes all text");
            }
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        plan::event::{Outcome, Planned},
        resources::{change::Effect, resource::Reaction},
    };

    const DOCUMENT: &str = include_str!("../../docs/events.md");

    fn examples() -> Vec<Value> {
        let blocks = DOCUMENT.split("```json\n").skip(1);
        let lines = blocks.flat_map(|block| block.lines().take_while(|line| *line != "```"));
        lines.map(|line| serde_json::from_str(line).expect("an example is JSON")).collect()
    }

    /// The names that an enum knows, as serde lists them when it meets another one.
    fn names<T: DeserializeOwned>(unknown: Value) -> BTreeSet<String> {
        let Err(error) = serde_json::from_value::<T>(unknown) else {
            panic!("it took a wrong name")
        };
        let error = error.to_string();
        let (_, known) = error.split_once("expected ").expect("serde lists what it knows");
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Every value of a field, at any depth.
    fn values<'a>(of: &Value, field: &str, into: &'a mut BTreeSet<String>) -> &'a BTreeSet<String> {
        match of {
            Value::Object(map) => {
                into.extend(map.get(field).and_then(Value::as_str).map(str::to_owned));
                for inner in map.values() {
                    values(inner, field, into);
                }
            }
            Value::Array(list) => {
                for inner in list {
                    values(inner, field, into);
                }
            }
            _ => {}
        }
        into
    }

    fn keys(of: &Value, into: &mut BTreeSet<String>) {
        match of {
            Value::Object(map) => {
                // Names of hosts are no fields.
                let names = map.keys().filter(|key| !key.contains('-'));
                into.extend(names.cloned());
                map.values().for_each(|inner| keys(inner, into));
            }
            Value::Array(list) => list.iter().for_each(|inner| keys(inner, into)),
            _ => {}
        }
    }

    #[test]
    fn each_example_is_an_event_with_all_its_fields() {
        for example in examples() {
            let event: Event = serde_json::from_value(example.clone()).expect("it is an event");
            assert_eq!(serde_json::from_str::<Value>(&line(&event)).expect("a line"), example);
        }
    }

    #[test]
    fn every_name_has_an_example() {
        let examples = Value::Array(examples());
        let shown = |field| values(&examples, field, &mut BTreeSet::new()).clone();
        assert_eq!(shown("event"), names::<Event>(json!({"event": "?"})));
        assert_eq!(shown("status"), names::<Planned>(json!({"status": "?"})));
        assert_eq!(shown("outcome"), names::<Outcome>(json!({"outcome": "?"})));
    }

    #[test]
    fn every_event_and_field_is_described() {
        let mut words = names::<Effect>(json!("?"));
        words.append(&mut names::<Reaction>(json!("?")));
        keys(&Value::Array(examples()), &mut words);
        let prose: String = DOCUMENT.split("```").step_by(2).collect();
        let missing: Vec<_> =
            words.iter().filter(|word| !prose.contains(&format!("`{word}`"))).collect();
        // The two sides of a field are described by what they look like.
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|word| !["text", "hidden"].contains(&word.as_str()))
            .collect();
        assert!(missing.is_empty(), "not described in docs/events.md: {missing:?}");
        for name in names::<Event>(json!({"event": "?"})) {
            assert!(prose.contains(&format!("## `{name}`\n")), "{name} has no section");
        }
        let version = format!("**version {}**", crate::plan::event::VERSION);
        assert!(prose.contains(&version), "the version is not {version}");
    }
}
