//! Bytes that go to a host as data, never as a word of a command.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::base::script::Script;

/// What a file will hold, known by its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    digest: Digest,
    name: Option<Arc<str>>,
    sensitive: bool,
}

impl Content {
    /// Content that everyone may see.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), name: None, bytes, sensitive: false }
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
        self.name.as_deref().unwrap_or(self.digest.as_str())
    }

    /// The same under another name: the digest of a short secret would tell what it is to whoever can guess.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The word of a step's script that names the staged content.
    pub fn staged(&self) -> Script {
        Script::trusted(format!("\"$STAGE/{}\"", self.name()))
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
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; DIGITS]);

const DIGITS: usize = 64;

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digits = [0; DIGITS];
        base16ct::lower::encode(&Sha256::digest(bytes), &mut digits)
            .expect("there is room for two digits of each byte");
        Self(digits)
    }

    /// A digest that a host printed; none if this cannot be one.
    pub fn read(hex: &str) -> Option<Self> {
        let digits = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| hex.as_bytes().try_into().ok().map(Self)).flatten()
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
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
