//! What is fuzzed: everything that reads what a host says, and every format of a file.
//!
//! A target takes any bytes, and panics where something that must hold does not. `tests/fuzz` finds bytes; those in its corpus
//! are tried by the tests as well.

mod documents;
mod edits;
mod inventory;
mod probes;
mod redaction;

use crate::{io::remote, run};

/// What is tried with any bytes.
pub struct Target {
    /// Its name, and that of its folder in `tests/fuzz/corpus`.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "probes", run: probes::run },
    Target { name: "conversation", run: remote::fuzz::conversation },
    Target { name: "progress", run: run::fuzz::progress },
    Target { name: "inventory", run: inventory::run },
    Target { name: "ssh_files", run: ssh_files },
    Target { name: "documents", run: documents::run },
    Target { name: "redaction", run: redaction::run },
    Target { name: "edits", run: edits::run },
];

fn ssh_files(bytes: &[u8]) {
    let (name, text) = first_line(bytes);
    remote::fuzz::ssh_files(&name, &text);
}

/// The text that bytes are, and what stands before its first line break, which says how it is tried.
fn first_line(bytes: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(bytes);
    let (first, rest) = text.split_once('\n').unwrap_or(("", &text));
    (first.to_owned(), rest.to_owned())
}

/// Characters that move the cursor, change the order of others or cannot be seen, as Unicode lists them.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, panic, path::Path};

    use super::*;

    #[test]
    fn all_of_the_corpus_is_taken() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let names = |folder: &Path| -> BTreeSet<String> {
            let entries = fs::read_dir(folder).unwrap();
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
        };
        assert_eq!(names(&corpus), TARGETS.iter().map(|it| it.name.to_owned()).collect());
        let mut failed = Vec::new();
        for target in TARGETS {
            let folder = corpus.join(target.name);
            for name in names(&folder) {
                let bytes = fs::read(folder.join(&name)).unwrap();
                if panic::catch_unwind(|| (target.run)(&bytes)).is_err() {
                    failed.push(format!("{}/{name}", target.name));
                }
            }
        }
        assert!(failed.is_empty(), "{failed:?}");
    }
}
