//! The manual of templates, made from the one list of what they can use.

use super::{
    facts::FACTS,
    header::KEYS,
    names::{NAMES, PREFIX, REFUSED, refused},
    registry::{FILTERS, FUNCTIONS, METHODS, TESTS},
    word::Chapter,
};

/// A line for the index of the manual.
pub const INDEX: &str =
    "templates  what a template can use: filters, tests, functions, methods and names\n";

/// What no list says.
const BEFORE: &str = "\
A template is Jinja as `ansible.builtin.template` sets it up: `trim_blocks`, undefined names are errors, nothing is escaped,
nothing (`none`, Rhai's `()`) prints as no text, a file ends with as many ends of lines as its template, an included template
does not bring its last one, and CRLF becomes LF. `x.y.z | default(..)` and `x.y.z is defined` hold whatever is missing on the
way. Every filter and test also has the name that begins with `ansible.builtin.`.
[templates-like-ansible.md](templates-like-ansible.md) says where a template means something else here, and why.

Lists and maps that a template makes can be changed by it: `{% set _ = names.append(x) %}`. What it was given cannot; a copy
can: `{% set own = names.copy() %}`. `{% break %}`, `{% continue %}` and `{% do %}` are there.";

/// All of it, as one Markdown document.
pub fn book() -> String {
    let keys = KEYS.map(|key| format!("`{key}`")).join(", ");
    let mut book = format!(
        "# Templates\n\nMade by `converge doc templates`; a test keeps it true.\n\n{BEFORE}\n\n\
         The first line can say how a template is written, as in `#jinja2: lstrip_blocks: True, trim_blocks: False`. It takes\n\
         {keys}.\n"
    );
    for (title, chapters) in [("Filters", FILTERS), ("Tests", TESTS), ("Functions", FUNCTIONS)] {
        book += &format!("\n## {title}\n");
        for chapter in chapters {
            if chapter.title != title {
                book += &format!("\n### {}\n", chapter.title);
            }
            book += &table(chapter);
        }
    }
    book += "\n## Methods\n\n";
    for (of, names) in METHODS {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        book += &format!("- of {of}: {}\n", names.join(", "));
    }
    book += "\n## Names\n\nBesides the parameters of the role, the `vars` of the call, and `host`. A parameter that has one of these \
             names counts more.\n\n| name | meaning |\n|---|---|\n";
    for (name, about) in NAMES {
        book += &format!("| `{name}` | {about} |\n");
    }
    for (name, _, about, _) in FACTS {
        book += &format!("| `{PREFIX}{name}` | {about} |\n");
    }
    book += "\n### Names of Ansible's that are not there\n\n| name | why, and what to do |\n|---|---|\n";
    for (names, instead) in REFUSED {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        book += &format!("| {} | {instead} |\n", names.join(", "));
    }
    book
}

/// What a name of Ansible's means in a template, or what stands for it.
pub fn of_name(name: &str) -> Option<String> {
    let about = |about: &str| format!("the name `{name}` in templates\n  {about}\n");
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, it)| about(it));
    let fact = name.strip_prefix(PREFIX).unwrap_or_default();
    let fact = || FACTS.iter().find(|(known, ..)| *known == fact).map(|(_, _, it, _)| about(it));
    let refused = || {
        let instead = refused(name)?;
        Some(format!("`{name}` is not there in templates\n  {instead}\n"))
    };
    named.or_else(fact).or_else(refused)
}

fn table(chapter: &Chapter) -> String {
    let mut table = "\n| name | meaning |\n|---|---|\n".to_owned();
    for word in chapter.words {
        let names: Vec<String> = word.names.iter().map(|name| format!("`{name}`")).collect();
        table += &format!("| {} | {} |\n", names.join(", "), word.about);
    }
    table
}
