//! What a host says that it keeps of a run.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::resources::before::Before;

/// How one thing was before the run changed it.
pub(super) struct UndoRecord {
    /// The resource that changed it, without its host.
    pub(super) node: String,
    pub(super) before: Before,
    /// What is kept of what lay at its path, if anything is.
    pub(super) kept: Option<KeptState>,
    /// What it reacted to, and by which argument.
    pub(super) on: Vec<(String, String)>,
}

/// What is kept of a path.
#[derive(Debug, PartialEq)]
pub(super) enum KeptState {
    Nothing,
    /// A link, and where it leads.
    Link(String),
    File {
        /// Where it is kept on the host.
        at: String,
        /// Where it was.
        path: String,
        mode: String,
        owner: String,
        group: String,
        /// What it holds, where everyone on the host may read that.
        text: Option<String>,
    },
}

#[derive(Deserialize)]
struct Noted {
    node: String,
    #[serde(flatten)]
    before: Before,
    #[serde(default)]
    on: Vec<(String, String)>,
}

/// All that was said, in order; none where that cannot be read.
pub(super) fn read(output: &str) -> Option<Vec<UndoRecord>> {
    let mut lines = output.lines();
    let mut records = Vec::new();
    while let Some(line) = lines.next() {
        let how = line.split(' ').next()?;
        let Noted { node, before, on } = serde_json::from_str(lines.next()?).ok()?;
        let kept = match how {
            "nothing" => Some(KeptState::Nothing),
            "there" | "behind" => kept(&mut lines)?,
            "noted" => None,
            _ => return None,
        };
        records.push(UndoRecord { node, before, kept, on });
    }
    Some(records)
}

/// What is kept of one path, or that it is lost.
fn kept<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Option<KeptState>> {
    let line = lines.next()?;
    if line == "lost" {
        return Some(None);
    }
    if let Some(to) = line.strip_prefix("link ") {
        return Some(Some(KeptState::Link(to.to_owned())));
    }
    let (at, path) = line.strip_prefix("file ")?.split_once(' ')?;
    let mut access = lines.next()?.split(' ');
    let (mode, _size) = (access.next()?, access.next()?);
    let (owner, group) = (access.next()?, access.next()?);
    let encoded: Vec<&str> = lines.take_while(|line| *line != ".").collect();
    let text = BASE64_STANDARD.decode(encoded.concat()).ok()?;
    // What is empty comes as what is not shown: it is a copy then, too.
    let text = (!encoded.is_empty()).then(|| String::from_utf8(text).ok()).flatten();
    let [at, path, owner, group] = [at, path, owner, group].map(str::to_owned);
    Some(Some(KeptState::File { at, path, mode: format!("{mode:0>4}"), owner, group, text }))
}
