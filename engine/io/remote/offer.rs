//! Shows keys to a host until it takes one.

use std::sync::Arc;

use russh::{
    MethodKind, MethodSet, Signer as AuthSigner,
    client::{AuthResult, Handle},
    keys::{
        Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
        load_openssh_certificate,
        ssh_key::private::KeypairData,
    },
};
use signature::Signer as _;
use tokio::net::UnixStream;

use super::{
    algorithms::{CERTIFICATE, signature},
    connection::Client,
    keys::{KeyRing, Loaded},
    target::LoginTarget,
};

/// What was shown, and what became of it.
#[derive(Default)]
pub(super) struct Offers {
    pub(super) refused: Vec<String>,
    /// The key that the host took, though it was not enough.
    pub(super) taken: Option<String>,
    /// The methods that the host takes, once it has said so.
    pub(super) wanted: Option<MethodSet>,
    /// Keys that could not be shown, and other things worth knowing.
    pub(super) notes: Vec<String>,
}

/// Where a host has a password to ask for, so many keys leave a try for it: sshd allows six.
const BEFORE_A_PASSWORD: usize = 4;

impl Offers {
    /// Shows all keys. Without a key there is no result; else, whether the host let us in.
    pub(super) async fn show(
        &mut self,
        handle: &mut Handle<Client>,
        target: &LoginTarget,
        keys: &KeyRing,
    ) -> Result<Option<bool>, russh::Error> {
        let mut show = Show { offers: self, handle, target, certificates: Vec::new(), over: false };
        show.read_certificates();
        let taken = show.all(keys).await?;
        let shown = taken || !self.refused.is_empty() || self.taken.is_some();
        Ok(shown.then_some(taken))
    }
}

struct Show<'a> {
    offers: &'a mut Offers,
    handle: &'a mut Handle<Client>,
    target: &'a LoginTarget,
    /// Those of files of their own, with the names of the files.
    certificates: Vec<(Certificate, String)>,
    /// The host takes no more keys.
    over: bool,
}

impl Show<'_> {
    fn read_certificates(&mut self) {
        for file in &self.target.credentials.certificates {
            let name = file.display().to_string();
            match load_openssh_certificate(file) {
                Ok(certificate) => self.certificates.push((certificate, name)),
                Err(error) => self.offers.notes.push(format!("{name} cannot be used: {error}")),
            }
        }
    }

    async fn all(&mut self, keys: &KeyRing) -> Result<bool, russh::Error> {
        let credentials = &self.target.credentials;
        let mut agent = self.agent().await;
        let mut held = match &mut agent {
            Some(agent) => agent.request_identities().await.unwrap_or_default(),
            None => Vec::new(),
        };
        // Keys that somebody named go first; else those of the agent, which somebody has loaded.
        let agent_first = !credentials.named && !credentials.only_files;
        if agent_first && self.held(&mut agent, std::mem::take(&mut held)).await? {
            return Ok(true);
        }
        for file in &credentials.files {
            let name = file.display().to_string();
            match keys.load(file, credentials.passphrase.as_deref()).await {
                Loaded::Key(key, certificate) => {
                    let certificate = certificate.unwrap_or_else(|why| {
                        self.offers.notes.push(why);
                        None
                    });
                    if self.key(key, certificate.map(|it| *it), &name).await? {
                        return Ok(true);
                    }
                }
                Loaded::Public(public, why) => {
                    let same = |it: &AgentIdentity| public_key(it).key_data() == public.key_data();
                    let (mine, other) = held.into_iter().partition::<Vec<_>, _>(same);
                    held = other;
                    if mine.is_empty() {
                        self.offers.notes.push(format!("{name} cannot be used: {why}"));
                    } else if self.held(&mut agent, mine).await? {
                        return Ok(true);
                    }
                }
                Loaded::Missing if credentials.named => {
                    self.offers.notes.push(format!("{name} does not exist"));
                }
                Loaded::Missing => {}
                Loaded::Useless(why) => {
                    self.offers.notes.push(format!("{name} cannot be used: {why}"));
                }
            }
        }
        if credentials.only_files { Ok(false) } else { self.held(&mut agent, held).await }
    }

    async fn agent(&mut self) -> Option<AgentClient<UnixStream>> {
        let socket = self.target.credentials.agent.as_ref()?;
        match AgentClient::connect_uds(socket).await {
            Ok(agent) => Some(agent),
            Err(error) => {
                let note = format!("no agent answers at {}: {error}", socket.display());
                self.offers.notes.push(note);
                None
            }
        }
    }

    /// The certificates of a key in files of their own.
    fn certificates_of(&self, key: &PublicKey) -> Vec<(Certificate, String)> {
        let same =
            |(certificate, _): &&(Certificate, String)| certificate.public_key() == key.key_data();
        self.certificates.iter().filter(same).cloned().collect()
    }

    /// A key from a file: its certificates, then itself.
    async fn key(
        &mut self,
        key: Arc<PrivateKey>,
        beside: Option<Certificate>,
        name: &str,
    ) -> Result<bool, russh::Error> {
        let mut certificates = self.certificates_of(key.public_key());
        certificates.extend(beside.map(|it| (it, format!("{name}-cert.pub"))));
        let user = self.target.user.clone();
        let hash = self.hash(&key.algorithm()).await?;
        for (certificate, name) in certificates {
            if !self.may_show(&key.algorithm(), hash, CERTIFICATE, &name) {
                continue;
            }
            let handle = &mut self.handle;
            let result = match key.algorithm() {
                Algorithm::Rsa { .. } => {
                    let signer = &mut FileSigner(key.clone());
                    let shown =
                        handle.authenticate_certificate_with(&user, certificate, hash, signer);
                    shown.await.map_err(|error| error.to_string())
                }
                // It asks first whether the key will do, which costs a round trip; only RSA has more than one hash.
                _ => Ok(handle.authenticate_openssh_cert(&user, key.clone(), certificate).await?),
            };
            match result {
                Ok(result) if self.judge(&result, name.clone()) => return Ok(true),
                Ok(_) => {}
                Err(error) => self.offers.notes.push(format!("{name} cannot be used: {error}")),
            }
        }
        if !self.may_show(&key.algorithm(), hash, "", name) {
            return Ok(false);
        }
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.handle.authenticate_publickey(&user, key).await?;
        Ok(self.judge(&result, name.to_owned()))
    }

    /// Keys that the agent holds, with their certificates.
    async fn held(
        &mut self,
        agent: &mut Option<AgentClient<UnixStream>>,
        identities: Vec<AgentIdentity>,
    ) -> Result<bool, russh::Error> {
        let Some(agent) = agent else { return Ok(false) };
        let user = self.target.user.clone();
        for identity in identities {
            let key = public_key(&identity);
            let hash = self.hash(&key.algorithm()).await?;
            let (own, comment) = match identity {
                AgentIdentity::PublicKey { comment, .. } => (None, comment),
                AgentIdentity::Certificate { certificate, comment } => (Some(certificate), comment),
            };
            let is_key = own.is_none();
            let name = format!("{comment} of the agent");
            let mut certificates = self.certificates_of(&key);
            certificates.extend(own.map(|it| (it, name.clone())));
            for (certificate, name) in certificates {
                if !self.may_show(&key.algorithm(), hash, CERTIFICATE, &name) {
                    continue;
                }
                let handle = &mut self.handle;
                let signed = handle.authenticate_certificate_with(&user, certificate, hash, agent);
                match signed.await {
                    Ok(result) if self.judge(&result, name.clone()) => return Ok(true),
                    Ok(_) => {}
                    Err(error) => self.unsigned(&comment, &error.to_string()),
                }
            }
            if !is_key || !self.may_show(&key.algorithm(), hash, "", &name) {
                continue;
            }
            let signed = self.handle.authenticate_publickey_with(&user, key, hash, agent);
            match signed.await {
                Ok(result) if self.judge(&result, name) => return Ok(true),
                Ok(_) => {}
                Err(error) => self.unsigned(&comment, &error.to_string()),
            }
        }
        Ok(false)
    }

    fn unsigned(&mut self, comment: &str, error: &str) {
        self.offers.notes.push(format!("the agent does not sign with {comment}: {error}"));
    }

    /// RSA keys sign with SHA-2 wherever the host can read it. Only they wait for the host to say so.
    async fn hash(&self, algorithm: &Algorithm) -> Result<Option<HashAlg>, russh::Error> {
        if self.over || !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        let best = self.handle.best_supported_rsa_hash().await?.flatten();
        let other = if best == Some(HashAlg::Sha512) { HashAlg::Sha256 } else { HashAlg::Sha512 };
        let allowed = |hash: &HashAlg| {
            let name = signature(&Algorithm::Rsa { hash: Some(*hash) });
            self.target.algorithms.shown.contains(&name.as_str())
        };
        Ok(best.map(|best| [best, other].into_iter().find(allowed).unwrap_or(best)))
    }

    /// Whether a key may be shown, and another can be taken.
    fn may_show(
        &mut self,
        algorithm: &Algorithm,
        hash: Option<HashAlg>,
        ending: &str,
        name: &str,
    ) -> bool {
        if self.over {
            return false;
        }
        let signed = match algorithm {
            Algorithm::Rsa { .. } => signature(&Algorithm::Rsa { hash }),
            other => signature(other),
        };
        let signed = match signed.strip_suffix("@openssh.com") {
            Some(short) if !ending.is_empty() => format!("{short}{ending}"),
            _ => format!("{signed}{ending}"),
        };
        let allowed = self.target.algorithms.shown.contains(&signed.as_str());
        if !allowed {
            let note = format!("{name} is not offered: PubkeyAcceptedAlgorithms excludes {signed}");
            self.offers.notes.push(note);
        }
        allowed
    }

    fn judge(&mut self, result: &AuthResult, name: String) -> bool {
        let AuthResult::Failure { remaining_methods, partial_success } = result else {
            return true;
        };
        if *partial_success {
            self.offers.taken = Some(format!("publickey ({name})"));
        } else {
            self.offers.refused.push(name);
        }
        let enough = self.target.credentials.password.is_some()
            && self.offers.refused.len() >= BEFORE_A_PASSWORD;
        self.over = *partial_success
            || enough
            || !remaining_methods.contains(&MethodKind::PublicKey)
            || self.handle.is_closed();
        self.offers.wanted = Some(remaining_methods.clone());
        false
    }
}

/// A key that is here, as russh asks an agent for one: only so can a certificate of an RSA key be signed with SHA-2.
struct FileSigner(Arc<PrivateKey>);

impl AuthSigner for FileSigner {
    type Error = russh::AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let KeypairData::Rsa(pair) = self.0.key_data() else {
            return Err(russh::keys::Error::CouldNotReadKey.into());
        };
        let signed =
            (pair, hash).try_sign(&to_sign).map_err(|_| russh::keys::Error::CouldNotReadKey)?;
        let name = signature(&Algorithm::Rsa { hash });
        let text = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).unwrap_or_default();
            [&length.to_be_bytes(), bytes].concat()
        };
        let signed = [text(name.as_bytes()), text(signed.as_bytes())].concat();
        Ok([to_sign, text(&signed)].concat())
    }
}

fn public_key(identity: &AgentIdentity) -> PublicKey {
    match identity {
        AgentIdentity::PublicKey { key, .. } => key.clone(),
        AgentIdentity::Certificate { certificate, .. } => certificate.public_key().clone().into(),
    }
}
