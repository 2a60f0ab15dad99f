//! Bytes that go to a host as data, never as a word of a command.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::script::Script;

/// What a file will hold, known by its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    digest: Digest,
    name: Arc<str>,
    sensitive: bool,
}

impl Content {
    /// Content that everyone may see.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self { name: digest.0.clone(), digest, bytes, sensitive: false }
    }

    /// Content that holds a secret: it is never shown.
    #[must_use]
    pub fn sensitive(mut self, sensitive: bool) -> Self {
        self.sensitive |= sensitive;
        self
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether it must not be shown.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// The name of its file in the staging folder: its digest, unless it was given another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same under another name: the digest of a short secret would tell what it is to whoever can guess.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The word of a step's script that names the staged content.
    pub fn staged(&self) -> Script {
        Script::trusted(format!("\"$STAGE/{}\"", self.name))
    }

    /// The text, if it is text that can be shown to people.
    pub fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        (!text.contains('\0')).then_some(text)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) if !self.sensitive => write!(f, "Content({text:?})"),
            _ => write!(f, "Content({} bytes)", self.bytes.len()),
        }
    }
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(Arc<str>);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(base16ct::lower::encode_string(&Sha256::digest(bytes)).into())
    }

    /// A digest that a host printed; none if this cannot be one.
    pub fn read(hex: &str) -> Option<Self> {
        const DIGITS: usize = 64;
        (hex.len() == DIGITS).then(|| Self(hex.into()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_its_digest_and_hides_what_is_sensitive() {
        let content = Content::new(*b"abc");
        assert_eq!(
            content.digest().as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(format!("{content:?}"), "Content(\"abc\")");
        assert_eq!(format!("{:?}", content.sensitive(true)), "Content(3 bytes)");
    }
}
