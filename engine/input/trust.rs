//! Whose files may tell this user what to do: those that nobody else can write, nor put another in the place of.
//!
//! Decided on what `lstat` says of each part of a path; `disk` asks before it reads anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::base::diagnostic::Diagnostic;

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In such a folder, only the owner of a thing can exchange it.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// The variable of the environment that names folders to trust as they are.
pub const VARIABLE: &str = "CONVERGE_TRUST";

/// What `lstat` says of one part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenPath {
    /// Who owns it.
    pub owner: u32,
    /// Its group.
    pub group: u32,
    /// Its permissions.
    pub mode: u32,
    /// What it is.
    pub sort: Sort,
}

/// What something on a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A link.
    Link,
    /// What must not be opened: its name in words.
    Other(&'static str),
}

/// What it is to the path that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathPart {
    /// A folder that the path goes through.
    Way,
    /// What is read: a file, or a folder whose entries count.
    End,
}

/// Who is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    users: BTreeSet<u32>,
    /// The groups that nobody else is in.
    groups: BTreeSet<u32>,
    folders: Vec<PathBuf>,
    /// What users and groups are called.
    names: [BTreeMap<u32, String>; 2],
}

impl Trust {
    /// Trusts `users` and root, the private groups of these by the texts of `/etc/passwd` and `/etc/group`, and whatever is
    /// in `folders`, whose paths are absolute and go through no link.
    pub fn new(
        users: impl IntoIterator<Item = u32>,
        passwd: &str,
        group: &str,
        folders: Vec<PathBuf>,
    ) -> Self {
        let users: BTreeSet<u32> = users.into_iter().chain([ROOT]).collect();
        let accounts: Vec<Account<'_>> = passwd.lines().filter_map(Account::read).collect();
        let trusted: BTreeSet<&str> =
            accounts.iter().filter(|it| users.contains(&it.user)).map(|it| it.name).collect();
        let mut names = [BTreeMap::new(), BTreeMap::new()];
        for account in &accounts {
            names[0].entry(account.user).or_insert_with(|| account.name.to_owned());
        }
        let mut groups = BTreeSet::new();
        for line in group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, number, members] = fields[..] else { continue };
            let Ok(number) = number.parse() else { continue };
            names[1].entry(number).or_insert_with(|| name.to_owned());
            let is_ours = |member: &str| trusted.contains(member.trim());
            let of_others =
                accounts.iter().any(|it| it.group == number && !users.contains(&it.user));
            let members = members.split(',').filter(|member| !member.trim().is_empty());
            if is_ours(name) && members.into_iter().all(is_ours) && !of_others {
                groups.insert(number);
            }
        }
        Self { users, groups, folders, names }
    }

    /// Why something must not be read, or gone through. `path` goes through no link itself.
    pub fn objection(&self, path: &Path, seen: &SeenPath, part: PathPart) -> Option<Diagnostic> {
        let shown = path.display();
        if let Sort::Other(what) = seen.sort {
            let message = format!("{shown} is {what}, not a file");
            return Some(Diagnostic::new("project::device", message));
        }
        let is_named = |folder: &PathBuf| {
            path.starts_with(folder) || part == PathPart::Way && folder.starts_with(path)
        };
        if self.folders.iter().any(is_named) {
            return None;
        }
        if !self.users.contains(&seen.owner) {
            let owner = self.called(0, seen.owner);
            let hint = format!(
                "its content cannot be trusted: chown -h {} {shown}; or trust a whole directory: \
                 {VARIABLE}=/DIRECTORY",
                self.users.last().map_or("root".to_owned(), |user| self.called(0, *user))
            );
            let message = format!("{shown} belongs to another user: {owner}");
            return Some(Diagnostic::new("project::owner", message).hint(hint));
        }
        // The mode of a link means nothing, and what is in a sticky folder is looked at by itself.
        if seen.sort == Sort::Link || part == PathPart::Way && seen.mode & STICKY != 0 {
            return None;
        }
        let others = seen.mode & OTHERS_WRITE != 0;
        let group = seen.mode & GROUP_WRITES != 0 && !self.groups.contains(&seen.group);
        let (who, bits) = match (others, group) {
            (false, false) => return None,
            (true, false) => ("every user".to_owned(), "o-w"),
            (true, true) => ("every user".to_owned(), "go-w"),
            (false, true) => (format!("the group {}", self.called(1, seen.group)), "g-w"),
        };
        let message = format!("{who} may write to {shown}");
        let hint = format!("its content cannot be trusted: chmod {bits} {shown}");
        Some(Diagnostic::new("project::writable", message).hint(hint))
    }

    fn called(&self, which: usize, number: u32) -> String {
        self.names[which].get(&number).cloned().unwrap_or_else(|| number.to_string())
    }
}

/// A line of `/etc/passwd`.
struct Account<'a> {
    name: &'a str,
    user: u32,
    group: u32,
}

impl<'a> Account<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let user = fields.nth(1)?.parse().ok()?;
        Some(Self { name, user, group: fields.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n\
                          eve:x:1002:1003::/:/bin/sh\n";
    /// `shared` has another name, `bob` is somebody else's, `pair` has another member, `main` is another's main group.
    const GROUP: &str = "root:x:0:\nann:x:1000:\nbob:x:1001:\nshared:x:1004:ann\nempty:x:1005:\n";

    fn kind(users: &[u32], group: &str, seen: SeenPath, part: PathPart) -> Option<&'static str> {
        let trust = Trust::new(users.iter().copied(), PASSWD, group, vec!["/t/in".into()]);
        trust.objection(Path::new("/a"), &seen, part).map(|error| error.kind())
    }

    fn seen(owner: u32, group: u32, mode: u32, sort: Sort) -> SeenPath {
        SeenPath { owner, group, mode, sort }
    }

    #[test]
    fn what_belongs_to_the_user_or_root_and_only_they_may_write_is_trusted() {
        use PathPart::{End, Way};
        use Sort::{File, Folder, Link, Other};
        let (owner, writable) = (Some("project::owner"), Some("project::writable"));
        for (owner_is, group, mode, sort, part, expected) in [
            (1000, 1000, 0o644, File, End, None),
            (0, 0, 0o644, File, End, None),
            (1001, 1000, 0o600, File, End, owner),
            (1001, 0, 0o755, Folder, Way, owner),
            (1001, 0, 0o1777, Folder, Way, owner),
            (1001, 0, 0o777, Link, Way, owner),
            (0, 0, 0o777, Link, End, None),
            (1000, 1000, 0o664, File, End, None),
            (1000, 1001, 0o664, File, End, writable),
            (1000, 1004, 0o664, File, End, writable),
            (1000, 1005, 0o664, File, End, writable),
            (1000, 9999, 0o664, File, End, writable),
            (1000, 1000, 0o646, File, End, writable),
            (0, 0, 0o777, Folder, Way, writable),
            (0, 1001, 0o775, Folder, Way, writable),
            (0, 0, 0o1777, Folder, Way, None),
            (0, 0, 0o1777, Folder, End, writable),
            (1000, 1000, 0o600, Other("a FIFO"), End, Some("project::device")),
        ] {
            let seen = seen(owner_is, group, mode, sort);
            assert_eq!(kind(&[1000], GROUP, seen, part), expected, "{seen:?} {part:?}");
        }
    }

    #[test]
    fn a_group_is_private_if_it_has_the_users_name_and_nobody_else_is_in_it() {
        let file = seen(1000, 1000, 0o664, Sort::File);
        for (group, expected) in [
            ("ann:x:1000:ann,root\n", None),
            ("ann:x:1000:bob\n", Some("project::writable")),
            ("team:x:1000:\n", Some("project::writable")),
            ("ann:x:broken:\n", Some("project::writable")),
        ] {
            assert_eq!(kind(&[1000], group, file, PathPart::End), expected, "{group}");
        }
        let main = SeenPath { group: 1003, ..file };
        assert_eq!(kind(&[1000], "ann:x:1003:\n", main, PathPart::End), Some("project::writable"));
    }

    #[test]
    fn a_folder_that_is_named_is_trusted_with_what_is_in_it_and_above_it() {
        let trust = Trust::new([1000], PASSWD, GROUP, vec!["/t/in".into()]);
        let objects = |path: &str, sort, part| {
            trust.objection(Path::new(path), &seen(1001, 1001, 0o777, sort), part).is_some()
        };
        assert!(!objects("/t/in/x", Sort::File, PathPart::End));
        assert!(!objects("/t/in", Sort::Folder, PathPart::End));
        assert!(!objects("/t", Sort::Folder, PathPart::Way));
        assert!(objects("/t", Sort::Folder, PathPart::End));
        assert!(objects("/t/other", Sort::Folder, PathPart::Way));
        assert!(objects("/t/in/x", Sort::Other("a FIFO"), PathPart::End));
    }

    #[test]
    fn who_may_write_is_told_by_name_with_what_mends_it() {
        let trust = Trust::new([1000], PASSWD, GROUP, Vec::new());
        let told = |owner, mode| {
            let seen = seen(owner, 1001, mode, Sort::File);
            trust.objection(Path::new("/a"), &seen, PathPart::End).unwrap().in_one_line()
        };
        assert!(told(1001, 0o644).starts_with("/a belongs to another user: bob (its"));
        assert!(told(1001, 0o644).contains("chown -h ann /a"));
        assert!(told(0, 0o664).starts_with("the group bob may write to /a ("));
        assert!(told(0, 0o664).ends_with("chmod g-w /a)"));
        assert!(told(0, 0o666).ends_with("chmod go-w /a)"));
    }
}
