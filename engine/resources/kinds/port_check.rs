//! The `port_check` kind.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    base::script::Script,
    resources::{
        check::{self, Check, Patience},
        resource::ArgumentError,
    },
    sh,
};

/// A TCP port that must be open, or closed, seen from the host itself.
///
/// When something before it changed, it waits until that holds, up to the deadline. A port of the host itself is looked
/// up in the kernel; for another one a connection is made, which needs bash or nc on the host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortCheck {
    /// The port.
    port: u16,
    /// Whose port: a name or an address; by default that of the host itself.
    #[serde(default = "itself")]
    host: String,
    /// Whether it must be open, or closed.
    #[serde(default = "yes")]
    open: bool,
    /// Seconds that one try may take.
    #[serde(default = "check::timeout")]
    timeout: u32,
    /// Seconds until it must hold; 30 if `retries` is not given either.
    deadline: Option<u32>,
    /// How often it is tried once more before it has failed, in the place of a deadline.
    retries: Option<u32>,
    /// Seconds between two tries.
    #[serde(default = "check::delay", alias = "interval")]
    delay: u32,
}

fn itself() -> String {
    "127.0.0.1".to_owned()
}

fn yes() -> bool {
    true
}

impl Check for PortCheck {
    const KIND: &'static str = "port_check";
    const FIRST: &'static str = "port";

    fn key(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn check(&self) -> Result<(), ArgumentError> {
        if self.port == 0 {
            return Err(ArgumentError::new("port", "a port is a number from 1 to 65535"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".:-_".contains(c);
        if self.host.is_empty() || self.host.starts_with('-') || !self.host.chars().all(allowed) {
            let message = format!("`{}` is not a host name or an address", self.host);
            return Err(ArgumentError::new("host", message));
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            timeout: self.timeout,
            deadline: self.deadline,
            retries: self.retries,
            delay: self.delay,
        }
    }

    fn attempt(&self) -> Script {
        let open = self.open.to_string();
        if ["127.0.0.1", "localhost", "::1"].contains(&self.host.as_str()) {
            return sh!("port_is {} port_listens {}", open, self.port);
        }
        sh!("port_is {} port_answers {} {} {}", open, self.host, self.port, self.timeout)
    }

    fn wanted(&self) -> Vec<[String; 2]> {
        vec![["open".to_owned(), self.open.to_string()]]
    }

    /// `$2` is whether it is open, or why that is not known.
    fn words(&self) -> Script {
        let port = format!("port {} of {}", self.port, self.host);
        sh!(
            "port={}
case $2 in
true) say \"$port is open\" ;;
false) say \"$port is closed\" ;;
*) say \"it is not known whether $port is open: ${{2#not known: }}\" ;;
esac",
            port
        )
    }
}
