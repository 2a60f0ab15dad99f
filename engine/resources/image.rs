//! The `image` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Action, Change, Field, Shown},
    footprint::{Footprint, Space, Wanted},
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::{Script, Words},
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
pub struct Observed {
    /// The digest of the image's configuration, `sha256:…`.
    id: Option<String>,
}

impl Resource for Image {
    type Observed = Observed;
    const KIND: &'static str = "image";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let wanted = if self.absent { Wanted::Gone } else { Wanted::There };
        Footprint::default().and_named(Space::Image, full(&self.name), wanted)
    }

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        check_reference("name", &self.name)
    }

    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<&str> = batch.iter().map(|image| image.name.as_str()).collect();
        sh!("! has docker || {} || :", inspect(&names))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let observe = |image: &&Self| Observed { id: find(&image.name, output) };
        Ok(batch.iter().map(|it| Ok(observe(it))).collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        match (&observed.id, self.absent) {
            (Some(_), false) | (None, true) => None,
            (None, false) => {
                Some(Change::new(Action::Create, vec![Field::added("image", self.name.as_str())]))
            }
            (Some(id), true) => {
                let field = Field::new("image", id.as_str(), Shown::Nothing);
                Some(Change::new(Action::Remove, vec![field]))
            }
        }
    }

    fn apply(&self, _change: Option<&Change>) -> Step {
        let missing = sh!("docker image inspect -- {} >/dev/null 2>&1", self.name);
        if self.absent {
            return sh!("! has docker || ! {} || docker image rm -- {}", missing, self.name).into();
        }
        Script::trusted(NEEDS_DOCKER)
            .then(sh!("{} || docker pull -q -- {}", missing, self.name))
            .into()
    }
}

/// Fails where there is no Docker, and says so.
pub(super) const NEEDS_DOCKER: &str = "has docker || { die 'there is no docker on this host: what installs it must stand before'; exit 1; }";

/// Prints `ID REFERENCE...` for each of the images that are there.
pub(super) fn inspect(names: &[&str]) -> Script {
    let format = "{{.Id}}{{range .RepoTags}} {{.}}{{end}}{{range .RepoDigests}} {{.}}{{end}}";
    sh!("docker image inspect -f {} -- {} 2>/dev/null", format, Words(names))
}

/// The id of the image that `reference` means, among what [`inspect`] printed.
pub(super) fn find(reference: &str, output: &str) -> Option<String> {
    let wanted = full(reference);
    output.lines().find_map(|line| {
        let (id, names) = line.split_once(' ').unwrap_or((line, ""));
        let found = id == reference || names.split(' ').any(|name| full(name) == wanted);
        (found && id.starts_with("sha256:")).then(|| id.to_owned())
    })
}

/// A reference with nothing left out: `nginx` is `docker.io/library/nginx:latest`. A digest makes the tag mean nothing.
pub(super) fn full(reference: &str) -> String {
    let (name, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (name, "latest"),
    };
    let path = path.strip_prefix("docker.io/").unwrap_or(path);
    let path = match path.split_once('/') {
        None => format!("docker.io/library/{path}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => path.to_owned(),
        Some(_) => format!("docker.io/{path}"),
    };
    if digest.is_empty() { format!("{path}:{tag}") } else { format!("{path}@{digest}") }
}

/// Checks that a text can be a reference.
pub(super) fn check_reference(argument: &'static str, text: &str) -> Result<(), ArgumentError> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:_-".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(allowed) {
        let message = format!("`{text}` is not a reference to an image");
        return Err(ArgumentError::new(argument, message)
            .hint("write it as `repository:tag` or `repository:tag@sha256:…`"));
    }
    match digest {
        Some(digest) if !is_digest(digest) => {
            let message = format!("`{digest}` is not the digest of an image");
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
    fn a_reference_is_found_under_each_way_to_write_it() {
        let output = "sha256:aa nginx:1.27 nginx@sha256:bb\nsha256:cc r:5000/api:2\nhostile\n";
        for name in
            ["nginx:1.27", "docker.io/nginx:1.27", "library/nginx:1.27", "nginx:x@sha256:bb"]
        {
            assert_eq!(find(name, output).as_deref(), Some("sha256:aa"), "{name}");
        }
        assert_eq!(find("r:5000/api:2", output).as_deref(), Some("sha256:cc"));
        assert_eq!(find("nginx", output), None);
        assert_eq!(find("hostile", output), None);
        assert_eq!(full("r:5000/api"), "r:5000/api:latest");
    }

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
