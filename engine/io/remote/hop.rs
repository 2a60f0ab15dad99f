//! A jump host, as people write it.

use super::RemoteError;

/// A jump host as it is written: `user@name:port`, `user@[v6]:port`, `ssh://user@name:port`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Hop<'a> {
    /// Reads it.
    pub(super) fn parse(text: &'a str) -> Result<Self, RemoteError> {
        let wrong = || {
            RemoteError::unreachable(format!("`{text}` is not a jump host"))
                .with_hint("write it as NAME, or as USER@NAME:PORT")
        };
        let rest = text.strip_prefix("ssh://").unwrap_or(text);
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(u, r)| (Some(u), r));
        let (name, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                // More than one colon: an IPv6 address without a port.
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (rest, None),
            },
        };
        let port = port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
        if name.is_empty() || user == Some("") {
            return Err(wrong());
        }
        Ok(Self { user, name, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_as_people_write_them() {
        let hop = |user, name, port| Hop { user, name, port };
        let cases = [
            ("bastion", hop(None, "bastion", None)),
            ("ops@bastion:2222", hop(Some("ops"), "bastion", Some(2222))),
            ("ssh://ops@bastion:2222", hop(Some("ops"), "bastion", Some(2222))),
            ("ops@[fd00::1]:22", hop(Some("ops"), "fd00::1", Some(22))),
            ("fd00::1", hop(None, "fd00::1", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(Hop::parse(text), Ok(expected), "{text}");
        }
        for text in ["", "@bastion", "bastion:x", "ops@"] {
            assert!(Hop::parse(text).is_err(), "{text}");
        }
    }
}
