//! The `image` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::{Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        docker::{self, DockerOutput, NO_DOCKER},
        footprint::{Footprint, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// An image in Docker's store on the host.
///
/// It is pulled if nothing there has this name; a tag that means another image in the registry by now is not looked up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The reference: `nginx:1.27`, `registry:5000/api@sha256:…`.
    name: String,
    /// Whether it must not be there.
    #[serde(default)]
    absent: bool,
}

/// What Docker has under the name.
#[derive(Debug, Serialize)]
pub struct ObservedImage {
    /// The digest of the image's configuration, `sha256:…`.
    id: Option<String>,
}

impl Resource for Image {
    type Arguments = Self;
    type Observed = ObservedImage;
    type Difference = Change;
    const KIND: &'static str = "image";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let wanted = if self.absent { Wanted::Gone } else { Wanted::There };
        Footprint::default().and_named(Space::Image, docker::full(&self.name), wanted)
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<&str> = batch.iter().map(|image| image.name.as_str()).collect();
        asking(inspect(&names, ""))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedImage>>, Unreadable> {
        let said = DockerOutput::new(output);
        let observe = |image: &&Self| {
            if said.without_docker() {
                return Err(no_docker(image.plan(&ObservedImage { id: None })));
            }
            Ok(ObservedImage { id: said.image(&image.name)?.map(|(id, _)| id) })
        };
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, _: &ObservedImage) -> Vec<Before> {
        Vec::new()
    }

    fn can_be_put_back(&self) -> bool {
        false
    }

    fn plan(&self, observed: &ObservedImage) -> Option<Change> {
        match (&observed.id, self.absent) {
            (Some(_), false) | (None, true) => None,
            (None, false) => {
                Some(Change::new(Effect::Create, vec![Field::added("image", self.name.as_str())]))
            }
            (Some(id), true) => {
                let field = Field::new("image", id.as_str(), Shown::Nothing);
                Some(Change::new(Effect::Remove, vec![field]))
            }
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        if self.absent {
            return sh!("! has docker || {}", remove("image rm", &self.name)).into();
        }
        Script::trusted(NEEDS_DOCKER).then(sh!("{}", pulled(&self.name))).into()
    }
}

impl Image {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        check_reference("name", &self.name)
    }
}

/// Fails where there is no Docker, and says so.
pub(super) const NEEDS_DOCKER: &str = "has docker || { die 'there is no docker on this host: declare its installation first'; exit 1; }";

/// Asks Docker, if there is a client of it.
pub(super) fn asking(questions: Script) -> Script {
    sh!("if has docker; then\n{}\nelse say {}; fi", questions, NO_DOCKER)
}

/// Why nothing is known where there is no client of Docker, and what is done if something before it brings one.
pub(super) fn no_docker(otherwise: Option<Change>) -> Unknown {
    Unknown::new(NO_DOCKER).hint("declare its installation first").otherwise(otherwise)
}

/// Prints `ID REFERENCE...` for each of the images that are there, and behind a tab what `format` asks for; of the others
/// Docker says that they are not there.
pub(super) fn inspect(names: &[&str], format: &str) -> Script {
    let names_of = "{{.Id}}{{range .RepoTags}} {{.}}{{end}}{{range .RepoDigests}} {{.}}{{end}}";
    let format = match format {
        "" => names_of.to_owned(),
        _ => format!("{names_of}\t{format}"),
    };
    sh!("docker image inspect -f {} -- {} 2>&1 || :", format, Words(names))
}

/// Pulls an image if it is not there. What keeps Docker from saying so ends the step.
pub(super) fn pulled(name: &str) -> Script {
    sh!(
        "docker_said=$(docker image inspect -f . -- {} 2>&1) || case $docker_said in
  *'o such image'*) docker pull -q -- {} ;;
  *) die \"$docker_said\" ;;
esac",
        name,
        name
    )
}

/// Removes a thing, if it is there.
pub(super) fn remove(how: &'static str, name: &str) -> Script {
    sh!(
        "docker_said=$(docker {} -- {} 2>&1) || case $docker_said in *'o such '*) ;; *) die \"$docker_said\" ;; esac",
        Script::trusted(how),
        name
    )
}

/// Checks that a text can be a reference.
pub(super) fn check_reference(argument: &'static str, text: &str) -> Result<(), ArgumentError> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:_-".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(allowed) {
        let message = format!("`{text}` is not an image reference");
        return Err(ArgumentError::new(argument, message)
            .hint("write it as `repository:tag` or `repository:tag@sha256:…`"));
    }
    match digest {
        Some(digest) if !is_digest(digest) => {
            let message = format!("`{digest}` is not an image digest");
            Err(ArgumentError::new(argument, message).hint(
                "it is `sha256:` and 64 hexadecimal digits, as `docker images --digests` shows it",
            ))
        }
        _ => Ok(()),
    }
}

fn is_digest(text: &str) -> bool {
    let hexadecimal = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    text.strip_prefix("sha256:").is_some_and(|it| it.len() == 64 && it.chars().all(hexadecimal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_reference_or_no_digest_is_refused() {
        let refused = |text: &str| check_reference("name", text).is_err();
        let hex = "0123456789abcdef".repeat(4);
        assert!(!refused("r:5000/api:2") && !refused(&format!("r:5000/api:2@sha256:{hex}")));
        assert!(refused("-x") && refused("a b") && refused(&format!("@sha256:{hex}")));
        for digest in ["", "x", "sha256:", "sha256:abc", &hex, &format!("sha256:{hex}@x")] {
            assert!(refused(&format!("api:2@{digest}")), "{digest}");
        }
        assert!(refused(&format!("api:2@sha256:{}", hex.to_uppercase())));
    }
}
