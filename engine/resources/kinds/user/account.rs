//! An account as the host has it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use super::User;
use crate::{
    base::content::Digest,
    resources::{before::Before, resource::Resource as _},
};

/// What the host says of it.
#[derive(Debug, Serialize)]
pub(super) struct PasswdEntry {
    pub(super) uid: String,
    pub(super) group: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) home: String,
    pub(super) shell: String,
    pub(super) comment: String,
    /// The SHA-256 of the hash of the password, without the mark of a lock.
    pub(super) password: Option<String>,
    pub(super) locked: Option<bool>,
}

impl PasswdEntry {
    pub(super) fn new(
        record: &[&str],
        groups: &[Vec<&str>],
        shadow: Option<(&str, &Digest)>,
    ) -> Self {
        let &[name, _, uid, gid, comment, home, shell] = record else {
            unreachable!("the caller takes records of seven parts only")
        };
        let group = groups.iter().find(|group| group[2] == gid).map_or(gid, |group| group[0]);
        let member = |group: &&Vec<&str>| group[3].split(',').any(|member| member == name);
        Self {
            uid: uid.to_owned(),
            group: group.to_owned(),
            groups: groups.iter().filter(member).map(|group| group[0].to_owned()).collect(),
            home: home.to_owned(),
            shell: shell.to_owned(),
            comment: comment.to_owned(),
            password: shadow.map(|(_, digest)| digest.to_string()),
            locked: shadow.map(|(locked, _)| locked == "yes"),
        }
    }
}

impl User {
    /// What declares an account as it was, as far as this changes it.
    pub(super) fn was(&self, account: &PasswdEntry) -> Vec<Before> {
        let name = || ("name", Json::from(self.name.as_str()));
        let number = |number: &str| number.parse::<u32>().map_or(Json::Null, Json::from);
        let mut before = vec![Before::declared(
            Self::KIND,
            [
                name(),
                ("uid", number(&account.uid)),
                ("home", account.home.as_str().into()),
                ("shell", account.shell.as_str().into()),
                ("comment", account.comment.as_str().into()),
            ],
        )];
        if self.asks_groups() {
            let groups = account.groups.iter().map(String::as_str).collect::<Vec<_>>();
            before.push(Before::declared(
                Self::KIND,
                [
                    name(),
                    ("group", account.group.as_str().into()),
                    ("groups", groups.into()),
                    ("append", false.into()),
                ],
            ));
        }
        if self.absent || self.password.is_some() {
            before.push(Before::lost("a password is not kept"));
        }
        if self.remove_home {
            before.push(Before::lost("the content of a removed home directory is not kept"));
        }
        before.extend(
            self.locked
                .and(account.locked)
                .map(|locked| Before::declared(Self::KIND, [name(), ("locked", locked.into())])),
        );
        before
    }
}
