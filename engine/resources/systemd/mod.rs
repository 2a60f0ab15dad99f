//! What systemd says of units, and what they can be called.

use std::collections::HashMap;

use serde::Serialize;

mod name;

pub use self::name::{SUFFIXES, check_unit, has_suffix};
use crate::base::script::{Library, Script};

static DAEMONS: Library = Library::new("daemons", &[include_str!("daemons.sh")]);
static UNITS: Library = Library::new("units", &[include_str!("units.sh")]);

/// What tells a script for init that starts a daemon from others.
pub fn daemons() -> Script {
    DAEMONS.script()
}

/// The functions of sh that ask about units.
pub fn units() -> Script {
    daemons().then(UNITS.script())
}

/// Where the unit files of whoever runs the host lie.
pub const FOLDER: &str = "/etc/systemd/system";

/// All that systemd says of whether a unit could be loaded, of what it does, and of its file; none of them has no file. What
/// is not among them has a meaning that converge does not know.
const LOAD_STATES: [&str; 7] =
    ["loaded", "not-found", "bad-setting", "error", "masked", "merged", "stub"];
const ACTIVE_STATES: [&str; 8] = [
    "active",
    "reloading",
    "refreshing",
    "activating",
    "deactivating",
    "maintenance",
    "failed",
    "inactive",
];
const FILE_STATES: [&str; 14] = [
    "",
    "enabled",
    "enabled-runtime",
    "linked",
    "linked-runtime",
    "alias",
    "masked",
    "masked-runtime",
    "static",
    "disabled",
    "indirect",
    "generated",
    "transient",
    "bad",
];

/// What systemd says of a unit.
#[derive(Debug, PartialEq, Serialize)]
pub struct UnitState {
    /// Whether it could be loaded.
    pub load: String,
    /// Whether it is active, and what else it may be.
    active: String,
    /// A word for the state that belongs to the sort of unit, such as `auto-restart`.
    sub: String,
    /// What is to be said of its file.
    pub file: String,
    /// How its last end came about.
    result: String,
    /// The exit status, or the signal.
    exit_status: String,
    /// Whether what systemd has loaded is older than what lies on the disk.
    pub stale: bool,
    /// Of a script for init: whether a link starts it at boot.
    linked: Option<bool>,
    /// Whether it is called active though no process is left of the daemon that a script for init started.
    empty: bool,
    /// Whether it ended, or was started again, in the seconds that it has to stay active.
    pub ended_early: bool,
}

/// What starts a unit at boot.
pub enum AtBoot {
    /// It itself.
    Yes,
    /// It was enabled in a folder that the next boot empties.
    UntilNext,
    /// Nothing.
    No,
    /// Others, if at all: there is nothing to enable.
    ByOthers,
    /// Whatever systemd makes it of.
    Generated,
}

impl UnitState {
    /// Whether nobody can start it.
    pub fn is_masked(&self) -> bool {
        self.load == "masked" || self.file.starts_with("masked")
    }

    /// Whether systemd cannot make sense of its file.
    pub fn is_broken(&self) -> bool {
        ["bad-setting", "error"].contains(&self.load.as_str())
    }

    /// What starts it at boot.
    pub fn at_boot(&self) -> AtBoot {
        match (self.file.as_str(), self.linked) {
            ("enabled", _) | ("generated", Some(true)) => AtBoot::Yes,
            ("generated", Some(false)) => AtBoot::No,
            ("enabled-runtime", _) => AtBoot::UntilNext,
            ("static" | "indirect" | "alias" | "transient", _) => AtBoot::ByOthers,
            ("generated", None) => AtBoot::Generated,
            ("", _) if self.load == "loaded" => AtBoot::ByOthers,
            _ => AtBoot::No,
        }
    }

    /// Whether it runs, whatever else it is doing.
    pub fn is_running(&self) -> bool {
        ["active", "reloading", "refreshing"].contains(&self.active.as_str()) && !self.empty
    }

    /// Whether nothing of it runs. What is about to start, or to end, is not stopped.
    pub fn is_stopped(&self) -> bool {
        ["inactive", "failed"].contains(&self.active.as_str())
    }

    /// Whether it is masked, in words.
    pub fn shown_masked(&self) -> String {
        match self.file.as_str() {
            "masked-runtime" => "true (until the next boot)".to_owned(),
            _ => self.is_masked().to_string(),
        }
    }

    /// Whether it starts at boot, in words.
    pub fn shown_enabled(&self) -> String {
        match (self.at_boot(), self.file.as_str()) {
            (AtBoot::Yes, _) => "true".to_owned(),
            (AtBoot::UntilNext, _) => "true (until the next boot)".to_owned(),
            (AtBoot::No, "disabled" | "generated" | "") => "false".to_owned(),
            (_, "") => "false (it has no file)".to_owned(),
            (_, file) => format!("false ({file})"),
        }
    }

    /// Whether it runs, in words: it may be on the way, or have failed.
    pub fn shown_running(&self) -> String {
        match (self.active.as_str(), self.sub.as_str()) {
            ("activating", "auto-restart") => "about to be restarted".to_owned(),
            ("failed", _) => format!("false ({})", self.shown_end()),
            ("inactive", _) => "false".to_owned(),
            _ if self.empty => "false (no process of it is left)".to_owned(),
            _ if self.is_running() => "true".to_owned(),
            (other, _) => other.to_owned(),
        }
    }

    /// How it ended, in words.
    pub fn shown_end(&self) -> String {
        let how = match (self.result.as_str(), self.exit_status.as_str()) {
            ("exit-code", status) => format!("exit status {status}"),
            ("signal" | "core-dump", signal) => format!("ended by signal {signal}"),
            ("success" | "", _) => String::new(),
            (result, _) => result.to_owned(),
        };
        match (self.active.as_str(), how.as_str()) {
            _ if self.is_running() => "it was restarted".to_owned(),
            _ if self.empty => "no process of it is left".to_owned(),
            ("failed", "") => "failed".to_owned(),
            ("failed", how) => format!("failed: {how}"),
            (_, "") => "it ended".to_owned(),
            (_, how) => format!("it ended: {how}"),
        }
    }
}

/// What a probe said of all units.
#[derive(Default)]
pub struct SystemdOutput<'a> {
    /// What is said of each unit, in the order of the answers.
    units: Vec<Properties<'a>>,
    /// By each of their names, where they stand.
    by_name: HashMap<String, usize>,
    /// Files that belong to a unit, and that it may not have read.
    unread: Vec<&'a str>,
    /// The units that were started anew while they were looked at.
    left: Vec<&'a str>,
    /// The links that start scripts of init at boot.
    links: Vec<&'a str>,
    /// The scripts of init that start a daemon.
    daemons: Vec<&'a str>,
    /// The units that are not there, and that a link would start as soon as they are back.
    lost: Vec<&'a str>,
}

/// What is said of one unit.
#[derive(Default)]
struct Properties<'a> {
    names: Vec<String>,
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> SystemdOutput<'a> {
    /// Reads what the probe printed. An empty line ends what is said of a unit.
    pub fn read(output: &'a str) -> Self {
        let mut said = Self::default();
        let mut unit = Properties::default();
        for line in output.lines() {
            match line.strip_prefix('+').and_then(|line| line.split_once(' ')) {
                Some(("unread", path)) => said.unread.push(path),
                Some(("left", name)) => said.left.push(name),
                Some(("lost", name)) => said.lost.push(name),
                Some(("links", paths)) => said.links.extend(paths.split(' ')),
                Some(("daemons", paths)) => said.daemons.extend(paths.split(' ')),
                _ if line.is_empty() => said.add(std::mem::take(&mut unit)),
                _ => unit.values.extend(line.split_once('=')),
            }
        }
        said.add(unit);
        said
    }

    fn add(&mut self, mut unit: Properties<'a>) {
        unit.names = words(unit.get("Names").unwrap_or_default());
        let place = self.units.len();
        self.by_name.extend(unit.names.iter().map(|name| (name.clone(), place)));
        self.units.push(unit);
    }

    /// What was said of one that was asked for, and that has to stay active for that many seconds.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn of(&self, name: &str, stay: u32) -> Result<UnitState, String> {
        let place =
            self.by_name.get(name).ok_or_else(|| format!("systemd did not report {name}"))?;
        let unit = &self.units[*place];
        if let Some(why) = unit.get("Refused") {
            return Err(format!("systemctl says of {name}: {why}"));
        }
        let get =
            |name: &str| unit.get(name).ok_or_else(|| format!("systemd did not report {name}"));
        let state = |property: &str, known: &[&str]| match get(property)? {
            state if known.contains(&state) => Ok(state.to_owned()),
            state => {
                Err(format!("it says {property}={state} of {name}, which is an unknown state"))
            }
        };
        let text = |property: &str| unit.get(property).unwrap_or_default().to_owned();
        let number = |property: &str| text(property).parse::<u64>().unwrap_or_default();
        let load = state("LoadState", &LOAD_STATES)?;
        let active = state("ActiveState", &ACTIVE_STATES)?;
        let mut file = state("UnitFileState", &FILE_STATES)?;
        if self.lost.contains(&name) {
            file = "enabled".to_owned();
        }
        let unread = self.unread.iter().any(|path| unit.has_not_read(path));
        let stale =
            state("NeedDaemonReload", &["yes", "no"])? == "yes" || load == "loaded" && unread;
        // A script for init has the name of the unit.
        let script = name.strip_suffix(".service").filter(|stem| {
            file == "generated" && text("SourcePath").strip_prefix("/etc/init.d/") == Some(stem)
        });
        let linked = script.map(|stem| self.links.iter().any(|link| starts_at_boot(link, stem)));
        let (began, ended) =
            (number("ActiveEnterTimestampMonotonic"), number("InactiveEnterTimestampMonotonic"));
        let lived = ended.checked_sub(began).filter(|_| began > 0);
        let short = lived.is_some_and(|it| it < u64::from(stay) * 1_000_000);
        let runs = ["active", "reloading", "refreshing"].contains(&active.as_str());
        let ended_early = self.left.contains(&name) || !runs && short;
        let (sub, result) = (text("SubState"), text("Result"));
        let exit_status = text("ExecMainStatus");
        let is_daemon = self.daemons.contains(&text("SourcePath").as_str());
        let empty = sub == "exited" && (is_daemon || self.left.contains(&name));
        Ok(UnitState {
            load,
            active,
            sub,
            file,
            result,
            exit_status,
            stale,
            linked,
            empty,
            ended_early,
        })
    }
}

impl<'a> Properties<'a> {
    fn get(&self, property: &str) -> Option<&'a str> {
        self.values.iter().find(|(name, _)| *name == property).map(|(_, value)| *value)
    }

    /// Whether a file of this path is a part of the unit and was not read. A drop-in of the same name that is closer to the
    /// unit takes its place; of those in `/etc` for the unit itself none is closer.
    fn has_not_read(&self, path: &str) -> bool {
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        let text = |property| self.get(property).unwrap_or_default();
        let Some(owner) = folder.rsplit('/').next().and_then(|it| it.strip_suffix(".d")) else {
            let (read_from, read) = text("FragmentPath").rsplit_once('/').unwrap_or_default();
            return read == name && read_from != folder && !read_from.starts_with("/etc/");
        };
        let read = words(text("DropInPaths"));
        let exact = self.names.iter().any(|name| name == owner);
        let same = |read: &String| read.rsplit('/').next() == Some(name);
        let known = match exact && folder.starts_with("/etc/") {
            true => read.iter().any(|read| read == path),
            false => read.iter().any(same),
        };
        !known && (exact || self.names.iter().any(|name| inherits(name, owner)))
    }
}

/// Whether a unit also reads the drop-ins of `owner`: its template, its sort, or what begins its name, up to a dash.
fn inherits(name: &str, owner: &str) -> bool {
    let Some((stem, sort)) = name.rsplit_once('.') else { return false };
    let Some(owner) = owner.strip_suffix(sort) else { return false };
    let template = stem.split_once('@').map(|(template, _)| format!("{template}@."));
    let begins = owner.strip_suffix('.').filter(|owner| owner.ends_with('-'));
    owner.is_empty()
        || template.is_some_and(|template| template == owner)
        || begins.is_some_and(|begin| stem.starts_with(begin) && stem != begin)
}

/// Whether this link makes init start the script: `/etc/rc5.d/S01NAME`.
fn starts_at_boot(link: &str, script: &str) -> bool {
    let name = link.rsplit('/').next().unwrap_or_default();
    name.strip_prefix('S').and_then(|rest| rest.get(2..)) == Some(script)
}

/// The words of a list as systemctl prints it: one that means something to a shell is in quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut chars) = (false, text.chars());
    while let Some(char) = chars.next() {
        let word = words.len() - 1;
        match char {
            '"' => quoted = !quoted,
            '\\' if quoted => words[word].extend(chars.next()),
            ' ' if !quoted => words.push(String::new()),
            other => words[word].push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_systemctl_quotes_them() {
        let quoted = r#"a.mount "mnt-my\\x2ddata.mount" "/x/a b\".conf""#;
        assert_eq!(words(quoted), ["a.mount", r"mnt-my\x2ddata.mount", "/x/a b\".conf"]);
        assert!(words(" ").is_empty() && words("\"").is_empty());
    }

    #[test]
    fn a_unit_reads_the_drop_ins_of_its_kin() {
        for owner in ["service", "a-b@.service", "a-.service"] {
            assert!(inherits("a-b@c-d.service", owner), "{owner}");
        }
        for owner in
            ["timer", "a-b.service", "a-c-.service", "a.service", "c-.service", "-.service"]
        {
            assert!(!inherits("a-b@c-d.service", owner), "{owner}");
        }
    }
}
