//! Templates of this folder.

use minijinja::{Environment, UndefinedBehavior, Value, syntax::SyntaxConfig};

/// A template of this folder, rendered.
pub(crate) fn render(template: &str, context: Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().unwrap());
    environment.render_str(template, context).unwrap()
}
