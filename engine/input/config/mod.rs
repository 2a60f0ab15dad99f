//! `converge.toml`: what holds for a project, whatever the command line says.

pub mod keys;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::base::{
    diagnostic::{Result, Source},
    document::{Document, DocumentNode, Fields, Kinds},
};

const KINDS: Kinds = Kinds {
    syntax: "config::syntax",
    unknown_key: "config::unknown-key",
    wrong_type: "config::wrong-type",
};

/// How long a host is waited for, and how much of what it says is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take to answer what it is asked: facts, `probe(..)`, its state, its lock.
    pub probe: Duration,
    /// How long a step may take whose resource says nothing of it.
    pub step: Duration,
    /// How long a host whose connection was lost under way is dialled again.
    pub reconnect: Duration,
    /// How long an answer may be, in bytes, beyond what it is asked to bring along.
    pub answer: usize,
    /// How much a step may print, in bytes; only its last lines are kept.
    pub output: usize,
}

const MIB: usize = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(120),
            step: Duration::from_secs(3600),
            reconnect: Duration::from_secs(60),
            answer: 2 * MIB,
            output: 256 * MIB,
        }
    }
}

/// The name of the file, in the folder that is the project.
pub const FILE: &str = "converge.toml";

/// The settings of a project. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder that the project is in.
    pub folder: PathBuf,
    /// The inventories, when the command line names none.
    pub inventory: Vec<PathBuf>,
    /// Where roles are looked for, in order.
    pub roles: Vec<PathBuf>,
    /// How many hosts are worked on at the same time.
    pub concurrency: usize,
    /// How long to wait for a connection; `None` is the default of the remote layer.
    pub connect_timeout: Option<Duration>,
    /// How long to wait for a host that another run holds.
    pub lock_wait: Duration,
    /// What else a host may take.
    pub limits: Limits,
    /// Where secrets come from, in the order they are asked.
    pub secrets: Vec<Provider>,
    /// Who must have signed a plan that is applied.
    pub plans: Plans,
}

/// Who must have signed a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plans {
    /// How many, each another one.
    pub signatures: usize,
    /// The file that says with which key who may sign.
    pub allowed_signers: Option<PathBuf>,
}

impl Plans {
    /// What both ask: the larger number, of those whom the other one names, if it names any.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            signatures: self.signatures.max(other.signatures),
            allowed_signers: other.allowed_signers.clone().or(self.allowed_signers),
        }
    }
}

impl Config {
    /// What holds where there is no file.
    pub fn implied(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            inventory: Vec::new(),
            roles: vec![folder.join("roles")],
            concurrency: 50,
            connect_timeout: None,
            lock_wait: Duration::from_secs(300),
            limits: Limits::default(),
            secrets: Vec::new(),
            plans: Plans::default(),
        }
    }

    /// Reads the file of the project in `folder`; `home` is what `~` stands for in paths.
    ///
    /// # Errors
    /// The first error in it.
    pub fn parse(source: &Source, folder: &Path, home: &Path) -> Result<Self> {
        let document = Document::toml(source, KINDS)?;
        let paths = Paths { folder, home };
        let mut config = Self::implied(folder);
        let mut fields = document.fields()?;
        config.inventory = paths.list(&mut fields, "inventory")?;
        let roles = paths.list(&mut fields, "roles")?;
        if !roles.is_empty() {
            config.roles = roles;
        }
        if let Some(count) = fields.count("concurrency")? {
            config.concurrency = usize::try_from(count).unwrap_or(usize::MAX);
        }
        config.connect_timeout = fields.count("connect_timeout")?.map(Duration::from_secs);
        if let Some(seconds) = fields.count("lock_wait")? {
            config.lock_wait = Duration::from_secs(seconds);
        }
        let Limits { probe, step, reconnect, answer, output } = &mut config.limits;
        let times =
            [("probe_timeout", probe), ("step_timeout", step), ("reconnect_timeout", reconnect)];
        for (name, time) in times {
            if let Some(seconds) = fields.count(name)? {
                *time = Duration::from_secs(seconds);
            }
        }
        for (name, size) in [("answer_max", answer), ("output_max", output)] {
            if let Some(count) = fields.count(name)? {
                *size = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(MIB);
            }
        }
        if let Some(node) = fields.get("secrets") {
            let mut fields = document.fields_of(node)?;
            if let Some(node) = fields.get("providers") {
                let nodes = document.list(node)?.iter();
                config.secrets =
                    nodes.map(|node| provider(&document, node, &paths)).collect::<Result<_>>()?;
            }
            fields.finish()?;
        }
        if let Some(node) = fields.get("plans") {
            let mut fields = document.fields_of(node)?;
            let signatures = fields.count("signatures")?;
            let signatures = signatures.map(|it| usize::try_from(it).unwrap_or(usize::MAX));
            let allowed_signers = fields.text("allowed_signers")?.map(|it| paths.absolute(it));
            config.plans = Plans { signatures: signatures.unwrap_or_default(), allowed_signers };
            fields.finish()?;
        }
        fields.finish()?;
        Ok(config)
    }
}

/// One place to look for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// An environment variable: the prefix, then the name in capitals, with `_` for what is no letter or digit.
    Environment {
        /// Such as `CONVERGE_SECRET_`.
        prefix: String,
    },
    /// A folder with one file for each secret. A file that everyone may read is refused.
    Files {
        /// The folder, absolute.
        folder: PathBuf,
    },
    /// A program that prints the secret; what it prints to its standard error is shown when it fails.
    Command {
        /// The program and its arguments; `{name}` stands for the name.
        argv: Vec<String>,
    },
    /// A TOML file with names in clear and values encrypted with age.
    Age {
        /// The file, absolute.
        file: PathBuf,
        /// The file of the private key, absolute.
        identity: PathBuf,
    },
}

/// What paths are relative to.
struct Paths<'a> {
    folder: &'a Path,
    home: &'a Path,
}

impl Paths<'_> {
    fn absolute(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => self.folder.join(path),
        }
    }

    fn list<'a>(&self, fields: &mut Fields<'a>, name: &'a str) -> Result<Vec<PathBuf>> {
        Ok(fields.texts(name)?.into_iter().map(|(path, _)| self.absolute(path)).collect())
    }
}

/// One provider of secrets: which one is said by its key.
fn provider(document: &Document, node: &DocumentNode, paths: &Paths<'_>) -> Result<Provider> {
    let mut fields = document.fields_of(node)?;
    let environment = fields.text("environment")?;
    let files = fields.text("files")?;
    let command = fields.texts("command")?;
    let age = fields.text("age")?;
    let identity = age.and(fields.text("identity")?);
    fields.finish()?;
    let command = (!command.is_empty()).then_some(command);
    match (environment, files, command, age.zip(identity)) {
        (Some(""), None, None, None) => Err(document
            .error("config::provider", "empty prefix".to_owned(), &node.span)
            .label("every variable would be a secret")
            .hint("secrets of the environment have names that begin alike, such as `APP_SECRET_`")),
        (Some(prefix), None, None, None) => {
            Ok(Provider::Environment { prefix: prefix.to_owned() })
        }
        (None, Some(folder), None, None) => Ok(Provider::Files { folder: paths.absolute(folder) }),
        (None, None, Some(words), None) => Ok(Provider::Command {
            argv: words.into_iter().map(|(word, _)| word.to_owned()).collect(),
        }),
        (None, None, None, Some((file, identity))) => Ok(Provider::Age {
            file: paths.absolute(file),
            identity: paths.absolute(identity),
        }),
        _ => Err(document
            .error("config::provider", "not a secret provider".to_owned(), &node.span)
            .label("this one")
            .hint(
                "write one of { environment = \"PREFIX_\" }, { files = \"~/folder\" }, \
                 { command = [\"pass\", \"show\", \"{name}\"] }, { age = \"file\", identity = \"~/key\" }",
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(&Source::new(FILE, text), Path::new("/project"), Path::new("/home/ops"))
    }

    #[test]
    fn every_setting_is_read_and_the_rest_is_implied() {
        let config = parse(
            r#"
            inventory = ["inventory/lab.toml"]
            roles = ["roles", "~/shared"]
            concurrency = 10
            connect_timeout = 5
            lock_wait = 60
            probe_timeout = 30
            step_timeout = 7200
            reconnect_timeout = 120
            answer_max = 1
            output_max = 16
            [plans]
            signatures = 2
            allowed_signers = "signers"
            [secrets]
            providers = [
                { environment = "APP_" },
                { files = "~/secrets" },
                { command = ["pass", "show", "{name}"] },
                { age = "secrets.toml", identity = "~/key" },
            ]
            "#,
        )
        .unwrap();
        assert_eq!(config.inventory, [PathBuf::from("/project/inventory/lab.toml")]);
        assert_eq!(config.roles, ["/project/roles", "/home/ops/shared"].map(PathBuf::from));
        assert_eq!((config.concurrency, config.lock_wait), (10, Duration::from_secs(60)));
        assert_eq!(config.connect_timeout, Some(Duration::from_secs(5)));
        let [probe, step, reconnect] = [30, 7200, 120].map(Duration::from_secs);
        let limits = Limits { probe, step, reconnect, answer: MIB, output: 16 * MIB };
        assert_eq!(config.limits, limits);
        let plans = Plans { signatures: 2, allowed_signers: Some("/project/signers".into()) };
        assert_eq!(config.plans, plans);
        let other = Plans { signatures: 1, allowed_signers: Some("/other".into()) };
        let both = Plans { signatures: 2, ..other.clone() };
        assert_eq!(
            (plans.clone().and(&other), plans.clone().and(&Plans::default())),
            (both, plans)
        );
        assert_eq!(config.secrets.len(), 4);
        let file = "/project/secrets.toml".into();
        assert_eq!(config.secrets[3], Provider::Age { file, identity: "/home/ops/key".into() });
        assert_eq!(parse("").unwrap(), Config::implied(Path::new("/project")));
    }

    #[test]
    fn a_provider_is_one_of_four() {
        for text in [
            "{}",
            "{ age = \"x\" }",
            "{ environment = \"A\", files = \"b\" }",
            "{ command = [] }",
            "{ environment = \"\" }",
            "{ identity = \"x\" }",
        ] {
            let error = parse(&format!("secrets.providers = [{text}]")).unwrap_err();
            assert_eq!(error.kind(), "config::provider", "{text}");
        }
    }
}
