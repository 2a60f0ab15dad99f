//! Private keys from files: read and deciphered once, however many hosts they open.

use std::{
    collections::HashMap,
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::keys::{
    Algorithm, Certificate, PrivateKey, PublicKey, decode_secret_key, load_openssh_certificate,
    load_public_key,
};
use tokio::sync::Mutex;

use super::secrets::Passwords;
use crate::{base::secret::Secret, io::disk};

/// What a key file turned out to be.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// A key that can sign, and the certificate beside it, or why that cannot be used.
    Key(Arc<PrivateKey>, Result<Option<Box<Certificate>>, String>),
    /// Only an agent can sign with it.
    Public(Box<PublicKey>, String),
    /// There is no such file.
    Missing,
    /// It cannot be used, and why.
    Useless(String),
}

/// The keys that were read.
pub(super) struct KeyRing {
    passwords: Arc<dyn Passwords>,
    read: Mutex<HashMap<(PathBuf, Option<String>), Loaded>>,
}

impl KeyRing {
    pub(super) fn new(passwords: Arc<dyn Passwords>) -> Self {
        Self { passwords, read: Mutex::default() }
    }

    /// The secret `name`, or why it cannot be given.
    pub(super) fn secret(&self, name: &str) -> Result<Secret, String> {
        self.passwords.secret(name)
    }

    /// The key in `file`; `passphrase` names the secret that opens it.
    pub(super) async fn load(&self, file: &Path, passphrase: Option<&str>) -> Loaded {
        let name = (file.to_owned(), passphrase.map(str::to_owned));
        // Held while a key is deciphered, which takes a tenth of a second: others wait rather than do it again.
        let mut read = self.read.lock().await;
        if let Some(loaded) = read.get(&name) {
            return loaded.clone();
        }
        let secret = passphrase.map(|name| self.passwords.secret(name));
        let file = file.to_owned();
        let load = move || match secret.transpose() {
            Ok(secret) => load(&file, secret.as_ref().map(|secret| secret.expose())),
            Err(why) => Loaded::Useless(format!("its passphrase: {why}")),
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let loaded = loaded.unwrap_or_else(|error| Loaded::Useless(error.to_string()));
        read.insert(name, loaded.clone());
        loaded
    }
}

fn load(file: &Path, passphrase: Option<&str>) -> Loaded {
    let text = match disk::text(file) {
        Ok(text) => text,
        Err(unread) if unread.is_missing() => {
            // The key itself may be on a smart card, with only its public half here.
            return match if_there(&beside(file, ".pub"), load_public_key) {
                Ok(Some(public)) => Loaded::Public(Box::new(public), "it is not here".to_owned()),
                Ok(None) => Loaded::Missing,
                Err(why) => Loaded::Useless(why),
            };
        }
        Err(unread) => return Loaded::Useless(unread.to_string()),
    };
    if let Ok(public) = PublicKey::from_openssh(&text) {
        return Loaded::Public(Box::new(public), "it is a public key".to_owned());
    }
    match open(&text, passphrase) {
        Ok(key)
            if matches!(key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) =>
        {
            let why = "its security key is asked by an agent only: ssh-add it".to_owned();
            Loaded::Public(Box::new(key.public_key().clone()), why)
        }
        Ok(key) => {
            let certificate = if_there(&beside(file, "-cert.pub"), load_openssh_certificate);
            Loaded::Key(Arc::new(key), certificate.map(|it| it.map(Box::new)))
        }
        Err(why) => match public_half(&text, file) {
            Some(public) => Loaded::Public(Box::new(public), why),
            None => Loaded::Useless(why),
        },
    }
}

fn open(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, String> {
    let encrypted = match PrivateKey::from_openssh(text) {
        Ok(key) => key.is_encrypted(),
        Err(_) => text.contains("ENCRYPTED"),
    };
    match (encrypted, passphrase) {
        (true, None) => Err("it is encrypted, and no passphrase is given".to_owned()),
        (true, Some(_)) => decode_secret_key(text, passphrase)
            .map_err(|_| "the passphrase does not open it".to_owned()),
        (false, _) => decode_secret_key(text, None).map_err(|error| error.to_string()),
    }
}

/// The public key of a private one that is still closed.
fn public_half(text: &str, file: &Path) -> Option<PublicKey> {
    let inside = PrivateKey::from_openssh(text).ok().map(|key| key.public_key().clone());
    inside.or_else(|| load_public_key(beside(file, ".pub")).ok())
}

/// What is in a file, if there is one.
fn if_there<T, E: Display>(
    file: &Path,
    load: impl FnOnce(PathBuf) -> Result<T, E>,
) -> Result<Option<T>, String> {
    let unusable = |why: &dyn Display| format!("{} cannot be used: {why}", file.display());
    match disk::end(file) {
        Err(unread) if unread.is_missing() => Ok(None),
        Err(unread) => Err(unusable(&unread)),
        Ok(_) => load(file.to_owned()).map(Some).map_err(|error| unusable(&error)),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_key_that_another_could_have_written_opens_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id");
        for name in ["id", "id.pub"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "no key").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o606)).unwrap();
            let Loaded::Useless(why) = load(&file, None) else { panic!("{name} is everybody's") };
            assert!(why.contains("every user may write to"), "{why}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn what_lies_beside_a_key_and_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id");
        assert!(matches!(load(&file, None), Loaded::Missing));
        symlink("id.pub", folder.path().join("id.pub")).unwrap();
        let Loaded::Useless(why) = load(&file, None) else { panic!("a link to itself is no key") };
        assert!(why.contains("id.pub cannot be used: "), "{why}");
        std::fs::remove_file(folder.path().join("id.pub")).unwrap();
        let mut keygen = std::process::Command::new("ssh-keygen");
        let keygen = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        // Where there is no ssh-keygen, there is no key.
        if !keygen.is_ok_and(|status| status.success()) {
            return;
        }
        assert!(matches!(load(&file, None), Loaded::Key(_, Ok(None))));
        let certificate = folder.path().join("id-cert.pub");
        symlink("id-cert.pub", &certificate).unwrap();
        let Loaded::Key(_, Err(why)) = load(&file, None) else { panic!("it has a certificate") };
        assert!(why.contains("id-cert.pub cannot be used: "), "{why}");
    }
}
