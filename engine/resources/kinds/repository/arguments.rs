//! What a role says of a repository, and how that is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::resources::resource::ArgumentError;

/// A repository of packages for apt, in `/etc/apt/sources.list.d`, with the key that signs it.
///
/// After a change apt must take all of its sources together, and the repository's part of the package index is fetched. If
/// either fails, or the repository has no such component, the old source and the old key are put back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryArguments {
    /// Its name, which is that of its files too.
    pub(super) name: String,
    /// Where it is, such as `https://download.docker.com/linux/debian`; several are mirrors of each other.
    #[serde(default)]
    pub(super) uris: Vec<String>,
    /// The suites, such as `bookworm`.
    #[serde(default)]
    pub(super) suites: Vec<String>,
    /// The components, such as `main`; none for a suite that ends with a slash.
    #[serde(default)]
    pub(super) components: Vec<String>,
    /// The architectures; by default those of the host.
    #[serde(default)]
    pub(super) architectures: Vec<String>,
    /// The ASCII-armoured public key that signs it. Without a key, one of those that the host trusts must.
    pub(super) key: Option<String>,
    /// The key, as a file below the role's `files/`: ASCII-armoured, or binary as many repositories give it.
    pub(super) key_source: Option<String>,
    /// Whether it must not be there.
    #[serde(default)]
    pub(super) absent: bool,
}

/// How a key is written; apt tells it by the ending of the file's name.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    #[default]
    Armoured,
    Binary,
}

impl KeyForm {
    /// The form of a key.
    pub(super) fn of(key: &[u8]) -> Result<Self, ArgumentError> {
        let has = |text: &str| key.windows(text.len()).any(|it| it == text.as_bytes());
        let wrong =
            |message: &str, hint: &str| Err(ArgumentError::new("key_source", message).hint(hint));
        match key {
            _ if has("BEGIN PGP PUBLIC KEY BLOCK") => Ok(Self::Armoured),
            _ if has("BEGIN PGP PRIVATE KEY") => {
                wrong("this is a private key", "`gpg --armor --export` prints the public one")
            }
            [_, _, _, _, _, _, _, _, b'K', b'B', b'X', b'f', ..] => {
                wrong("this is a keybox, which apt does not read", "`gpg --export` prints the key")
            }
            // The first packet of a public key, in the old form and in the new one: RFC 4880, 4.2.
            [0x98 | 0x99 | 0x9a | 0xc6, ..] => Ok(Self::Binary),
            _ => wrong("not a public key", "give an ASCII-armoured or a binary key"),
        }
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Armoured => "asc",
            Self::Binary => "gpg",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Armoured => Self::Binary,
            Self::Binary => Self::Armoured,
        }
    }
}

impl RepositoryArguments {
    pub(super) fn check_name(&self) -> Result<(), ArgumentError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(allowed) {
            let message = format!("`{}` is not a name for a file of sources", self.name);
            return Err(ArgumentError::new("name", message)
                .hint("a name has letters, digits, `_`, `-` and `.`"));
        }
        if self.key.is_some() && self.key_source.is_some() {
            return Err(ArgumentError::new("key", "both key and key_source"));
        }
        Ok(())
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some() || self.key_source.is_some()
    }

    /// Checks what the types alone cannot.
    pub(super) fn check(&self) -> Result<(), ArgumentError> {
        let lists = [
            ("uris", &self.uris),
            ("suites", &self.suites),
            ("components", &self.components),
            ("architectures", &self.architectures),
        ];
        for (argument, words) in lists {
            let blank = |word: &&String| {
                word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control())
            };
            if let Some(word) = words.iter().find(blank) {
                return Err(ArgumentError::new(argument, format!("`{word}` is not a single word")));
            }
        }
        if self.uris.is_empty() {
            return Err(ArgumentError::new("uris", "a repository needs its uris"));
        }
        if self.suites.is_empty() {
            return Err(ArgumentError::new("suites", "a repository needs its suites"));
        }
        if self.components.is_empty() && !self.suites.iter().all(|suite| suite.ends_with('/')) {
            return Err(ArgumentError::new("components", "a repository needs its components")
                .hint("mostly `main`; none for a suite that ends with a slash"));
        }
        let key = self.key.as_ref().filter(|key| !key.contains("BEGIN PGP PUBLIC KEY BLOCK"));
        if key.is_some() {
            return Err(ArgumentError::new("key", "this is not an ASCII-armoured public key"));
        }
        Ok(())
    }

    /// The source, as `sources.list(5)` describes its newer format.
    pub(super) fn source(&self, form: KeyForm) -> String {
        let key = || vec![key_path(&self.name, form)];
        let signed_by = if self.has_key() { key() } else { Vec::new() };
        let lines = [
            ("Types", &vec!["deb".to_owned()]),
            ("URIs", &self.uris),
            ("Suites", &self.suites),
            ("Components", &self.components),
            ("Architectures", &self.architectures),
            ("Signed-By", &signed_by),
        ];
        let lines = lines.into_iter().filter(|(_, words)| !words.is_empty());
        lines.map(|(name, words)| format!("{name}: {}\n", words.join(" "))).collect()
    }
}

pub(super) fn source_path(name: &str) -> String {
    format!("/etc/apt/sources.list.d/{name}.sources")
}

pub(super) fn key_path(name: &str, form: KeyForm) -> String {
    format!("/etc/apt/keyrings/{name}.{}", form.ending())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::value::Value;

    fn repository(json: &str) -> RepositoryArguments {
        let value = serde_json::from_str::<Value>(json).unwrap();
        RepositoryArguments::deserialize(value).unwrap()
    }

    #[test]
    fn a_source_is_written_as_apt_reads_it() {
        let repository = repository(
            r#"{"name": "docker", "uris": ["https://a/b"], "suites": ["bookworm"],
            "components": ["stable", "test"], "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----"}"#,
        );
        assert!(repository.check().is_ok());
        assert_eq!(
            repository.source(KeyForm::Armoured),
            "Types: deb\nURIs: https://a/b\nSuites: bookworm\nComponents: stable test\n\
            Signed-By: /etc/apt/keyrings/docker.asc\n"
        );
    }

    #[test]
    fn a_key_is_told_by_what_it_holds() {
        let form = |key: &[u8]| KeyForm::of(key).map_err(|error| error.message);
        assert_eq!(form(b"x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), Ok(KeyForm::Armoured));
        assert_eq!(form(&[0x99, 0x01, 0x0d, 0x04]), Ok(KeyForm::Binary));
        assert_eq!(form(&[0xc6, 0x33, 0x04]), Ok(KeyForm::Binary));
        for no_key in [
            &b""[..],
            b"<html>",
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----",
            b"\0\0\0 \x01\x01\0\x02KBXf",
        ] {
            assert!(form(no_key).is_err(), "{no_key:?}");
        }
    }

    #[test]
    fn a_word_cannot_add_a_line() {
        let bad = repository(
            r#"{"name": "a", "uris": ["https://a\nTrusted: yes"], "suites": ["b"], "components": ["c"]}"#,
        );
        assert_eq!(bad.check().unwrap_err().argument, "uris");
        let flat = repository(r#"{"name": "a", "uris": ["https://a"], "suites": ["./"]}"#);
        assert!(flat.check().is_ok());
        let no_components = repository(r#"{"name": "a", "uris": ["https://a"], "suites": ["b"]}"#);
        assert_eq!(no_components.check().unwrap_err().argument, "components");
    }
}
