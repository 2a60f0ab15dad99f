//! Functions of sh that several scripts rely on. A shell that takes one script after the other learns them once.

use std::{
    fmt::{self, Debug},
    sync::OnceLock,
};

use super::Script;

/// Some functions, and what they know. A script calls for them by one word; so there are none of them where nobody did.
pub struct Library {
    name: &'static str,
    sources: &'static [&'static str],
    text: OnceLock<String>,
}

impl Library {
    /// A library of some files. `name` is one that no other has, in letters.
    pub const fn new(name: &'static str, sources: &'static [&'static str]) -> Self {
        Self { name, sources, text: OnceLock::new() }
    }

    /// The functions themselves.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| {
            self.sources.iter().map(|it| functions(it)).collect::<Vec<_>>().join("\n")
        })
    }

    /// A script that has them from here on.
    pub fn script(&'static self) -> Script {
        Script { text: ["converge_", self.name].concat(), needs: vec![self] }
    }

    /// Adds what a shell has to read before it can run such a script.
    pub fn define(&self, to: &mut String) {
        *to += &format!("converge_{}() {{\n{}\n}}\n", self.name, self.text());
    }
}

impl PartialEq for Library {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Library {}

impl Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Functions as they go over the wire: without comments, and without the space that makes them easy to read. So no line of
/// theirs may begin or end with space, or begin with `#`, for another reason.
pub fn functions(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}
