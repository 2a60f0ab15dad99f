//! Which host keys are known: the lines of `known_hosts` files, and what they say about a key.

use std::{
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::{
    Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate,
    ssh_key::{
        certificate::CertType,
        known_hosts::{Entry, HostPatterns, Marker},
    },
};
use sha1::Sha1;

use super::{RemoteError, pattern};
use crate::inventory::HostKeys;

/// One line that names hosts and a key.
#[derive(Debug, Clone)]
pub(super) struct Line {
    file: Arc<Path>,
    number: usize,
    hosts: HostPatterns,
    /// The whole line with single spaces. The key in it is read only when the hosts match.
    text: String,
}

/// The lines of a file. What cannot be read is passed over, as OpenSSH does.
pub(super) fn parse(file: &Path, text: &str) -> Vec<Line> {
    let file: Arc<Path> = file.into();
    let line = |(index, line): (usize, &str)| {
        let text = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut words = text.split(' ').filter(|word| !word.starts_with('@'));
        let hosts = words.next().filter(|word| !word.is_empty() && !word.starts_with('#'))?;
        let hosts = hosts.parse().ok()?;
        Some(Line { file: file.clone(), number: index + 1, hosts, text })
    };
    text.lines().enumerate().filter_map(line).collect()
}

impl Line {
    fn names(&self, host: &str) -> bool {
        match &self.hosts {
            HostPatterns::Patterns(patterns) => {
                pattern::list_matches(patterns.iter().map(String::as_str), host)
            }
            HostPatterns::HashedName { salt, hash } => {
                let mut mac =
                    Hmac::<Sha1>::new_from_slice(salt).expect("a key may have any length");
                mac.update(host.as_bytes());
                mac.verify_slice(hash).is_ok()
            }
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.number)
    }
}

/// What is known of the keys of one host.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    /// The name in known_hosts: `host`, or `[host]:port` where the port is not 22.
    name: String,
    host: String,
    port: u16,
    policy: HostKeys,
    /// The files that were looked in; a new key is written to the first.
    files: Vec<PathBuf>,
    entries: Vec<(String, Entry)>,
}

impl Trust {
    /// What `lines` say about `host`.
    pub(super) fn of(
        host: &str,
        port: u16,
        policy: HostKeys,
        files: Vec<PathBuf>,
        lines: &[Arc<[Line]>],
    ) -> Self {
        let host = host.to_lowercase();
        let name = if port == 22 { host.clone() } else { format!("[{host}]:{port}") };
        let lines = lines.iter().flat_map(|file| file.iter()).filter(|line| line.names(&name));
        let entries =
            lines.filter_map(|line| Some((line.place(), line.text.parse().ok()?))).collect();
        Self { name, host, port, policy, files, entries }
    }

    fn keys(&self, marker: Option<Marker>) -> impl Iterator<Item = &(String, Entry)> {
        self.entries.iter().filter(move |(_, entry)| entry.marker() == marker.as_ref())
    }

    /// The host key algorithms to offer: those of the known keys first, so that the server shows a key that is known.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let default = russh::Preferred::DEFAULT.key;
        // SHA-1 is broken; every server since OpenSSH 7.2 signs with more.
        let all = default.iter().filter(|algorithm| **algorithm != Algorithm::Rsa { hash: None });
        let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
        let is_known = |algorithm: &&Algorithm| {
            self.keys(None).any(|(_, entry)| {
                let known = entry.public_key().algorithm();
                known == **algorithm || (is_rsa(&known) && is_rsa(algorithm))
            })
        };
        let (mut known, other): (Vec<_>, Vec<_>) = all.partition(is_known);
        known.extend(other);
        known.into_iter().cloned().collect()
    }

    /// Whether a certificate authority may speak for the host.
    pub(super) fn has_authority(&self) -> bool {
        self.keys(Some(Marker::CertAuthority)).next().is_some()
    }

    /// Judges what the host shows. An unknown key that the policy accepts is written down.
    pub(super) fn check(&self, shown: &PublicKeyOrCertificate) -> Result<(), RemoteError> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.check_key(key),
            PublicKeyOrCertificate::Certificate(certificate) => self.check_certificate(certificate),
        }
    }

    fn check_key(&self, key: &PublicKey) -> Result<(), RemoteError> {
        let same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
        let shown = fingerprint(key);
        self.check_revoked(key)?;
        if self.keys(None).any(|(_, entry)| same(entry)) {
            return Ok(());
        }
        if let Some((place, entry)) = self.keys(None).next() {
            let known = fingerprint(entry.public_key());
            let message = format!(
                "THE HOST KEY OF {} HAS CHANGED: it shows {shown}, but {place} knows {known}; \
                 somebody may be listening in",
                self.name
            );
            return Err(RemoteError::unreachable(message).with_hint(format!(
                "only if you know why it changed: ssh-keygen -R '{}' -f {}",
                self.name,
                place.rsplit_once(':').map_or(place.as_str(), |(file, _)| file)
            )));
        }
        match self.policy {
            HostKeys::Strict => Err(self.unknown(&shown)),
            HostKeys::AcceptNew => self.learn(key),
        }
    }

    fn check_revoked(&self, key: &PublicKey) -> Result<(), RemoteError> {
        let same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
        let mut revoked = self.keys(Some(Marker::Revoked)).filter(|(_, entry)| same(entry));
        revoked.next().map_or(Ok(()), |(place, entry)| {
            let message = format!(
                "the key of {} is revoked by {place}: {}",
                self.name,
                fingerprint(entry.public_key())
            );
            Err(RemoteError::unreachable(message))
        })
    }

    fn unknown(&self, shown: &str) -> RemoteError {
        let files = self.files.iter().map(|file| file.display().to_string());
        let files = files.collect::<Vec<_>>().join(" and ");
        let message =
            format!("the host key of {} is not known: {shown} (not in {files})", self.name);
        let (host, port) = (&self.host, self.port);
        let port = if port == 22 { String::new() } else { format!("-p {port} ") };
        let first = self.files.first().map_or("FILE".to_owned(), |file| file.display().to_string());
        RemoteError::unreachable(message).with_hint(format!(
            "ssh-keyscan {port}{host} >> {first}, then compare the fingerprint; or host_keys = \"accept-new\""
        ))
    }

    fn learn(&self, key: &PublicKey) -> Result<(), RemoteError> {
        let Some(file) = self.files.first() else { return Err(self.unknown(&fingerprint(key))) };
        let key = PublicKey::new(key.key_data().clone(), "");
        let written = key.to_openssh().map_err(io::Error::other);
        let written = written.and_then(|key| append(file, &format!("{} {key}", self.name)));
        written.map_err(|error| {
            let message = format!("the new key of {} cannot be written down", self.name);
            RemoteError::unreachable(format!("{message}: {}: {error}", file.display()))
        })
    }

    fn check_certificate(&self, certificate: &Certificate) -> Result<(), RemoteError> {
        let refuse = |why: &str| {
            let message = format!("the host certificate of {} is not valid: {why}", self.name);
            Err(RemoteError::unreachable(message))
        };
        self.check_revoked(&PublicKey::from(certificate.public_key().clone()))?;
        self.check_revoked(&PublicKey::from(certificate.signature_key().clone()))?;
        if certificate.cert_type() != CertType::Host {
            return refuse("it is a user's");
        }
        let authorities = self.keys(Some(Marker::CertAuthority));
        let authorities = authorities
            .map(|(_, entry)| entry.public_key().fingerprint(HashAlg::Sha256))
            .collect::<Vec<_>>();
        if certificate.validate(&authorities).is_err() {
            return refuse("it is out of date, or its authority is not known");
        }
        if !certificate.critical_options().is_empty() {
            return refuse("it has critical options that are not known");
        }
        // OpenSSH takes a host certificate without principals for every host; so does a known authority here.
        let principals = certificate.valid_principals();
        if !principals.is_empty()
            && !principals.iter().any(|name| pattern::matches(name, &self.host))
        {
            return refuse(&format!("it is for {}", principals.join(", ")));
        }
        Ok(())
    }
}

fn fingerprint(key: &PublicKey) -> String {
    format!("{} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}

/// Adds a line by one write at the end of the file, so that hosts that are learnt at once do not mix.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    let start = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{start}{line}\n").as_bytes())
}
