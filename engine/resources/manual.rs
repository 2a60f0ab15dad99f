//! The manual of the kinds, made from what they say of themselves.

use serde_json::{Map, Value as Json};

use crate::resources::{
    kind::{Kind, confirm, timeout},
    kinds::KINDS,
    resource::Nature,
};

/// One line for each kind.
pub fn index() -> String {
    let width = KINDS.iter().map(|kind| kind.name().len()).max().unwrap_or_default();
    let line = |kind: &&dyn Kind| {
        let about = Page::of(*kind).about;
        format!("{:width$}  {}\n", kind.name(), about.lines().next().unwrap_or_default())
    };
    KINDS.iter().map(line).collect()
}

/// All pages, as one Markdown document.
pub fn book() -> String {
    let pages: Vec<String> = KINDS.iter().map(|kind| Page::of(*kind).markdown()).collect();
    format!("# Kinds\n\nMade by `converge doc`; a test keeps it true.\n\n{}", pages.join("\n"))
}

/// The page of a kind, for a terminal.
pub fn page(kind: &dyn Kind) -> String {
    Page::of(kind).text()
}

/// What a kind says of itself.
struct Page {
    /// How it is called.
    call: String,
    name: &'static str,
    about: String,
    /// The arguments of the call, and of each map among them.
    tables: Vec<ArgumentTable>,
}

struct ArgumentTable {
    /// The argument that takes the map; `None` for the call itself.
    of: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    r#type: String,
    /// What it is when nobody gives it, as a script writes it, or that it must be given.
    default: Option<String>,
    meaning: String,
}

impl Page {
    fn of(kind: &dyn Kind) -> Self {
        let schema = kind.schema();
        let empty = Map::new();
        let schema = schema.as_object().unwrap_or(&empty);
        let mut rows = rows_of(schema, schema);
        if let Some(first) = rows.iter().position(|row| row.name == kind.first()) {
            let first = rows.remove(first);
            rows.insert(0, first);
        }
        let reacts = kind.reacts().iter();
        rows.extend(reacts.filter_map(|reaction| {
            Some(Row {
                name: reaction.argument()?.to_owned(),
                r#type: "resources".to_owned(),
                default: None,
                meaning: format!("When one of these changed: {}, once.", reaction.verb()),
            })
        }));
        let common = [
            (timeout::NAME, "integer", timeout::MEANING),
            (confirm::NAME, "integer, string or `false`", confirm::MEANING),
        ];
        for (name, r#type, meaning) in common {
            if !rows.iter().any(|row| row.name == name) {
                let [name, r#type, meaning] = [name, r#type, meaning].map(str::to_owned);
                rows.push(Row { name, r#type, default: None, meaning });
            }
        }
        let mut tables = vec![ArgumentTable { of: None, rows }];
        for (name, property) in properties(schema) {
            let inner = resolve(property, schema);
            if inner.get("properties").is_some() {
                tables.push(ArgumentTable { of: Some(name.clone()), rows: rows_of(inner, schema) });
            }
        }
        let about = [description(schema), nature(kind.nature())].join("\n\n").trim().to_owned();
        let call = format!("{}({}, #{{ .. }})", kind.name(), kind.first());
        Self { call, name: kind.name(), about, tables }
    }

    fn markdown(&self) -> String {
        let mut page =
            format!("## `{}`\n\n```rhai\n{}\n```\n\n{}\n", self.name, self.call, self.about);
        for table in &self.tables {
            if let Some(argument) = &table.of {
                page += &format!("\nIn `{argument}`:\n");
            }
            page += "\n| argument | type | default | meaning |\n|---|---|---|---|\n";
            for row in &table.rows {
                let default = match row.default.as_deref() {
                    None => String::new(),
                    Some(REQUIRED) => REQUIRED.to_owned(),
                    Some(value) => format!("`{value}`"),
                };
                let meaning = row.meaning.replace('|', "\\|").replace('\n', " ");
                page += &format!("| `{}` | {} | {default} | {meaning} |\n", row.name, row.r#type);
            }
        }
        page
    }

    fn text(&self) -> String {
        let mut page = format!("{}\n\n{}\n", self.call, self.about);
        for table in &self.tables {
            page += &table.of.as_ref().map_or("\n".to_owned(), |name| format!("\nin {name}:\n\n"));
            for row in &table.rows {
                let default = match row.default.as_deref() {
                    None => String::new(),
                    Some(REQUIRED) => format!(", {REQUIRED}"),
                    Some(value) => format!(", by default {value}"),
                };
                let meaning = row.meaning.replace('\n', "\n      ");
                page += &format!("  {} ({}{default})\n      {meaning}\n", row.name, row.r#type);
            }
        }
        page
    }
}

/// The default of what has none.
const REQUIRED: &str = "required";

fn nature(nature: Nature) -> String {
    match nature {
        Nature::State => "",
        Nature::Check => {
            "It changes nothing: it waits until it holds. It runs when it does not hold, or something before it changed."
        }
        Nature::Action => "It runs only when something it listens to changed.",
    }
    .to_owned()
}

type Schema = Map<String, Json>;

fn properties(schema: &Schema) -> impl Iterator<Item = (&String, &Schema)> {
    let properties = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
    properties.filter_map(|(name, property)| Some((name, property.as_object()?)))
}

/// The rows for the keys of a map; `root` is the schema that references are looked up in.
fn rows_of(map: &Schema, root: &Schema) -> Vec<Row> {
    let required = map.get("required").and_then(Json::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
    let row = |(name, property): (&String, &Schema)| Row {
        name: name.clone(),
        r#type: type_of(property, root),
        default: match property.get("default") {
            _ if is_required(name) => Some(REQUIRED.to_owned()),
            None | Some(Json::Null) => None,
            Some(Json::Array(items)) if items.is_empty() => None,
            Some(Json::Object(items)) if items.is_empty() => None,
            Some(value) => Some(value.to_string()),
        },
        meaning: description(property),
    };
    properties(map).map(row).collect()
}

fn description(schema: &Schema) -> String {
    schema.get("description").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// What a schema means, through references and the `null` of what may be left out.
fn resolve<'a>(schema: &'a Schema, root: &'a Schema) -> &'a Schema {
    if let Some(path) = schema.get("$ref").and_then(Json::as_str) {
        let mut parts = path.trim_start_matches("#/").split('/');
        let first = parts.next().and_then(|part| root.get(part));
        let found = parts.try_fold(first, |at, part| Some(at?.get(part)));
        return found.flatten().and_then(Json::as_object).unwrap_or(schema);
    }
    let options = options(schema);
    match options.as_slice() {
        [only] => resolve(only, root),
        _ => schema,
    }
}

/// The alternatives of a schema, without `null`.
fn options(schema: &Schema) -> Vec<&Schema> {
    let options = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    let options = options.into_iter().flatten().filter_map(Json::as_object);
    options.filter(|option| option.get("type").is_none_or(|it| it != "null")).collect()
}

/// The type of an argument, in the words of the language.
fn type_of(schema: &Schema, root: &Schema) -> String {
    let schema = resolve(schema, root);
    if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    let options = options(schema);
    if !options.is_empty() {
        let mut names: Vec<String> = options.iter().map(|it| type_of(it, root)).collect();
        names.dedup();
        return names.join(" or ");
    }
    let names: Vec<&str> = match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => return "any".to_owned(),
    };
    let inner = |key: &str| schema.get(key).and_then(Json::as_object);
    let named = |name: &str| match name {
        "array" => "list".to_owned() + &plural(inner("items"), root),
        "object" => "map".to_owned() + &plural(inner("additionalProperties"), root),
        "string" if schema.get("format").is_some_and(|it| it == "secret") => {
            "string or secret".to_owned()
        }
        other => other.to_owned(),
    };
    let names = names.into_iter().filter(|name| *name != "null");
    names.map(named).collect::<Vec<_>>().join(" or ")
}

/// ` of strings`, where all items are of one simple type.
fn plural(items: Option<&Schema>, root: &Schema) -> String {
    match items.map(|items| type_of(items, root)).as_deref() {
        None | Some("any") => String::new(),
        Some("string or secret") => " of strings or secrets".to_owned(),
        Some(name) if name.contains(' ') => String::new(),
        Some(name) => format!(" of {name}s"),
    }
}
