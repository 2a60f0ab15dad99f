//! Secrets in variables of the environment.

use std::env::VarError;

use super::found::{FoundSecret, Missing};
use crate::base::diagnostic::Diagnostic;

/// `PREFIXNAME`, in capitals.
pub(super) fn find(prefix: &str, name: &str) -> FoundSecret {
    let capital = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let variable = format!("{prefix}{}", name.chars().map(capital).collect::<String>());
    std::env::var(&variable).map_err(|error| match error {
        VarError::NotPresent => {
            Missing::NotHere(format!("the environment variable {variable} is not set"))
        }
        VarError::NotUnicode(_) => {
            let message = format!("the environment variable {variable} is not UTF-8 text");
            Diagnostic::new("secret::unreadable", message).into()
        }
    })
}
