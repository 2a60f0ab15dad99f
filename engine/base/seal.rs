//! Digests that say nothing to whoever has not their key: HMAC-SHA-256.

use std::{fmt, sync::Arc};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::base::content::Digest;

/// What digests are made with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The key of a salt, which may be known, and of a text that is kept from whoever must not guess, if there is one.
    pub fn new(salt: &str, kept: Option<&str>) -> Self {
        Self(mac(kept.unwrap_or_default().as_bytes(), salt.as_bytes()).into())
    }

    /// The digest of some bytes.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        let hex = base16ct::lower::encode_string(&mac(&self.0, bytes));
        Digest::read(&hex).expect("32 bytes are 64 small hexadecimal digits")
    }
}

fn mac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_the_salt_and_on_what_is_kept() {
        let digest = |salt, kept| Key::new(salt, kept).digest(b"x");
        assert_eq!(digest("a", None), digest("a", None));
        assert_ne!(digest("a", None), digest("b", None));
        assert_ne!(digest("a", None), digest("a", Some("k")));
        assert_ne!(Key::new("a", None).digest(b"x"), Key::new("a", None).digest(b"y"));
        // RFC 4231, test case 2.
        let known = mac(b"Jefe", b"what do ya want for nothing?");
        assert!(
            base16ct::lower::encode_string(&known).starts_with("5bdcc146bf60754e6a042426089575c7")
        );
    }
}
