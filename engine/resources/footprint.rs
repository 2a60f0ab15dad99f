//! What a resource owns of its host, and what it wants of that: so that what contradicts is found before any host is asked,
//! and what a change may have touched is known after it.

use std::borrow::Cow;

use crate::{base::content::Content, resources::edit::Edit};

/// What a resource owns, and what it depends on.
#[derive(Default)]
pub struct Footprint<'a> {
    /// What lies at paths.
    pub paths: Vec<(Cow<'a, str>, Lies<'a>)>,
    /// What has a name of its own.
    pub names: Vec<OwnedName<'a>>,
    /// Whether its state can depend on anything: that of a script does.
    pub sees_all: bool,
}

/// What is wanted of a path.
pub enum Lies<'a> {
    /// Nothing is there, nor below.
    Nothing,
    /// A file; without content, whatever it holds.
    File(Option<&'a Content>, Access<'a>),
    /// A link, and where it points.
    Link(&'a str),
    /// A directory, and what is wanted below it.
    Directory(Access<'a>, Below<'a>),
    /// A text with a line in it, or without.
    Edited(Edit<'a>),
    /// Something that a script makes, with all that is below it: whether it is there says whether the script runs.
    Made,
    /// Something that others fill, with all that is below it.
    Something,
    /// Anything but a link to this.
    NoLink(&'a str),
    /// It is only read, with all that is below it.
    Read,
}

/// What a directory wants below it.
#[derive(Clone, Copy, Default)]
pub struct Below<'a> {
    /// Whether all of it belongs to the directory's owner and group.
    pub owned: bool,
    /// Whether all goes that nobody declares.
    pub purged: bool,
    /// What comes with it.
    pub tree: Option<&'a dyn Tree>,
}

/// What comes with a directory.
pub trait Tree {
    /// The path of each thing in it, below the directory.
    fn names(&self) -> Vec<String>;
    /// What is wanted of one of them.
    fn lies(&self, name: &str) -> Option<Lies<'_>>;
}

/// Who may do what with it; what is not given is not touched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Access<'a> {
    /// Octal digits.
    pub mode: Option<&'a str>,
    /// A name or a number.
    pub owner: Option<&'a str>,
    /// A name or a number.
    pub group: Option<&'a str>,
}

impl Access<'_> {
    /// The first argument of which two want different things. A name and a number may mean the same.
    pub fn differing(&self, other: &Self) -> Option<&'static str> {
        let mode = |mode: &str| mode.trim_start_matches('0').to_owned();
        if self.mode.zip(other.mode).is_some_and(|(one, other)| mode(one) != mode(other)) {
            return Some("mode");
        }
        self.owner_differing(other)
    }

    /// The same, of those that a directory can give to all that is below it.
    pub fn owner_differing(&self, other: &Self) -> Option<&'static str> {
        let number = |name: &str| match name {
            "root" => Some("0".to_owned()),
            _ => name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.to_owned()),
        };
        let differ = |one: Option<&str>, other: Option<&str>| match one.zip(other) {
            // Of a name and a number nobody knows whether they are the same one; of root everybody does.
            Some((one, other)) => match (number(one), number(other)) {
                (Some(one), Some(other)) => one != other,
                (None, None) => one != other,
                _ => one == "root" || other == "root",
            },
            None => false,
        };
        if differ(self.owner, other.owner) {
            return Some("owner");
        }
        differ(self.group, other.group).then_some("group")
    }
}

/// Something that has a name of its own.
pub struct OwnedName<'a> {
    /// Where it has that name.
    pub space: Space,
    /// The name, written in the one way that all who mean it write.
    pub name: Cow<'a, str>,
    /// What is wanted of it.
    pub wanted: Wanted<'a>,
}

/// Where names are unique on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Packages of the distribution.
    Package,
    /// Units of systemd. One can pull in or end others: a change of one may touch all.
    Unit,
    /// Containers of Docker.
    Container,
    /// Images of Docker.
    Image,
    /// Users.
    User,
    /// Groups.
    Group,
    /// Numbers of users.
    Uid,
    /// Numbers of groups.
    Gid,
}

impl Space {
    /// The word for what has a name there.
    pub fn word(self) -> &'static str {
        match self {
            Space::Package => "package",
            Space::Unit => "unit",
            Space::Container => "container",
            Space::Image => "image",
            Space::User => "user",
            Space::Group => "group",
            Space::Uid => "number of a user",
            Space::Gid => "number of a group",
        }
    }
}

/// What is wanted of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// There is no such thing.
    Gone,
    /// It is there.
    There,
    /// It is there, and this very one.
    Exactly(Cow<'a, str>),
}

impl<'a> Footprint<'a> {
    /// What is wanted of one path.
    pub fn at(path: impl Into<Cow<'a, str>>, lies: Lies<'a>) -> Self {
        Self::default().and_at(path, lies)
    }

    /// The same, and what is wanted of another path.
    #[must_use]
    pub fn and_at(mut self, path: impl Into<Cow<'a, str>>, lies: Lies<'a>) -> Self {
        self.paths.push((path.into(), lies));
        self
    }

    /// The same, and what is wanted of a name.
    #[must_use]
    pub fn and_named(
        mut self,
        space: Space,
        name: impl Into<Cow<'a, str>>,
        wanted: Wanted<'a>,
    ) -> Self {
        self.names.push(OwnedName { space, name: name.into(), wanted });
        self
    }

    /// The same, and that the accounts are there that something belongs to. A number needs no account.
    #[must_use]
    pub fn owned_by(mut self, owner: Option<&'a str>, group: Option<&'a str>) -> Self {
        for (space, name) in [(Space::User, owner), (Space::Group, group)] {
            let named = |name: &&str| !name.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(name) = name.filter(named) {
                self.names.push(OwnedName { space, name: name.into(), wanted: Wanted::There });
            }
        }
        self
    }

    /// Of something whose state can depend on anything.
    pub fn of_a_script() -> Self {
        Self { sees_all: true, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_give_can_differ() {
        let owner = |owner| Access { owner: Some(owner), ..Access::default() };
        let mode = |mode| Access { mode: Some(mode), ..Access::default() };
        assert_eq!(owner("root").differing(&owner("0")), None);
        assert_eq!(owner("www-data").differing(&owner("33")), None, "it may be that one");
        assert_eq!(owner("ada").differing(&owner("root")), Some("owner"));
        assert_eq!(owner("1").differing(&owner("2")), Some("owner"));
        assert_eq!(owner("1").differing(&mode("0644")), None);
        assert_eq!(mode("644").differing(&mode("0644")), None);
        assert_eq!(mode("600").differing(&mode("0644")), Some("mode"));
    }
}
