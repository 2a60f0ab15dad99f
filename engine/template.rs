//! stub
use crate::{
    diagnostic::{Result, Source},
    value::Value,
};
/// x
pub struct Rendered {
    /// t
    pub text: String,
    /// s
    pub sensitive: bool,
}
/// x
/// # Errors
/// x
pub fn render(
    source: &Source,
    _c: &Value,
    _l: &dyn Fn(&str) -> Option<Source>,
) -> Result<Rendered> {
    Ok(Rendered { text: source.text.to_string(), sensitive: false })
}
/// x
/// # Errors
/// x
pub fn check_syntax(_: &Source) -> Result<()> {
    Ok(())
}
