//! The `user` kind.

use std::collections::BTreeSet;

mod account;
mod shadow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::account::PasswdEntry;
use self::shadow::{Shadow, check_hash, unlocked};
use super::group::{ACCOUNTS, entry as entry_of, probe_entries, records};
use crate::{
    base::{
        content::{Content, Digest},
        script::{Library, Script, Words},
        secret::Text,
    },
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        entry,
        footprint::{Footprint, Lies, Space, Wanted},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A user of the host. What is not given is not touched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login name.
    name: String,
    /// The number. When it changes, files outside of the home do not follow.
    uid: Option<u32>,
    /// The primary group, by name; by default a new one with the user's name. It must be there.
    group: Option<String>,
    /// Other groups to be a member of, by name. They must be there.
    groups: Option<BTreeSet<String>>,
    /// Whether the user stays in groups that are not named; if not, `groups` are all.
    #[serde(default = "yes")]
    append: bool,
    /// The home directory.
    home: Option<String>,
    /// Whether a new user gets a home directory; by default all but `system` users do.
    create_home: Option<bool>,
    /// Whether the files go along when `home` changes.
    #[serde(default)]
    move_home: bool,
    /// The login shell.
    shell: Option<String>,
    /// The full name, or what the user is for.
    comment: Option<String>,
    /// Whether a new user gets a number from the range for services.
    #[serde(default)]
    system: bool,
    /// The hash of the password, as in `/etc/shadow`; `*` for none.
    password: Option<Text>,
    /// Whether the password is of no use. Keys may still be.
    locked: Option<bool>,
    /// Whether there must be no such user.
    #[serde(default)]
    absent: bool,
    /// Whether the home directory goes with the user.
    #[serde(default)]
    remove_home: bool,
}

/// What a probe learned of a user; none if there is no such user.
#[derive(Debug, Serialize)]
pub struct ObservedUser(Option<PasswdEntry>);

impl Resource for User {
    type Arguments = Self;
    type Observed = ObservedUser;
    type Difference = Change;
    const KIND: &'static str = "user";
    const FIRST: &'static str = "name";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn footprint(&self) -> Footprint<'_> {
        let named = |wanted| Footprint::default().and_named(Space::User, &self.name, wanted);
        if self.absent {
            return named(Wanted::Gone);
        }
        let mut whole =
            named(Wanted::There).owned_by(None, self.group.as_deref().or(Some(&self.name)));
        for group in self.groups.iter().flatten() {
            whole = whole.owned_by(None, Some(group));
        }
        if let Some(uid) = self.uid {
            let only = Wanted::Exactly(self.name.as_str().into());
            whole = whole.and_named(Space::Uid, uid.to_string(), only);
        }
        match &self.home {
            Some(home) => whole.and_at(home, Lies::Something),
            None => whole,
        }
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    /// The shadow file is for root alone. No hash leaves the host, only what tells whether it is the wanted one.
    fn probe(batch: &[&Self]) -> Script {
        let names: Vec<&str> = batch.iter().map(|user| user.name.as_str()).collect();
        let listed = probe_entries("passwd", &names);
        let mut script = listed.clone();
        if batch.iter().any(|user| user.asks_groups()) {
            script = sh!("list() {{\n{}\n}}\nusers=$(list) || return\nsay \"$users\"", listed);
            // The groups that have members, and the primary ones of these users.
            script.push(sh!("say\nsay groups
say \"$users\" | awk -F: 'NR == FNR {{ primary[$4]; next }} $4 != \"\" || $3 in primary
END {{ print \"end::0:\" }}' - /etc/group || return"));
        }
        let secret = batch.iter().filter(|user| user.asks_shadow());
        let names: Vec<&str> = secret.map(|user| user.name.as_str()).collect();
        if !names.is_empty() {
            script.push(sh!(
                "say
say shadow
[ -r /etc/shadow ] || {{ say unreadable; return 0; }}
while IFS=: read -r name hash _; do
  for wanted in {}; do
    [ \"$name\" = \"$wanted\" ] || continue
    case $hash in '!'*) locked=yes ;; *) locked=no ;; esac
    while [ \"$hash\" != \"${{hash#!}}\" ]; do hash=${{hash#!}}; done
    sum=$(printf %s \"$hash\" | sha256sum) || return
    say \"$name:$locked:${{sum%% *}}\"
  done
done </etc/shadow
say end",
                Words(&names)
            ));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedUser>>, Unreadable> {
        let (output, shadow) = output.split_once("\nshadow\n").unwrap_or((output, ""));
        let (users, groups) = output.split_once("\ngroups\n").unwrap_or((output, ""));
        let users = records(Self::KIND, users)?;
        let asks_groups = batch.iter().any(|user| user.asks_groups());
        let groups = if asks_groups { records(Self::KIND, groups)? } else { Vec::new() };
        let groups: Vec<Vec<&str>> = groups.into_iter().filter(|it| it.len() == 4).collect();
        let shadow = Shadow::read(shadow);
        let observe = |user: &&Self| {
            let name = user.name.as_str();
            let Some(record) = users.iter().find(|it| it[0] == name) else {
                return Ok(ObservedUser(None));
            };
            if record.len() != 7 {
                return Err(Unknown::new(format!("the host says `{}`", record.join(":"))));
            }
            let secret = match user.asks_shadow() && !user.absent {
                true => shadow.of(name)?,
                false => None,
            };
            Ok(ObservedUser(Some(PasswdEntry::new(record, &groups, secret))))
        };
        Ok(batch.iter().map(observe).collect())
    }

    fn before(&self, observed: &ObservedUser) -> Vec<Before> {
        match &observed.0 {
            Some(account) => self.was(account),
            None => {
                let name = ("name", self.name.as_str().into());
                vec![Before::declared(Self::KIND, [name, ("absent", true.into())])]
            }
        }
    }

    fn is_risky(&self, action: Option<Effect>) -> bool {
        action != Some(Effect::Create)
    }

    fn at_stake(&self) -> &'static [&'static str] {
        ACCOUNTS
    }

    fn plan(&self, observed: &ObservedUser) -> Option<Change> {
        match &observed.0 {
            None if self.absent => None,
            Some(account) if self.absent => {
                let mut fields = vec![Field::new("uid", account.uid.as_str(), Shown::Nothing)];
                if self.remove_home {
                    fields.push(Field::new("home", account.home.as_str(), Shown::Nothing));
                }
                Some(Change::new(Effect::Remove, fields))
            }
            None => Some(Change::new(Effect::Create, self.added())),
            Some(account) => Change::update(self.differing(account)),
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let known = entry_of("passwd", &self.name);
        if self.absent {
            let home = if self.remove_home { "yes" } else { "" };
            return sh!(
                "name={} home={}\nif [ -n \"$({})\" ]; then
  if has userdel; then userdel ${{home:+-r}} -- \"$name\"; else deluser ${{home:+--remove-home}} \"$name\"; fi
fi",
                self.name, home, known
            )
            .into();
        }
        let mut step = Step::from(self.variables());
        let own_group = entry_of("group", &self.name);
        step.script.push(sh!("found=$({})\nown_group=$({})", known, own_group));
        step.script.push(MAKE.script());
        if let Some(password) = &self.password {
            // Locked in the same breath, so that there is no moment in which the password counts.
            let lock = if self.locked == Some(true) { "!" } else { "" };
            let line = format!("{}:{lock}{}\n", self.name, password.expose());
            let content = Content::new(line.into_bytes()).sensitive(true);
            step.script.push(sh!("chpasswd -e <{}", content.staged()));
            step.contents.push(content);
        }
        match self.locked {
            Some(true) => step.script.push(sh!(
                "if has usermod; then usermod -L -- {}; else passwd -l {}; fi",
                self.name,
                self.name
            )),
            Some(false) => step.script.push(sh!(
                "if has usermod; then usermod -U -- {}; else passwd -u {}; fi",
                self.name,
                self.name
            )),
            None => {}
        }
        step
    }
}

/// Makes the user of the variables, or mends it. `useradd` refuses to make a group that is there already, so that one
/// is named; `usermod` does nothing where nothing differs. That a group is missing is seen before anything is made. A busybox
/// can make a user, but not change one.
static MAKE: Library = Library::new("user", &[include_str!("user.sh")]);

impl User {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        entry::check_account_name("name", &self.name)?;
        for group in self.group.iter().chain(self.groups.iter().flatten()) {
            entry::check_account_name("groups", group)?;
        }
        if !self.append && self.groups.is_none() {
            return Err(ArgumentError::new("append", "no `groups` that are all")
                .hint("`groups: []` removes the user from all groups but the primary one"));
        }
        for (argument, path) in [("home", &self.home), ("shell", &self.shell)] {
            path.as_deref().map_or(Ok(()), |path| entry::check_path(argument, path))?;
        }
        for (argument, text) in
            [("home", &self.home), ("shell", &self.shell), ("comment", &self.comment)]
        {
            if text.as_ref().is_some_and(|text| text.contains(|c: char| c == ':' || c.is_control()))
            {
                return Err(ArgumentError::new(argument, "a colon or a line break"));
            }
        }
        if self.move_home && self.home.is_none() {
            return Err(ArgumentError::new("move_home", "`move_home` needs `home`"));
        }
        if self.remove_home && !self.absent {
            return Err(ArgumentError::new("remove_home", "`remove_home` needs `absent: true`"));
        }
        self.password.as_ref().map_or(Ok(()), check_hash)
    }

    /// What is wanted, as variables of the shell; empty is not given.
    fn variables(&self) -> Script {
        let flag = |given: bool| if given { "yes" } else { "" };
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        let groups = self.groups.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",");
        let given = sh!(
            "name={} uid={} group={} groups={}",
            self.name,
            self.uid.map(|uid| uid.to_string()).unwrap_or_default(),
            text(&self.group),
            groups
        );
        let paths = sh!(
            "home={} shell={} comment={}",
            text(&self.home),
            text(&self.shell),
            text(&self.comment)
        );
        let flags = sh!(
            "system={} create_home={} move_home={} append={} set_groups={} set_comment={}",
            flag(self.system),
            flag(self.creates_home()),
            flag(self.move_home),
            flag(self.append),
            flag(self.groups.is_some()),
            flag(self.comment.is_some())
        );
        given.then(paths).then(flags)
    }

    fn asks_groups(&self) -> bool {
        self.group.is_some() || self.groups.is_some()
    }

    fn asks_shadow(&self) -> bool {
        self.password.is_some() || self.locked.is_some()
    }

    fn creates_home(&self) -> bool {
        self.create_home.unwrap_or(!self.system)
    }

    fn added(&self) -> Vec<Field> {
        let groups = self.groups.as_ref().map(listed);
        let locked = self.locked.map(|locked| locked.to_string());
        let fields = [
            ("uid", self.uid.map(|uid| uid.to_string())),
            ("group", self.group.clone()),
            ("groups", groups.filter(|groups| !groups.is_empty())),
            ("home", self.home.clone()),
            ("shell", self.shell.clone()),
            ("comment", self.comment.clone()),
            ("locked", locked),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some(Field::added(name, value?)));
        let password = self.password.as_ref().map(|_| Field::added("password", hidden()));
        given.chain(password).collect()
    }

    fn differing(&self, account: &PasswdEntry) -> Vec<Field> {
        let differs = |name, before: &String, after: Option<String>| {
            after.and_then(|after| Field::differing(name, before, &after))
        };
        let password = self.password.as_ref().is_some_and(|wanted| {
            account.password.as_deref() != Some(Digest::of(unlocked(wanted).as_bytes()).as_str())
        });
        let locked = self.locked.filter(|locked| account.locked != Some(*locked)).map(|locked| {
            let before =
                account.locked.map_or("unreadable".to_owned(), |before| before.to_string());
            Field::new("locked", before, locked.to_string())
        });
        [
            differs("uid", &account.uid, self.uid.map(|uid| uid.to_string())),
            differs("group", &account.group, self.group.clone()),
            differs("groups", &listed(&account.groups), self.wanted_groups(account)),
            differs("home", &account.home, self.home.clone()),
            differs("shell", &account.shell, self.shell.clone()),
            differs("comment", &account.comment, self.comment.clone()),
            password.then(|| Field::new("password", hidden(), hidden())),
            locked,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// All groups that the user will be in, besides the primary one.
    fn wanted_groups(&self, account: &PasswdEntry) -> Option<String> {
        let primary = self.group.as_ref().unwrap_or(&account.group);
        let mut groups = self.groups.clone()?;
        groups.retain(|group| group != primary || account.groups.contains(group));
        if self.append {
            groups.extend(account.groups.iter().cloned());
        }
        Some(listed(&groups))
    }
}

fn listed(groups: &BTreeSet<String>) -> String {
    groups.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn hidden() -> Shown {
    Shown::sensitive()
}

fn yes() -> bool {
    true
}
