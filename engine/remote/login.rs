//! Shows keys to a host until it takes one.

use std::sync::Arc;

use russh::{
    MethodKind,
    client::{AuthResult, Handle},
    keys::{
        Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::net::UnixStream;

use super::{
    RemoteError,
    connection::Client,
    keys::{KeyRing, Loaded},
    target::Target,
};

/// Logs in, or says what was tried.
pub(super) async fn login(
    handle: &mut Handle<Client>,
    target: &Target,
    keys: &KeyRing,
) -> Result<(), RemoteError> {
    let mut login = Login { handle, target, refused: Vec::new(), notes: Vec::new(), over: false };
    let taken = login.offer_all(keys).await.map_err(|error| {
        let message = format!("the login at {} broke off: {error}", target.address());
        RemoteError::unreachable(message)
    })?;
    if taken { Ok(()) } else { Err(login.failure()) }
}

struct Login<'a> {
    handle: &'a mut Handle<Client>,
    target: &'a Target,
    refused: Vec<String>,
    /// Keys that could not be shown, and other things worth knowing.
    notes: Vec<String>,
    /// The host takes no more keys.
    over: bool,
}

impl Login<'_> {
    async fn offer_all(&mut self, keys: &KeyRing) -> Result<bool, russh::Error> {
        let credentials = &self.target.credentials;
        let mut agent = self.agent().await;
        let mut held = match &mut agent {
            Some(agent) => agent.request_identities().await.unwrap_or_default(),
            None => Vec::new(),
        };
        // Keys that somebody named go first; else those of the agent, which somebody has loaded.
        let agent_first = !credentials.named && !credentials.only_files;
        if agent_first && self.offer_held(&mut agent, std::mem::take(&mut held)).await? {
            return Ok(true);
        }
        for file in &credentials.files {
            let name = file.display().to_string();
            match keys.load(file, credentials.passphrase.as_deref()).await {
                Loaded::Key(key, certificate) => {
                    if self.offer_key(key, certificate.map(|it| *it), &name).await? {
                        return Ok(true);
                    }
                }
                Loaded::Public(public, why) => {
                    let same = |it: &AgentIdentity| public_key(it).key_data() == public.key_data();
                    let (mine, other) = held.into_iter().partition::<Vec<_>, _>(same);
                    held = other;
                    if mine.is_empty() {
                        self.notes.push(format!("{name} cannot be used: {why}"));
                    } else if self.offer_held(&mut agent, mine).await? {
                        return Ok(true);
                    }
                }
                Loaded::Missing if credentials.named => {
                    self.notes.push(format!("{name} does not exist"));
                }
                Loaded::Missing => {}
                Loaded::Useless(why) => self.notes.push(format!("{name} cannot be used: {why}")),
            }
        }
        if credentials.only_files { Ok(false) } else { self.offer_held(&mut agent, held).await }
    }

    async fn agent(&mut self) -> Option<AgentClient<UnixStream>> {
        let socket = self.target.credentials.agent.as_ref()?;
        match AgentClient::connect_uds(socket).await {
            Ok(agent) => Some(agent),
            Err(error) => {
                self.notes.push(format!("no agent answers at {}: {error}", socket.display()));
                None
            }
        }
    }

    async fn offer_key(
        &mut self,
        key: Arc<PrivateKey>,
        certificate: Option<Certificate>,
        name: &str,
    ) -> Result<bool, russh::Error> {
        let user = self.target.user.clone();
        if let Some(certificate) = certificate.filter(|_| !self.over) {
            let key = key.clone();
            let result = self.handle.authenticate_openssh_cert(&user, key, certificate).await?;
            if self.judge(&result, format!("{name}-cert.pub")) {
                return Ok(true);
            }
        }
        if self.over {
            return Ok(false);
        }
        let hash = self.hash(&key.algorithm()).await?;
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.handle.authenticate_publickey(&user, key).await?;
        Ok(self.judge(&result, name.to_owned()))
    }

    async fn offer_held(
        &mut self,
        agent: &mut Option<AgentClient<UnixStream>>,
        identities: Vec<AgentIdentity>,
    ) -> Result<bool, russh::Error> {
        let Some(agent) = agent else { return Ok(false) };
        let user = self.target.user.clone();
        for identity in identities {
            if self.over {
                break;
            }
            let hash = self.hash(&public_key(&identity).algorithm()).await?;
            let (result, comment) = match identity {
                AgentIdentity::PublicKey { key, comment } => {
                    let signed = self.handle.authenticate_publickey_with(&user, key, hash, agent);
                    (signed.await, comment)
                }
                AgentIdentity::Certificate { certificate, comment } => {
                    let handle = &mut self.handle;
                    let signed =
                        handle.authenticate_certificate_with(&user, certificate, hash, agent);
                    (signed.await, comment)
                }
            };
            match result {
                Ok(result) => {
                    if self.judge(&result, format!("{comment} of the agent")) {
                        return Ok(true);
                    }
                }
                Err(error) => {
                    self.notes.push(format!("the agent does not sign with {comment}: {error}"));
                }
            }
        }
        Ok(false)
    }

    /// RSA keys sign with SHA-2 wherever the host can read it. Only they wait for the host to say so.
    async fn hash(&self, algorithm: &Algorithm) -> Result<Option<HashAlg>, russh::Error> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        Ok(self.handle.best_supported_rsa_hash().await?.flatten())
    }

    fn judge(&mut self, result: &AuthResult, name: String) -> bool {
        let AuthResult::Failure { remaining_methods, partial_success } = result else {
            return true;
        };
        if *partial_success {
            let wanted =
                remaining_methods.iter().map(<&str>::from).collect::<Vec<_>>().join(" or ");
            self.notes.push(format!("it took {name}, but then asks for {wanted}"));
        } else {
            self.refused.push(name);
        }
        self.over = *partial_success
            || !remaining_methods.contains(&MethodKind::PublicKey)
            || self.handle.is_closed();
        false
    }

    fn failure(self) -> RemoteError {
        let Self { target, refused, notes, .. } = self;
        let (user, host) = (&target.user, &target.host);
        let mut message = match refused.len() {
            0 => format!("there is no key to show to {} for {user}", target.address()),
            1 => format!("{host} refused the key for {user}: {}", refused[0]),
            n => format!("{host} refused {n} keys for {user}: {}", refused.join(", ")),
        };
        for note in &notes {
            message.push_str("; ");
            message.push_str(note);
        }
        let encrypted = notes.iter().any(|note| note.contains("no passphrase"));
        RemoteError::unreachable(message).with_hint(if encrypted {
            "identity_passphrase = \"NAME\" names the secret that opens the key; or load it with ssh-add".to_owned()
        } else if refused.is_empty() {
            "name a key with identity_file, or load one with ssh-add".to_owned()
        } else {
            format!("is the public key in ~{user}/.ssh/authorized_keys on the host? try: ssh -v {user}@{host}")
        })
    }
}

fn public_key(identity: &AgentIdentity) -> PublicKey {
    match identity {
        AgentIdentity::PublicKey { key, .. } => key.clone(),
        AgentIdentity::Certificate { certificate, .. } => certificate.public_key().clone().into(),
    }
}
