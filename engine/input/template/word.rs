//! A filter, a test or a function that a template can use.

use minijinja::{Error, State, value::Value};

use super::arguments::Arguments;

/// What a filter or a test does with a value and its arguments.
pub(super) type TemplateCall = fn(&mut State<'_, '_>, &Value, Arguments) -> Result<Value, Error>;

/// A filter, a test, or a function of templates.
pub struct Word {
    /// What it is called; all names mean the same.
    pub names: &'static [&'static str],
    /// What it does.
    pub about: &'static str,
    /// Ours; where there is none, the engine's.
    pub(super) call: Option<TemplateCall>,
    /// Whether it takes what is undefined. What does not gives it back as it is: whoever prints it is told.
    pub(super) takes_undefined: bool,
}

impl Word {
    pub(super) const fn new(
        names: &'static [&'static str],
        about: &'static str,
        call: TemplateCall,
    ) -> Self {
        Self { names, about, call: Some(call), takes_undefined: false }
    }

    pub(super) const fn engine(names: &'static [&'static str], about: &'static str) -> Self {
        Self { names, about, call: None, takes_undefined: true }
    }

    pub(super) const fn of_undefined(mut self) -> Self {
        self.takes_undefined = true;
        self
    }
}

/// Words that belong together.
pub struct Chapter {
    /// What they have in common.
    pub title: &'static str,
    /// The words.
    pub words: &'static [Word],
}
