//! What lies at the paths of a host: one `stat` for all kinds, of which each has its part.

use std::ops::Range;

use super::frames::Frames;
use crate::{
    base::script::{Room, Script},
    resources::{entry, resource::Looked},
    sh,
};

/// Paths that one program can be given, for one section.
pub(super) struct PathList {
    /// Each in a line. None holds a line break.
    paths: String,
    count: usize,
    wants_nothing: bool,
}

impl PathList {
    /// The lists that hold all of these paths.
    pub(super) fn all(paths: &[impl AsRef<str>], wants_nothing: bool) -> Vec<Self> {
        if paths.is_empty() {
            return Vec::new();
        }
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        let list =
            |chunk: &&[&str]| Self { paths: chunk.join("\n"), count: chunk.len(), wants_nothing };
        entry::chunks(&paths).iter().map(list).collect()
    }
}

/// The looks at all lists of a host, in their order: each is one `stat`.
pub(super) fn together(lists: &[&PathList]) -> Vec<Range<usize>> {
    let mut looks: Vec<Range<usize>> = Vec::new();
    let mut room = Room::of(entry::CHUNK_PATHS);
    for (index, list) in lists.iter().enumerate() {
        let fits = room.takes_all(list.count, list.paths.len() + 1);
        match looks.last_mut().filter(|_| fits) {
            Some(look) => look.end = index + 1,
            None => looks.push(index..index + 1),
        }
    }
    looks
}

/// Keeps each list in a variable: a section that is about it need not bring the paths once more.
pub(super) fn kept(lists: &[&PathList]) -> Script {
    let mut script = Script::default();
    for (index, list) in lists.iter().enumerate() {
        script.push(sh!("{}={}", Script::trusted(format!("l{index}")), list.paths));
    }
    script
}

/// The words by which a section is called with its lists.
pub(super) fn named(lists: Range<usize>) -> Script {
    Script::trusted(lists.map(|index| format!(" $l{index}")).collect::<String>())
}

/// What a look runs.
pub(super) fn script(lists: &[&PathList]) -> Script {
    entry::look(lists.iter().any(|list| list.wants_nothing))
}

/// What was said of each list. The frames begin with those of the looks.
pub(super) fn read(
    lists: &[&PathList],
    looks: &[Range<usize>],
    frames: &Frames<'_>,
) -> Vec<Looked<String>> {
    let read = |(frame, look): (usize, &Range<usize>)| {
        let paths = lists[look.clone()].iter().map(|list| list.paths.as_str());
        match frames.text(frame) {
            Ok(text) => entry::share(paths, text),
            Err(unknown) => vec![Err(unknown); look.len()],
        }
    };
    looks.iter().enumerate().flat_map(read).collect()
}
