//! The `package` kind.

use std::collections::BTreeMap;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::{Library, Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        dpkg::{Age, Candidate, DpkgLine, DpkgOutput, NO_DPKG, PackageState},
        footprint::{Footprint, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// The functions of sh that this kind and `repository` use.
pub(super) static APT: Library = Library::new("apt", &[include_str!("apt.sh")]);

static INSTALLED: Library = Library::new("installed", &[include_str!("installed.sh")]);

/// A package of the distribution, by apt.
///
/// Packages that stand next to each other are one transaction. The package index is refreshed when it is older than
/// an hour or does not know the package; that it cannot be is a warning, and a failure where the newest version is wanted.
/// Where the index is older, `latest` is planned as what may change, and looked at again after the refresh. Another program
/// that installs is waited for, up to five minutes. Nothing is removed that is not declared absent.
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
pub struct ObservedPackage {
    state: PackageState,
    /// The version that is installed, or left in part.
    version: Option<String>,
    /// What was not finished of its installation.
    unfinished: Option<&'static str>,
    /// Whether apt was told to leave it alone.
    held: bool,
    /// The newest version that the index knows, where the newest is wanted.
    newest: Option<String>,
    /// Whether the index is too old to say what is the newest, where the newest is wanted.
    outdated: bool,
    /// The version that would be installed, for the plan only: it moves by itself.
    #[serde(skip)]
    candidate: Candidate,
    /// The age of the index, for the plan only.
    #[serde(skip)]
    age: Age,
}

impl Resource for Package {
    type Observed = ObservedPackage;
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

    fn words(&self) -> usize {
        self.version.as_deref().map_or(0, str::len)
    }

    fn probe(batch: &[&Self]) -> Script {
        let of = |wanted: fn(&Self) -> bool| -> Vec<&str> {
            batch.iter().filter(|it| wanted(it)).map(|it| it.name.as_str()).collect()
        };
        let (names, present, latest) = (of(|_| true), of(|it| !it.absent), of(|it| it.latest));
        INSTALLED.script().then(sh!(
            "if has dpkg-query; then
  installed {}
  show={}
  say \"$installed\"
  for name in {}; do
    case $installed in *\"missing\t$name\"*) show=\"$show $name\" ;; esac
  done
  if [ -n \"$show\" ]; then
    apt-cache policy $show 2>&1 || say \"apt-cache ended with exit status $?\"
    set -- /var/lib/apt/lists/*Release
    if [ -e \"$1\" ]; then stat -c 'index at %Y' /var/lib/apt/lists; else say 'index unread'; fi
    date '+index now %s'
  fi
else say {}; fi",
            Words(&names),
            latest.join(" "),
            Words(&present),
            NO_DPKG
        ))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedPackage>>, Unreadable> {
        let said = DpkgOutput::new(output);
        Ok(batch.iter().map(|package| package.look(&said)).collect())
    }

    fn before(&self, observed: &ObservedPackage) -> Vec<Before> {
        let name = || ("name", self.name.as_str().into());
        match (observed.state, &observed.version) {
            (PackageState::Installed, Some(version)) => {
                let version =
                    Before::declared(Self::KIND, [name(), ("version", version.as_str().into())]);
                let purged = self
                    .purge
                    .then(|| Before::lost("the configuration of a purged package is not kept"));
                std::iter::once(version).chain(purged).collect()
            }
            (PackageState::Missing, _) => {
                vec![Before::declared(Self::KIND, [name(), ("absent", true.into())])]
            }
            _ => vec![Before::lost("a package that is half installed is not brought back to that")],
        }
    }

    fn plan(&self, observed: &ObservedPackage) -> Option<Change> {
        let version = observed.version.as_deref().unwrap_or_default();
        let before = if observed.held { format!("{version} (held)") } else { version.to_owned() };
        if self.absent {
            let field = match observed.state {
                PackageState::Missing => return None,
                PackageState::Configuration if !self.purge => return None,
                PackageState::Configuration => {
                    Field::new("purge", "configuration left", Shown::Nothing)
                }
                PackageState::Broken | PackageState::Installed => {
                    Field::new("version", before, Shown::Nothing)
                }
            };
            return Some(Change::new(Effect::Remove, vec![field]));
        }
        match observed.state {
            PackageState::Missing | PackageState::Configuration => {
                let field = Field::added("version", self.shown_version(observed));
                Some(Change::new(Effect::Create, vec![field]))
            }
            PackageState::Broken => {
                let state = observed.unfinished.unwrap_or("half installed");
                Change::update(vec![Field::new("state", state, "installed")])
            }
            PackageState::Installed => match (&self.version, &observed.newest) {
                (Some(pattern), _) if !matches(pattern, version) => {
                    Change::update(vec![Field::new("version", before, pattern.as_str())])
                }
                (None, Some(newest)) if newest != version => {
                    let newest = match observed.outdated {
                        true => format!("{newest}, or newer: {}", observed.age),
                        false => newest.clone(),
                    };
                    Change::update(vec![Field::new("version", before, newest)])
                }
                (None, Some(_)) if observed.outdated => {
                    let newest = format!("the newest: {}", observed.age);
                    let field = Field::new("version", before, newest);
                    Some(Change::new(Effect::Refresh, vec![field]))
                }
                _ => None,
            },
        }
    }

    fn apply(&self, change: Option<&Change>) -> Step {
        match change.map(|change| change.action) {
            Some(Effect::Refresh) => APT.script().then(sh!("apt_must_refresh")).into(),
            _ => transactions(&[self]).into(),
        }
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
    /// What is known of it by what was said.
    fn look(&self, said: &DpkgOutput<'_>) -> Looked<ObservedPackage> {
        if said.without_dpkg {
            return Err(Unknown::new(NO_DPKG));
        }
        let of_it =
            |line: &&DpkgLine<'_>| line.name == self.name && !(line.provided && self.absent);
        let best = said.lines.iter().filter(of_it).max_by_key(|line| (line.state, line.version));
        if best.is_none_or(|line| line.state != PackageState::Installed)
            && !said.missing.contains(&self.name.as_str())
        {
            return Err(said.unknown("dpkg did not report whether it is installed"));
        }
        let mut observed = ObservedPackage { age: said.age, ..ObservedPackage::default() };
        if let Some(line) = best {
            observed.state = line.state;
            observed.version =
                (line.state > PackageState::Configuration).then(|| line.version.to_owned());
            observed.unfinished = line.unfinished;
            observed.held = line.held;
        }
        observed.candidate = match said.candidates.get(self.name.as_str()) {
            Some(Some(version)) => Candidate::Version((*version).to_owned()),
            Some(None) => Candidate::Virtual,
            None => Candidate::Unheard,
        };
        let asked = self.latest || observed.state < PackageState::Broken && !self.absent;
        if asked && said.apt_failed {
            return Err(said.unknown("apt-cache did not report any versions"));
        }
        if self.latest && observed.state == PackageState::Installed {
            // What is installed has a candidate: at least the version that it has.
            let Candidate::Version(newest) = &observed.candidate else {
                return Err(said.unknown("apt-cache did not report the newest version"));
            };
            if said.age == Age::Unasked {
                return Err(said.unknown("the host did not report the age of the package index"));
            }
            observed.newest = Some(newest.clone());
            observed.outdated = !said.age.is_fresh();
        }
        Ok(observed)
    }

    fn shown_version(&self, observed: &ObservedPackage) -> Shown {
        match (&self.version, &observed.candidate) {
            (Some(version), Candidate::Version(candidate)) if !matches(version, candidate) => {
                version.as_str().into()
            }
            (_, Candidate::Version(candidate)) => candidate.as_str().into(),
            (Some(version), _) => version.as_str().into(),
            (None, Candidate::Virtual) => "of what provides it".into(),
            (None, Candidate::Unheard) => match observed.age {
                Age::Unread => format!("newest ({})", Age::Unread).into(),
                age => format!("unknown to apt: {age}, and is refreshed first").into(),
            },
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
    let mut script = INSTALLED.script().then(APT.script()).then(sh!(
        "apt_mend\n{}\nset -f\ninstalled {}\nhave=$installed",
        Script::trusted(match batch.iter().any(|it| it.latest) {
            true => "apt_must_refresh",
            false => "apt_fresh || apt_try_refresh",
        }),
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
    let mut script = sh!("words= reinstall=");
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
        "[ -z \"$words\" ] || apt_transaction {} install $reinstall {} -- $words || apt_held",
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
        None => error.hint("use lowercase letters, digits, `+`, `-` and `.`"),
    })
}

/// Whether a version is like a pattern with `*` and `?`.
fn matches(pattern: &str, version: &str) -> bool {
    let pattern = regex::escape(pattern).replace("\\*", ".*").replace("\\?", ".");
    Regex::new(&format!("^{pattern}$")).is_ok_and(|pattern| pattern.is_match(version))
}

#[cfg(test)]
mod tests {
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

    /// What a dpkg prints that says `known` of the packages that were asked for, and else lists `all`.
    fn says_installed(known: &str, all: &str) -> String {
        let script = format!(
            "say() {{ printf '%s\\n' \"$*\"; }}
             query() {{ case $3 in *Provides*) {all} ;; *) {known} ;; esac; }}
             {}
             installed vim editor libc6 libc6:i386; say \"$installed\" | sort",
            INSTALLED.text().replace("dpkg-query -W", "query -W")
        );
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn all_packages_are_listed_only_where_a_name_is_not_that_of_an_installed_one() {
        let both = "editor\t1\tii \nvim\t9.0\thi \n";
        let all = r"printf 'dpkg\tamd64\t1\tii \t\nlibc6\ti386\t2\tii \t\nvim\tall\t9.0\tii \teditor (= 1)\n'";
        assert_eq!(says_installed(&format!("printf '{both}'"), all), both);
        let listed = "editor\t9.0\tprovided\nlibc6:i386\t2\tii \nmissing\tlibc6\nvim\t9.0\tii \n";
        for known in [
            "return 1",
            r"printf 'editor\t1\trc \nvim\t9.0\tii \n'",
            r"printf 'editor\t1\tii \nvim\t9.0\tiiR\n'",
        ] {
            assert_eq!(says_installed(known, all), listed, "{known}");
        }
    }

    #[test]
    fn a_list_that_ends_early_makes_nothing_missing() {
        let broken = [
            (
                "echo dpkg-query: error: parsing file >&2; return 2",
                "dpkg-query: error: parsing file",
            ),
            (r"printf 'vim\tall\t9.0\tii \t\n'; return 137", "exit status 137"),
            ("echo rubbish", "rubbish"),
            (":", "did not report"),
        ];
        for (all, words) in broken {
            let output = says_installed("return 2", all);
            let package = package(r#"{"name": "libc6", "absent": true}"#);
            let look = Package::observe(&[&package], &output).unwrap().remove(0);
            assert!(look.unwrap_err().reason.contains(words), "{output}");
        }
    }

    fn package(json: &str) -> Package {
        let value = serde_json::from_str::<crate::base::value::Value>(json).unwrap();
        Package::deserialize(value).unwrap()
    }

    /// What is planned by what was said.
    fn change(json: &str, output: &str) -> Option<Change> {
        let package = package(json);
        package.plan(Package::observe(&[&package], output).unwrap()[0].as_ref().unwrap())
    }

    #[test]
    fn a_pattern_of_a_version_is_a_glob() {
        assert!(matches("1.22.*", "1.22.1-9+deb12u1") && matches("1:2?", "1:23"));
        assert!(!matches("1.22.*", "1x22.1") && !matches("1.2", "1.22"));
    }

    #[test]
    fn the_best_state_under_a_name_counts() {
        let output = "awk\t1.3\tprovided\nvim\t9.0\trc \nbash\t5.2\tiF \nlibc6\t2.36\tii \n\
            libc6\t2.36\trc \nmissing\tvim\nmissing\tbash\nmissing\tawk\n";
        let action = |json: &str| change(json, output).map(|change| change.action);
        assert_eq!(action(r#"{"name": "awk"}"#), None);
        assert_eq!(action(r#"{"name": "awk", "absent": true}"#), None);
        assert_eq!(action(r#"{"name": "vim"}"#), Some(Effect::Create));
        assert_eq!(action(r#"{"name": "vim", "absent": true}"#), None);
        let purged = r#"{"name": "vim", "absent": true, "purge": true}"#;
        assert_eq!(action(purged), Some(Effect::Remove));
        assert_eq!(action(r#"{"name": "bash"}"#), Some(Effect::Update));
        assert_eq!(action(r#"{"name": "libc6"}"#), None);
    }

    #[test]
    fn each_state_that_is_not_the_wanted_one_is_named() {
        let states = [
            ("iH ", "half installed"),
            ("iHR", "must be installed again"),
            ("iiR", "must be installed again"),
            ("iU ", "unpacked, not configured"),
            ("iF ", "half configured"),
            ("iW ", "waits for triggers"),
            ("it ", "has triggers pending"),
        ];
        for (status, words) in states {
            let output = format!("cow\t1\t{status}\nmissing\tcow\n");
            let update = change(r#"{"name": "cow"}"#, &output).unwrap();
            assert_eq!(update.fields, [Field::new("state", words, "installed")], "{status}");
            let removal = change(r#"{"name": "cow", "absent": true}"#, &output).unwrap();
            assert_eq!(removal.action, Effect::Remove, "{status}");
        }
        let held = "cow\t1\thi \ncow:\n  Candidate: 2\nindex at 0\nindex now 1\n";
        let update = change(r#"{"name": "cow", "latest": true}"#, held).unwrap();
        assert_eq!(update.fields, [Field::new("version", "1 (held)", "2")]);
        assert_eq!(change(r#"{"name": "cow"}"#, held), None);
    }

    #[test]
    fn an_index_that_is_old_does_not_tell_what_is_the_newest() {
        let latest = r#"{"name": "cow", "latest": true}"#;
        let output = |candidate: &str, now: u32| {
            format!("cow\t1\tii \ncow:\n  Candidate: {candidate}\nindex at 0\nindex now {now}\n")
        };
        assert_eq!(change(latest, &output("1", 60)), None);
        let old = change(latest, &output("1", 3 * 86_400)).unwrap();
        let words = "the newest: the package index is 3 days old";
        assert_eq!(old, Change::new(Effect::Refresh, vec![Field::new("version", "1", words)]));
        let older = change(latest, &output("2", 7200)).unwrap();
        let words = "2, or newer: the package index is 2 hours old";
        assert_eq!(older, Change::new(Effect::Update, vec![Field::new("version", "1", words)]));
        let unknown = |output: &str| {
            let package = package(latest);
            Package::observe(&[&package], output).unwrap().remove(0).unwrap_err().reason
        };
        let failed = "cow\t1\tii \nE: no cache\napt-cache ended with exit status 100\n";
        assert_eq!(unknown(failed), "E: no cache; apt-cache ended with exit status 100");
        assert_eq!(unknown("cow\t1\tii \n"), "apt-cache did not report the newest version");
        assert_eq!(unknown(NO_DPKG), NO_DPKG);
    }

    #[test]
    fn what_apt_has_not_heard_of_is_said_before_it_is_tried() {
        let version = |rest: &str| {
            let change = change(r#"{"name": "cow"}"#, &format!("missing\tcow\n{rest}")).unwrap();
            match &change.fields[0].after {
                Shown::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            version("index unread\nindex now 1\n"),
            "newest (the package index was never fetched)"
        );
        let unheard = "unknown to apt: the package index is 5 minutes old, and is refreshed first";
        assert_eq!(version("index at 0\nindex now 300\n"), unheard);
        assert_eq!(version("cow:\n  Candidate: 3\nindex at 0\nindex now 300\n"), "3");
        assert_eq!(version("cow:\n  Candidate: (none)\nindex now 300\n"), "of what provides it");
    }
}
