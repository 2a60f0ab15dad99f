//! Filters, as Jinja and Ansible have them.

use super::word::Chapter;

mod json;
mod list;
pub(super) mod printf;
mod random;
mod set;
mod time;
pub(super) mod value;
mod comment;
mod digest;
mod map;
mod number;
mod path;
pub(super) mod regex;
mod text;
mod urlize;
mod uri;
mod yaml;

/// By what they are about.
pub(super) static CHAPTERS: &[Chapter] = &[
    Chapter { title: "Values", words: value::FILTERS },
    Chapter { title: "Texts", words: text::FILTERS },
    Chapter { title: "Comments", words: comment::FILTERS },
    Chapter { title: "Patterns", words: regex::FILTERS },
    Chapter { title: "Numbers", words: number::FILTERS },
    Chapter { title: "Lists", words: list::FILTERS },
    Chapter { title: "Sets and combinations", words: set::FILTERS },
    Chapter { title: "Chance, always the same", words: random::FILTERS },
    Chapter { title: "Maps", words: map::FILTERS },
    Chapter { title: "JSON", words: json::FILTERS },
    Chapter { title: "YAML", words: yaml::FILTERS },
    Chapter { title: "Digests and encodings", words: digest::FILTERS },
    Chapter { title: "Paths", words: path::FILTERS },
    Chapter { title: "Addresses and shells", words: uri::FILTERS },
    Chapter { title: "Times", words: time::FILTERS },
];
