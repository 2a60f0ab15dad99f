//! What a container is made of.

use std::collections::BTreeMap;

use super::Container;
use crate::{
    base::secret::Text,
    resources::docker::{self, ContainerConfig},
};

impl Container {
    /// Each argument that is given, the option of Docker that it is, and its values.
    pub(super) fn options(&self) -> Vec<(&'static str, &'static str, Vec<String>)> {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let mut options = vec![
            ("ports", "--publish", self.ports.clone()),
            ("volumes", "--volume", self.volumes.clone()),
            ("tmpfs", "--tmpfs", self.tmpfs.clone()),
            ("network", "--network", one(&self.network)),
            ("extra_hosts", "--add-host", self.extra_hosts.clone()),
            ("restart", "--restart", vec![self.restart.clone()]),
            ("labels", "--label", pairs(&self.labels)),
            ("user", "--user", one(&self.user)),
            ("memory", "--memory", one(&self.memory)),
            ("cpus", "--cpus", one(&self.cpus)),
            ("read_only", "--read-only", if self.read_only { vec!["true".into()] } else { vec![] }),
            ("cap_add", "--cap-add", self.cap_add.clone()),
            ("cap_drop", "--cap-drop", self.cap_drop.clone()),
            ("security_opt", "--security-opt", self.security_opt.clone()),
            ("log_driver", "--log-driver", one(&self.log_driver)),
            ("log_options", "--log-opt", pairs(&self.log_options)),
            (
                "stop_timeout",
                "--stop-timeout",
                self.stop_timeout.iter().map(u32::to_string).collect(),
            ),
        ];
        options.retain(|(_, _, values)| !values.is_empty());
        options
    }

    /// What it is made of; secrets as digests.
    pub(super) fn config(&self) -> ContainerConfig {
        let env = self.env.iter().map(|(name, value)| {
            let value = match value {
                Text::Plain(text) => text.clone(),
                Text::Secret(text) => docker::secret(&self.name, name, text.expose()),
            };
            (format!("env.{name}"), vec![value])
        });
        let options =
            self.options().into_iter().map(|(argument, _, values)| (argument.to_owned(), values));
        let mut config: ContainerConfig = env.chain(options).collect();
        config.extend(self.image.iter().map(|image| ("image".to_owned(), vec![image.clone()])));
        if !self.command.is_empty() {
            config.insert("command".to_owned(), self.command.clone());
        }
        config
    }
}
