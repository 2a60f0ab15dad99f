//! Packages by apt and dpkg.

pub mod dpkg;

use std::collections::BTreeMap;

use self::dpkg::{DpkgLine, DpkgOutput};
use super::{
    ObservedPackage, Package,
    manager::PackageManager,
    state::{Age, Candidate, PackageState},
};
use crate::{
    base::script::{Library, Script, Words},
    resources::resource::Looked,
    sh,
};

/// The functions of sh that packages and repositories use.
pub static APT: Library = Library::new("apt", &[include_str!("apt.sh")]);

pub(super) static INSTALLED: Library = Library::new("installed", &[include_str!("installed.sh")]);

/// apt, on dpkg.
pub struct Apt;

impl PackageManager for Apt {
    fn name(&self) -> &'static str {
        "apt"
    }

    fn program(&self) -> &'static str {
        "dpkg-query"
    }

    fn probe(&self, batch: &[&Package]) -> Script {
        let of = |wanted: fn(&Package) -> bool| -> Vec<&str> {
            batch.iter().filter(|it| wanted(it)).map(|it| it.name.as_str()).collect()
        };
        let (names, present, latest) = (of(|_| true), of(|it| !it.absent), of(|it| it.latest));
        INSTALLED.script().then(sh!(
            "installed {}
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
fi",
            Words(&names),
            latest.join(" "),
            Words(&present)
        ))
    }

    fn observe(&self, batch: &[&Package], output: &str) -> Vec<Looked<ObservedPackage>> {
        let said = DpkgOutput::new(output);
        batch.iter().map(|package| look(package, &said)).collect()
    }

    fn refresh(&self) -> Script {
        APT.script().then(sh!("apt_must_refresh"))
    }

    fn apply(&self, batch: &[&Package]) -> Script {
        transactions(batch)
    }
}

/// What is known of a package by what was said.
fn look(package: &Package, said: &DpkgOutput<'_>) -> Looked<ObservedPackage> {
    let of_it =
        |line: &&DpkgLine<'_>| line.name == package.name && !(line.provided && package.absent);
    let best = said.lines.iter().filter(of_it).max_by_key(|line| (line.state, line.version));
    if best.is_none_or(|line| line.state != PackageState::Installed)
        && !said.missing.contains(&package.name.as_str())
    {
        return Err(said.unknown("dpkg did not report whether it is installed"));
    }
    let mut observed =
        ObservedPackage { manager: Apt.name(), age: said.age, ..ObservedPackage::default() };
    if let Some(line) = best {
        observed.state = line.state;
        observed.version =
            (line.state > PackageState::Configuration).then(|| line.version.to_owned());
        observed.unfinished = line.unfinished;
        observed.held = line.held;
    }
    observed.candidate = match said.candidates.get(package.name.as_str()) {
        Some(Some(version)) => Candidate::Version((*version).to_owned()),
        Some(None) => Candidate::Virtual,
        None => Candidate::Unheard,
    };
    let asked = package.latest || observed.state < PackageState::Broken && !package.absent;
    if asked && said.apt_failed {
        return Err(said.unknown("apt-cache did not report any versions"));
    }
    if package.latest && observed.state == PackageState::Installed {
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

/// How apt-get is told to install it.
fn word(package: &Package) -> String {
    match &package.version {
        Some(version) => format!("{}={version}", package.name),
        None => package.name.clone(),
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
            (false, true) => sh!("words=\"$words \"{}", word(package)),
            (false, false) => {
                let version = package.version.as_deref().unwrap_or("?*");
                sh!("apt_want {} {} {}", package.name, word(package), version)
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
