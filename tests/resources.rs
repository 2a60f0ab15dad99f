//! Each case of each kind: from what a probe printed to what changes, and to the script that changes it.
//!
//! `UPDATE_EXPECT=1` writes down what comes out instead; read the difference before you keep it.

use converge::resources::{
    change::{Change, Effect, Shown},
    kind::Difference,
    resource::ArgumentError,
};
use toml_edit::{Array, DocumentMut, value};

use crate::cases::{self, Case};

#[test]
fn each_case_comes_out_as_written() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for case in cases::all() {
        let outcome = Outcome::of(&case);
        let expected = Outcome {
            changes: case.changes.clone(),
            script: case.script.clone(),
            error: case.error.clone(),
        };
        if outcome != expected {
            if update {
                outcome.write(&case);
            }
            wrong.push(format!("{}\n{outcome:#?}\nnot\n{expected:#?}", case.path.display()));
        }
    }
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[derive(Debug, PartialEq, Default)]
struct Outcome {
    changes: Vec<String>,
    script: String,
    error: String,
}

impl Outcome {
    fn of(case: &Case) -> Self {
        let kind = case.kind();
        let declared = match case.declare() {
            Ok(declared) => declared,
            Err(error) => return Self { error: refused(&error), ..Self::default() },
        };
        let differences = match kind.assess(&[&declared.desired], &case.probe) {
            Ok(differences) => differences,
            Err(error) => return Self { error: error.to_string(), ..Self::default() },
        };
        let difference = match &differences[0] {
            Ok(difference) => difference,
            Err(unknown) => {
                return Self { error: format!("unknown: {unknown}"), ..Self::default() };
            }
        };
        let Some(Difference { change, .. }) = difference else { return Self::default() };
        let step = kind.apply(&declared.desired, Some(change));
        Self {
            changes: lines(change),
            script: format!("{}\n", step.script.text()),
            ..Self::default()
        }
    }

    fn write(&self, case: &Case) {
        let text = std::fs::read_to_string(&case.path).unwrap();
        let mut document: DocumentMut = text.parse().unwrap();
        for key in ["changes", "script", "error"] {
            document.remove(key);
        }
        if !self.error.is_empty() {
            document["error"] = value(&self.error);
        } else {
            let mut changes: Array = self.changes.iter().collect();
            if changes.len() > 1 {
                changes.iter_mut().for_each(|line| line.decor_mut().set_prefix("\n  "));
                changes.set_trailing("\n");
                changes.set_trailing_comma(true);
            }
            document["changes"] = value(changes);
            if !self.script.is_empty() {
                document["script"] = value(&self.script);
            }
        }
        std::fs::write(&case.path, document.to_string()).unwrap();
    }
}

fn refused(error: &ArgumentError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}: {}{hint}", error.argument, error.message)
}

/// One line for each field, led by what happens to the whole.
fn lines(change: &Change) -> Vec<String> {
    let symbol = match change.action {
        Effect::Create => '+',
        Effect::Update => '~',
        Effect::Remove => '-',
        Effect::Run | Effect::Refresh => '!',
        Effect::Wait => '?',
    };
    if change.fields.is_empty() {
        return vec![symbol.to_string()];
    }
    let line = |before: &Shown, after: &Shown| match (before, after) {
        (Shown::Nothing, after) => shown(after),
        (before, after) => format!("{} -> {}", shown(before), shown(after)),
    };
    let fields = change.fields.iter();
    fields.map(|it| format!("{symbol} {}: {}", it.name, line(&it.before, &it.after))).collect()
}

fn shown(side: &Shown) -> String {
    match side {
        Shown::Nothing => "nothing".to_owned(),
        Shown::Text(text) => text.replace('\n', "\\n"),
        Shown::Hidden(reason) => format!("({reason})"),
    }
}
