//! A container as Docker describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Binding, CONFIG_LABEL, ContainerConfig, HASH_LABEL, REPLACES_LABEL, SECRET,
    canonical::{billionths_as_text, bytes_as_text, canonical, full, published},
    secret,
};
use crate::base::secret::Text;

type Pairs = BTreeMap<String, String>;
type Names = BTreeMap<String, serde_json::Value>;

/// What to ask `docker container inspect` for. Docker leaves out some of what is not set, which `index` takes for nothing.
pub const FORMAT: &str = r#"{"id":{{json .Id}},"name":{{json .Name}},"status":{{json .State.Status}},"image":{{json .Image}},{{with .Config}}"reference":{{json (index . "Image")}},"env":{{json (index . "Env")}},"command":{{json (index . "Cmd")}},"entrypoint":{{json (index . "Entrypoint")}},"user":{{json (index . "User")}},"labels":{{json (index . "Labels")}},"volumes":{{json (index . "Volumes")}},"stop_timeout":{{json (index . "StopTimeout")}},{{end}}{{with .HostConfig}}"binds":{{json (index . "Binds")}},"tmpfs":{{json (index . "Tmpfs")}},"network":{{json (index . "NetworkMode")}},"extra_hosts":{{json (index . "ExtraHosts")}},"restart":{{json (index . "RestartPolicy")}},"memory":{{json (index . "Memory")}},"nano_cpus":{{json (index . "NanoCpus")}},"read_only":{{json (index . "ReadonlyRootfs")}},"cap_add":{{json (index . "CapAdd")}},"cap_drop":{{json (index . "CapDrop")}},"security_opt":{{json (index . "SecurityOpt")}},"log":{{json (index . "LogConfig")}},"ports":{{json (index . "PortBindings")}}{{end}}}"#;

/// What to ask `docker image inspect` for, of what an image gives to each container.
pub const IMAGE_CONFIG: &str = r#"{{with .Config}}{"env":{{json (index . "Env")}},"command":{{json (index . "Cmd")}},"entrypoint":{{json (index . "Entrypoint")}},"user":{{json (index . "User")}},"labels":{{json (index . "Labels")}},"volumes":{{json (index . "Volumes")}}}{{end}}"#;

/// What an image gives to each container.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct ImageConfig {
    env: Option<Vec<String>>,
    command: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    user: String,
    labels: Option<Pairs>,
    volumes: Option<Names>,
}

/// A container as Docker describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FoundContainer {
    /// Its id.
    pub id: String,
    /// Its name, with a slash before it.
    pub name: String,
    /// Whether it runs, or what it does instead.
    pub status: String,
    /// The id of the image it was made from.
    pub image: String,
    /// The name of the image, as it was given.
    reference: String,
    /// What an image can give as well.
    #[serde(flatten)]
    own: ImageConfig,
    stop_timeout: Option<i64>,
    binds: Option<Vec<String>>,
    tmpfs: Option<Pairs>,
    network: String,
    extra_hosts: Option<Vec<String>>,
    restart: Restart,
    memory: i64,
    nano_cpus: i64,
    read_only: bool,
    cap_add: Option<Vec<String>>,
    cap_drop: Option<Vec<String>>,
    security_opt: Option<Vec<String>>,
    log: Log,
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Restart {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "MaximumRetryCount", default)]
    tries: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Log {
    #[serde(rename = "Type")]
    driver: String,
    #[serde(rename = "Config")]
    options: Option<Pairs>,
}

/// Variables that the client of Docker gives to every container, where its own configuration says so.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];

impl FoundContainer {
    /// Whether converge made it.
    pub fn is_ours(&self) -> bool {
        self.label(HASH_LABEL).is_some()
    }

    /// Whether it took the place of the container with this id.
    pub fn replaces(&self, id: &str) -> bool {
        self.label(REPLACES_LABEL) == Some(id)
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.own.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// What it was given, by argument, in the words of what is `wanted`; both in the one way to write them. What the
    /// image gives is not given; `image` is known where the container was made from it.
    pub fn config(
        &self,
        wanted: &ContainerConfig,
        values: &BTreeMap<String, Text>,
        image: Option<&ImageConfig>,
    ) -> ContainerConfig {
        let kept: ContainerConfig = self
            .label(CONFIG_LABEL)
            .and_then(|it| serde_json::from_str(it).ok())
            .unwrap_or_default();
        let mut config = self.variables(wanted, values, &kept, image);
        let mut give = |argument: &str, values: Vec<String>| {
            let values = canonical(argument, &values);
            if !values.is_empty() {
                config.insert(argument.to_owned(), values);
            }
        };
        give("image", self.reference(wanted));
        for (argument, own, of_image) in [
            ("command", &self.own.command, image.map(|image| &image.command)),
            ("entrypoint", &self.own.entrypoint, image.map(|image| &image.entrypoint)),
        ] {
            let own = own.clone().unwrap_or_default();
            let given = match of_image {
                Some(of_image) => own != of_image.clone().unwrap_or_default(),
                None => kept.contains_key(argument),
            };
            if given || wanted.contains_key(argument) {
                give(argument, own);
            }
        }
        let user_given = match image {
            Some(image) => self.own.user != image.user,
            None => kept.contains_key("user"),
        };
        if !self.own.user.is_empty() && (user_given || wanted.contains_key("user")) {
            give("user", vec![self.own.user.clone()]);
        }
        give("labels", self.labels(wanted, &kept, image));
        let anonymous =
            |names: &Option<Names>| names.iter().flat_map(|it| it.keys().cloned()).collect();
        let mut volumes: Vec<String> = anonymous(&self.own.volumes);
        if let Some(image) = image {
            let of_image: Vec<String> = anonymous(&image.volumes);
            let declared = |it: &String| wanted.get("volumes").is_some_and(|all| all.contains(it));
            volumes.retain(|it| !of_image.contains(it) || declared(it));
        } else {
            volumes.retain(|it| kept.get("volumes").is_some_and(|kept| kept.contains(it)));
        }
        volumes.extend(self.binds.clone().unwrap_or_default());
        give("volumes", volumes);
        let tmpfs = |(path, options): (&String, &String)| match options.is_empty() {
            true => path.clone(),
            false => format!("{path}:{options}"),
        };
        give("tmpfs", self.tmpfs.iter().flatten().map(tmpfs).collect());
        give(
            "network",
            match self.network.starts_with("container:") {
                // It is given by its name, and kept by its id.
                true => kept.get("network").cloned().unwrap_or_default(),
                false => vec![self.network.clone()],
            },
        );
        give("extra_hosts", self.extra_hosts.clone().unwrap_or_default());
        give(
            "restart",
            vec![match self.restart.tries {
                0 => self.restart.name.clone(),
                tries => format!("{}:{tries}", self.restart.name),
            }],
        );
        give(
            "memory",
            (self.memory != 0).then(|| bytes_as_text(self.memory)).into_iter().collect(),
        );
        let cpus = (self.nano_cpus != 0).then(|| billionths_as_text(self.nano_cpus));
        give("cpus", cpus.into_iter().collect());
        give("read_only", if self.read_only { vec!["true".to_owned()] } else { Vec::new() });
        give("cap_add", self.cap_add.clone().unwrap_or_default());
        give("cap_drop", self.cap_drop.clone().unwrap_or_default());
        give("security_opt", self.security_options(&kept));
        // The daemon's own driver and its options come to those that were given.
        if wanted.contains_key("log_driver") || kept.contains_key("log_driver") {
            give("log_driver", vec![self.log.driver.clone()]);
        }
        give("log_options", self.log_options(wanted, &kept));
        give("stop_timeout", self.stop_timeout.iter().map(i64::to_string).collect());
        give("ports", self.published());
        config
    }

    /// The name of the image as it is wanted, where that means the same.
    fn reference(&self, wanted: &ContainerConfig) -> Vec<String> {
        let same = |name: &&String| full(name) == full(&self.reference) || **name == self.image;
        let name = wanted.get("image").and_then(|names| names.iter().find(same));
        vec![name.unwrap_or(&self.reference).clone()]
    }

    /// The variables. A value that is none of a role's, or may be a secret, is a digest.
    fn variables(
        &self,
        wanted: &ContainerConfig,
        values: &BTreeMap<String, Text>,
        kept: &ContainerConfig,
        image: Option<&ImageConfig>,
    ) -> ContainerConfig {
        let of_image = image.map(|image| image.env.as_deref().unwrap_or_default());
        let mut config = ContainerConfig::new();
        for line in self.own.env.iter().flatten() {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let argument = format!("env.{name}");
            let given = match of_image {
                Some(lines) => !lines.contains(line) && !is_proxy(name),
                None => kept.contains_key(&argument),
            };
            let is_wanted = values.get(name).is_some_and(|wanted| wanted.expose() == value);
            let shown = match (wanted.get(&argument), kept.get(&argument)) {
                (Some(wanted), _) if is_wanted => wanted.clone(),
                (None, _) if !given => continue,
                (_, Some(kept)) if !kept.iter().any(|it| it.starts_with(SECRET)) => {
                    vec![value.to_owned()]
                }
                _ => vec![secret(&self.name, name, value)],
            };
            config.insert(argument, shown);
        }
        config
    }

    fn labels(
        &self,
        wanted: &ContainerConfig,
        kept: &ContainerConfig,
        image: Option<&ImageConfig>,
    ) -> Vec<String> {
        let is_in = |config: &ContainerConfig, name: &str| {
            let starts = |it: &String| it.split('=').next() == Some(name);
            config.get("labels").is_some_and(|all| all.iter().any(starts))
        };
        let of_image = image.map(|image| image.labels.as_ref());
        let given = |(name, value): &(&String, &String)| match of_image {
            _ if name.starts_with("converge.") => false,
            _ if is_in(wanted, name) => true,
            Some(labels) => labels.and_then(|labels| labels.get(*name)) != Some(*value),
            None => is_in(kept, name),
        };
        let labels = self.own.labels.iter().flatten();
        labels.filter(given).map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// Those that were given, where the client or the daemon makes something else of one.
    fn security_options(&self, kept: &ContainerConfig) -> Vec<String> {
        let made_over = |it: &String| {
            it.starts_with("systempaths") || (it.starts_with("seccomp=") && it.contains(['/', '.']))
        };
        match kept.get("security_opt").filter(|kept| kept.iter().any(made_over)) {
            Some(kept) => kept.clone(),
            None => self.security_opt.clone().unwrap_or_default(),
        }
    }

    fn log_options(&self, wanted: &ContainerConfig, kept: &ContainerConfig) -> Vec<String> {
        let names = |config: &ContainerConfig| -> Vec<String> {
            let name = |it: &String| it.split('=').next().unwrap_or_default().to_owned();
            config.get("log_options").into_iter().flatten().map(name).collect()
        };
        let given = [names(wanted), names(kept)].concat();
        let options = self.log.options.iter().flatten().filter(|(name, _)| given.contains(name));
        options.map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn published(&self) -> Vec<String> {
        let bindings = self.ports.iter().flatten().flat_map(|(inside, bindings)| {
            bindings.iter().flatten().map(move |it| published(&it.address, &it.port, inside))
        });
        bindings.collect()
    }
}

fn is_proxy(name: &str) -> bool {
    PROXIES.contains(&name.to_ascii_lowercase().as_str())
}
