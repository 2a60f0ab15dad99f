//! The functions that every script on a host can rely on.

use std::sync::LazyLock;

use crate::script::Script;

/// `engine/prelude.sh` without its comments: it goes over the wire with each script.
static CODE: LazyLock<String> = LazyLock::new(|| {
    let code = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
    include_str!("prelude.sh").lines().filter(code).collect::<Vec<_>>().join("\n")
});

/// What a script begins with.
pub fn script() -> Script {
    Script::trusted(CODE.as_str())
}
