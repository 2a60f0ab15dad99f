//! What the client of Docker printed when it was asked for several things at once: one line of those that are there, and
//! one of its own about each that is not. Docker that could not be asked is told from what is not there.

use super::{canonical::full, found::ImageConfig};
use crate::resources::resource::{Looked, Unknown};

/// What a probe prints where there is no client of Docker.
pub const NO_DOCKER: &str = "there is no docker on this host";

/// What was printed, on both ways out.
pub struct DockerOutput<'a>(&'a str);

impl<'a> DockerOutput<'a> {
    /// All that was printed.
    pub fn new(output: &'a str) -> Self {
        Self(output)
    }

    /// Whether there is no client that could have been asked.
    pub fn without_docker(&self) -> bool {
        self.0.lines().any(|line| line == NO_DOCKER)
    }

    /// What is known of a thing that no line is about: nothing, where Docker says that it is not there.
    ///
    /// # Errors
    /// Docker did not say so; then what it said instead.
    pub fn missing<T>(&self, what: &str, name: &str) -> Looked<Option<T>> {
        let start = format!("o such {what}: ");
        let is_it = |line: &str| line.split_once(&start).is_some_and(|(_, it)| it.trim() == name);
        if self.words().any(is_it) { Ok(None) } else { Err(self.unknown()) }
    }

    /// Why nothing is known of what Docker did not say a word about: its first word that is no warning.
    fn unknown(&self) -> Unknown {
        let is_reason = |line: &&str| !line.contains("o such ") && !line.starts_with("WARNING");
        let reason = self.words().find(is_reason);
        Unknown::new(reason.unwrap_or("Docker did not say whether it is there"))
    }

    /// The lines that are neither about a container nor about an image.
    fn words(&self) -> impl Iterator<Item = &'a str> {
        let is_word = |line: &&str| {
            !line.is_empty() && !line.starts_with(['{', '[']) && !line.starts_with("sha256:")
        };
        self.0.lines().map(str::trim).filter(is_word)
    }

    /// The lines about containers.
    pub fn containers(&self) -> impl Iterator<Item = &'a str> {
        self.0.lines().filter(|line| line.starts_with('{'))
    }

    /// The id of the image that `reference` means, and how it is made if that was asked for.
    ///
    /// # Errors
    /// Docker did not say whether there is one.
    pub fn image(&self, reference: &str) -> Looked<Option<(String, Option<ImageConfig>)>> {
        let wanted = full(reference);
        let found = self.0.lines().find_map(|line| {
            let (names, config) = line.split_once('\t').unwrap_or((line, ""));
            let (id, names) = names.split_once(' ').unwrap_or((names, ""));
            let found = id == reference || names.split(' ').any(|name| full(name) == wanted);
            (found && id.starts_with("sha256:")).then(|| (id.to_owned(), config))
        });
        let Some((id, config)) = found else { return self.missing("image", reference) };
        let config = serde_json::from_str(if config.is_empty() { "null" } else { config });
        let cut_off = |_| Unknown::new("Docker's answer about its image is incomplete");
        Ok(Some((id, config.map_err(cut_off)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_found_under_each_way_to_write_it() {
        let output = "sha256:aa nginx:1.27 nginx@sha256:bb\nsha256:cc r:5000/api:2\nhostile\n\
            Error: No such image: nginx\n";
        let said = DockerOutput::new(output);
        let id = |name| said.image(name).map(|found| found.map(|(id, _)| id));
        for name in
            ["nginx:1.27", "docker.io/nginx:1.27", "library/nginx:1.27", "nginx:x@sha256:bb"]
        {
            assert_eq!(id(name), Ok(Some("sha256:aa".to_owned())), "{name}");
        }
        assert_eq!(id("r:5000/api:2"), Ok(Some("sha256:cc".to_owned())));
        assert_eq!(id("nginx"), Ok(None));
        assert_eq!(id("hostile").unwrap_err().reason, "hostile");
    }

    #[test]
    fn only_what_docker_says_is_missing_is_missing() {
        for said in [
            "Error: No such container: web\n",
            "Error response from daemon: No such container: web",
        ] {
            assert_eq!(DockerOutput::new(said).missing::<()>("container", "web"), Ok(None));
            assert!(DockerOutput::new(said).missing::<()>("container", "we").is_err());
            assert!(DockerOutput::new(said).missing::<()>("image", "web").is_err());
        }
        let down = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n";
        let unknown = DockerOutput::new(down).missing::<()>("container", "web").unwrap_err();
        assert_eq!(unknown.reason, down.trim());
        assert!(unknown.hint.is_some());
        assert!(DockerOutput::new("").missing::<()>("container", "web").is_err());
    }
}
