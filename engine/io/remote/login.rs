//! Logs in at a host: shows keys, and gives a password where one is named, until the host is content.

use russh::{
    MethodKind, MethodSet,
    client::{AuthResult, KeyboardInteractiveAuthResponse as Answer, Prompt},
};

use super::{
    RemoteError,
    connection::SshConnection,
    keys::KeyRing,
    offer::Offers,
    pipe::one_line,
    target::{LoginMethod, LoginTarget},
};
use crate::base::secret::Secret;

/// Logs in, or says what was tried.
pub(super) async fn login(
    connection: &mut SshConnection,
    target: &LoginTarget,
    keys: &KeyRing,
) -> Result<(), RemoteError> {
    let password = target.credentials.password.as_deref().map(|name| {
        let secret = keys.secret(name);
        secret.map_err(|why| RemoteError::unreachable(format!("password: {why}")))
    });
    let password = password.transpose()?;
    let mut login =
        Login { connection, target, password, wanted: None, taken: Vec::new(), tried: Vec::new() };
    let mut offers = Offers::default();
    let over = login.try_all(keys, &mut offers).await.map_err(|error| {
        let why = login.connection.gone().map_or_else(|| error.to_string(), str::to_owned);
        RemoteError::unreachable(format!("the login at {} broke off: {why}", target.address()))
    })?;
    if over { Ok(()) } else { Err(login.failure(&offers)) }
}

struct Login<'a> {
    connection: &'a mut SshConnection,
    target: &'a LoginTarget,
    password: Option<Secret>,
    /// The methods that the host takes, once it has said so.
    wanted: Option<MethodSet>,
    /// What it took, though it was not enough.
    taken: Vec<String>,
    /// What became of a password.
    tried: Vec<String>,
}

/// What came of a method.
enum LoginOutcome {
    In,
    /// It was right, and more is needed.
    More,
    Refused,
}

impl Login<'_> {
    /// One method after the other. After one that the host takes as a part, all others are tried again.
    async fn try_all(&mut self, keys: &KeyRing, offers: &mut Offers) -> Result<bool, russh::Error> {
        let mut left = self.target.credentials.methods.clone();
        while let Some(at) = left.iter().position(|method| self.is_wanted(*method)) {
            let method = left.remove(at);
            let outcome = match method {
                LoginMethod::Key => self.show_keys(keys, offers).await?,
                LoginMethod::Questions => self.answer().await?,
                LoginMethod::Password => self.give_password().await?,
            };
            match outcome {
                LoginOutcome::In => return Ok(true),
                LoginOutcome::More if self.taken.len() > 4 => break,
                // What was refused before may be taken now, in its turn.
                LoginOutcome::More => {
                    let others = self.target.credentials.methods.iter();
                    left = others.copied().filter(|other| *other != method).collect();
                }
                LoginOutcome::Refused => {}
            }
        }
        Ok(false)
    }

    fn is_wanted(&self, method: LoginMethod) -> bool {
        let kind = match method {
            LoginMethod::Key => MethodKind::PublicKey,
            LoginMethod::Questions => MethodKind::KeyboardInteractive,
            LoginMethod::Password => MethodKind::Password,
        };
        let can = method == LoginMethod::Key || self.password.is_some();
        let asked = self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&kind));
        can && asked && !self.connection.is_closed()
    }

    async fn show_keys(
        &mut self,
        keys: &KeyRing,
        offers: &mut Offers,
    ) -> Result<LoginOutcome, russh::Error> {
        let result = offers.show(self.connection.handle(), self.target, keys).await?;
        if result.is_some() {
            self.wanted = offers.wanted.clone();
        }
        Ok(match result {
            Some(true) => LoginOutcome::In,
            Some(false) if offers.taken.is_some() => {
                self.taken.extend(offers.taken.take());
                LoginOutcome::More
            }
            _ => LoginOutcome::Refused,
        })
    }

    async fn give_password(&mut self) -> Result<LoginOutcome, russh::Error> {
        let Some(password) = &self.password else { return Ok(LoginOutcome::Refused) };
        let (user, text) = (self.target.user.clone(), line(password));
        let result = self.connection.handle().authenticate_password(user, text).await?;
        let AuthResult::Failure { remaining_methods, partial_success } = result else {
            return Ok(LoginOutcome::In);
        };
        let said = (!partial_success).then(|| "rejects the password".to_owned());
        Ok(self.judge("password", said, remaining_methods, partial_success))
    }

    async fn answer(&mut self) -> Result<LoginOutcome, russh::Error> {
        let Some(password) = &self.password else { return Ok(LoginOutcome::Refused) };
        let (user, text) = (self.target.user.clone(), line(password));
        let (mut given, mut puzzled) = (false, None);
        let handle = self.connection.handle();
        let mut answer = handle.authenticate_keyboard_interactive_start(user, None).await?;
        loop {
            match answer {
                Answer::Success => return Ok(LoginOutcome::In),
                Answer::Failure { remaining_methods, partial_success } => {
                    let said = puzzled.or(given.then(|| "rejects the password".to_owned()));
                    let said = said.filter(|_| !partial_success);
                    let method = "keyboard-interactive";
                    return Ok(self.judge(method, said, remaining_methods, partial_success));
                }
                Answer::InfoRequest { prompts, .. } => {
                    let mut answers = Vec::new();
                    for prompt in &prompts {
                        let asks = asks_for_password(prompt) && !given;
                        if !asks {
                            let text = one_line(prompt.prompt.as_bytes());
                            puzzled.get_or_insert(match asks_for_password(prompt) {
                                true => "rejects the password".to_owned(),
                                false => format!("asks `{text}`, which converge does not answer"),
                            });
                        }
                        given |= asks;
                        answers.push(if asks { text.clone() } else { String::new() });
                    }
                    let handle = self.connection.handle();
                    answer = handle.authenticate_keyboard_interactive_respond(answers).await?;
                }
            }
        }
    }

    fn judge(
        &mut self,
        method: &str,
        said: Option<String>,
        wanted: MethodSet,
        partial: bool,
    ) -> LoginOutcome {
        self.wanted = Some(wanted);
        if partial {
            self.taken.push(method.to_owned());
            return LoginOutcome::More;
        }
        self.tried.extend(said.filter(|said| !self.tried.contains(said)));
        LoginOutcome::Refused
    }

    fn failure(&self, offers: &Offers) -> RemoteError {
        let LoginTarget { user, host, .. } = self.target;
        let mut parts = Vec::new();
        let ended = self.connection.is_closed();
        if !self.taken.is_empty() {
            parts.push(format!(
                "{host} accepted {} of {user}, but requires more",
                self.taken.join(" and ")
            ));
        }
        match &offers.refused[..] {
            // The last one may have been right: the host then ended the login for another reason.
            [name] if ended => parts.push(format!("{host} ended the login of {user} with {name}")),
            names if ended => parts.push(format!(
                "{host} ended the login of {user} after {} keys: {}",
                names.len(),
                names.join(", ")
            )),
            [] => {}
            [name] => parts.push(format!("{host} rejected the key for {user}: {name}")),
            names => parts.push(format!(
                "{host} rejected {} keys for {user}: {}",
                names.len(),
                names.join(", ")
            )),
        }
        parts.extend(self.tried.iter().map(|what| format!("{host} {what}")));
        if parts.is_empty() {
            parts.push(format!("there is no key to offer to {} for {user}", self.target.address()));
        }
        let wanted = self.wanted_list();
        if !ended && !wanted.is_empty() {
            parts.push(format!("it takes {}", wanted.join(" or ")));
        }
        parts.extend(offers.notes.iter().cloned());
        let said =
            [self.connection.banner(), self.connection.gone().unwrap_or_default().to_owned()];
        let said = said.map(|text| one_line(text.as_bytes()));
        let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
        if !said.is_empty() {
            parts.push(format!("it says: {}", said.join("; ")));
        }
        RemoteError::unreachable(parts.join("; ")).with_hint(self.hint(
            offers,
            ended,
            &said.join(" "),
        ))
    }

    fn wanted_list(&self) -> Vec<&'static str> {
        self.wanted.iter().flat_map(|wanted| wanted.iter()).map(<&str>::from).collect()
    }

    fn hint(&self, offers: &Offers, ended: bool, said: &str) -> String {
        let LoginTarget { user, host, .. } = self.target;
        let wanted = self.wanted_list();
        let takes_password =
            wanted.iter().any(|it| matches!(*it, "password" | "keyboard-interactive"));
        let names = "password = \"NAME\" names the secret that holds it";
        if said.contains("oo many authentication failures") {
            return "too many keys were offered: name the right one with identity_file".to_owned();
        }
        if ended {
            return format!(
                "the key may be right, and the account of {user} closed for now: /etc/nologin, an expired account or \
                 password, or a rule of PAM or AllowUsers; the log of sshd there says which"
            );
        }
        if !self.taken.is_empty() {
            return match self.password {
                Some(_) => "the host requires a second factor that cannot be a secret; AuthenticationMethods in sshd_config can \
                            leave it out for this user"
                    .to_owned(),
                None => format!(
                    "the host requires a second factor: if it is a password, {names}; one-time codes are not supported: \
                     AuthenticationMethods in sshd_config can leave it out for this user"
                ),
            };
        }
        if self.tried.iter().any(|it| it.contains("rejects the password")) {
            let name = self.password.as_ref().map_or("", Secret::name);
            return format!("is the secret {name} the password of {user} on the host?");
        }
        if !self.tried.is_empty() {
            return "one-time codes are not supported: AuthenticationMethods in sshd_config can leave it out for this \
                    user"
                .to_owned();
        }
        if offers.notes.iter().any(|note| note.contains("no passphrase")) {
            return "identity_passphrase = \"NAME\" names the secret that opens the key; or load it with ssh-add".to_owned();
        }
        if takes_password && !wanted.contains(&"publickey") {
            return format!("it accepts no keys, only a password: {names}");
        }
        let or =
            if takes_password { format!("; or, for its password, {names}") } else { String::new() };
        match offers.refused.is_empty() {
            true => format!("name a key with identity_file, or load one with ssh-add{or}"),
            false => format!(
                "is the public key in ~{user}/.ssh/authorized_keys on the host? try: ssh -v {user}@{host}{or}"
            ),
        }
    }
}

fn line(password: &Secret) -> String {
    password.expose().trim_end_matches(['\r', '\n']).to_owned()
}

/// Whether a question is for the password, and not for a code, a new password, or anything else.
fn asks_for_password(prompt: &Prompt) -> bool {
    const OTHERS: [&str; 10] = [
        "code",
        "token",
        "otp",
        "one-time",
        "verification",
        "passcode",
        "pin",
        "new ",
        "retype",
        "(current)",
    ];
    let text = prompt.prompt.to_lowercase();
    !prompt.echo && !OTHERS.iter().any(|other| text.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_for_the_password_is_answered() {
        let asks =
            |prompt: &str, echo| asks_for_password(&Prompt { prompt: prompt.to_owned(), echo });
        assert!(
            asks("Password: ", false)
                && asks("ops@web's password:", false)
                && asks("Passwort: ", false)
        );
        for other in
            ["Verification code: ", "New password: ", "Retype new password: ", "PIN: ", "OTP:"]
        {
            assert!(!asks(other, false), "{other}");
        }
        assert!(!asks("Password: ", true));
    }
}
