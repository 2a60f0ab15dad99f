//! The manual of the language, made from what its functions say of themselves.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use rhai::Engine;

use super::{
    Input, Known, Parameters, property::PROPERTIES, role_folders, roles, sandbox, state::Evaluating,
};
use crate::{
    base::diagnostic::Result,
    input::inventory::Inventory,
    resources::{ansible, facts::FACTS},
};

/// What can be looked up besides the kinds.
pub struct Manual {
    /// Of the language, and as `ROLE::NAME` those of roles.
    functions: BTreeMap<String, Function>,
    roles: Vec<DocumentedRole>,
}

#[derive(Default)]
struct Function {
    uses: Vec<String>,
    about: String,
}

struct DocumentedRole {
    name: String,
    folder: String,
    parameters: Result<Parameters>,
}

/// What is said in words: the values of the language, and what holds everywhere.
const CHAPTERS: &str = include_str!("manual.md");

/// Names with a meaning, which are neither called nor declared.
struct ManualTable {
    title: &'static str,
    /// What stands before the names in a script.
    prefix: &'static str,
    rows: fn() -> Vec<(&'static str, &'static str)>,
}

/// All such names, an entry for each list of them.
const TABLES: [ManualTable; 2] = [
    ManualTable {
        title: "Of a host",
        prefix: "host.",
        rows: || PROPERTIES.iter().map(|it| (it.name, it.meaning)).collect(),
    },
    ManualTable { title: "Facts", prefix: "host.facts.", rows: || FACTS.to_vec() },
];

impl ManualTable {
    /// What is meant by a name: a row, or all that stand below it.
    fn page(&self, name: &str) -> String {
        let mut page = String::new();
        for (row, meaning) in (self.rows)() {
            let full = format!("{}{row}", self.prefix);
            let is_meant = |path: &str| {
                path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let parts = full.match_indices('.').map(|(at, _)| &full[at + 1..]);
            if parts.chain([&*full]).any(is_meant) {
                let _ = writeln!(page, "{full}\n  {meaning}");
            }
        }
        page
    }
}

impl Manual {
    /// The manual of a project: with its roles.
    ///
    /// # Errors
    /// When the roles cannot be listed.
    pub fn of(input: Input) -> Result<Self> {
        let state = Evaluating::new(input, Arc::new(|_| {}));
        let (engine, _) = sandbox::engine(&state);
        let role = |name: String| {
            let folder = role_folders::folder(&state, &name)?;
            let parameters = roles::read_parameters(&state, &folder);
            Some(DocumentedRole { name, folder, parameters })
        };
        let roles = role_folders::names(&state)?.into_iter().filter_map(role).collect();
        Ok(Self { functions: functions(&engine), roles })
    }

    /// The manual of the language itself.
    pub fn of_language() -> Self {
        Self::of(Input {
            playbooks: Vec::new(),
            sources: Arc::new(BTreeMap::<String, Vec<u8>>::new()),
            roles: Vec::new(),
            inventory: Arc::new(Inventory::default()),
            known: Known::default(),
            reuse: Default::default(),
        })
        .expect("no role is looked for in no folder")
    }

    /// A line for each thing, by what they are.
    pub fn index(&self) -> String {
        let mut text = String::new();
        let functions = self.functions.iter().filter(|(name, _)| !name.contains("::"));
        let lines =
            functions.map(|(name, function)| (name.as_str(), first_sentence(&function.about)));
        section(&mut text, "Functions", lines);
        let description = |role: &DocumentedRole| match &role.parameters {
            Ok(parameters) => parameters.description.clone(),
            Err(error) => format!("its role.toml has an error: {error}"),
        };
        let lines = self.roles.iter().map(|role| (role.name.as_str(), description(role)));
        section(&mut text, "Roles", lines);
        for table in &TABLES {
            let rows = (table.rows)().into_iter().map(|(name, it)| (name, first_sentence(it)));
            section(&mut text, &format!("{}: {}NAME", table.title, table.prefix), rows);
        }
        text
    }

    /// All that is known by a name: a function, a role, a fact, a property of a host, a name of Ansible's.
    pub fn page(&self, name: &str) -> Option<String> {
        let name = name.trim_end_matches("()");
        let mut pages = Vec::new();
        pages.extend(self.functions.get(name).map(Function::text));
        pages.extend(self.roles.iter().find(|role| role.name == name).map(|role| self.role(role)));
        pages.extend(TABLES.iter().map(|table| table.page(name)));
        pages.retain(|page| !page.is_empty());
        if pages.is_empty() {
            let instead = ansible::instead(name)?;
            pages.push(format!("Ansible's `{name}` is here: {instead}\n"));
        }
        Some(pages.join("\n"))
    }

    /// All names that have a page.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let functions = self.functions.keys().map(String::as_str);
        let roles = self.roles.iter().map(|role| role.name.as_str());
        let rows = TABLES.iter().flat_map(|table| (table.rows)());
        functions.chain(roles).chain(rows.map(|(name, _)| name)).chain(["host", "facts"])
    }

    /// Everything that does not depend on a project, as one Markdown document.
    pub fn book(&self) -> String {
        let mut book = format!(
            "# The language\n\nGenerated by `converge doc`; a test keeps it current.\n\n{CHAPTERS}\n## Functions\n"
        );
        for (name, function) in &self.functions {
            let uses = function.uses.join("\n");
            let _ = write!(book, "\n### `{name}`\n\n```rhai\n{uses}\n```\n\n{}\n", function.about);
        }
        for table in &TABLES {
            let _ = write!(book, "\n## {}\n\n| name | meaning |\n|---|---|\n", table.title);
            for (name, meaning) in (table.rows)() {
                let meaning = meaning.replace('|', "\\|");
                let _ = writeln!(book, "| `{}{name}` | {meaning} |", table.prefix);
            }
        }
        book += "\n## Coming from Ansible\n\n| Ansible | converge |\n|---|---|\n";
        for (names, instead) in ansible::NAMES {
            let _ =
                writeln!(book, "| `{}` | `{}` |", names.join("`, `"), instead.replace('|', "\\|"));
        }
        book
    }

    /// The page of a role: its parameters, and the functions that it gives to others.
    fn role(&self, role: &DocumentedRole) -> String {
        let mut page = format!("role(\"{}\", #{{ .. }})        {}/\n", role.name, role.folder);
        let parameters = match &role.parameters {
            Ok(parameters) => parameters,
            Err(error) => return format!("{page}\nits role.toml has an error: {error}\n"),
        };
        let _ = write!(page, "\n{}\n", parameters.description);
        for (name, parameter) in &parameters.all {
            let default = match &parameter.default {
                Some(value) => format!("by default {}", value.written()),
                None => "required".to_owned(),
            };
            let choices: Vec<_> =
                parameter.choices.iter().map(crate::base::value::Value::written).collect();
            let choices = if choices.is_empty() {
                String::new()
            } else {
                format!(": {}", choices.join(" or "))
            };
            let _ = write!(page, "\n  {name} ({}{choices}, {default})\n", parameter.wanted());
            for line in parameter.description.lines() {
                let _ = writeln!(page, "      {line}");
            }
        }
        let library = format!("{}::", role.name);
        for function in self.functions.iter().filter(|(name, _)| name.starts_with(&library)) {
            let _ = write!(page, "\n{}", function.1.text());
        }
        page
    }
}

impl Function {
    fn text(&self) -> String {
        let about =
            if self.about.is_empty() { String::new() } else { format!("\n{}\n", self.about) };
        format!("{}\n{about}", self.uses.join("\n"))
    }
}

/// The functions that say what they do, and those of roles.
fn functions(engine: &Engine) -> BTreeMap<String, Function> {
    let said = |info: rhai::FuncInfo<'_>| {
        let (of, metadata) = (&info.namespace, info.metadata);
        let name = if of.is_empty() {
            metadata.name.to_string()
        } else {
            format!("{of}::{}", metadata.name)
        };
        let parameters: Vec<String> = match &info.script {
            Some(script) => script.params.iter().map(ToString::to_string).collect(),
            None => metadata.params_info.iter().map(|it| (*it).to_string()).collect(),
        };
        let comments = metadata.comments.iter().map(|it| it.to_string());
        let scripted =
            info.script.iter().flat_map(|it| it.comments.iter().map(ToString::to_string));
        let lines = comments.chain(scripted).collect::<Vec<_>>().join("\n");
        let lines = lines.lines().map(|line| line.trim_start_matches("///").trim().to_owned());
        Some((
            format!("{name}({})", parameters.join(", ")),
            name,
            lines.collect::<Vec<_>>().join("\n"),
        ))
    };
    let mut all: BTreeMap<String, Function> = BTreeMap::new();
    for (call, name, about) in engine.collect_fn_metadata(None, said, false) {
        if name.contains('$') {
            continue;
        }
        let function = all.entry(name).or_default();
        if !function.uses.contains(&call) {
            function.uses.push(call);
            function.uses.sort_by_key(String::len);
        }
        if function.about.is_empty() {
            function.about = about;
        }
    }
    all.retain(|name, function| name.contains("::") || !function.about.is_empty());
    all
}

fn section<'a>(text: &mut String, title: &str, lines: impl Iterator<Item = (&'a str, String)>) {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let _ = write!(text, "\n{title}\n\n");
    for (name, about) in lines {
        let _ = writeln!(text, "{}", format!("{name:width$}  {about}").trim_end());
    }
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or_default().trim().trim_end_matches('.').to_owned()
}
