//! The `container` kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod made_of;

use super::{
    command,
    http_check::{self, Health},
    image::{self, NEEDS_DOCKER, check_reference},
};
use crate::{
    base::{
        content::Digest,
        script::{Library, Script, Words},
        secret::Text,
    },
    resources::{
        before::Before,
        change::{Change, DetailedChange, Effect, Field, Shown},
        check,
        docker::{self, ContainerConfig, DockerOutput, Env, FoundContainer, ImageConfig},
        entry,
        footprint::{Footprint, Lies, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
    },
    sh,
};

/// A container of Docker that runs.
///
/// It is compared with what Docker says that it is. If it differs, or its image's name means another image on the host by
/// now, a new container takes the place of the old one. The old one is kept until the new one is healthy, under its name
/// with `.converge-previous` behind it. If the new one does not get healthy, the old one is put back, and the container is
/// reverted: the report says why, with the last lines of the new one's log. What is not declared is as Docker and the image
/// make it. One of this name that converge did not make is taken over in the same way; no other is touched.
///
/// Labels keep only what Docker does not say: which variables are secrets, and which log options, `container:` network or
/// seccomp profile were given.
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
    /// Environment variables, of any text; secrets are allowed.
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
#[derive(Debug, Default, Serialize)]
pub struct ObservedContainer {
    container: Option<FoundContainer>,
    /// The image that its name means on the host now.
    image: Option<String>,
    /// What that one gives to each container.
    image_config: Option<ImageConfig>,
    /// Whether a replacement was cut off.
    left_over: bool,
}

/// What becomes of the container that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerDetail {
    /// It is what is wanted, and is to run.
    Kept,
    /// Another one is made.
    Made,
}

impl Resource for Container {
    type Arguments = Self;
    type Observed = ObservedContainer;
    type Difference = DetailedChange<ContainerDetail>;
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
        let image = self.image.as_deref().map(docker::full);
        image.into_iter().fold(whole, |it, image| it.and_named(Space::Image, image, Wanted::There))
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn words(&self) -> usize {
        self.previous().len() + self.image.as_deref().map_or(0, str::len)
    }

    fn proves_afterwards(&self) -> bool {
        !self.absent
    }

    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<String> =
            batch.iter().flat_map(|it| [it.name.clone(), it.previous()]).collect();
        let images: Vec<&str> = batch.iter().filter_map(|it| it.image.as_deref()).collect();
        let mut script =
            sh!("docker container inspect -f {} -- {} 2>&1 || :", docker::FORMAT, Words(&names));
        if !images.is_empty() {
            script.push(image::inspect(&images, docker::IMAGE_CONFIG));
        }
        image::asking(script)
    }

    fn observe(
        batch: &[&Self],
        output: &str,
    ) -> Result<Vec<Looked<ObservedContainer>>, Unreadable> {
        let said = DockerOutput::new(output);
        let found: Vec<FoundContainer> =
            said.containers().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let named = |name: &str| {
            let found = found.iter().find(|it| it.name.trim_start_matches('/') == name);
            found.map_or_else(|| said.missing("container", name), |found| Ok(Some(found.clone())))
        };
        let observe = |container: &&Self| {
            if said.without_docker() {
                let differs = container.plan(&ObservedContainer::default());
                return Err(image::no_docker(differs.map(|differs| differs.change)));
            }
            let image = match &container.image {
                Some(name) if !container.absent => said.image(name)?,
                _ => None,
            };
            let (image, image_config) = image.unzip();
            let (found, previous) = (named(&container.name)?, named(&container.previous())?);
            let is_ours = |it: &FoundContainer| {
                it.is_ours() || found.as_ref().is_some_and(|found| found.replaces(&it.id))
            };
            let left_over = previous.as_ref().is_some_and(is_ours);
            let image_config = image_config.flatten();
            Ok(ObservedContainer { container: found, image, image_config, left_over })
        };
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, observed: &ObservedContainer) -> Vec<Before> {
        vec![match &observed.container {
            None => {
                let name = ("name", self.name.as_str().into());
                Before::declared(Self::KIND, [name, ("absent", true.into())])
            }
            Some(_) => Before::lost("the old container is not kept"),
        }]
    }

    fn plan(&self, observed: &ObservedContainer) -> Option<DetailedChange<ContainerDetail>> {
        let detailed = |change, differs| {
            let detail = if differs { ContainerDetail::Made } else { ContainerDetail::Kept };
            DetailedChange { change, detail }
        };
        let Some(found) = &observed.container else {
            return self.plan_without(observed).map(|change| detailed(change, true));
        };
        if self.absent {
            let field = Field::new("container", found.status.as_str(), Shown::Nothing);
            return Some(detailed(Change::new(Effect::Remove, vec![field]), true));
        }
        let is_newest = observed.image.as_ref().is_none_or(|image| *image == found.image);
        let mut fields = Vec::new();
        if !found.is_ours() {
            fields.push(Field::new("container", "not made by converge", "replaced"));
        }
        let image = observed.image_config.as_ref().filter(|_| is_newest);
        let wanted = self.config();
        let shown = found.config(&wanted, &self.env, image);
        fields.extend(docker::differing(&shown, &docker::all_canonical(&wanted)));
        if let Some(image) = observed.image.as_ref().filter(|_| !is_newest)
            && !fields.iter().any(|field| field.name == "image")
        {
            fields.push(Field::new("image", docker::short(&found.image), docker::short(image)));
        }
        let differs = !fields.is_empty();
        if found.status != "running" {
            fields.push(Field::new("state", found.status.as_str(), "running"));
        }
        if observed.left_over {
            fields.push(Field::new("previous", "left by an interrupted run", Shown::Nothing));
        }
        Some(detailed(Change::update(fields)?, differs))
    }

    fn apply(&self, detail: Option<&ContainerDetail>) -> Step {
        let Some(image) = self.image.as_deref().filter(|_| !self.absent) else {
            return sh!(
                "! has docker || {{
{}
name={} previous={}
forget_previous
{}
}}",
                REPLACE.script(),
                self.name,
                self.previous(),
                image::remove("rm -f", &self.name)
            )
            .into();
        };
        // Docker may say of the container what no label of it says.
        let made_of_else = detail == Some(&ContainerDetail::Made);
        let config = self.config();
        let hash = Digest::of(serde_json::to_string(&config).unwrap_or_default().as_bytes());
        let kept = serde_json::to_string(&docker::kept(&config)).unwrap_or_default();
        let labels = [
            format!("--label={}={kept}", docker::CONFIG_LABEL),
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
        let env = Env::new(&self.env);
        let create = env.create(
            &sh!("--name {}", self.name),
            &sh!("{} -- {} {}", Words(&options), image, Words(&self.command)),
        );
        let script = Script::trusted(NEEDS_DOCKER)
            .then(check::TRIES.script())
            .then(image::pulled(image))
            .then(sh!(
                "name={} previous={} hash={} reverted={} made_of_else={}
image=$(docker image inspect -f '{{{{.Id}}}}' -- {})",
                self.name,
                self.previous(),
                hash.as_str(),
                PUT_BACK,
                if made_of_else { "yes" } else { "" },
                image
            ))
            .then(REPLACE.script())
            .then(create)
            .then(self.healthy())
            .then(sh!("replace"));
        Step { script, contents: env.contents }
    }
}

/// How the step ends when the old container is back. None of the programs that it runs ends so.
const PUT_BACK: i32 = 85;

/// What an old container has behind its name while the new one must prove itself.
const PREVIOUS: &str = ".converge-previous";

static REPLACE: Library = Library::new("container", &[include_str!("container.sh")]);

impl Container {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
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
        if self.name.ends_with(PREVIOUS) {
            let message = format!("names with `{PREVIOUS}` are reserved for replaced containers");
            return Err(ArgumentError::new("name", message));
        }
        command::check_env(&self.env)?;
        Env::check(&self.env)?;
        self.health.as_ref().map_or(Ok(()), Health::check)
    }

    /// The name that the old container has while the new one must prove itself.
    fn previous(&self) -> String {
        format!("{}{PREVIOUS}", self.name)
    }

    fn plan_without(&self, observed: &ObservedContainer) -> Option<Change> {
        let leftover = Field::new("previous", "left by an interrupted run", Shown::Nothing);
        let mut fields: Vec<Field> = observed.left_over.then_some(leftover).into_iter().collect();
        if self.absent {
            return (!fields.is_empty()).then(|| Change::new(Effect::Remove, fields));
        }
        fields.extend(docker::differing(
            &ContainerConfig::new(),
            &docker::all_canonical(&self.config()),
        ));
        Some(Change::new(Effect::Create, fields))
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
    use crate::base::{secret::Secret, value::Value};

    fn container(token: &str) -> Container {
        let value = serde_json::from_str::<Value>(r#"{"name": "api", "image": "api:1"}"#).unwrap();
        let mut container = Container::deserialize(value).unwrap();
        container.env.insert("TOKEN".into(), Text::Secret(Secret::new("token", token)));
        container
    }

    const FOUND: &str = r#"{"id":"1","name":"/api","status":"running","image":"sha256:a","reference":"api:1","env":ENV,"command":["node"],"entrypoint":null,"user":"","labels":LABELS,"volumes":null,"stop_timeout":null,"binds":null,"tmpfs":null,"network":"default","extra_hosts":null,"restart":{"Name":"unless-stopped","MaximumRetryCount":0},"memory":0,"nano_cpus":0,"read_only":false,"cap_add":null,"cap_drop":null,"security_opt":null,"log":{"Type":"json-file","Config":{"max-size":"1m"}},"ports":{}}"#;
    const IMAGE: &str = "sha256:a api:1\t{\"env\":[\"PATH=/bin\"],\"command\":[\"node\"],\"entrypoint\":null,\"user\":\"\",\"labels\":null,\"volumes\":null}";

    /// What Docker says of a container that was made of this, with these variables, and in which these words are others.
    fn said(made: &Container, env: &[&str], other: &[(&str, &str)], image: &str) -> String {
        let kept = serde_json::to_string(&docker::kept(&made.config())).unwrap();
        let labels = serde_json::json!({ "converge.config": kept, "converge.hash": "h" });
        let mut found = FOUND
            .replace("ENV", &serde_json::to_string(env).unwrap())
            .replace("LABELS", &labels.to_string());
        for (word, other) in other {
            assert!(found.contains(word), "{word}");
            found = found.replace(word, other);
        }
        format!("{found}\n{image}\nError: No such container: api.converge-previous\n")
    }

    fn change(wanted: &Container, said: &str) -> Option<Change> {
        Some(wanted.plan(Container::observe(&[wanted], said).unwrap()[0].as_ref().unwrap())?.change)
    }

    #[test]
    fn a_secret_shows_nowhere_and_its_change_is_seen() {
        let [old, new] = ["hunter2", "hunter3"].map(container);
        let said = said(&old, &["PATH=/bin", "TOKEN=hunter2"], &[], IMAGE);
        assert_eq!(change(&old, &said), None);
        let change = change(&new, &said).unwrap();
        let hidden = Shown::sensitive();
        assert_eq!(change.fields, [Field::new("env.TOKEN", hidden.clone(), hidden)]);
        let step = new.apply(Some(&ContainerDetail::Made));
        assert!(!step.script.text().contains("hunter"));
        assert!(step.contents[0].is_sensitive());
    }

    #[test]
    fn a_secret_that_is_not_declared_any_more_goes_and_does_not_show() {
        let old = container("hunter2");
        let mut new = container("x");
        new.env.clear();
        let change =
            change(&new, &said(&old, &["PATH=/bin", "TOKEN=hunter2"], &[], IMAGE)).unwrap();
        let hidden = Shown::sensitive();
        assert_eq!(change.fields, [Field::new("env.TOKEN", hidden, Shown::Nothing)]);
    }

    #[test]
    fn a_name_that_means_another_image_by_now_is_a_change() {
        let api = container("x");
        let env = ["PATH=/bin", "TOKEN=x"];
        let moved = IMAGE.replace("sha256:a", "sha256:b");
        assert!(change(&api, &said(&api, &env, &[], &moved)).unwrap().has("image"));
    }

    #[test]
    fn what_was_changed_by_hand_is_seen_whatever_the_labels_say() {
        let api = container("x");
        let env = ["PATH=/bin", "TOKEN=x"];
        let by_hand = [
            (r#""memory":0"#, r#""memory":104857600"#, "memory"),
            ("unless-stopped", "always", "restart"),
            (r#""nano_cpus":0"#, r#""nano_cpus":500000000"#, "cpus"),
            (r#""status":"running""#, r#""status":"paused""#, "state"),
            (r#""ports":{}"#, r#""ports":{"80/tcp":[{"HostIp":"","HostPort":"80"}]}"#, "ports"),
            (r#""binds":null"#, r#""binds":["/a:/b"]"#, "volumes"),
            (r#""user":"""#, r#""user":"1000""#, "user"),
            (r#""command":["node"]"#, r#""command":["sh"]"#, "command"),
            (r#""entrypoint":null"#, r#""entrypoint":["sh"]"#, "entrypoint"),
            (r#""cap_add":null"#, r#""cap_add":["NET_ADMIN"]"#, "cap_add"),
            (r#""network":"default""#, r#""network":"host""#, "network"),
            ("TOKEN=x", "TOKEN=y", "env.TOKEN"),
            (r#""PATH=/bin""#, r#""PATH=/other""#, "env.PATH"),
            (r#""PATH=/bin""#, r#""PATH=/bin","MORE=1""#, "env.MORE"),
        ];
        for (word, other, field) in by_hand {
            let found = said(&api, &env, &[(word, other)], IMAGE);
            let change = change(&api, &found).unwrap();
            let fields: Vec<&str> = change.fields.iter().map(|field| &*field.name).collect();
            assert_eq!(fields, [field], "{other}");
        }
        // The client gives its proxies to all.
        let proxy = (r#""PATH=/bin""#, r#""PATH=/bin","HTTP_PROXY=http://p""#);
        assert_eq!(change(&api, &said(&api, &env, &[proxy], IMAGE)), None);
    }

    #[test]
    fn what_docker_does_not_say_is_unknown() {
        let api = container("x");
        let look = |output: &str| Container::observe(&[&api], output).unwrap().remove(0);
        let down = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
        assert_eq!(look(down).unwrap_err().reason, down);
        assert!(look("").is_err());
        let found = said(&api, &["TOKEN=x"], &[], IMAGE);
        for cut in 0..found.trim_end().len() {
            assert!(look(&found[..cut]).is_err(), "{cut}");
        }
        let nowhere = look(docker::NO_DOCKER).unwrap_err();
        let change = nowhere.otherwise.unwrap().unwrap();
        assert_eq!(change.action, Effect::Create);
    }

    #[test]
    fn a_container_of_the_same_name_and_more_is_not_what_a_run_left() {
        let api = container("x");
        let own = said(&api, &["PATH=/bin", "TOKEN=x"], &[], IMAGE);
        let previous = own.lines().next().unwrap().replace("/api", "/api.converge-previous");
        let foreign =
            previous.replace("converge.hash", "hash").replace(r#""id":"1""#, r#""id":"2""#);
        assert_eq!(change(&api, &format!("{foreign}\n{own}")), None);
        assert!(change(&api, &format!("{previous}\n{own}")).unwrap().has("previous"));
        let replaced =
            own.replace(r#""converge.hash""#, r#""converge.replaces":"2","converge.hash""#);
        assert!(change(&api, &format!("{foreign}\n{replaced}")).unwrap().has("previous"));
    }

    #[test]
    fn variables_of_any_text_reach_docker_and_stand_in_no_command() {
        let mut api = container("-----BEGIN KEY-----\nx'y\n");
        api.env.insert("BIG".into(), Text::Plain("x".repeat(70_000)));
        api.env.insert("CR".into(), Text::Plain("cr\r".into()));
        api.env.insert("PLAIN".into(), Text::Plain("it's".into()));
        let step = api.apply(None);
        assert!(!step.script.text().contains("BEGIN KEY") && !step.script.text().contains("xxx"));
        let texts: Vec<&str> = step.contents.iter().map(|it| it.text().unwrap()).collect();
        assert_eq!(texts[0], "PLAIN=it's\n");
        assert!(
            texts[1].contains("export CR='cr\r'\nexport TOKEN='-----BEGIN KEY-----\nx'\\''y\n'\n")
        );
        api.env.insert("BIG".into(), Text::Plain("x".repeat(200_000)));
        assert!(Env::check(&api.env).is_err());
    }
}
