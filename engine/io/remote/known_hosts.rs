//! Which host keys are known: the lines of `known_hosts` files, and what they say about a key.

use std::{
    io::{self, Read as _, Write as _},
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::{
    Preferred,
    keys::{
        Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate,
        ssh_key::{
            certificate::CertType,
            known_hosts::{Entry, HostPatterns, Marker},
            public::KeyData,
        },
    },
};
use sha1::Sha1;

use super::{
    RemoteError,
    algorithms::{Algorithms, signature},
    pattern,
    target::HostKeyRules,
};
use crate::{base::wildcard, input::inventory::HostKeys};

/// The lines of a file. A fleet has one for each host, so those that only name hosts are found by name, and what else
/// stands on a line is read only when its host is met.
#[derive(Debug, Default)]
pub(super) struct KnownHosts {
    file: PathBuf,
    text: String,
    /// The bytes of each line.
    lines: Vec<Range<usize>>,
    /// Plain names, sorted, and on which line each stands.
    named: Vec<(String, usize)>,
    /// Wildcards and hashed names, and on which line they stand.
    others: Vec<(HostPatterns, usize)>,
}

impl KnownHosts {
    /// Reads the text of a file. A line that cannot be read is passed over, as OpenSSH does.
    pub(super) fn parse(file: &Path, text: String) -> Self {
        let (mut lines, mut named, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        for (at, line) in text.split('\n').enumerate() {
            lines.push(start..start + line.len());
            start += line.len() + 1;
            let mut words = line.split_whitespace().filter(|word| !word.starts_with('@'));
            let Some(hosts) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            if hosts.starts_with('|') || hosts.contains(['*', '?', '!']) {
                others.extend(hosts.parse().ok().map(|patterns| (patterns, at)));
            } else {
                named.extend(hosts.split(',').map(|name| (name.to_lowercase(), at)));
            }
        }
        named.sort_unstable();
        Self { file: file.to_owned(), text, lines, named, others }
    }

    /// The keys of the lines that name a host, in their order, each with its place.
    fn about(&self, name: &str) -> impl Iterator<Item = (String, Entry)> {
        let first = self.named.partition_point(|(known, _)| known.as_str() < name);
        let named = self.named[first..].iter().take_while(|(known, _)| known == name);
        let others = self.others.iter().filter(|(patterns, _)| is_named(name, patterns));
        let mut found: Vec<usize> =
            named.map(|(_, at)| *at).chain(others.map(|(_, at)| *at)).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|at| {
            let words: Vec<&str> = self.text[self.lines[at].clone()].split_whitespace().collect();
            let place = format!("{}:{}", self.file.display(), at + 1);
            Some((place, words.join(" ").parse().ok()?))
        })
    }
}

/// Whether a line with wildcards, or with a hashed name, means a host.
fn is_named(host: &str, patterns: &HostPatterns) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => {
            pattern::list_matches(patterns.iter().map(String::as_str), host)
        }
        HostPatterns::HashedName { salt, hash } => {
            let mut mac = Hmac::<Sha1>::new_from_slice(salt).expect("a key may have any length");
            mac.update(host.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
    }
}

/// What is known of the keys of one host.
#[derive(Debug, Clone)]
pub(super) struct KeyTrust {
    rules: HostKeyRules,
    algorithms: Algorithms,
    /// The name in known_hosts: `host`, or `[host]:port` where the port is not 22.
    name: String,
    host: String,
    entries: Vec<(String, Entry)>,
    /// What is known of the host without its port. It counts where nothing is known with it.
    portless: Vec<(String, Entry)>,
}

impl KeyTrust {
    /// What `known` says about a host.
    pub(super) fn of(
        rules: HostKeyRules,
        algorithms: Algorithms,
        known: &[Arc<KnownHosts>],
    ) -> Self {
        let host = rules.name.to_lowercase();
        let about = |name: &str| known.iter().flat_map(|file| file.about(name)).collect();
        let (name, portless) = match rules.port {
            Some(port) if port != 22 => (format!("[{host}]:{port}"), about(&host)),
            _ => (host.clone(), Vec::new()),
        };
        let entries = about(&name);
        Self { rules, algorithms, name, host, entries, portless }
    }

    /// What is offered to the host.
    pub(super) fn offered(&self) -> Preferred {
        self.algorithms.offered(self.key_algorithms(), self.has_authority())
    }

    fn keys(&self, marker: Option<Marker>) -> impl Iterator<Item = &(String, Entry)> {
        let is_marked = move |(_, entry): &&(String, Entry)| entry.marker() == marker.as_ref();
        let with_port = self.entries.iter().filter(is_marked);
        let without = self.portless.iter().filter(is_marked);
        // What is revoked stays so; else a key without the port counts only where there is none with it.
        let only_with = self.entries.iter().any(|entry| is_marked(&entry));
        with_port.chain(
            without.filter(move |(_, it)| !only_with || it.marker() == Some(&Marker::Revoked)),
        )
    }

    /// The host key algorithms to offer: those of the known keys first, so that the server shows a key that is known.
    fn key_algorithms(&self) -> Vec<Algorithm> {
        let default = Preferred::DEFAULT.key;
        let all = default.iter();
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
    fn has_authority(&self) -> bool {
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
        self.check_length(key)?;
        if self.keys(None).any(|(_, entry)| same(entry)) {
            return Ok(());
        }
        // A key of the name without the port may be that of another server there.
        let known = self.entries.iter().find(|(_, entry)| entry.marker().is_none());
        if let Some((place, entry)) = known {
            let known = fingerprint(entry.public_key());
            let message = format!(
                "THE HOST KEY OF {} HAS CHANGED: it presents {shown}, but {place} has {known}; \
                 somebody may be intercepting the connection",
                self.name
            );
            return Err(RemoteError::unreachable(message).with_hint(format!(
                "if you know why it changed: ssh-keygen -R '{}' -f {}",
                self.name,
                place.rsplit_once(':').map_or(place.as_str(), |(file, _)| file)
            )));
        }
        match self.rules.policy {
            HostKeys::Strict => Err(self.unknown(&shown)),
            HostKeys::AcceptNew => self.learn(key),
        }
    }

    /// A short RSA key can be broken.
    fn check_length(&self, key: &PublicKey) -> Result<(), RemoteError> {
        let KeyData::Rsa(rsa) = key.key_data() else { return Ok(()) };
        let (bits, least) = (rsa.key_size(), self.algorithms.rsa_bits);
        if bits >= least {
            return Ok(());
        }
        let message = format!("the RSA key of {} has {bits} bits, of {least} at least", self.name);
        Err(RemoteError::unreachable(message).with_hint("RequiredRSASize in ssh_config says so"))
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
        let HostKeyRules { own, global, not_followed, port, .. } = &self.rules;
        let files = own.iter().chain(global).map(|file| file.display().to_string());
        let files = files.collect::<Vec<_>>().join(" and ");
        let mut message = format!("unknown host key of {}: {shown} (not in {files})", self.name);
        for setting in not_followed {
            message.push_str(&format!("; {setting} is not supported"));
        }
        let port = port.filter(|port| *port != 22);
        let port = port.map_or(String::new(), |port| format!("-p {port} "));
        let kept = own.iter().find(|file| *file != Path::new("/dev/null"));
        let file = kept.map_or("~/.ssh/known_hosts".to_owned(), |file| file.display().to_string());
        // The line that the scan prints has the host's own name.
        let named = if self.rules.port.is_some() { "" } else { ", under that name" };
        let host = &self.host;
        let hint =
            format!("ssh-keyscan {port}{host} >> {file}{named}, then compare the fingerprint");
        RemoteError::unreachable(message).with_hint(match kept {
            Some(_) => format!("{hint}; or host_keys = \"accept-new\""),
            None => format!("{hint}; and known_hosts = \"{file}\", since no file stores keys"),
        })
    }

    fn learn(&self, key: &PublicKey) -> Result<(), RemoteError> {
        let Some(file) = self.rules.own.first() else {
            return Err(self.unknown(&fingerprint(key)));
        };
        let key = PublicKey::new(key.key_data().clone(), "");
        let written = key.to_openssh().map_err(io::Error::other);
        let written = written.and_then(|key| append(file, &format!("{} {key}", self.name)));
        written.map_err(|error| {
            let message = format!("the new key of {} cannot be saved", self.name);
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
        let signer = certificate.signature_key().fingerprint(HashAlg::Sha256);
        if !authorities.contains(&signer) {
            // As OpenSSH does: the key in it may be known by itself.
            return self.check_key(&PublicKey::from(certificate.public_key().clone()));
        }
        let signed = signature(&certificate.signature().algorithm());
        if !self.algorithms.authorities.contains(&signed.as_str()) {
            return refuse(&format!("its authority signs with {signed}"));
        }
        if certificate.validate(&authorities).is_err() {
            return refuse("it has expired, or is not valid yet");
        }
        if !certificate.critical_options().is_empty() {
            return refuse("it has unknown critical options");
        }
        // OpenSSH takes a host certificate without principals for every host; so does a known authority here.
        let principals = certificate.valid_principals();
        if !principals.is_empty()
            && !principals.iter().any(|name| wildcard::matches(name, &self.host))
        {
            return refuse(&format!("it is for {}", principals.join(", ")));
        }
        Ok(())
    }
}

fn fingerprint(key: &PublicKey) -> String {
    format!("{} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}

/// Adds a line that is not there yet, by one write at the end: hosts that are learnt at once do not mix.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if text.split(|&byte| byte == b'\n').any(|known| known == line.as_bytes()) {
        return Ok(());
    }
    let start = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
    file.write_all(format!("{start}{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{super::ssh_config::Settings, *};

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    fn trust(text: &str, host: &str, port: u16) -> KeyTrust {
        let known = KnownHosts::parse(Path::new("/kh"), text.to_owned()).into();
        let rules = HostKeyRules {
            name: host.to_owned(),
            port: Some(port),
            policy: HostKeys::Strict,
            own: vec!["/kh".into()],
            global: Vec::new(),
            not_followed: Vec::new(),
        };
        KeyTrust::of(rules, Algorithms::of(&Settings::default()).unwrap(), &[known])
    }

    fn judge(text: &str, host: &str, port: u16, key: &str) -> Result<(), String> {
        let key = PublicKey::from_openssh(key).unwrap();
        trust(text, host, port).check(&key.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_known_key_is_found_by_every_form_of_a_line() {
        let cases = [
            (format!("web-1 {ONE}"), "WEB-1", 22),
            (format!("# comment\n\nother,web-1\t{ONE} a comment"), "web-1", 22),
            (format!("*.example.org,!db.example.org {ONE}"), "web.example.org", 22),
            (format!("[web-1]:2222 {ONE}"), "web-1", 2222),
            // ssh-keygen -H of `web-1` with a salt of twenty zeros.
            (format!("|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|{} {ONE}", hash("web-1")), "web-1", 22),
            (
                format!("|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|{} {ONE}", hash("[web-1]:2222")),
                "web-1",
                2222,
            ),
            (format!("Web-1,web-1 {ONE}"), "web-1", 22),
            (format!("web-1 {TWO}\nweb-1 {ONE}"), "web-1", 2222),
            (format!("web-* {ONE}"), "web-1", 2222),
            (format!("nonsense\nweb-1 {TWO}\nweb-1 {ONE}"), "web-1", 22),
        ];
        for (text, host, port) in cases {
            assert_eq!(judge(&text, host, port, ONE), Ok(()), "{text}");
        }
    }

    fn hash(name: &str) -> String {
        use base64::Engine as _;
        let mut mac = Hmac::<Sha1>::new_from_slice(&[0; 20]).unwrap();
        mac.update(name.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
    }

    #[test]
    fn a_key_that_is_not_known_names_the_fingerprint_and_where_it_was_looked_for() {
        for text in
            [format!("web-2 {ONE}"), format!("*,!web-1 {ONE}"), format!("[web-1]:2222 {ONE}")]
        {
            let error = judge(&text, "web-1", 22, ONE).unwrap_err();
            assert!(
                error.contains("unknown host key of web-1: SHA256:") && error.contains("/kh"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_changed_key_names_the_line_and_both_fingerprints() {
        let error = judge(&format!("# first\nweb-1 {TWO}\n"), "web-1", 22, ONE).unwrap_err();
        assert!(error.contains("HAS CHANGED") && error.contains("/kh:2"), "{error}");
        assert_eq!(error.matches("SHA256:").count(), 2, "{error}");
        assert!(
            judge(&format!("web-1 {ECDSA}"), "web-1", 22, ONE).unwrap_err().contains("CHANGED")
        );
    }

    #[test]
    fn a_key_without_the_port_neither_hides_nor_changes_one_with_it() {
        let judge = |text: &str| judge(text, "web-1", 2222, ONE);
        assert!(judge(&format!("web-1 {TWO}")).unwrap_err().contains("unknown host key"));
        let both = format!("web-1 {ONE}\n[web-1]:2222 {TWO}");
        assert!(judge(&both).unwrap_err().contains("HAS CHANGED"));
        let revoked = format!("[web-1]:2222 {ONE}\n@revoked web-1 {ONE}");
        assert!(judge(&revoked).unwrap_err().contains("revoked by /kh:2"));
        assert!(trust(&format!("@cert-authority web-* {ONE}"), "web-1", 2222).has_authority());
    }

    #[test]
    fn a_revoked_key_is_refused_though_it_is_known() {
        let text = format!("web-1 {ONE}\n@revoked * {ONE}");
        assert!(judge(&text, "web-1", 22, ONE).unwrap_err().contains("revoked by /kh:2"));
    }

    #[test]
    fn an_authority_is_no_host_key() {
        let text = format!("@cert-authority * {ONE}");
        assert!(trust(&text, "web-1", 22).has_authority());
        assert!(judge(&text, "web-1", 22, ONE).unwrap_err().contains("unknown host key"));
    }

    #[test]
    fn the_server_is_asked_first_for_the_key_that_is_known() {
        let first = |text: &str| trust(text, "web-1", 22).offered().key[0].to_string();
        assert_eq!(first(&format!("web-1 {ECDSA}")), "ecdsa-sha2-nistp256");
        assert_eq!(first(&format!("web-1 {ONE}")), "ssh-ed25519");
        assert_eq!(trust("", "web-1", 22).offered().key.len(), 6);
    }

    #[test]
    fn new_keys_are_written_each_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/known_hosts");
        std::fs::create_dir(folder.path().join("new")).unwrap();
        std::fs::write(&file, "no newline at the end").unwrap();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let file = &file;
                scope.spawn(move || append(file, &format!("host-{number} {ONE}")).unwrap());
            }
        });
        let text = std::fs::read_to_string(&file).unwrap();
        let written = text.lines().filter(|line| line.ends_with(ONE)).count();
        assert_eq!((written, text.lines().next()), (16, Some("no newline at the end")));
    }
}
