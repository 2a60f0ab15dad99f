//! Templates mean what they mean to Ansible: each snippet and each whole template, against what ansible-core made of it.
//!
//! `make templates-like-ansible` renders them with the real one again. What differs stands in `tests/templates/differences.toml`
//! with its reason, and nothing else may differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use converge::{
    base::{diagnostic::Source, value::Value},
    input::template::{Context, Includes, Templates, Values, facts},
};
use serde::Deserialize;
use serde_json::Value as Json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/templates");

/// What came of a template.
#[derive(Deserialize, Clone, PartialEq, Debug)]
#[serde(untagged)]
enum Made {
    Text { text: String },
    Error { error: String },
}

#[derive(Deserialize)]
struct Recorded {
    #[serde(rename = "ansible-core")]
    version: String,
    snippets: BTreeMap<String, Made>,
    whole: BTreeMap<String, Made>,
}

#[derive(Deserialize)]
struct Group {
    snippets: Vec<String>,
}

#[derive(Deserialize)]
struct Differences {
    reason: Vec<Difference>,
    fact: Vec<FactDifference>,
}

/// Why parts of facts differ. A `*` stands for any part of a name.
#[derive(Deserialize)]
struct FactDifference {
    why: String,
    facts: Vec<String>,
}

/// Why some snippets differ.
#[derive(Deserialize)]
struct Difference {
    why: String,
    snippets: Vec<String>,
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

fn render(name: &str, text: &str, values: &Arc<Values>) -> Made {
    let own = Source::new(name, text);
    let sources: Includes = Arc::new(move |wanted| match wanted == &*own.name {
        true => Ok(Some(own.clone())),
        false => {
            let text = fs::read_to_string(Path::new(FOLDER).join("whole").join(wanted));
            Ok(text.ok().map(|text| Source::new(wanted, text)))
        }
    });
    match Templates::new(sources).render(name, &Context(vec![values.clone()])) {
        Ok(rendered) => Made::Text { text: rendered.text },
        Err(error) => Made::Error { error: error.to_string() },
    }
}

/// Whether both made the same text, or both refused.
fn alike(ours: &Made, theirs: &Made) -> bool {
    match (ours, theirs) {
        (Made::Text { text: ours }, Made::Text { text: theirs }) => ours == theirs,
        (Made::Error { .. }, Made::Error { .. }) => true,
        _ => false,
    }
}

struct Compared {
    name: String,
    ours: Made,
    theirs: Made,
}

fn compared() -> (String, usize, Vec<Compared>) {
    let recorded: Recorded = serde_json::from_str(&read("recorded.json")).unwrap();
    let values: Values = serde_json::from_str(&read("variables.json")).unwrap();
    let mut values = values;
    values.entry("ansible_managed".to_owned()).or_insert(Value::from("Ansible managed"));
    let values = Arc::new(values);
    let groups: BTreeMap<String, Group> = toml::from_str(&read("snippets.toml")).unwrap();
    let mut all = Vec::new();
    for (group, Group { snippets }) in groups {
        for snippet in snippets {
            let Some(theirs) = recorded.snippets.get(&snippet).cloned() else {
                panic!("make templates-like-ansible has not been run since {snippet:?} was added");
            };
            let text =
                if group == "whitespace" { snippet.clone() } else { format!("{snippet}|\n") };
            all.push(Compared { ours: render("snippet", &text, &values), theirs, name: snippet });
        }
    }
    for (name, theirs) in recorded.whole {
        let text =
            String::from_utf8(fs::read(Path::new(FOLDER).join("whole").join(&name)).unwrap())
                .unwrap();
        all.push(Compared { ours: render(&name, &text, &values), theirs, name });
    }
    let count = all.len();
    all.retain(|it| !alike(&it.ours, &it.theirs));
    (recorded.version, count, all)
}

/// What is compared, and what differs, for people.
fn page(version: &str, count: usize, differing: &[Compared], known: &Differences) -> String {
    let same = count - differing.len();
    let share = 100.0 * same as f64 / count as f64;
    let mut page = format!(
        "# Templates, like Ansible\n\n\
         Made by `make templates-like-ansible`, which renders snippets and whole templates with the real ansible-core; a test\n\
         renders them with converge, and compares byte for byte.\n\n\
         {same} of {count} are the same as with ansible-core {version}: {share:.1} %. The rest:\n"
    );
    for Difference { why, snippets } in &known.reason {
        page += &format!("\n## {why}\n");
        for snippet in snippets {
            let Some(it) = differing.iter().find(|it| it.name == *snippet) else { continue };
            let shown = |made: &Made| match made {
                Made::Text { text } => format!("{text:?}"),
                Made::Error { error } => format!("an error: {error}"),
            };
            page += &format!(
                "\n- template {snippet:?}\n- Ansible {}\n- converge {}\n",
                shown(&it.theirs),
                shown(&it.ours)
            );
        }
    }
    page
}

/// The texts and numbers in a value, by the way to each.
fn leaves(value: &Json, path: &str, to: &mut BTreeMap<String, String>) {
    let dot = if path.is_empty() { "" } else { "." };
    match value {
        Json::Object(parts) => {
            parts.iter().for_each(|(name, part)| leaves(part, &format!("{path}{dot}{name}"), to));
        }
        Json::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, it)| leaves(it, &format!("{path}{dot}{at}"), to));
        }
        plain => drop(to.insert(path.to_owned(), plain.to_string())),
    }
}

/// What a host said of itself to converge, beside what `ansible -m setup` gathered there: how many parts there are, and
/// those that differ.
fn facts_compared() -> (usize, Vec<String>) {
    let ours = facts::facts(&converge::resources::facts::parse(&read("facts/said.txt")));
    let theirs: Json = serde_json::from_str(&read("facts/gathered.json")).unwrap();
    let [ours, theirs] = [serde_json::to_value(ours).unwrap(), theirs].map(|facts| {
        let mut all = BTreeMap::new();
        leaves(&facts, "", &mut all);
        all
    });
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let count = names.len();
    let names = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name));
    (count, names.cloned().collect())
}

/// The part of the page about facts; an error where one differs that nobody knows of, or where none does.
fn facts_page(known: &[FactDifference]) -> String {
    let (count, mut differing) = facts_compared();
    let mut page = format!(
        "\n# Facts, like Ansible\n\n{} of {count} parts of the facts that templates have are what `ansible -m setup` gathers on\n\
         the same host. The rest:\n",
        count - differing.len()
    );
    for FactDifference { why, facts } in known {
        page += &format!("\n- `{}`: {why}\n", facts.join("`, `"));
        for pattern in facts {
            let before = differing.len();
            let (begin, end) = pattern.split_once('*').unwrap_or((pattern, ""));
            differing.retain(|it| {
                !(it == pattern
                    || pattern.contains('*') && it.starts_with(begin) && it.ends_with(end))
            });
            assert!(differing.len() < before, "{pattern} is the same by now");
        }
    }
    assert!(differing.is_empty(), "facts differ: {differing:#?}");
    page
}

#[test]
fn templates_are_rendered_as_ansible_does() {
    let (version, count, differing) = compared();
    let known: Differences = toml::from_str(&read("differences.toml")).unwrap();
    let page = page(&version, count, &differing, &known) + &facts_page(&known.fact);
    let mut known: Vec<&String> = known.reason.iter().flat_map(|it| &it.snippets).collect();
    let mut wrong = Vec::new();
    for Compared { name, ours, theirs } in &differing {
        match known.iter().position(|it| *it == name) {
            Some(at) => drop(known.remove(at)),
            None => wrong.push(format!("{name:?}\n  converge {ours:?}\n  Ansible  {theirs:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(known.is_empty(), "these are the same by now: {known:#?}");
    let share = 100 * (count - differing.len()) / count;
    assert!(share >= 95, "{share} % are the same");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/templates-like-ansible.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, &page).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "{path} is old: UPDATE_EXPECT=1 cargo test writes it again");
}
