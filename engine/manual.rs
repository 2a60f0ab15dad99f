//! The manual of the kinds, made from what they say of themselves.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::{kind::Kind, resource::Nature, resources::KINDS};

/// One line for each kind.
pub fn index() -> String {
    let width = KINDS.iter().map(|kind| kind.name().len()).max().unwrap_or_default();
    let line =
        |kind: &&dyn Kind| format!("{:width$}  {}\n", kind.name(), first_line(&about(*kind)));
    KINDS.iter().map(line).collect()
}

/// All pages, as one Markdown document.
pub fn book() -> String {
    let pages: Vec<String> = KINDS.iter().map(|kind| page(*kind)).collect();
    format!("# Kinds\n\nMade by `converge doc`; a test keeps it true.\n\n{}", pages.join("\n"))
}

/// The page of a kind, in Markdown.
pub fn page(kind: &dyn Kind) -> String {
    let mut page = format!("## `{}`\n\n{}\n", kind.name(), about(kind));
    let more = match kind.nature() {
        Nature::State => "",
        Nature::Check => {
            "\nIt changes nothing: it waits until it holds. It runs when it does not hold, or something before it changed.\n"
        }
        Nature::Action => "\nIt runs only when something it listens to changed.\n",
    };
    page.push_str(more);
    page.push_str("\n| argument | type | default | meaning |\n|---|---|---|---|\n");
    let schema = kind.schema();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Json::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let default = match property.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            None | Some(Json::Null) => String::new(),
            Some(value) => format!("`{value}`"),
        };
        let first = if name == kind.first() { " (first)" } else { "" };
        row(
            &mut page,
            &format!("`{name}`{first}"),
            &type_of(property, &schema),
            &default,
            &description(property),
        );
    }
    for reaction in kind.reacts() {
        let meaning = format!("Resources: when one of them changed, {} once.", reaction.verb());
        row(&mut page, &format!("`{}`", reaction.argument()), "resources", "", &meaning);
    }
    page
}

fn row(page: &mut String, name: &str, r#type: &str, default: &str, meaning: &str) {
    let meaning = meaning.replace('|', "\\|").replace('\n', " ");
    writeln!(page, "| {name} | {type} | {default} | {meaning} |")
        .expect("a String takes all that is written");
}

fn about(kind: &dyn Kind) -> String {
    kind.schema().get("description").and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn description(property: &Json) -> String {
    property.get("description").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The type of an argument, in the words of the language.
fn type_of(property: &Json, schema: &schemars::Schema) -> String {
    if let Some(path) = property.get("$ref").and_then(Json::as_str) {
        let found = path.strip_prefix('#').and_then(|path| schema.as_value().pointer(path));
        return found.map_or_else(|| "map".to_owned(), |found| type_of(found, schema));
    }
    if let Some(values) = property.get("enum").and_then(Json::as_array) {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(options) = ["anyOf", "oneOf"].iter().find_map(|key| property.get(*key)?.as_array())
    {
        let mut names: Vec<String> = options.iter().map(|option| type_of(option, schema)).collect();
        names.retain(|name| name != "null");
        names.dedup();
        return names.join(" or ");
    }
    let name = |name: &str| match name {
        "array" => "list".to_owned(),
        "object" => "map".to_owned(),
        other => other.to_owned(),
    };
    match property.get("type") {
        Some(Json::String(one)) => name(one),
        Some(Json::Array(several)) => {
            let names = several.iter().filter_map(Json::as_str).filter(|name| *name != "null");
            names.map(name).collect::<Vec<_>>().join(" or ")
        }
        _ => match property.get("const") {
            Some(value) => format!("`{value}`"),
            None => "any".to_owned(),
        },
    }
}
