//! The `package` kind.

mod state;
mod manager;
pub mod apt;
mod managers;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    managers::{named, observed, probing, whichever},
    state::{Age, Candidate, PackageState},
};
use crate::{
    base::script::Script,
    resources::{
        before::Before,
        change::{Change, DetailedChange, Effect, Field, Shown},
        footprint::{Footprint, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
    },
};

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
    /// The package manager that was asked.
    manager: &'static str,
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

/// What the step of a package depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageDetail {
    /// The package manager of the host.
    manager: &'static str,
    /// Whether the package index is brought up to date first, and looked at again.
    refreshes: bool,
}

impl ObservedPackage {
    fn shown_before(&self) -> String {
        let version = self.version.as_deref().unwrap_or_default();
        if self.held { format!("{version} (held)") } else { version.to_owned() }
    }
}

impl Resource for Package {
    type Arguments = Self;
    type Observed = ObservedPackage;
    type Difference = DetailedChange<PackageDetail>;
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

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn words(&self) -> usize {
        self.version.as_deref().map_or(0, str::len)
    }

    fn probe(batch: &[&Self]) -> Script {
        probing(batch)
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedPackage>>, Unreadable> {
        Ok(observed(batch, output))
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

    fn plan(&self, observed: &ObservedPackage) -> Option<DetailedChange<PackageDetail>> {
        let change = match self.absent {
            true => self.plan_absent(observed)?,
            false => self.plan_present(observed)?,
        };
        let refreshes = change.action == Effect::Refresh;
        let detail = PackageDetail { manager: observed.manager, refreshes };
        Some(DetailedChange { change, detail })
    }

    fn apply(&self, detail: Option<&PackageDetail>) -> Step {
        let Some(detail) = detail else {
            return whichever(|manager| manager.apply(&[self])).into();
        };
        let manager = named(detail.manager);
        let script = if detail.refreshes { manager.refresh() } else { manager.apply(&[self]) };
        script.into()
    }

    fn apply_together(batch: &[(&Self, Option<&PackageDetail>)]) -> Option<Step> {
        let (packages, details): (Vec<&Self>, Vec<_>) = batch.iter().copied().unzip();
        // A host has one manager.
        let script = match details.first()? {
            Some(detail) => named(detail.manager).apply(&packages),
            None => whichever(|manager| manager.apply(&packages)),
        };
        Some(script.into())
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
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
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

    fn plan_absent(&self, observed: &ObservedPackage) -> Option<Change> {
        let field = match observed.state {
            PackageState::Missing => return None,
            PackageState::Configuration if !self.purge => return None,
            PackageState::Configuration => {
                Field::new("purge", "configuration left", Shown::Nothing)
            }
            PackageState::Broken | PackageState::Installed => {
                Field::new("version", observed.shown_before(), Shown::Nothing)
            }
        };
        Some(Change::new(Effect::Remove, vec![field]))
    }

    fn plan_present(&self, observed: &ObservedPackage) -> Option<Change> {
        let version = observed.version.as_deref().unwrap_or_default();
        let updated =
            |to: &str| Change::update(vec![Field::new("version", observed.shown_before(), to)]);
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
                (Some(pattern), _) if !matches(pattern, version) => updated(pattern),
                (None, Some(newest)) if newest != version => match observed.outdated {
                    true => updated(&format!("{newest}, or newer: {}", observed.age)),
                    false => updated(newest),
                },
                (None, Some(_)) if observed.outdated => {
                    let newest = format!("the newest: {}", observed.age);
                    let field = Field::new("version", observed.shown_before(), newest);
                    Some(Change::new(Effect::Refresh, vec![field]))
                }
                _ => None,
            },
        }
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
mod tests;
