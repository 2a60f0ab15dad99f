//! Looks secrets up, each once.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;

use super::found::Missing;
use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        secret::{Redactor, Secret},
    },
    input::config::Provider,
};

/// The providers of a project, in the order they are asked, and what they gave so far.
#[derive(Debug, Default)]
pub struct Secrets {
    providers: Vec<Provider>,
    known: Mutex<KnownSecrets>,
}

/// What was found so far, and what takes it out of texts.
#[derive(Debug, Default)]
struct KnownSecrets {
    secrets: IndexMap<String, Secret>,
    redactor: Arc<Redactor>,
}

impl Secrets {
    /// Secrets from these providers.
    pub fn new(providers: Vec<Provider>) -> Self {
        Self { providers, known: Mutex::default() }
    }

    /// The secret of that name. Whoever asks at the same time waits, so that no provider is asked twice.
    ///
    /// # Errors
    /// When the name cannot be one, no provider has it, or a provider is broken. Without a place.
    pub fn lookup(&self, name: &str) -> Result<Secret> {
        check(name)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.secrets.get(name) {
            return Ok(secret.clone());
        }
        let secret = Secret::new(name, self.find(name)?);
        known.secrets.insert(name.to_owned(), secret.clone());
        let all: Vec<Secret> = known.secrets.values().cloned().collect();
        known.redactor = Arc::new(Redactor::new(&all));
        Ok(secret)
    }

    /// A redactor for all secrets that were looked up so far.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).redactor.clone()
    }

    fn find(&self, name: &str) -> Result<String> {
        let mut tried = Vec::new();
        for provider in &self.providers {
            match provider.find(name) {
                Ok(text) => return Ok(text),
                Err(Missing::NotHere(place)) => tried.push(place),
                Err(Missing::Broken(diagnostic)) => return Err(diagnostic),
            }
        }
        let unknown = Diagnostic::new("secret::unknown", format!("there is no secret `{name}`"));
        Err(if tried.is_empty() {
            unknown.hint("`converge.toml` names no secret provider: `[secrets]` `providers = [..]`")
        } else {
            unknown.hint(format!("providers asked, in order: {}", tried.join("; ")))
        })
    }
}

/// A name becomes part of a path and of a command: it stays within, and is never an option.
fn check(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && part.chars().all(good)
    };
    if name.split('/').all(part) {
        return Ok(());
    }
    let message = format!("`{}` cannot be the name of a secret", name.escape_debug());
    Err(Diagnostic::new("secret::name", message)
        .hint("use lowercase letters, digits, `_`, `-` and `.`, in parts separated by `/`"))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn private(path: &std::path::Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(argv: &[&str]) -> Secrets {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Secrets::new(vec![Provider::Command { argv }])
    }

    #[test]
    fn a_name_cannot_leave_the_folder_or_be_an_option() {
        for name in ["", "/a", "a//b", "../a", "a/..", "-a", "a/-b", ".a", "A", "a b", "a\n", "a/"]
        {
            assert_eq!(
                Secrets::default().lookup(name).unwrap_err().kind(),
                "secret::name",
                "{name}"
            );
        }
        for name in ["a", "db/password", "a.b-c_9"] {
            assert_eq!(Secrets::default().lookup(name).unwrap_err().kind(), "secret::unknown");
        }
    }

    #[test]
    fn a_file_that_everyone_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        private(&folder.path().join("db"), "hunter2\n\n");
        let secrets = Secrets::new(vec![Provider::Files { folder: folder.path().into() }]);
        assert_eq!(secrets.lookup("db").unwrap().expose(), "hunter2\n");
        private(&folder.path().join("open"), "x");
        fs::set_permissions(folder.path().join("open"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(secrets.lookup("open").unwrap_err().kind(), "secret::readable");
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        assert_eq!(secrets.lookup("loop").unwrap_err().kind(), "secret::unreadable");
        assert_eq!(secrets.lookup("none").unwrap_err().kind(), "secret::unknown");
    }

    #[test]
    fn a_command_runs_once_for_a_name_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = format!("echo run >> {}; printf '%s\\n' \"for $1\"", log.display());
        let secrets = command(&["sh", "-c", &script, "sh", "{name}"]);
        assert_eq!(secrets.lookup("db/x").unwrap().expose(), "for db/x");
        assert_eq!(secrets.lookup("db/x").unwrap().expose(), "for db/x");
        assert_eq!(fs::read_to_string(log).unwrap(), "run\n");
        assert_eq!(secrets.redactor().redact("it is for db/x"), "it is (secret db/x)");

        let error =
            command(&["sh", "-c", "echo no such entry >&2; exit 1"]).lookup("x").unwrap_err();
        assert!(error.hint_text().unwrap().contains("no such entry"), "{error:?}");
        // What could not look has not said that there is none: nobody else is asked.
        for cannot in
            [&["/nonexistent"][..], &["sh", "-c", "nonexistent"], &["sh", "-c", "kill -9 $$"]]
        {
            let echo = Provider::Command { argv: ["echo", "other"].map(str::to_owned).into() };
            let mut secrets = command(cannot);
            secrets.providers.push(echo);
            assert_eq!(secrets.lookup("x").unwrap_err().kind(), "secret::command", "{cannot:?}");
        }
    }

    #[test]
    fn providers_are_asked_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let files = Provider::Files { folder: folder.path().into() };
        let echo = Provider::Command { argv: ["echo", "second"].map(str::to_owned).into() };
        let prefix = "CONVERGE_TEST_NOT_SET_".to_owned();
        let secrets = Secrets::new(vec![Provider::Environment { prefix }, files.clone(), echo]);
        assert_eq!(secrets.lookup("db").unwrap().expose(), "second");
        private(&folder.path().join("db2"), "first");
        assert_eq!(secrets.lookup("db2").unwrap().expose(), "first");
        // The one variable that is set wherever tests run.
        let path = Secrets::new(vec![Provider::Environment { prefix: "CARGO_".to_owned() }]);
        assert_eq!(path.lookup("pkg.name").unwrap().expose(), "converge");
    }

    #[test]
    fn an_encrypted_file_opens_with_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let (file, identity) = (folder.path().join("secrets.toml"), folder.path().join("key"));
        let key = age::x25519::Identity::generate();
        let armored = age::encrypt_and_armor(&key.to_public(), b"hunter2").unwrap();
        fs::write(&file, format!("\"db/x\" = '''\n{armored}'''\nbad = 1\n")).unwrap();
        private(&identity, key.to_string().expose_secret());
        let provider = Provider::Age { file, identity: identity.clone() };
        let secrets = || Secrets::new(vec![provider.clone()]);
        assert_eq!(secrets().lookup("db/x").unwrap().expose(), "hunter2");
        assert_eq!(secrets().lookup("nope").unwrap_err().kind(), "secret::unknown");
        assert_eq!(secrets().lookup("bad").unwrap_err().kind(), "secret::wrong-type");
        private(&identity, age::x25519::Identity::generate().to_string().expose_secret());
        assert_eq!(secrets().lookup("db/x").unwrap_err().kind(), "secret::decrypt");
    }
}
