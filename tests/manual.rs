//! The manual: that it is what the kinds say of themselves.

use converge::{manual, resources};

/// `UPDATE_EXPECT=1 cargo test` writes the pages again.
#[test]
fn the_pages_of_the_kinds_are_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kinds.md");
    let book = manual::book();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &book).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == book, "docs/kinds.md is old: UPDATE_EXPECT=1 cargo test writes it again");
}

#[test]
fn a_page_for_the_terminal() {
    insta::assert_snapshot!(manual::page(resources::kind("http_check").unwrap()));
}

#[test]
fn every_argument_has_a_meaning_and_a_type() {
    for kind in resources::KINDS {
        for line in manual::page(*kind).lines().filter(|line| line.starts_with("  ")) {
            assert!(!line.trim().is_empty() && !line.contains("(any"), "{}: {line}", kind.name());
        }
    }
    assert_eq!(manual::index().lines().count(), resources::KINDS.len());
}
