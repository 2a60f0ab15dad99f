//! What converge and people write to files: the configuration, plans, signatures, journals.

use std::path::Path;

use jiff::Timestamp;

use super::{first_line, misleads};
use crate::{
    base::diagnostic::Source,
    commands::plan_file::{self, Approved},
    input::config::Config,
    report::{self, journal},
};

/// Who may sign: the key of the signature that the corpus has.
const ALLOWED: &str = "ann@example.com ssh-ed25519 \
     AAAAC3NzaC1lZDI1NTE5AAAAIF3IhSiWTL1rl1PiLv4sIV2BRSkMPuxyoDOWf17t45Fv\n";

/// The text that it signs.
const SIGNED: &[u8] = b"a plan\n";

/// The first line says what the text is.
pub(super) fn run(bytes: &[u8]) {
    let (first, text) = first_line(bytes);
    let source = Source::new("fuzzed", text.as_str());
    match first.as_str() {
        "config" => {
            let config = Config::parse(&source, Path::new("/p"), Path::new("/h"));
            let paths = config.map(|it| it.inventory).unwrap_or_default();
            assert!(paths.iter().all(|path| path.is_absolute()));
        }
        "plan" => plan(&text),
        "signers" => {
            // Without a signature nobody has signed, whoever may.
            assert!(verified(&source, "").is_empty());
        }
        "signature" => {
            let allowed = Source::new("allowed", ALLOWED);
            let signers = verified(&allowed, &text);
            assert!(signers.iter().flatten().all(|signer| signer == "ann@example.com"));
        }
        _ => {
            let events = journal::read(text.as_bytes()).unwrap_or_default();
            let shown = report::fuzz::shown(events);
            assert!(!shown.chars().any(|c| misleads(c) && c != '\n' && c != '\t'), "{shown:?}");
        }
    }
}

/// A plan that is taken says to the letter what it was read from, and is taken once more.
fn plan(text: &str) {
    for key in [None, Some("key")] {
        if let Ok(plan) = Approved::read("fuzzed", text, key) {
            assert_eq!(plan.text(), text);
            let nothing = |_: &str| Ok(String::new());
            let _ = plan.compare("fuzzed", nothing);
        }
    }
}

fn verified(allowed: &Source, signature: &str) -> plan_file::Signers {
    let signatures = [Source::new("plan.sig", signature)];
    plan_file::verify(SIGNED, &signatures, allowed, 0, Timestamp::UNIX_EPOCH).unwrap_or_default()
}
