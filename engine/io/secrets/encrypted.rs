//! Secrets in a TOML file that may lie in the repository: names in clear, values encrypted with age.

use std::{io::Read as _, path::Path};

use age::{Decryptor, IdentityFile, armor::ArmoredReader};

use super::found::{FoundSecret, Missing, read_private};
use crate::{
    base::{
        diagnostic::{Diagnostic, Result, Source},
        document::{Document, Kinds},
    },
    io::disk,
};

const KINDS: Kinds = Kinds {
    syntax: "secret::syntax",
    unknown_key: "secret::unknown-key",
    wrong_type: "secret::wrong-type",
};

/// Looks for a secret in the file.
pub(super) fn find(file: &Path, identity: &Path, name: &str) -> FoundSecret {
    let text = disk::text(file).map_err(|unread| {
        unread.error(|error| {
            let message = format!("cannot read {}: {error}", file.display());
            Diagnostic::new("secret::unreadable", message)
        })
    })?;
    let source = Source::new(file.display().to_string(), text);
    let document = Document::toml(&source, KINDS)?;
    let Some(entry) = document.table(document.root())?.get(name) else {
        return Err(Missing::NotHere(format!("{} does not have it", source.name)));
    };
    let armored = document.text(&entry.node)?;
    let identity = read_private(identity)?.ok_or_else(|| {
        let message = format!("there is no file {}", identity.display());
        Diagnostic::new("secret::identity", message)
            .hint("it holds the private key that `age-keygen` makes")
    })?;
    Ok(decrypt(&identity, armored).map_err(|message| {
        document
            .error("secret::decrypt", format!("cannot decrypt `{name}`: {message}"), &entry.key)
            .hint("was it encrypted for this key?")
    })?)
}

/// The text that was encrypted; `identity` is the text of a file of private keys.
fn decrypt(identity: &str, armored: &str) -> Result<String, String> {
    let identities = IdentityFile::from_buffer(identity.as_bytes())
        .map_err(|error| error.to_string())?
        .into_identities()
        .map_err(|error| error.to_string())?;
    let decryptor = Decryptor::new(ArmoredReader::new(armored.trim().as_bytes()))
        .map_err(|error| error.to_string())?;
    let identities = identities.iter().map(|identity| &**identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|error| error.to_string())?;
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
