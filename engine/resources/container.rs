//! The `container` kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    command,
    http_check::{self, Health},
    image::{self, NEEDS_DOCKER, check_reference},
};
use crate::{
    change::{Action, Change, Field, Shown},
    check,
    content::{Content, Digest},
    docker::{self, Config, Found},
    entry,
    footprint::{Footprint, Lies, Space, Wanted},
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::{Script, Words},
    secret::Text,
    sh,
};

/// A container of Docker that runs.
///
/// If what is declared changes, or its image's name means another image on the host by now, a new container takes the
/// place of the old one. The old one is kept until the new one is healthy. If that does not get healthy, the old one is
/// put back, and the container is reverted: the report says why, with the last lines of the new one's log. What is not
/// declared is as Docker makes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name.
    name: String,
    /// The image: `nginx:1.27`, `registry:5000/api@sha256:…`. It is pulled if it is not on the host.
    image: Option<String>,
    /// What to run in it, word by word; by default what the image says.
    #[serde(default)]
    command: Vec<String>,
    /// Environment variables; secrets are allowed.
    #[serde(default)]
    env: BTreeMap<String, Text>,
    /// Ports to publish: `8080:3000`, `127.0.0.1:8080:3000/tcp`.
    #[serde(default)]
    ports: Vec<String>,
    /// What is mounted where: `/srv/data:/data:ro`, `cache:/var/cache`.
    #[serde(default)]
    volumes: Vec<String>,
    /// Directories that are kept in memory: `/tmp`, `/run:size=10m`.
    #[serde(default)]
    tmpfs: Vec<String>,
    /// The network it is on, such as `host`.
    network: Option<String>,
    /// More lines for its `/etc/hosts`: `registry:10.0.0.5`.
    #[serde(default)]
    extra_hosts: Vec<String>,
    /// When Docker starts it again: `no`, `on-failure`, `on-failure:5`, `always` or `unless-stopped`.
    #[serde(default = "restart")]
    restart: String,
    /// Labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The user that it runs as: a name or a number of the image, `user:group`.
    user: Option<String>,
    /// The memory it may use, such as `256m`.
    memory: Option<String>,
    /// The share of processors it may use, such as `1.5`.
    cpus: Option<String>,
    /// Whether its root file system cannot be written to.
    #[serde(default)]
    read_only: bool,
    /// Capabilities to add.
    #[serde(default)]
    cap_add: Vec<String>,
    /// Capabilities to take away, such as `ALL`.
    #[serde(default)]
    cap_drop: Vec<String>,
    /// Security options, such as `no-new-privileges`.
    #[serde(default)]
    security_opt: Vec<String>,
    /// The log driver.
    log_driver: Option<String>,
    /// Options of the log driver, such as `#{ "max-size": "10m" }`.
    #[serde(default)]
    log_options: BTreeMap<String, String>,
    /// Seconds that it may take to stop.
    stop_timeout: Option<u32>,
    /// What must answer before a new container counts as healthy. By default the health check of the image,
    /// or that it keeps running.
    health: Option<Health>,
    /// Whether it must not be there.
    #[serde(default)]
    absent: bool,
}

fn restart() -> String {
    "unless-stopped".to_owned()
}

/// What Docker has under the name.
#[derive(Debug, Serialize)]
pub struct Observed {
    container: Option<Found>,
    /// The image that its name means on the host now.
    image: Option<String>,
    /// Whether a replacement was cut off.
    left_over: bool,
}

impl Resource for Container {
    type Observed = Observed;
    const KIND: &'static str = "container";
    const FIRST: &'static str = "name";
    const OPAQUE: bool = true;
    const REVERTED: Option<i32> = Some(PUT_BACK);

    fn key(&self) -> String {
        self.name.clone()
    }

    /// The name that it gives to an old one is its own as well: under it nothing stays.
    fn footprint(&self) -> Footprint<'_> {
        let wanted = if self.absent { Wanted::Gone } else { Wanted::There };
        let mut whole = Footprint::default()
            .and_named(Space::Container, &self.name, wanted)
            .and_named(Space::Container, self.previous(), Wanted::Gone);
        if self.absent {
            return whole;
        }
        let folders = self.volumes.iter().filter_map(|volume| volume.split(':').next());
        for folder in folders.filter(|folder| entry::check_path("volumes", folder).is_ok()) {
            whole = whole.and_at(folder, Lies::Something);
        }
        let image = self.image.as_deref().map(image::full);
        image.into_iter().fold(whole, |it, image| it.and_named(Space::Image, image, Wanted::There))
    }

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !self.name.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !self.name.chars().all(allowed)
            || self.name.len() < 2
        {
            let message = format!("`{}` is not a name for a container", self.name);
            return Err(ArgumentError::new("name", message));
        }
        match &self.image {
            Some(image) => check_reference("image", image)?,
            None if self.absent => {}
            None => return Err(ArgumentError::new("image", "a container needs its image")),
        }
        command::check_env(&self.env)?;
        if let Some((name, _)) = self.env.iter().find(|(_, value)| value.expose().contains('\n')) {
            let message = format!("`{name}` has several lines, which Docker does not take");
            return Err(ArgumentError::new("env", message));
        }
        self.health.as_mut().map_or(Ok(()), Health::resolve)
    }

    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<String> =
            batch.iter().flat_map(|it| [it.name.clone(), it.previous()]).collect();
        let images: Vec<&str> = batch.iter().filter_map(|it| it.image.as_deref()).collect();
        let mut script = sh!(
            "if has docker; then\ndocker container inspect -f {} -- {} 2>/dev/null || :",
            docker::FORMAT,
            Words(&names)
        );
        if !images.is_empty() {
            script.push(sh!("{} || :", image::inspect(&images)));
        }
        script.then(sh!("fi"))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let found: Vec<Found> =
            output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let named = |name: &str| found.iter().find(|it| it.name.trim_start_matches('/') == name);
        let observe = |container: &&Self| Observed {
            container: named(&container.name).cloned(),
            image: container.image.as_deref().and_then(|name| image::find(name, output)),
            left_over: named(&container.previous()).is_some(),
        };
        Ok(batch.iter().map(|it| Ok(observe(it))).collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        let Some(found) = &observed.container else {
            return self.plan_without(observed);
        };
        if self.absent {
            let field = Field::new("container", found.status.as_str(), Shown::Nothing);
            return Some(Change::new(Action::Remove, vec![field]));
        }
        let mut fields = match found.config.as_deref().map(serde_json::from_str::<Config>) {
            Some(Ok(before)) => docker::differing(&before, &self.config()),
            _ => vec![Field::new("container", "not made by converge", "replaced")],
        };
        if let Some(image) = observed.image.as_ref().filter(|image| **image != found.image)
            && !fields.iter().any(|field| field.name == "image")
        {
            fields.push(Field::new("image", docker::short(&found.image), docker::short(image)));
        }
        if found.status != "running" {
            fields.push(Field::new("state", found.status.as_str(), "running"));
        }
        if observed.left_over {
            fields.push(Field::new("previous", "left by a run that was cut off", Shown::Nothing));
        }
        Change::update(fields)
    }

    fn apply(&self, _change: Option<&Change>) -> Step {
        let Some(image) = self.image.as_deref().filter(|_| !self.absent) else {
            let names = [self.name.clone(), self.previous()];
            return sh!(
                "! has docker || for name in {}; do
  ! docker container inspect -- \"$name\" >/dev/null 2>&1 || docker rm -f -- \"$name\" >/dev/null
done",
                Words(&names)
            )
            .into();
        };
        let env = self.content_of_env();
        let config = serde_json::to_string(&self.config()).unwrap_or_default();
        let hash = Digest::of(config.as_bytes());
        let labels = [
            format!("--label={}={config}", docker::CONFIG_LABEL),
            format!("--label={}={hash}", docker::HASH_LABEL),
        ];
        let options: Vec<String> = self
            .options()
            .into_iter()
            .flat_map(|(_, option, values)| {
                values.into_iter().map(move |value| format!("{option}={value}"))
            })
            .chain(labels)
            .collect();
        let create = sh!(
            "create() {{ docker create --name {} --env-file {} {} -- {} {}; }}",
            self.name,
            env.staged(),
            Words(&options),
            image,
            Words(&self.command)
        );
        let script = Script::trusted(NEEDS_DOCKER)
            .then(Script::trusted(check::FUNCTIONS.as_str()))
            .then(sh!(
                "docker image inspect -- {} >/dev/null 2>&1 || docker pull -q -- {}\nname={} hash={} reverted={}\nimage=$(docker image inspect -f '{{{{.Id}}}}' -- {})",
                image,
                image,
                self.name,
                hash.as_str(),
                PUT_BACK,
                image
            ))
            .then(Script::trusted(REPLACE))
            .then(create)
            .then(self.healthy())
            .then(sh!("replace"));
        Step { script, contents: vec![env] }
    }
}

/// How the step ends when the old container is back. None of the programs that it runs ends so.
const PUT_BACK: i32 = 85;

const REPLACE: &str = include_str!("container.sh");

impl Container {
    /// The name that the old container has while the new one must prove itself.
    fn previous(&self) -> String {
        format!("{}-previous", self.name)
    }

    fn plan_without(&self, observed: &Observed) -> Option<Change> {
        let leftover = Field::new("previous", "left by a run that was cut off", Shown::Nothing);
        let mut fields = Vec::new();
        if observed.left_over {
            fields.push(leftover);
        }
        if self.absent {
            return (!fields.is_empty()).then(|| Change::new(Action::Remove, fields));
        }
        fields.extend(docker::differing(&Config::new(), &self.config()));
        Some(Change::new(Action::Create, fields))
    }

    /// Each argument that is given, the option of Docker that it is, and its values.
    fn options(&self) -> Vec<(&'static str, &'static str, Vec<String>)> {
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

    /// What it is made of, as it is compared, shown and kept in a label.
    fn config(&self) -> Config {
        let secret = |name: &str, value: &str| {
            let digest = Digest::of(format!("{}\n{name}\n{value}", self.name).as_bytes());
            docker::secret(&digest)
        };
        let env = self.env.iter().map(|(name, value)| {
            let value = match value {
                Text::Plain(text) => text.clone(),
                Text::Secret(text) => secret(name, text.expose()),
            };
            (format!("env.{name}"), vec![value])
        });
        let options =
            self.options().into_iter().map(|(argument, _, values)| (argument.to_owned(), values));
        let mut config: Config = env.chain(options).collect();
        config.extend(self.image.iter().map(|image| ("image".to_owned(), vec![image.clone()])));
        if !self.command.is_empty() {
            config.insert("command".to_owned(), self.command.clone());
        }
        config
    }

    /// A file of `NAME=value` lines, which Docker takes as they are.
    fn content_of_env(&self) -> Content {
        let lines = self.env.iter().map(|(name, value)| format!("{name}={}\n", value.expose()));
        let sensitive = self.env.values().any(Text::is_secret);
        Content::new(lines.collect::<String>().into_bytes()).sensitive(sensitive)
    }

    /// The function of sh that waits until a new container is well.
    fn healthy(&self) -> Script {
        match &self.health {
            None => sh!("healthy() {{ still_runs {}; }}", http_check::health_deadline()),
            Some(health) => sh!(
                "check() {{
  check_state=0; check_said=$(state) || check_state=$?
  if [ $check_state = 2 ]; then say \"$check_said\"; return 2; fi
  {}
}}
healthy() {{ until_holds {} 1 state 'running all along' health healthy {}; }}",
                health.attempt(),
                health.deadline(),
                health.wanted()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secret::Secret, value::Value};

    fn container(token: &str) -> Container {
        let value = serde_json::from_str::<Value>(r#"{"name": "api", "image": "api:1"}"#).unwrap();
        let mut container = Container::deserialize(value).unwrap();
        container.env.insert("TOKEN".into(), Text::Secret(Secret::new("token", token)));
        container
    }

    #[test]
    fn a_secret_shows_nowhere_and_its_change_is_seen() {
        let [old, new] = ["hunter2", "hunter3"].map(container);
        let config = serde_json::to_string(&old.config()).unwrap();
        let line = serde_json::json!({
            "name": "/api", "status": "running", "image": "sha256:a", "config": config,
        });
        let observed = Container::observe(&[&new], &line.to_string()).unwrap();
        assert_eq!(old.plan(observed[0].as_ref().unwrap()), None);
        let change = new.plan(observed[0].as_ref().unwrap()).unwrap();
        let hidden = Shown::Hidden("sensitive".into());
        assert_eq!(change.fields, [Field::new("env.TOKEN", hidden.clone(), hidden)]);
        let step = new.apply(Some(&change));
        assert!(!step.script.as_str().contains("hunter") && !config.contains("hunter"));
        assert!(step.contents[0].is_sensitive());
    }

    #[test]
    fn a_name_that_means_another_image_by_now_is_a_change() {
        let api = container("x");
        let found = |image: &str| Observed {
            container: Some(Found {
                name: "/api".into(),
                status: "running".into(),
                image: "sha256:a".into(),
                config: serde_json::to_string(&api.config()).ok(),
            }),
            image: Some(image.into()),
            left_over: false,
        };
        assert_eq!(api.plan(&found("sha256:a")), None);
        assert!(api.plan(&found("sha256:b")).unwrap().has("image"));
    }
}
