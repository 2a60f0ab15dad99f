//! The user who runs converge, and the accounts of this machine.

use std::path::PathBuf;

/// The user who runs converge.
#[derive(Debug, Clone, Default)]
pub struct LocalUser {
    /// The home folder.
    pub home: PathBuf,
    /// The login name.
    pub name: Option<String>,
    /// The socket of the ssh-agent.
    pub agent: Option<PathBuf>,
}

impl LocalUser {
    /// As the environment tells: HOME, USER or LOGNAME, SSH_AUTH_SOCK. In containers and scheduled jobs it often
    /// names no user; then the one counts who this process runs as.
    pub fn from_environment() -> Self {
        // A path may be of any bytes, but not the name of a user.
        let path = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            home: path("HOME").unwrap_or_else(|| PathBuf::from("/")),
            name: text("USER").or_else(|| text("LOGNAME")).or_else(|| account().ok().flatten()),
            agent: path("SSH_AUTH_SOCK"),
        }
    }
}

/// The name of the user whom this process runs as, where the accounts of this machine have one.
pub(super) fn account() -> Result<Option<String>, String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    };
    Ok(accounts()?.lines().find_map(name))
}

/// The accounts of this machine. What people are called in them may be written in any way; their names and homes are text.
pub(super) fn accounts() -> Result<String, String> {
    const FILE: &str = "/etc/passwd";
    let bytes = std::fs::read(FILE).map_err(|error| format!("{FILE} cannot be read: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
