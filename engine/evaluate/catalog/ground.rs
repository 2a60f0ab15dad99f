//! What the resources of one host own of it together: what contradicts, what each leaves to others, and what a change of
//! some may have touched.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use super::{
    Catalog, NodeId,
    contradiction::{Contradiction, above, at_one_path, names_contradict, rules},
};
use crate::resources::{
    edit::Build,
    footprint::{Footprint, Lies, OwnedName, Space, Wanted},
};

/// What is wanted of the paths and names of a host.
pub(super) struct Ground<'a> {
    /// By path, without detours over links that are known.
    paths: BTreeMap<Cow<'a, str>, Vec<(NodeId, &'a Lies<'a>)>>,
    names: BTreeMap<(Space, &'a str), Vec<(NodeId, &'a Wanted<'a>)>>,
    /// Each link that a path goes over, and who wants something of that path.
    over: Vec<(NodeId, NodeId, &'a Lies<'a>)>,
    /// Those whose state can depend on anything.
    seeing_all: Vec<NodeId>,
}

/// What the resources of a host say, one by one.
pub(super) type Footprints<'a> = Vec<(NodeId, Footprint<'a>)>;

pub(super) fn footprints<'a>(catalog: &'a Catalog, nodes: &[NodeId]) -> Footprints<'a> {
    let footprint = |id: &NodeId| {
        let node = catalog.node(*id);
        (*id, node.kind.footprint(&node.desired))
    };
    nodes.iter().map(footprint).collect()
}

/// Whether no two of them can be about the same: of most hosts that is seen at once.
pub(super) fn stand_apart(footprints: &Footprints<'_>) -> bool {
    let (mut above, mut below) = (usize::MAX, 0);
    for (_, footprint) in footprints {
        if footprint.names.iter().any(|name| name.wanted != Wanted::There) {
            return false;
        }
        for (path, lies) in &footprint.paths {
            let depth = path.bytes().filter(|byte| *byte == b'/').count();
            below = below.max(depth);
            match lies {
                Lies::File(..) | Lies::Link(_) => above = above.min(depth),
                Lies::Directory(_, it) if !it.owned && !it.purged && it.tree.is_none() => {}
                _ => return false,
            }
        }
    }
    above >= below
}

/// Directories that are links to others on all systems of today.
const MERGED: [(&str, &str); 6] = [
    ("/var/run", "/run"),
    ("/var/lock", "/run/lock"),
    ("/bin", "/usr/bin"),
    ("/sbin", "/usr/sbin"),
    ("/lib", "/usr/lib"),
    ("/lib64", "/usr/lib64"),
];

/// More links than this lead in a circle.
const LINKS_MAX: usize = 16;

/// The links of a host: where each leads, from the root, and who declares it.
#[derive(Default)]
struct Links<'a> {
    by_path: HashMap<&'a str, (String, Option<NodeId>)>,
    /// A bit for each length of a path: most that are looked for are no links, which their length tells mostly.
    lengths: u64,
}

impl<'a> Links<'a> {
    fn length(path: &str) -> u64 {
        1 << path.len().min(63)
    }

    fn insert(&mut self, path: &'a str, to: String, by: Option<NodeId>) {
        self.lengths |= Self::length(path);
        self.by_path.insert(path, (to, by));
    }

    fn get(&self, path: &str) -> Option<&(String, Option<NodeId>)> {
        if self.lengths & Self::length(path) == 0 {
            return None;
        }
        self.by_path.get(path)
    }
}

impl<'a> Ground<'a> {
    pub(super) fn new(footprints: &'a Footprints<'a>) -> Self {
        let links = links(footprints);
        let mut ground = Self {
            paths: BTreeMap::new(),
            names: BTreeMap::new(),
            over: Vec::new(),
            seeing_all: Vec::new(),
        };
        for (id, footprint) in footprints {
            for (path, lies) in &footprint.paths {
                let mut over = Vec::new();
                // An edit follows a link to the file itself as well.
                let path = straight(path, matches!(lies, Lies::Edited(_)), &links, &mut over);
                ground.over.extend(over.into_iter().map(|link| (link, *id, lies)));
                ground.paths.entry(path).or_default().push((*id, lies));
            }
            for OwnedName { space, name, wanted } in &footprint.names {
                ground.names.entry((*space, &**name)).or_default().push((*id, wanted));
            }
            if footprint.sees_all {
                ground.seeing_all.push(*id);
            }
        }
        ground
    }

    /// What is wanted of paths below one, which names what comes after its slash.
    fn below<'s>(
        &'s self,
        path: &'s str,
    ) -> impl Iterator<Item = (&'s str, &'s [(NodeId, &'a Lies<'a>)])> {
        let path = if path == "/" { "" } else { path };
        // A path holds no control characters.
        let range = self.paths.range(Cow::Owned([path, "/\u{1}"].concat())..);
        range.map_while(move |(below, lots)| {
            let name = below.strip_prefix(path)?.strip_prefix('/')?;
            Some((name, lots.as_slice()))
        })
    }

    /// The first two that contradict each other, but for those that are meant to `differ`.
    pub(super) fn contradiction(
        &self,
        build: &Build<'_>,
        differ: &dyn Fn(NodeId, NodeId) -> bool,
    ) -> Option<Contradiction> {
        let found = |one: NodeId, other: NodeId, why: String| {
            Some(Contradiction { first: one.min(other), second: one.max(other), why })
        };
        for ((space, name), all) in &self.names {
            for (at, (one, wanted)) in all.iter().enumerate() {
                // What one resource says of a name more than once is its own business.
                let others = all[at + 1..].iter();
                let others = others.filter(|(other, _)| other != one && !differ(*one, *other));
                let why = |(id, other): &(NodeId, &Wanted<'_>)| {
                    Some((*id, names_contradict(*space, name, wanted, other)?))
                };
                if let Some((other, why)) = others.filter_map(why).next() {
                    return found(*one, other, why);
                }
            }
        }
        for (path, all) in &self.paths {
            if all.len() > 1
                && let Some((one, other, why)) = at_one_path(path, all, build, differ)
            {
                return found(one, other, why);
            }
            for (one, lies) in all.iter().filter(|(_, lies)| rules(lies)) {
                for (name, others) in self.below(path) {
                    for (other, lower) in others.iter().filter(|(other, _)| other != one) {
                        if let Some(why) = above(path, lies, name, lower, build)
                            && !differ(*one, *other)
                        {
                            return found(*one, *other, why);
                        }
                    }
                }
            }
        }
        // What makes a directory where a link is to be comes too early.
        let early = |(link, id, lies): &&(NodeId, NodeId, &Lies<'_>)| {
            id < link && matches!(lies, Lies::Directory(..))
        };
        let (link, other, _) = self.over.iter().find(early)?;
        found(*other, *link, "the link is made after a directory that lies behind it".to_owned())
    }

    /// What others own below a directory that is purged, from its path.
    pub(super) fn kept(&self, directory: NodeId) -> Option<Vec<String>> {
        let is_purged = |lies: &Lies<'_>| matches!(lies, Lies::Directory(_, it) if it.purged);
        let purged = |(id, lies): &(NodeId, &Lies<'_>)| *id == directory && is_purged(lies);
        let (path, _) = self.paths.iter().find(|(_, all)| all.iter().any(purged))?;
        let mut kept = BTreeSet::new();
        for (name, all) in self.below(path) {
            for (_, lies) in all.iter().filter(|(id, _)| *id != directory) {
                match lies {
                    Lies::Nothing | Lies::NoLink(_) | Lies::Read => continue,
                    Lies::Made | Lies::Something => kept.insert(format!("{name}/")),
                    _ => kept.insert(name.to_owned()),
                };
                kept.extend(name.match_indices('/').map(|(end, _)| name[..end].to_owned()));
                if let Lies::Directory(_, it) = lies {
                    let names = it.tree.map(|tree| tree.names()).unwrap_or_default();
                    kept.extend(names.into_iter().map(|below| format!("{name}/{below}")));
                }
            }
        }
        (!kept.is_empty()).then(|| kept.into_iter().collect())
    }

    /// Whether the content of a file decides whether a line of it agrees.
    pub(super) fn has_edited_files(&self) -> bool {
        let edited = |all: &[(NodeId, &Lies<'_>)]| {
            let is = |is: fn(&Lies<'_>) -> bool| all.iter().any(|(_, lies)| is(lies));
            is(|lies| matches!(lies, Lies::Edited(_))) && is(|lies| matches!(lies, Lies::File(..)))
        };
        self.paths.values().any(|all| edited(all))
    }

    /// Those that a change of some may have touched. Two paths may be one on the host, by a link that nobody declares: so
    /// where one changed, all are looked at.
    pub(super) fn touched(&self, changed: &HashSet<NodeId>) -> HashSet<NodeId> {
        let mut touched = self.overlapping(changed);
        touched.extend(&self.seeing_all);
        let all = || self.paths.values().flatten().filter(|(_, lies)| depends(lies));
        if all().any(|(id, _)| changed.contains(id)) {
            touched.extend(all().map(|(id, _)| *id));
        }
        touched
    }

    /// Those that own a part of what some own.
    pub(super) fn overlapping(&self, changed: &HashSet<NodeId>) -> HashSet<NodeId> {
        let mut touched = HashSet::new();
        for (path, all) in &self.paths {
            let mut its = all.iter().filter(|(id, _)| changed.contains(id)).peekable();
            if its.peek().is_none() {
                continue;
            }
            touched.extend(all.iter().map(|(id, _)| *id));
            for (end, _) in path.match_indices('/').skip(1) {
                let upper = self.paths.get(&path[..end]).into_iter().flatten();
                touched.extend(upper.filter(|(_, lies)| is_deep(lies)).map(|(id, _)| *id));
            }
            if its.any(|(_, lies)| is_deep(lies) || matches!(lies, Lies::File(..) | Lies::Link(_)))
            {
                touched.extend(self.below(path).flat_map(|(_, all)| all).map(|(id, _)| *id));
            }
        }
        let over = self.over.iter().filter(|(link, ..)| changed.contains(link));
        touched.extend(over.map(|(_, id, _)| *id));
        let is_changed =
            |all: &[(NodeId, &Wanted<'_>)]| all.iter().any(|(id, _)| changed.contains(id));
        let units = |space: Space| space == Space::Unit;
        let any_unit = self.names.iter().any(|((space, _), all)| units(*space) && is_changed(all));
        for ((space, _), all) in &self.names {
            if units(*space) && any_unit || is_changed(all) {
                touched.extend(all.iter().map(|(id, _)| *id));
            }
        }
        touched
    }
}

/// Where the links lead that are declared, and those that all systems have.
fn links<'a>(footprints: &'a Footprints<'a>) -> Links<'a> {
    let mut links = Links::default();
    MERGED.into_iter().for_each(|(from, to)| links.insert(from, to.to_owned(), None));
    for (id, footprint) in footprints {
        for (path, lies) in &footprint.paths {
            if let Lies::Link(to) = lies {
                links.insert(path, target(path, to), Some(*id));
            }
        }
    }
    links
}

/// Where a link leads, from the root.
fn target(link: &str, to: &str) -> String {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole =
        if to.starts_with('/') { Cow::Borrowed(to) } else { format!("{folder}/{to}").into() };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A path without detours over links; `whole` says whether it is one itself that is followed. Notes who declares them.
fn straight<'a>(
    path: &'a str,
    whole: bool,
    links: &Links<'_>,
    over: &mut Vec<NodeId>,
) -> Cow<'a, str> {
    let mut path = Cow::Borrowed(path);
    for _ in 0..LINKS_MAX {
        let slashes = path.bytes().enumerate().skip(1).filter(|(_, byte)| *byte == b'/');
        let mut ends = slashes.map(|(end, _)| end).chain(whole.then_some(path.len()));
        let Some((end, (to, id))) = ends.find_map(|end| Some((end, links.get(&path[..end])?)))
        else {
            break;
        };
        over.extend(*id);
        path = Cow::Owned(match (to.as_str(), &path[end..]) {
            ("/", "") => "/".to_owned(),
            ("/", rest) => rest.to_owned(),
            (to, rest) => [to, rest].concat(),
        });
    }
    path
}

/// Whether the state of a resource that says so depends on what lies at the path itself.
fn depends(lies: &Lies<'_>) -> bool {
    !matches!(lies, Lies::Something | Lies::NoLink(_) | Lies::Read)
}

/// Whether it says something of all that is below it.
fn is_deep(lies: &Lies<'_>) -> bool {
    match lies {
        Lies::Directory(_, it) => it.owned || it.purged || it.tree.is_some(),
        Lies::Nothing | Lies::Made | Lies::Something | Lies::Read => true,
        Lies::File(..) | Lies::Link(_) | Lies::Edited(_) | Lies::NoLink(_) => false,
    }
}
