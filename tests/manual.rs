//! The manual: that it is what the kinds say of themselves.

use converge::manual;

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
