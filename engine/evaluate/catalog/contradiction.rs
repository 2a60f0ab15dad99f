//! Why two resources of a host cannot both be as they are declared.

use super::NodeId;
use crate::resources::{
    edit::{Build, Editor},
    footprint::{Access, Lies, Space, Tree, Wanted},
};

/// Two resources of a host that undo each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The one that was declared first.
    pub first: NodeId,
    /// The other one.
    pub second: NodeId,
    /// Why.
    pub why: String,
}

/// Whether something below it can contradict it.
pub(super) fn rules(lies: &Lies<'_>) -> bool {
    match lies {
        Lies::Directory(_, it) => it.owned || it.tree.is_some(),
        Lies::Nothing | Lies::File(..) => true,
        Lies::Edited(edit) => !edit.absent,
        Lies::Link(_) | Lies::Made | Lies::Something | Lies::NoLink(_) | Lies::Read => false,
    }
}

/// Whether it can be so where nothing is.
pub(super) fn needs_nothing(lies: &Lies<'_>) -> bool {
    match lies {
        Lies::Nothing | Lies::NoLink(_) | Lies::Read => true,
        Lies::Edited(edit) => edit.absent,
        _ => false,
    }
}

fn word(lies: &Lies<'_>) -> &'static str {
    match lies {
        Lies::Nothing => "nothing",
        Lies::File(..) => "a file",
        Lies::Link(_) => "a link",
        Lies::Directory(..) => "a directory",
        Lies::Edited(_) => "a text with a line in it",
        Lies::Made | Lies::Something => "something",
        Lies::NoLink(_) | Lies::Read => "what is read",
    }
}

/// The first two of those at one path that contradict each other.
pub(super) fn at_one_path(
    path: &str,
    all: &[(NodeId, &Lies<'_>)],
    build: &Build<'_>,
    differ: &dyn Fn(NodeId, NodeId) -> bool,
) -> Option<(NodeId, NodeId, String)> {
    // Many lines of one file: each is made ready once.
    let editors: Vec<_> = all.iter().map(|(_, lies)| editor(lies, build)).collect();
    for (at, (one, lies)) in all.iter().enumerate() {
        for (next, (other, others)) in all.iter().enumerate().skip(at + 1) {
            let ready = [&editors[at], &editors[next]].map(Option::as_ref);
            if one != other
                && let Some(why) = contradict(path, lies, others, ready)
                && !differ(*one, *other)
            {
                return Some((*one, *other, why));
            }
        }
    }
    None
}

/// Why two cannot both be so at one path.
fn contradict(
    path: &str,
    one: &Lies<'_>,
    other: &Lies<'_>,
    editors: [Option<&Editor<'_>>; 2],
) -> Option<String> {
    use Lies::{Directory, Edited, File, Link, Made, NoLink, Nothing, Read, Something};
    let differ = |one: &Access<'_>, other: &Access<'_>| {
        Some(format!("they want different values for the {} of {path}", one.differing(other)?))
    };
    match (one, other) {
        (NoLink(mask), Link(to)) | (Link(to), NoLink(mask)) => {
            (mask == to).then(|| format!("{path} is masked by one, and needed by the other"))
        }
        (Read | NoLink(_), _) | (_, Read | NoLink(_)) => None,
        (Nothing, lies) | (lies, Nothing) => {
            let why = || format!("one wants nothing at {path}, the other {}", word(lies));
            (!needs_nothing(lies)).then(why)
        }
        (Made | Something, _) | (_, Made | Something) => None,
        (File(one, access), File(other, others)) => {
            let digests = one.zip(*other).filter(|(one, other)| one.digest() != other.digest());
            let other_content = digests.map(|_| format!("they want different content for {path}"));
            other_content.or_else(|| differ(access, others))
        }
        (Directory(one, _), Directory(other, _)) => differ(one, other),
        (Link(one), Link(other)) => {
            (one != other).then(|| format!("they want {path} to point to different places"))
        }
        (File(content, _), Edited(edit)) | (Edited(edit), File(content, _)) => {
            let holds = |editor: &Editor<'_>| content.is_none_or(|it| editor.holds(it.bytes()));
            let holds = editors.into_iter().flatten().all(holds);
            let verb = if edit.absent { "is still" } else { "does not hold" };
            (!holds).then(|| format!("the line {verb} in what the file is to hold"))
        }
        (Edited(_), Edited(_)) => {
            let agree = match editors {
                [Some(one), Some(other)] => one.agrees_with(other),
                _ => true,
            };
            (!agree).then(|| format!("one line of {path} takes the place of the other"))
        }
        // Where it leads, a text may lie.
        (Link(_), Edited(_)) | (Edited(_), Link(_)) => None,
        (one, other) => {
            Some(format!("one wants {} at {path}, the other {}", word(one), word(other)))
        }
    }
}

/// Why one cannot be so at a path, and the other below it.
pub(super) fn above(
    path: &str,
    upper: &Lies<'_>,
    name: &str,
    lower: &Lies<'_>,
    build: &Build<'_>,
) -> Option<String> {
    let whole = || format!("{}/{name}", path.trim_end_matches('/'));
    let lies_below = |at: &str, upper| {
        format!("one wants {upper} at {at}, the other {} at {}", word(lower), whole())
    };
    match upper {
        _ if needs_nothing(lower) && !matches!(lower, Lies::Edited(_) | Lies::Nothing) => None,
        Lies::Directory(access, below) => {
            let access_of_lower = match lower {
                Lies::File(_, access) | Lies::Directory(access, _) => Some(access),
                _ => None,
            };
            let differs = || below.owned.then_some(access)?.owner_differing(access_of_lower?);
            if let Some(field) = differs() {
                return Some(format!("they want different values for the {field} of {}", whole()));
            }
            let tree = below.tree?;
            // What comes with a directory that is below another's, too.
            let inner = match lower {
                Lies::Directory(_, it) => it.tree,
                _ => None,
            };
            let within = inner.into_iter().flat_map(|inner| {
                let with = |below: String| Some((format!("{name}/{below}"), inner.lies(&below)?));
                inner.names().into_iter().filter_map(with).collect::<Vec<_>>()
            });
            let here = in_a_tree(path, tree, name, lower, build);
            here.or_else(|| {
                within
                    .into_iter()
                    .find_map(|(name, lies)| in_a_tree(path, tree, &name, &lies, build))
            })
        }
        _ if needs_nothing(lower) => None,
        Lies::Nothing => Some(lies_below(path, "nothing")),
        Lies::File(..) | Lies::Edited(_) => Some(lies_below(path, "a file")),
        _ => None,
    }
}

/// Why something cannot be so where something else comes with a directory.
fn in_a_tree(
    path: &str,
    tree: &dyn Tree,
    name: &str,
    lower: &Lies<'_>,
    build: &Build<'_>,
) -> Option<String> {
    let whole = |name: &str| format!("{}/{name}", path.trim_end_matches('/'));
    for (end, _) in name.match_indices('/') {
        if let Some(Lies::File(..)) = tree.lies(&name[..end])
            && !needs_nothing(lower)
        {
            let (file, below) = (whole(&name[..end]), whole(name));
            return Some(format!(
                "one wants a file at {file}, the other {} at {below}",
                word(lower)
            ));
        }
    }
    let comes = tree.lies(name)?;
    contradict(&whole(name), &comes, lower, [None, editor(lower, build).as_ref()])
}

fn editor<'a>(lies: &Lies<'a>, build: &Build<'_>) -> Option<Editor<'a>> {
    match lies {
        Lies::Edited(edit) => edit.editor(build).ok(),
        _ => None,
    }
}

/// Why two cannot both be so of one name.
pub(super) fn names_contradict(
    space: Space,
    name: &str,
    one: &Wanted<'_>,
    other: &Wanted<'_>,
) -> Option<String> {
    let word = space.word();
    match (one, other) {
        (Wanted::Exactly(one), Wanted::Exactly(other)) if one != other => {
            Some(format!("the {word} {name} cannot be both {one} and {other}"))
        }
        // That a unit's own file is not there says nothing of what a package brings.
        _ if space == Space::Unit => None,
        (Wanted::Gone, Wanted::Gone) => None,
        (Wanted::Gone, _) | (_, Wanted::Gone) => {
            Some(format!("one wants no {word} {name}, the other needs it"))
        }
        _ => None,
    }
}
