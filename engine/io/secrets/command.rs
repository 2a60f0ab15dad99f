//! Secrets that a command prints, such as that of a password manager.

use std::{path::PathBuf, process::Stdio};

use super::found::{FoundSecret, Missing, without_newline};
use crate::{
    base::diagnostic::{Diagnostic, Result},
    io::{disk, program},
};

/// What a command prints, in whose words `{name}` stands for the name.
pub(super) fn find(argv: &[String], name: &str) -> FoundSecret {
    let words: Vec<_> = argv.iter().map(|word| word.replace("{name}", name)).collect();
    let shown = words.join(" ");
    let (program, arguments) = words.split_first().ok_or_else(|| {
        Diagnostic::new("secret::command", "the command of a secret provider is empty")
    })?;
    vouch(&words)?;
    let output = program::command(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        Diagnostic::new("secret::command", format!("cannot run `{shown}`: {error}"))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or_default().escape_debug();
        let message = format!("`{shown}`: {}: {said}", output.status);
        return Err(match output.status.code() {
            // A shell says so of what is not there, and of what may not be run.
            None | Some(126 | 127) => Diagnostic::new("secret::command", message).into(),
            Some(_) => Missing::NotHere(message),
        });
    }
    let text = String::from_utf8(output.stdout).map_err(|_| {
        Diagnostic::new("secret::command", format!("the output of `{shown}` is not UTF-8 text"))
    })?;
    Ok(without_newline(text))
}

/// Checks that nobody else can write or exchange what a command is made of: its program, and the files that it names.
fn vouch(words: &[String]) -> Result<()> {
    let found = |(at, word): (usize, &String)| match (at, word.contains('/')) {
        (_, true) => Some(PathBuf::from(word)),
        (0, false) => {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|it| it.join(word)).find(|it| it.is_file())
        }
        (_, false) => None,
    };
    for file in words.iter().enumerate().filter_map(found).filter(|file| file.exists()) {
        disk::end(&file).map_err(|unread| {
            unread.error(|error| {
                let message = format!("cannot look at {}: {error}", file.display());
                Diagnostic::new("secret::command", message)
            })
        })?;
    }
    Ok(())
}
