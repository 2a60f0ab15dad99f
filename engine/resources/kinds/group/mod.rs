//! The `group` kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::{Library, Script, Words},
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        entry,
        footprint::{Footprint, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A group of users.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    name: String,
    /// Its number; by default the next that is free. Files of the old number do not follow.
    gid: Option<u32>,
    /// Whether a new one gets a number from the range for services.
    #[serde(default)]
    system: bool,
    /// Whether there must be no such group.
    #[serde(default)]
    absent: bool,
}

/// What accounts are kept in.
pub(super) const ACCOUNTS: &[&str] = &["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"];

/// What a probe learned of a group.
#[derive(Debug, Serialize)]
pub struct ObservedGroup {
    /// Its number, if it is there.
    gid: Option<String>,
}

static GROUP: Library = Library::new("group", &[include_str!("group.sh")]);

impl Resource for Group {
    type Arguments = Self;
    type Observed = ObservedGroup;
    type Difference = Change;
    const KIND: &'static str = "group";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        if self.absent {
            return Footprint::default().and_named(Space::Group, &self.name, Wanted::Gone);
        }
        let whole = Footprint::default().and_named(Space::Group, &self.name, Wanted::There);
        let only = |_| Wanted::Exactly(self.name.as_str().into());
        self.gid
            .into_iter()
            .fold(whole, |whole, gid| whole.and_named(Space::Gid, gid.to_string(), only(gid)))
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<&str> = batch.iter().map(|group| group.name.as_str()).collect();
        probe_entries("group", &names)
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedGroup>>, Unreadable> {
        let records = records(Self::KIND, output)?;
        let named = |name: &str| records.iter().find(|it| it.first() == Some(&name));
        let observe = |group: &&Self| {
            let Some(record) = named(&group.name) else { return Ok(ObservedGroup { gid: None }) };
            let gid = record.get(2).filter(|gid| gid.parse::<u32>().is_ok());
            let unread = || Unknown::new(format!("the host says `{}`", record.join(":")));
            Ok(ObservedGroup { gid: Some((*gid.ok_or_else(unread)?).to_owned()) })
        };
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, observed: &ObservedGroup) -> Vec<Before> {
        let name = || ("name", self.name.as_str().into());
        vec![match &observed.gid {
            None => Before::declared(Self::KIND, [name(), ("absent", true.into())]),
            Some(gid) => {
                let gid = gid.parse::<u32>().unwrap_or_default();
                Before::declared(Self::KIND, [name(), ("gid", gid.into())])
            }
        }]
    }

    fn is_risky(&self, action: Option<Effect>) -> bool {
        action != Some(Effect::Create)
    }

    fn at_stake(&self) -> &'static [&'static str] {
        ACCOUNTS
    }

    fn plan(&self, observed: &ObservedGroup) -> Option<Change> {
        let wanted = self.gid.map(|gid| gid.to_string());
        match (&observed.gid, wanted) {
            (None, _) if self.absent => None,
            (Some(gid), _) if self.absent => {
                let fields = vec![Field::new("gid", gid.as_str(), Shown::Nothing)];
                Some(Change::new(Effect::Remove, fields))
            }
            (None, wanted) => {
                let gid = wanted.map(|gid| Field::added("gid", gid));
                Some(Change::new(Effect::Create, gid.into_iter().collect()))
            }
            (Some(_), None) => None,
            (Some(gid), Some(wanted)) => {
                Change::update(Field::differing("gid", gid, &wanted).into_iter().collect())
            }
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let (name, known) = (&self.name, entry("group", &self.name));
        let functions = GROUP.script();
        if self.absent {
            return functions
                .then(sh!("found=$({})\ngroup_gone {} \"$found\"", known, name))
                .into();
        }
        let gid = self.gid.map(|gid| gid.to_string()).unwrap_or_default();
        let system = if self.system { "yes" } else { "" };
        let make = sh!("group_there {} {} {} \"$found\"", name, gid, system);
        functions.then(sh!("found=$({})", known)).then(make).into()
    }
}

impl Group {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        entry::check_account_name("name", &self.name)?;
        if self.absent && (self.gid.is_some() || self.system) {
            return Err(ArgumentError::new("absent", "an absent group has no `gid`"));
        }
        Ok(())
    }
}

/// Prints the lines of these names in an account database, `passwd` or `group`, and then that of the number 0, which every
/// host has: one process. Where that one is missing, so may others be.
pub(super) fn probe_entries(database: &'static str, names: &[&str]) -> Script {
    let file = format!("/etc/{database}");
    sh!(
        "if has getent; then getent {} -- {} 0 || [ $? = 2 ]
else while IFS= read -r line; do say \"$line\"; done <{} && say 'end:x:0:'; fi || return",
        database,
        Words(names),
        file
    )
}

/// Prints the line of a name in an account database, in a step.
pub(super) fn entry(database: &'static str, name: &str) -> Script {
    let file = format!("/etc/{database}");
    sh!(
        "if has getent; then getent {} -- {} || [ $? = 2 ]
else while IFS= read -r line; do case $line in {}:*) say \"$line\" ;; esac; done <{}; fi",
        database,
        name,
        name,
        file
    )
}

/// The lines that [`probe_entries`] printed, cut into their parts; none when they do not end with that of the number 0.
pub(super) fn records<'o>(
    kind: &'static str,
    output: &'o str,
) -> Result<Vec<Vec<&'o str>>, Unreadable> {
    let records: Vec<Vec<&str>> =
        entry::lines(output).map(|line| line.split(':').collect()).collect();
    match records.last() {
        Some(last) if last.get(2) == Some(&"0") => Ok(records),
        _ => Err(Unreadable { kind, message: "the list of accounts is incomplete".to_owned() }),
    }
}
