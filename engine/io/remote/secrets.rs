//! Where passwords and passphrases come from.

use crate::base::secret::Secret;

/// Gives the secrets that an inventory names.
pub trait Passwords: Send + Sync {
    /// The secret `name`.
    ///
    /// # Errors
    /// Why it cannot be given: there is none, or where it is kept cannot be read.
    fn secret(&self, name: &str) -> Result<Secret, String>;
}

impl<F: Fn(&str) -> Result<Secret, String> + Send + Sync> Passwords for F {
    fn secret(&self, name: &str) -> Result<Secret, String> {
        self(name)
    }
}
