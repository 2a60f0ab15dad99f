//! Opens the long-lived `sh` as the identity that scripts run as.

use std::time::Duration;

use super::{RemoteError, piece::End, secrets::Passwords};
use crate::{
    base::secret::Secret,
    input::inventory::{Become, Host},
};

/// Who scripts run as on a host.
#[derive(Clone)]
pub(super) struct Identity {
    /// The host's name, for messages.
    host: String,
    /// How scripts become root.
    pub(super) how: Become,
    /// The password for that.
    pub(super) password: Option<Secret>,
    /// How long the host may take to give a shell.
    pub(super) patience: Duration,
}

impl Identity {
    /// The identity that the inventory asks for.
    pub(super) fn of(
        host: &Host,
        passwords: &dyn Passwords,
        patience: Duration,
    ) -> Result<Self, RemoteError> {
        let connection = &host.connection;
        let named = connection.become_password.as_deref();
        let password = named.map(|name| {
            let secret = passwords.secret(name);
            secret.map_err(|why| RemoteError::unreachable(format!("become_password: {why}")))
        });
        let host = host.name.to_string();
        Ok(Self { host, how: connection.r#become, password: password.transpose()?, patience })
    }

    /// The command for the login shell. Like the one that unpacks content, it is harmless to csh and fish.
    ///
    /// Whoever is root already becomes nobody else: root is who owns `/`, which `test` tells without another process.
    /// The password is not sent before it was asked for: where none is needed it would be run as a command. So the
    /// shell says on both streams when it is ready.
    pub(super) fn command(&self, arguments: &str, prompt: &str) -> String {
        let r#become = match (self.how, &self.password) {
            (Become::None, _) => return format!("exec sh{arguments}"),
            (Become::Sudo, None) => format!("sudo -n -H sh{arguments}"),
            (Become::Sudo, Some(_)) => format!("sudo -S -p {prompt}: -H sh{arguments}"),
            (Become::Doas, _) => format!("doas -n sh{arguments}"),
            (Become::Su, _) => format!("env LC_ALL=C su -s /bin/sh{arguments} root"),
        };
        format!("test -O / && exec sh{arguments}; exec {become}")
    }

    fn tool(&self) -> &'static str {
        match self.how {
            Become::None => "the login",
            Become::Sudo => "sudo",
            Become::Doas => "doas",
            Become::Su => "su",
        }
    }

    /// The error when there was no shell in time.
    pub(super) fn silent(&self) -> RemoteError {
        let (tool, host, after) = (self.tool(), &self.host, self.patience.as_secs());
        RemoteError::unreachable(format!("{tool} gave no shell on {host} within {after} s")).with_hint(
            "does a start-up file of the login shell, such as .bashrc or .zshenv, wait for something, or exec another \
             program?",
        )
    }

    /// The error when it asks for a password, and there is none.
    pub(super) fn asks(&self) -> RemoteError {
        let message = format!("{} on {} asks for a password", self.tool(), self.host);
        RemoteError::unreachable(message).with_hint(match self.how {
            Become::Doas => {
                "doas reads a password from a terminal only: permit the user with `nopass`"
            }
            Become::Sudo if self.password.is_none() => {
                "become_password = \"NAME\" names the secret that holds it; if sudoers lets this user run some commands \
                 without one (sudo -l lists them), sh has to be one of them"
            }
            _ => "become_password = \"NAME\" names the secret that holds it",
        })
    }

    /// The error when it asks again.
    pub(super) fn wrong_password(&self) -> RemoteError {
        let name = self.password.as_ref().map_or("", Secret::name);
        let (tool, host) = (self.tool(), &self.host);
        RemoteError::unreachable(format!("{tool} on {host} rejects the password of secret {name}"))
    }

    /// Why there is no shell, from the tool's last words.
    pub(super) fn explain(&self, end: &End, said: &str) -> RemoteError {
        let (tool, host) = (self.tool(), &self.host);
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if self.how != Become::None {
            if says(&["must have a tty", "no tty present"]) {
                let message = format!("{tool} on {host} wants a terminal: {said}");
                return RemoteError::unreachable(message)
                    .with_hint("remove `requiretty` for this user from the sudoers file");
            }
            if says(&[
                "is not allowed to",
                "not in the sudoers",
                "may not run sudo",
                "not allowed to run sudo",
            ]) {
                let message = format!("{tool} on {host} does not run sh for this user: {said}");
                return RemoteError::unreachable(message).with_hint(
                    "sudoers has to allow sh, since all scripts run in one: `USER ALL=(root) NOPASSWD: /bin/sh`; sudo -l \
                     lists what it allows now",
                );
            }
            if says(&["not found", "No such file"]) {
                let message = format!("there is no {tool} on {host}: {said}");
                return RemoteError::unreachable(message)
                    .with_hint("install it, log in as root, or choose another `become`");
            }
            if says(&["incorrect password", "uthentication failure", "incorrect authentication"])
                && self.password.is_some()
            {
                return self.wrong_password();
            }
            if says(&["password is required", "uthentication required", "uthorization required"]) {
                return self.asks();
            }
        }
        let words = if said.is_empty() { end.to_string() } else { said.to_owned() };
        let error = RemoteError::unreachable(format!("{tool} gave no shell on {host}: {words}"));
        match end {
            // What sshd itself ends with then.
            End::Exit(254) => error.with_hint("/etc/nologin exists: only root may log in now"),
            End::Exit(_) if said.is_empty() || says(&["currently not available"]) => error.with_hint(
                "is the login shell of the user /bin/false or nologin (getent passwd USER), or does one of its start-up \
                 files, such as .bashrc, .profile or .zshenv, end it (exit, exec)?",
            ),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use futures::future::BoxFuture;

    use super::{
        super::{
            pipe::{Commands, Pipe},
            shell::{Scope, Shell},
        },
        *,
    };
    use crate::{
        io::remote::{Captured, counters::Counters, local::Children},
        sh,
    };

    /// Commands on this machine, with tools of our own before its own, as somebody who is not root.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn with(tool: &str, text: &str) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            let path = machine.0.path().join(tool);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
            machine
        }
    }

    #[async_trait::async_trait]
    impl Commands for Machine {
        async fn start(&self, command: &str) -> Result<Pipe, RemoteError> {
            let folder = self.0.path().display();
            let noise = "echo Welcome; echo Last login >&2; test() { false; }";
            Children.start(&format!("PATH={folder}:$PATH; export PATH; {noise}; {command}")).await
        }

        async fn cut(&self) {}
    }

    /// Asks for a password, as `sudo -S -p PROMPT -H COMMAND..` does, and takes `right`.
    const ASKS: &str = r#"case $1 in -n) echo 'sudo: a password is required' >&2; exit 1;; esac
        for try in 1 2 3; do
            printf %s "$3" >&2; read -r given || exit 1
            if [ "$given" = right ]; then shift 4; exec "$@"; fi
            echo 'Sorry, try again.' >&2
        done
        exit 1"#;

    /// Asks for none.
    const OPEN: &str = r#"while [ "$1" != sh ]; do shift; done; exec "$@""#;

    async fn enter(
        machine: &Machine,
        how: Become,
        password: Option<&str>,
    ) -> Result<(), RemoteError> {
        let password = password.map(|text| Secret::new("root_password", text));
        let patience = Duration::from_secs(60);
        let identity = Identity { host: "web-1".to_owned(), how, password, patience };
        let mut shell = Shell::open(identity, machine).await?;
        let mut output = Captured::default();
        let script = sh!("read x; echo \"got $x\"; echo err >&2");
        let end = |_, _: &_| -> BoxFuture<'_, ()> { Box::pin(async {}) };
        shell.run(&script, Scope::Subshell, &mut output, &Counters::default(), &end).await?;
        assert_eq!((&*output.stdout, &*output.stderr), (&b"got \n"[..], &b"err\n"[..]));
        Ok(())
    }

    fn unreachable(message: &str, hint: Option<&str>) -> Result<(), RemoteError> {
        let (message, hint) = (message.to_owned(), hint.map(str::to_owned));
        Err(RemoteError::Unreachable { message, hint })
    }

    #[tokio::test]
    async fn the_password_is_given_only_to_who_asks() {
        let asks = Machine::with("sudo", ASKS);
        assert_eq!(enter(&asks, Become::Sudo, Some("right\n")).await, Ok(()));
        let open = Machine::with("sudo", OPEN);
        assert_eq!(enter(&open, Become::Sudo, Some("right")).await, Ok(()));
        assert_eq!(enter(&open, Become::Sudo, None).await, Ok(()));
    }

    #[tokio::test]
    async fn a_password_that_is_missing_or_wrong_is_said_so() {
        let asks = Machine::with("sudo", ASKS);
        let missing = enter(&asks, Become::Sudo, None).await.unwrap_err();
        let RemoteError::Unreachable { message, hint: Some(hint) } = missing else { panic!() };
        assert_eq!(message, "sudo on web-1 asks for a password");
        assert!(hint.contains("become_password = \"NAME\"") && hint.contains("sudo -l"), "{hint}");
        let wrong = unreachable("sudo on web-1 rejects the password of secret root_password", None);
        assert_eq!(enter(&asks, Become::Sudo, Some("wrong")).await, wrong);
    }

    #[tokio::test]
    async fn su_asks_on_the_standard_error() {
        let su = r#"printf 'Password: ' >&2; read -r given
            [ "$given" = right ] || { echo 'su: Authentication failure' >&2; exit 1; }
            exec sh -c "$4""#;
        let su = Machine::with("su", su);
        assert_eq!(enter(&su, Become::Su, Some("right")).await, Ok(()));
        let wrong = unreachable("su on web-1 rejects the password of secret root_password", None);
        assert_eq!(enter(&su, Become::Su, Some("wrong")).await, wrong);
    }

    #[tokio::test]
    async fn what_the_tool_said_is_passed_on() {
        let says = |text: &str| Machine::with("doas", &format!("echo '{text}' >&2; exit 1"));
        let error = enter(&says("doas: Operation not permitted"), Become::Doas, None).await;
        let said = "doas gave no shell on web-1: Last login; doas: Operation not permitted";
        assert_eq!(error, unreachable(said, None));
        let error =
            enter(&says("doas: Authentication required"), Become::Doas, None).await.unwrap_err();
        assert_eq!(error.to_string(), "doas on web-1 asks for a password");
    }
}
