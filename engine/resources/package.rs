//! The `package` kind.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Action, Change, Field, Shown},
    footprint::{Footprint, Space, Wanted},
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::{Script, Words, functions},
    sh,
};

/// The functions of sh that this kind and `repository` use.
pub(super) const APT: &str = include_str!("apt.sh");

static INSTALLED: LazyLock<String> = LazyLock::new(|| functions(include_str!("installed.sh")));

/// A package of the distribution, by apt.
///
/// Packages that stand next to each other are one transaction. The package index is refreshed when it is older than
/// an hour or does not know the package. Nothing is removed that is not declared absent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name, such as `nginx` or `libc6:i386`.
    name: String,
    /// The version to have; `*` and `?` stand for what may differ, as in `1.22.*`. By default any will do.
    version: Option<String>,
    /// Whether it is brought to the newest version that the package index knows.
    #[serde(default)]
    latest: bool,
    /// Whether it must not be there.
    #[serde(default)]
    absent: bool,
    /// With `absent`: whether its configuration goes too.
    #[serde(default)]
    purge: bool,
    /// Whether the packages it recommends are installed with it; by default as apt is configured.
    recommends: Option<bool>,
}

/// What a probe learned of a package.
#[derive(Debug, Default, Serialize)]
pub struct Observed {
    state: State,
    /// The version that is installed, or left in part.
    version: Option<String>,
    /// The newest version, where the newest is wanted.
    newest: Option<String>,
    /// The version that would be installed, for the plan only: it moves by itself.
    #[serde(skip)]
    candidate: Option<String>,
}

/// What dpkg says of a package.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Missing,
    /// Removed, but its configuration is there.
    Configuration,
    /// Its installation did not finish.
    Broken,
    Installed,
}

impl Resource for Package {
    type Observed = Observed;
    const KIND: &'static str = "package";
    const FIRST: &'static str = "name";
    const OPAQUE: bool = true;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let pattern = |version: &&String| !version.contains(['*', '?']);
        let wanted = match self.version.as_ref().filter(pattern) {
            _ if self.absent => Wanted::Gone,
            Some(version) => Wanted::Exactly(version.as_str().into()),
            None => Wanted::There,
        };
        Footprint::default().and_named(Space::Package, plain_name(&self.name), wanted)
    }

    fn resolve(&mut self, _files: &dyn Files) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        if let Some(version) = &self.version {
            let allowed = |c: char| c.is_ascii_alphanumeric() || ".+-~:*?".contains(c);
            if version.is_empty() || !version.chars().all(allowed) {
                let message = format!("`{version}` is not a version or a pattern of one");
                return Err(ArgumentError::new("version", message));
            }
            if self.latest {
                return Err(ArgumentError::new(
                    "latest",
                    "a version and the latest are both asked for",
                ));
            }
        }
        if self.absent && (self.version.is_some() || self.latest || self.recommends.is_some()) {
            let message = "an absent package has no version, latest or recommends";
            return Err(ArgumentError::new("absent", message));
        }
        if self.purge && !self.absent {
            return Err(ArgumentError::new("purge", "purge without absent")
                .hint("add `absent: true`, or leave purge out"));
        }
        Ok(())
    }

    fn probe(batch: &[&Self]) -> Script {
        let of = |wanted: fn(&Self) -> bool| -> Vec<&str> {
            batch.iter().filter(|it| wanted(it)).map(|it| it.name.as_str()).collect()
        };
        let (names, present, latest) = (of(|_| true), of(|it| !it.absent), of(|it| it.latest));
        Script::trusted(INSTALLED.as_str()).then(sh!(
            "if has dpkg-query; then
  found=$(installed {}) show={}
  say \"$found\"
  for name in {}; do
    case $found in *\"missing\t$name\"*) show=\"$show $name\" ;; esac
  done
  [ -z \"$show\" ] || apt-cache policy $show 2>/dev/null
fi",
            Words(&names),
            latest.join(" "),
            Words(&present)
        ))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let found = installed(output);
        let candidates = candidates(output);
        let observe = |package: &&Self| {
            let best =
                |line: &&Line<'_>| line.name == package.name && !(line.provided && package.absent);
            let (state, version) = found
                .iter()
                .filter(best)
                .map(|line| (line.state, line.version))
                .max()
                .unwrap_or_default();
            let candidate = candidates.get(package.name.as_str()).map(|it| (*it).to_owned());
            Observed {
                state,
                version: (state > State::Configuration).then(|| version.to_owned()),
                newest: candidate.clone().filter(|_| package.latest),
                candidate,
            }
        };
        Ok(batch.iter().map(|it| Ok(observe(it))).collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        let before = observed.version.as_deref().unwrap_or_default();
        if self.absent {
            return match observed.state {
                State::Missing => None,
                State::Configuration if !self.purge => None,
                State::Configuration => {
                    let field = Field::new("purge", "configuration left", Shown::Nothing);
                    Some(Change::new(Action::Remove, vec![field]))
                }
                State::Broken | State::Installed => {
                    let field = Field::new("version", before, Shown::Nothing);
                    Some(Change::new(Action::Remove, vec![field]))
                }
            };
        }
        match observed.state {
            State::Missing | State::Configuration => {
                let field = Field::added("version", self.shown_version(observed));
                Some(Change::new(Action::Create, vec![field]))
            }
            State::Broken => {
                Change::update(vec![Field::new("state", "half installed", "installed")])
            }
            State::Installed => {
                let wanted = match (&self.version, &observed.newest) {
                    (Some(pattern), _) if !matches(pattern, before) => Some(pattern),
                    (None, Some(newest)) if newest != before => Some(newest),
                    _ => None,
                };
                wanted.and_then(|wanted| {
                    Change::update(vec![Field::new("version", before, wanted.as_str())])
                })
            }
        }
    }

    fn apply(&self, _change: Option<&Change>) -> Step {
        transactions(&[self]).into()
    }

    fn apply_together(batch: &[&Self]) -> Option<Step> {
        Some(transactions(batch).into())
    }
}

/// The name without the architecture that most hosts have anyway.
fn plain_name(name: &str) -> &str {
    match name.split_once(':') {
        Some((plain, "amd64" | "arm64" | "native" | "any" | "all")) => plain,
        _ => name,
    }
}

impl Package {
    fn shown_version(&self, observed: &Observed) -> Shown {
        match (&self.version, &observed.candidate) {
            (Some(version), Some(candidate)) if !matches(version, candidate) => {
                version.as_str().into()
            }
            (_, Some(candidate)) => candidate.as_str().into(),
            (Some(version), None) => version.as_str().into(),
            (None, None) => "newest (the package index is not read yet)".into(),
        }
    }

    /// How apt-get is told to install it.
    fn word(&self) -> String {
        match &self.version {
            Some(version) => format!("{}={version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// One transaction for each way in which apt must be called: mostly one. Purging comes last,
/// so that what takes the place of a purged package is there before.
fn transactions(batch: &[&Package]) -> Script {
    let absent: Vec<&str> =
        batch.iter().filter(|it| it.absent).map(|it| it.name.as_str()).collect();
    let mut groups: BTreeMap<(bool, Option<bool>), Vec<&Package>> = BTreeMap::new();
    for package in batch {
        groups.entry((package.purge, package.recommends)).or_default().push(package);
    }
    let names: Vec<&str> = batch.iter().map(|it| it.name.as_str()).collect();
    let mut script = Script::trusted(INSTALLED.as_str()).then(Script::trusted(APT)).then(sh!(
        "apt_mend\napt_fresh || apt_refresh\nset -f\nhave=$(installed {})",
        Words(&names)
    ));
    for ((purge, recommends), packages) in groups {
        script.push(transaction(&packages, purge, recommends, &absent));
    }
    script
}

fn transaction(
    packages: &[&Package],
    purge: bool,
    recommends: Option<bool>,
    absent: &[&str],
) -> Script {
    let mut script = sh!("words=");
    for package in packages {
        script.push(match (package.absent, package.latest) {
            (true, _) => sh!("apt_drop {}", package.name),
            // apt itself leaves one alone that is the newest.
            (false, true) => sh!("words=\"$words \"{}", package.word()),
            (false, false) => {
                let version = package.version.as_deref().unwrap_or("?*");
                sh!("apt_want {} {} {}", package.name, package.word(), version)
            }
        });
    }
    let mut options = Vec::new();
    if purge {
        options.push("--purge".to_owned());
    }
    if let Some(recommends) = recommends {
        options.push(format!("-oAPT::Install-Recommends={recommends}"));
    }
    if packages.iter().any(|package| package.version.is_some()) {
        options.push("--allow-downgrades".to_owned());
    }
    script.then(sh!(
        "[ -z \"$words\" ] || apt_transaction {} install {} -- $words",
        absent.join(" "),
        Words(&options)
    ))
}

/// Names as dpkg allows them, so that none is an option or a pattern.
fn check_name(name: &str) -> Result<(), ArgumentError> {
    let (package, architecture) = name.split_once(':').unwrap_or((name, "all"));
    let lowercase = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
    };
    // apt-get would take a last `+` or `-` for a wish to install or remove, if there is no package with that very name.
    if lowercase(package, "+.-") && !package.ends_with('-') && lowercase(architecture, "-") {
        return Ok(());
    }
    let error = ArgumentError::new("name", format!("`{name}` is not the name of a package"));
    Err(match name.split_once('=') {
        Some((name, version)) => {
            error.hint(format!("package(\"{name}\", #{{ version: \"{version}\" }})"))
        }
        None => error.hint("a name has small letters, digits, `+`, `-` and `.`"),
    })
}

/// Whether a version is like a pattern with `*` and `?`.
fn matches(pattern: &str, version: &str) -> bool {
    let pattern = regex::escape(pattern).replace("\\*", ".*").replace("\\?", ".");
    Regex::new(&format!("^{pattern}$")).is_ok_and(|pattern| pattern.is_match(version))
}

/// A package as dpkg-query lists it, under its own name or one that it provides.
struct Line<'a> {
    name: &'a str,
    version: &'a str,
    state: State,
    provided: bool,
}

fn installed(output: &str) -> Vec<Line<'_>> {
    let line = |line| {
        let [name, version, status] =
            <[&str; 3]>::try_from(str::split(line, '\t').collect::<Vec<_>>()).ok()?;
        let provided = status == "provided";
        let state = match status.as_bytes().get(1) {
            _ if provided => State::Installed,
            Some(b'i') => State::Installed,
            Some(b'c') => State::Configuration,
            Some(b'U' | b'F' | b'H' | b'W' | b't') => State::Broken,
            _ => State::Missing,
        };
        Some(Line { name, version, state, provided })
    };
    output.lines().filter_map(line).collect()
}

/// The candidates that `apt-cache policy` told: `NAME:`, then indented lines.
fn candidates(output: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    let mut name = "";
    for line in output.lines() {
        if let Some(candidate) = line.strip_prefix("  Candidate: ") {
            if candidate != "(none)" {
                found.insert(name, candidate);
            }
        } else if let Some(heading) = line.strip_suffix(':')
            && !heading.starts_with(' ')
        {
            name = heading;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_apt_could_misread_are_refused() {
        for good in ["nginx", "libc6:i386", "g++", "libstdc++6", "0ad"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-y", "nginx-", "nginx=1", "a b", "a*", "Nginx", "a;b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    /// What a dpkg prints that says `known` of the packages that were asked for, and else lists `vim`, which is an editor.
    fn says_installed(known: &str) -> String {
        let script = format!(
            "say() {{ printf '%s\\n' \"$*\"; }}
             query() {{ case $3 in *Provides*) printf 'vim\\tall\\t9.0\\tii \\teditor (= 1)\\n' ;; *) {known} ;; esac; }}
             {}
             installed vim editor | sort",
            INSTALLED.replace("dpkg-query", "query")
        );
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn all_packages_are_listed_only_where_a_name_is_not_that_of_an_installed_one() {
        let both = "editor\t1\tii \nvim\t9.0\thi \n";
        assert_eq!(says_installed(&format!("printf '{both}'")), both);
        let provided = "editor\t9.0\tprovided\nvim\t9.0\tii \n";
        for known in ["return 1", r"printf 'editor\t1\trc \nvim\t9.0\tii \n'"] {
            assert_eq!(says_installed(known), provided, "{known}");
        }
    }

    #[test]
    fn a_pattern_of_a_version_is_a_glob() {
        assert!(matches("1.22.*", "1.22.1-9+deb12u1") && matches("1:2?", "1:23"));
        assert!(!matches("1.22.*", "1x22.1") && !matches("1.2", "1.22"));
    }

    #[test]
    fn the_best_state_under_a_name_counts() {
        let package = |json: &str| {
            let value = serde_json::from_str::<crate::value::Value>(json).unwrap();
            Package::deserialize(value).unwrap()
        };
        let output = "awk\t1.3\tprovided\nvim\t9.0\trc \nbash\t5.2\tiF \nlibc6\t2.36\tii \n\
            libc6\t2.36\trc \nmissing\tvim\n";
        let change = |json: &str| {
            let package = package(json);
            let observed = Package::observe(&[&package], output).unwrap();
            package.plan(observed[0].as_ref().unwrap()).map(|change| change.action)
        };
        assert_eq!(change(r#"{"name": "awk"}"#), None);
        assert_eq!(change(r#"{"name": "awk", "absent": true}"#), None);
        assert_eq!(change(r#"{"name": "vim"}"#), Some(Action::Create));
        assert_eq!(change(r#"{"name": "vim", "absent": true}"#), None);
        let purged = r#"{"name": "vim", "absent": true, "purge": true}"#;
        assert_eq!(change(purged), Some(Action::Remove));
        assert_eq!(change(r#"{"name": "bash"}"#), Some(Action::Update));
        assert_eq!(change(r#"{"name": "libc6"}"#), None);
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "[a-z:\t\n .]{0,80}|\\PC*") {
            installed(&output);
            candidates(&output);
        }
    }
}
