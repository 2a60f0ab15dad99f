//! Which algorithms are offered to a host: all that are sound, in an order that is fast, unless its configuration says
//! otherwise.

use std::borrow::Cow;

use russh::{
    Preferred, cipher, kex,
    keys::{Algorithm, HashAlg},
    mac,
};

use super::{
    RemoteError,
    ssh_config::{Said, Settings},
};
use crate::base::wildcard;

/// The algorithms for one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Algorithms {
    kex: Vec<kex::Name>,
    ciphers: Vec<cipher::Name>,
    macs: Vec<mac::Name>,
    /// Of host keys, by the names that SSH has for them.
    host_keys: Vec<&'static str>,
    /// Of the keys that are shown to the host.
    pub(super) shown: Vec<&'static str>,
    /// Of the authorities that sign host certificates.
    pub(super) authorities: Vec<&'static str>,
    /// The shortest RSA key of a host that is accepted, in bits.
    pub(super) rsa_bits: u32,
}

/// The curves of NIST stand behind Bernstein's, since some hosts may have no other.
const CURVES: [kex::Name; 3] =
    [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];

/// What signs, without SHA-1, which is broken. Every server since OpenSSH 7.2 signs with more.
const SIGNATURES: [&str; 16] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
];

/// What signs with SHA-1, for who asks for it.
const BROKEN: [&str; 2] = ["ssh-rsa", "ssh-rsa-cert-v01@openssh.com"];

impl Algorithms {
    /// What the configuration makes of them.
    ///
    /// # Errors
    /// When it leaves none of a kind.
    pub(super) fn of(settings: &Settings) -> Result<Self, RemoteError> {
        let (all, sound) = ([&SIGNATURES[..], &BROKEN].concat(), &SIGNATURES[..]);
        let signatures = |keyword| choose(settings.said(keyword), sound, &all);
        Ok(Self {
            kex: choose(
                settings.said("kexalgorithms"),
                &usual_kex(),
                &named(kex::ALL_KEX_ALGORITHMS),
            )?,
            ciphers: choose(
                settings.said("ciphers"),
                &usual_ciphers(),
                &named(cipher::ALL_CIPHERS),
            )?,
            macs: choose(
                settings.said("macs"),
                &Preferred::DEFAULT.mac,
                &named(mac::ALL_MAC_ALGORITHMS),
            )?,
            host_keys: signatures("hostkeyalgorithms")?,
            shown: match settings.said("pubkeyacceptedalgorithms") {
                // A host that knows nothing better is shown a signature with SHA-1, unless that is forbidden.
                None => all.clone(),
                said => choose(said, sound, &all)?,
            },
            authorities: signatures("casignaturealgorithms")?,
            rsa_bits: settings.number("requiredrsasize")?.unwrap_or(1024),
        })
    }

    /// What is offered, with host keys in this order of preference.
    pub(super) fn offered(&self, keys: Vec<Algorithm>, certificates: bool) -> Preferred {
        let default = Preferred::DEFAULT;
        // These are no key exchange, but say what both sides know of it, such as the strict one.
        let extensions = default.kex.iter().filter(|name| is_extension(name)).copied();
        let wanted = |ending: &str| {
            let is_wanted = |key: &&Algorithm| {
                let name = format!("{}{ending}", signature(key));
                self.host_keys.contains(&name.as_str())
            };
            keys.iter().filter(is_wanted).cloned().collect::<Vec<_>>()
        };
        Preferred {
            kex: self.kex.iter().copied().chain(extensions).collect(),
            cipher: self.ciphers.clone().into(),
            mac: self.macs.clone().into(),
            host_key_certificates: match certificates {
                true => wanted(CERTIFICATE).into(),
                false => Cow::Borrowed(&[]),
            },
            key: wanted("").into(),
            ..default
        }
    }
}

/// The ending of the names of certificates.
pub(super) const CERTIFICATE: &str = "-cert-v01@openssh.com";

/// The name of a signature by a key of this algorithm.
pub(super) fn signature(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) } => "rsa-sha2-256".to_owned(),
        Algorithm::Rsa { hash: Some(_) } => "rsa-sha2-512".to_owned(),
        other => other.as_str().to_owned(),
    }
}

fn is_extension(name: &kex::Name) -> bool {
    name.as_ref().starts_with("ext-info") || name.as_ref().starts_with("kex-strict")
}

/// Group exchange costs half a second of CPU: only for hosts that know nothing else.
fn usual_kex() -> Vec<kex::Name> {
    let default = Preferred::DEFAULT.kex;
    let usual = default.iter().copied().filter(|name| !is_extension(name));
    let usual = usual.filter(|name| *name != kex::DH_GEX_SHA256 && !CURVES.contains(name));
    let (mut first, last): (Vec<_>, Vec<_>) =
        usual.partition(|name| name.as_ref().contains("25519"));
    first.extend(CURVES.into_iter().chain(last));
    first.push(kex::DH_GEX_SHA256);
    first
}

fn usual_ciphers() -> Vec<cipher::Name> {
    let default = Preferred::DEFAULT.cipher;
    let others = default.iter().copied().filter(|name| *name != cipher::AES_256_GCM);
    std::iter::once(cipher::AES_256_GCM).chain(others).collect()
}

/// All of a kind but those that are none.
fn named<N: Copy + AsRef<str>>(all: &[&N]) -> Vec<N> {
    let real = |name: &&&N| !matches!((**name).as_ref(), "none" | "clear");
    all.iter().filter(real).map(|name| **name).collect()
}

/// A list as OpenSSH writes it: `a,b` for these, `+a` for these too, `-a` for all but these, `^a` for these first.
fn choose<N: Copy + PartialEq + AsRef<str>>(
    said: Option<&Said>,
    usual: &[N],
    known: &[N],
) -> Result<Vec<N>, RemoteError> {
    let Some(said) = said else { return Ok(usual.to_vec()) };
    let list = said.values.concat();
    let (how, list) = match list.chars().next() {
        Some(how @ ('+' | '-' | '^')) => (how, &list[1..]),
        _ => ('=', list.as_str()),
    };
    let is_named = |pattern: &str, name: &N| wildcard::matches(pattern, name.as_ref());
    let mut listed = Vec::new();
    for pattern in list.split(',') {
        let these = known.iter().filter(|name| is_named(pattern, name));
        let new: Vec<N> = these.filter(|name| !listed.contains(*name)).copied().collect();
        listed.extend(new);
    }
    let others = |of: &[N], but: &[N]| -> Vec<N> {
        of.iter().filter(|name| !but.contains(name)).copied().collect()
    };
    let chosen = match how {
        '+' => [usual, &others(&listed, usual)].concat(),
        '-' => others(usual, &listed),
        '^' => [listed.clone(), others(usual, &listed)].concat(),
        _ => listed,
    };
    if chosen.is_empty() {
        let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        return Err(said
            .wrong("leaves nothing that converge supports")
            .with_hint(format!("supported: {}", known.join(", "))));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(list: &str) -> Vec<&'static str> {
        let said = Said {
            values: vec![list.to_owned()],
            rest: String::new(),
            place: "config:1".to_owned(),
        };
        choose(Some(&said), &["a", "b", "c"], &["a", "b", "c", "old-1", "old-2"])
            .unwrap_or_default()
    }

    #[test]
    fn a_list_is_what_openssh_makes_of_it() {
        assert_eq!(chosen("c,x,a"), ["c", "a"]);
        assert_eq!(chosen("+old-1,a"), ["a", "b", "c", "old-1"]);
        assert_eq!(chosen("+old-*"), ["a", "b", "c", "old-1", "old-2"]);
        assert_eq!(chosen("-b,o*"), ["a", "c"]);
        assert_eq!(chosen("^c"), ["c", "a", "b"]);
        assert!(chosen("x,y").is_empty());
    }

    #[test]
    fn the_usual_lists_have_what_hardened_hosts_ask_for() {
        let usual = usual_kex();
        let place = |name: kex::Name| usual.iter().position(|known| *known == name).unwrap();
        assert!(place(kex::CURVE25519) < place(kex::ECDH_SHA2_NISTP256));
        assert_eq!(place(kex::DH_GEX_SHA256), usual.len() - 1);
        assert_eq!(usual_ciphers()[0], cipher::AES_256_GCM);
    }
}
