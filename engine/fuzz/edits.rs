//! Lines of files, patterns, plain words of YAML, templates, scripts.

use std::{collections::BTreeMap, sync::Arc};

use super::first_line;
use crate::{
    base::{diagnostic::Source, pattern::Pattern, yaml},
    evaluate::language::{self, Input, Known},
    input::{
        inventory::Inventory,
        template::{self, Context, Templates},
    },
    resources::edit::Edit,
};

/// The first line says what is tried.
pub(super) fn run(bytes: &[u8]) {
    let (first, text) = first_line(bytes);
    match first.as_str() {
        "template" => template(&text),
        "script" => script(text),
        _ => edit(&first, &text),
    }
}

/// A template and a script may go on for a while, and are ended then; tries of that take too long.
const REPEATS: [&str; 8] = ["for", "range", "loop", "while", "do", "fn", "|", "*"];

fn template(text: &str) {
    let source = Source::new("fuzzed", text);
    let _ = template::check_syntax(&source);
    if REPEATS.iter().any(|word| text.contains(word)) {
        return;
    }
    // It includes itself.
    let templates = Templates::new(Arc::new(move |_| Ok(Some(source.clone()))));
    let _ = templates.render("fuzzed", &Context::default());
    templates.names("fuzzed");
}

fn script(text: String) {
    if REPEATS.iter().any(|word| text.contains(word)) {
        return;
    }
    let files = BTreeMap::from([("site.rhai".to_owned(), text.into_bytes())]);
    let input = Input {
        playbooks: vec!["site.rhai".to_owned()],
        sources: Arc::new(files),
        roles: Vec::new(),
        inventory: Arc::new(Inventory::implied(&[])),
        known: Known::default(),
        reuse: Default::default(),
    };
    if let Err(error) = language::evaluate(input) {
        let _ = error.place();
    }
}

/// `LINE|MATCH|AFTER|BEFORE`, and the text that is edited.
fn edit(first: &str, text: &str) {
    yaml::word(first);
    let mut parts = first.split('|').map(|part| (!part.is_empty()).then_some(part));
    let [line, replaced, after, before] = [(); 4].map(|()| parts.next().flatten());
    let line = line.filter(|line| !line.contains('\r'));
    for absent in [false, true] {
        let edit = Edit { line, replaced, after, before, absent };
        let Ok(editor) = edit.editor(&|text| Pattern::new(text).map(Arc::new)) else { continue };
        let edited = editor.edited(text.as_bytes());
        let added = line.map_or(0, str::len) + 4;
        assert!(edited.len() <= text.len() + added);
        let mut lines = edited.split(|byte| *byte == b'\n');
        let is_line = |bytes: &[u8]| {
            let bare = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            line.is_some_and(|line| bare == line.as_bytes())
        };
        match (absent, replaced) {
            (false, _) => assert!(line.is_none() || lines.any(is_line)),
            (true, None) => assert!(!lines.any(is_line)),
            (true, Some(_)) => assert!(editor.holds(&edited)),
        }
    }
}
