//! Private keys from files: read and deciphered once, however many hosts they open.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::keys::{
    Algorithm, Certificate, PrivateKey, PublicKey, decode_secret_key, load_openssh_certificate,
    load_public_key,
};
use tokio::sync::Mutex;

use super::secrets::Passwords;
use crate::secret::Secret;

/// What a key file turned out to be.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// A key that can sign, and the certificate beside it.
    Key(Arc<PrivateKey>, Option<Box<Certificate>>),
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

    /// The secret `name`, if there is one.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
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
        let secret = passphrase.map(|name| self.passwords.secret(name).ok_or(name.to_owned()));
        let file = file.to_owned();
        let load = move || match secret.transpose() {
            Ok(secret) => load(&file, secret.as_ref().map(|secret| secret.expose())),
            Err(name) => Loaded::Useless(format!("there is no secret `{name}` for its passphrase")),
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let loaded = loaded.unwrap_or_else(|error| Loaded::Useless(error.to_string()));
        read.insert(name, loaded.clone());
        loaded
    }
}

fn load(file: &Path, passphrase: Option<&str>) -> Loaded {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The key itself may be on a smart card, with only its public half here.
            return match load_public_key(beside(file, ".pub")) {
                Ok(public) => Loaded::Public(Box::new(public), "it is not here".to_owned()),
                Err(_) => Loaded::Missing,
            };
        }
        Err(error) => return Loaded::Useless(error.to_string()),
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
            let certificate = load_openssh_certificate(beside(file, "-cert.pub")).ok();
            Loaded::Key(Arc::new(key), certificate.map(Box::new))
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

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
