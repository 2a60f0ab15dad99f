//! Where passwords and passphrases come from.

use crate::secret::Secret;

/// Gives the secrets that an inventory names.
pub trait Passwords: Send + Sync {
    /// The secret `name`, if there is one.
    fn secret(&self, name: &str) -> Option<Secret>;
}

impl<F: Fn(&str) -> Option<Secret> + Send + Sync> Passwords for F {
    fn secret(&self, name: &str) -> Option<Secret> {
        self(name)
    }
}
