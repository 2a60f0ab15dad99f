//! Where secrets come from.

use std::{
    env::VarError,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::encrypted;
use crate::{
    base::diagnostic::{Diagnostic, Result},
    input::config::Provider,
    io::{disk, program},
};

/// The text of a secret, or why it is not here.
pub(super) type Found = Result<String, Missing>;

/// Why a provider gives no secret.
#[derive(Debug)]
pub(super) enum Missing {
    /// It does not have it: the next one is asked. Where it was looked for, in one line.
    NotHere(String),
    /// Something is wrong that the user must mend.
    Broken(Diagnostic),
}

impl From<Diagnostic> for Missing {
    fn from(diagnostic: Diagnostic) -> Self {
        Missing::Broken(diagnostic)
    }
}

impl Provider {
    /// Looks for a secret. The name was checked: it cannot leave the folder, nor be taken for an option.
    pub(super) fn find(&self, name: &str) -> Found {
        match self {
            Provider::Environment { prefix } => from_environment(prefix, name),
            Provider::Files { folder } => from_file(&folder.join(name)),
            Provider::Command { argv } => from_command(argv, name),
            Provider::Age { file, identity } => encrypted::find(file, identity, name),
        }
    }
}

fn from_environment(prefix: &str, name: &str) -> Found {
    let capital = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let variable = format!("{prefix}{}", name.chars().map(capital).collect::<String>());
    std::env::var(&variable).map_err(|error| match error {
        VarError::NotPresent => {
            Missing::NotHere(format!("the environment variable {variable} is not set"))
        }
        VarError::NotUnicode(_) => {
            let message = format!("what the environment variable {variable} holds is no text");
            Diagnostic::new("secret::unreadable", message).into()
        }
    })
}

fn from_file(path: &Path) -> Found {
    match read_private(path)? {
        Some(text) => Ok(without_newline(text)),
        None => Err(Missing::NotHere(format!("there is no file {}", path.display()))),
    }
}

/// The text of a file that not everyone may read; `None` if there is no such file.
pub(super) fn read_private(path: &Path) -> Result<Option<String>> {
    let broken = |error: &io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Diagnostic::new("secret::unreadable", message)
    };
    let metadata = match disk::end(path) {
        Ok(end) => fs::metadata(end).map_err(|error| broken(&error))?,
        Err(unread) if unread.is_missing() => return Ok(None),
        Err(unread) => return Err(unread.mistake(broken)),
    };
    if metadata.permissions().mode() & 0o007 != 0 {
        let message = format!("{} is open to every user of this machine", path.display());
        return Err(Diagnostic::new("secret::open", message)
            .hint(format!("close it: chmod o= {}", path.display())));
    }
    disk::text(path).map(Some).map_err(|unread| unread.mistake(broken))
}

fn from_command(argv: &[String], name: &str) -> Found {
    let words: Vec<_> = argv.iter().map(|word| word.replace("{name}", name)).collect();
    let shown = words.join(" ");
    let (program, arguments) = words.split_first().ok_or_else(|| {
        Diagnostic::new("secret::command", "the command of a provider of secrets is empty")
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
        Diagnostic::new("secret::command", format!("what `{shown}` prints is no text"))
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
            unread.mistake(|error| {
                let message = format!("cannot look at {}: {error}", file.display());
                Diagnostic::new("secret::command", message)
            })
        })?;
    }
    Ok(())
}

/// Without the one newline that editors and programs put at the end.
fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}
