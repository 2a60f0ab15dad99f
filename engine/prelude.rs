//! The functions that every script on a host can rely on.

use crate::script::Script;

/// `engine/prelude.sh` without its comments: it goes over the wire with each script.
pub fn script() -> Script {
    let code = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
    let lines: Vec<&str> = include_str!("prelude.sh").lines().filter(code).collect();
    Script::trusted(lines.join("\n"))
}
