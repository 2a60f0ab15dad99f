//! Names of hosts and groups.

use super::mark::Mark;
use crate::base::diagnostic::Result;

/// Refuses a name that a pattern, a file name or a terminal could misread.
pub(super) fn check(name: &str, mark: &Mark) -> Result<()> {
    if name == "all" {
        return Err(mark
            .error("inventory::reserved-name", "`all` is the group of all hosts")
            .label("choose another name")
            .hint("for all hosts, use `[vars]` and `[connection]`"));
    }
    if is_good(name) {
        return Ok(());
    }
    Err(mark
        .error("inventory::invalid-name", format!("`{}` is not a valid name", name.escape_debug()))
        .label("not valid")
        .hint("names are letters, digits, `.`, `_` and `-`, and start with a letter or a digit"))
}

/// Whether nothing misreads a name. An address is one too.
pub(super) fn is_good(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (starts_well && name.chars().all(good)) || name.parse::<core::net::Ipv6Addr>().is_ok()
}
