//! One line of a text, and what becomes of the text when it is put there: what `line.awk` decides on a host.

use std::sync::Arc;

use crate::base::pattern::{Pattern, Refused};

/// What is wanted of a line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edit<'a> {
    /// The whole line.
    pub line: Option<&'a str>,
    /// A pattern of the line to replace; of all lines that go, if it is absent.
    pub replaced: Option<&'a str>,
    /// Where nothing is replaced: after the last such line.
    pub after: Option<&'a str>,
    /// The same, before the last such line.
    pub before: Option<&'a str>,
    /// Whether there must be no such line.
    pub absent: bool,
}

/// Makes a pattern of a text.
pub type Build<'a> = dyn Fn(&str) -> Result<Arc<Pattern>, Refused> + 'a;

/// An edit that is ready to find lines. Only who looks at a text needs it, and each takes more memory than all the rest
/// of a line, so it is made again there.
pub struct Editor<'a> {
    edit: Edit<'a>,
    replaced: Option<Arc<Pattern>>,
    after: Option<Arc<Pattern>>,
    before: Option<Arc<Pattern>>,
}

impl<'a> Edit<'a> {
    /// Reads its patterns.
    ///
    /// # Errors
    /// The argument that is no pattern, and why.
    pub fn editor(self, build: &Build<'_>) -> Result<Editor<'a>, (&'static str, Refused)> {
        let read = |argument, text: Option<&str>| {
            text.map(build).transpose().map_err(|refused| (argument, refused))
        };
        let replaced = read("match", self.replaced)?;
        let (after, before) = (read("after", self.after)?, read("before", self.before)?);
        Ok(Editor { edit: self, replaced, after, before })
    }
}

impl Editor<'_> {
    /// Whether the line that it replaces, or that goes, can be this one.
    pub fn finds(&self, line: &str) -> bool {
        match &self.replaced {
            Some(pattern) => pattern.is_in(line.as_bytes()),
            None => self.edit.absent && self.edit.line == Some(line),
        }
    }

    /// Whether a text is as it is wanted.
    pub fn holds(&self, text: &[u8]) -> bool {
        self.edited(text) == text
    }

    /// The text as it will be. The words are those of `line.awk`, which decides in the same way.
    pub fn edited(&self, text: &[u8]) -> Vec<u8> {
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let line = self.edit.line.unwrap_or_default().as_bytes();
        let found = |pattern: &Option<Arc<Pattern>>| {
            let pattern = pattern.as_ref()?;
            lines.iter().rposition(|line| pattern.is_in(bare(line)))
        };
        let same = |candidate: &&[u8]| bare(candidate) == line;
        if self.edit.absent {
            let gone = |candidate: &&&[u8]| match &self.replaced {
                Some(pattern) => pattern.is_in(bare(candidate)),
                None => same(candidate),
            };
            return lines.iter().filter(|line| !gone(line)).copied().collect::<Vec<_>>().concat();
        }
        if let Some(turned) = found(&self.replaced) {
            let new = [line, &lines[turned][bare(lines[turned]).len()..]].concat();
            return [&lines[..turned].concat(), &new, &lines[turned + 1..].concat()]
                .map(Vec::as_slice)
                .concat();
        }
        if lines.iter().any(same) {
            return text.to_owned();
        }
        let ending: &[u8] = match lines.first() {
            Some(first) if first.strip_suffix(b"\n").unwrap_or(first).ends_with(b"\r") => b"\r\n",
            _ => b"\n",
        };
        let after = found(&self.after).map(|at| at + 1);
        let place = after.or(found(&self.before)).unwrap_or(lines.len());
        let mut above = lines[..place].concat();
        if place == lines.len() && !text.is_empty() && !text.ends_with(b"\n") {
            above.truncate(above.len() - usize::from(above.ends_with(b"\r")));
            above.extend(ending);
        }
        [&above, line, ending, &lines[place..].concat()].concat()
    }

    /// Whether two edits of one text come to rest: from texts that hold neither of the lines, one, or both, a few turns
    /// lead to one in which both hold.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let line =
            |editor: &Self| editor.edit.line.filter(|_| !editor.edit.absent).map(str::to_owned);
        let finds = |one: &Self, other: &Self| line(other).is_some_and(|line| one.finds(&line));
        if !finds(self, other) && !finds(other, self) {
            return true;
        }
        let lines = [self, other].map(|editor| line(editor).map_or(String::new(), |it| it + "\n"));
        let [one, two] = lines;
        let starts =
            [String::new(), one.clone(), two.clone(), format!("{one}{two}"), format!("{two}{one}")];
        starts.into_iter().all(|start| {
            let turn = |text: Vec<u8>, _| other.edited(&self.edited(&text));
            let text = (0..TURNS).fold(start.into_bytes(), turn);
            self.holds(&text) && other.holds(&text)
        })
    }
}

/// How often each of two edits gets its turn before they count as never coming to rest.
const TURNS: usize = 3;

/// A line without its line break, which may be that of Windows.
fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(one: Edit<'_>, two: Edit<'_>) -> bool {
        let build = |text: &str| Pattern::new(text).map(Arc::new);
        let [one, two] =
            [one, two].map(|edit| edit.editor(&build).map_err(|(name, _)| name).unwrap());
        assert_eq!(one.agrees_with(&two), two.agrees_with(&one));
        one.agrees_with(&two)
    }

    #[test]
    fn edits_that_undo_each_other_are_told_from_those_that_come_to_rest() {
        let put = |line, replaced| Edit { line: Some(line), replaced, ..Edit::default() };
        let gone = |replaced| Edit { replaced: Some(replaced), absent: true, ..Edit::default() };
        let no = |line| Edit { line: Some(line), absent: true, ..Edit::default() };
        let port = put("Port 22", Some("^#?Port "));
        assert!(agree(port, put("Listen 1", Some("^Listen "))));
        assert!(agree(port, put("Port 22", Some("^Port"))), "the same line");
        assert!(!agree(port, put("Port 80", None)));
        assert!(!agree(port, put("Port 80", Some("Port 80"))));
        assert!(!agree(port, gone("^Port")) && !agree(port, no("Port 22")));
        assert!(agree(port, gone("^#Port")) && agree(port, no("Port 80")));
        assert!(agree(gone("^a"), gone("^b")) && agree(gone("^a"), no("a")));
        let above = Edit { before: Some("^Port 22$"), ..put("#Port 80", None) };
        assert!(agree(port, above), "it stands above the line that is replaced");
    }
}
