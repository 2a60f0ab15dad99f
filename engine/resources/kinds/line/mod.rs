//! The `line` kind.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod shown;

use crate::{
    base::{
        content::{Content, Digest},
        script::{Library, Script, Words, functions},
    },
    resources::{
        before::Before,
        change::{Change, Effect, Field, Shown},
        edit::Edit,
        entry,
        footprint::{Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// One line of a text file that belongs to somebody else.
///
/// The last line that `match` finds becomes this line. If there is none, and not this line either, it is added.
/// A file that belongs to the role as a whole is better a `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The file, from the root. A link that leads to one is followed.
    path: String,
    /// The whole line.
    line: Option<String>,
    /// A pattern of the line to replace, as `grep -E` reads it, without counts in braces. It must find the new line
    /// too. With `absent`, all lines that it finds go.
    #[serde(rename = "match")]
    pattern: Option<String>,
    /// Where nothing is replaced: a pattern of the lines after the last of which the line is added;
    /// at the end, if there is none.
    after: Option<String>,
    /// The same, before the last such line.
    before: Option<String>,
    /// Whether there must be no such line.
    #[serde(default)]
    absent: bool,
    /// Whether the file is made if it is missing.
    #[serde(default)]
    create: bool,
    /// A command that must succeed, as for `file`.
    validate: Option<String>,
    /// Whether the rest of the file is kept from the eye. It also is where not everyone on the host may read it, unless this is
    /// `false`.
    sensitive: Option<bool>,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    follow: bool,
}

/// What a probe learned of a line.
#[derive(Debug, Serialize)]
pub struct ObservedLine {
    state: LineState,
    /// What the file holds now, where that differs and is small enough to show.
    #[serde(skip)]
    text: Option<Arc<[u8]>>,
}

/// How a file stands to what is wanted of its line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum LineState {
    Same,
    Missing,
    /// The text as a whole, by its digest.
    Differs(Digest),
}

/// What probe and step both run, so that they agree. [`crate::resources::edit::Editor`] says the same in Rust.
const AWK: &str = include_str!("line.awk");

/// How lines of files are asked about.
static LINES: Library = Library::new("lines", &[include_str!("line.sh"), "line_awk='", AWK, "'"]);

/// How much of a text comes back for the diff, in bytes.
const SHOWN_MAX: usize = 64 * 1024;

/// How long a line may be, in bytes: it is an argument of a program, which Linux takes up to 128 KiB.
const LINE_MAX: usize = 100_000;

impl Resource for Line {
    type Arguments = Self;
    type Observed = ObservedLine;
    type Difference = Change;
    const KIND: &'static str = "line";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        format!(
            "{}: {}",
            self.path,
            self.pattern.as_ref().or(self.line.as_ref()).map_or("", |it| it)
        )
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::at(&self.path, Lies::Edited(self.edit()))
    }

    fn resolve(arguments: Self, files: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check(files)?;
        Ok(arguments)
    }

    /// The old text, in base64.
    fn brings(&self) -> usize {
        SHOWN_MAX * 3 / 2
    }

    fn words(&self) -> usize {
        let texts = [&self.line, &self.pattern, &self.after, &self.before];
        texts.into_iter().flatten().map(String::len).sum()
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if self.follow { vec![entry::parent(&self.path).into()] } else { Vec::new() }
    }

    fn proves_afterwards(&self) -> bool {
        self.validate.as_deref().is_some_and(entry::validates_afterwards)
    }

    fn probe(batch: &[&Self]) -> Script {
        let by_path = by_path(batch);
        let functions = [&entry::HIDDEN, &entry::READABLE, &LINES].map(Library::script);
        let mut script = functions.into_iter().fold(entry::looking(), Script::then);
        script.push(sh!("shown_max={}; set -- probe", SHOWN_MAX + 1));
        let mut texts = Script::default();
        for (at, (path, lines)) in by_path.iter().enumerate() {
            let (mut questions, mut ids) = (Script::default(), Script::default());
            for (id, line) in lines {
                questions = sh!("{} {} \"$seen\" {}", questions, *id, line.question());
                ids = sh!("{} {}", ids, *id);
            }
            let seen = Script::trusted(format!("seen{at}"));
            script.push(sh!(
                "{}=; if lines_at {}{}; then {}=$seen; set -- \"$@\"{}; fi",
                seen,
                path,
                ids,
                seen,
                questions
            ));
            let asked = |wish| lines.iter().any(|(_, line)| line.sensitive == wish);
            let hide = match (asked(Some(false)), asked(None)) {
                (true, _) => "",
                (false, true) => "closed",
                (false, false) => "yes",
            };
            texts = sh!("{} && text \"${}\" {} {}{}", texts, seen, path, hide, ids);
        }
        script.then(sh!(
            "verdicts \"$@\"{}; code=$?\n[ -z \"$copies\" ] || rm -rf -- \"$copies\"\nreturn $code",
            texts
        ))
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedLine>>, Unreadable> {
        let unsaid = || Err("the host did not report its line".to_owned());
        let mut found: Vec<Result<LineState, String>> = batch.iter().map(|_| unsaid()).collect();
        let mut texts: BTreeMap<usize, Arc<[u8]>> = BTreeMap::new();
        let mut lines = entry::lines(output);
        while let Some(line) = lines.next() {
            let mut words = line.split(' ');
            let what = words.next().unwrap_or_default();
            let state = match what {
                "text" | "closed" => words.next().and_then(Digest::read).map(LineState::Differs),
                "binary" => None,
                id => {
                    let id = id.parse::<usize>().ok().filter(|id| *id < batch.len());
                    let Some(id) = id else { continue };
                    found[id] = match words.next() {
                        Some("same") => Ok(LineState::Same),
                        Some("missing") => Ok(LineState::Missing),
                        Some("unread") => Err("cannot read it: Permission denied".to_owned()),
                        Some("special") => Err("it is not a regular file".to_owned()),
                        Some("barred") => Err(words.collect::<Vec<_>>().join(" ")),
                        _ => unsaid(),
                    };
                    continue;
                }
            };
            let ids = words.filter_map(|id| id.parse().ok()).filter(|id| *id < batch.len());
            let ids: Vec<usize> = ids.collect();
            if matches!(what, "text" | "closed") {
                let encoded: String = lines.by_ref().take_while(|line| *line != ".").collect();
                let text: Option<Arc<[u8]>> = BASE64_STANDARD.decode(encoded).ok().map(Arc::from);
                let shown = |id: &&usize| what == "text" || batch[**id].sensitive == Some(false);
                texts.extend(ids.iter().filter(shown).filter_map(|id| Some((*id, text.clone()?))));
            }
            for id in ids {
                found[id] = match &state {
                    Some(state) => Ok(state.clone()),
                    None if what == "binary" => {
                        Err("it is not a text file that can be edited by line".to_owned())
                    }
                    None => unsaid(),
                };
            }
        }
        let observe = |(id, (line, state)): (usize, (&&Self, Result<LineState, String>))| {
            let state = state.map_err(|why| Unknown::new(format!("{}: {why}", line.path)))?;
            Ok(ObservedLine { state, text: texts.remove(&id) })
        };
        Ok(batch.iter().zip(found).enumerate().map(observe).collect())
    }

    fn before(&self, _: &ObservedLine) -> Vec<Before> {
        vec![Before::file(&self.path)]
    }

    fn plan(&self, observed: &ObservedLine) -> Option<Change> {
        match &observed.state {
            LineState::Same => None,
            LineState::Missing if self.absent => None,
            LineState::Missing if self.create => {
                let content = format!("{}\n", self.line.as_deref().unwrap_or_default());
                Some(Change::new(Effect::Create, vec![Field::added("content", content)]))
            }
            LineState::Missing => {
                Change::update(vec![self.field(Shown::Hidden("no such file".into()))])
            }
            LineState::Differs(_) => Change::update(vec![self.diff(observed.text.as_deref())]),
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let missing = if self.absent {
            sh!("exit 0")
        } else if self.create {
            sh!("from=/dev/null")
        } else {
            sh!("die \"there is no $p: \\`create: true\\` makes it\" || exit")
        };
        let validate = self.validate.as_deref().unwrap_or_default();
        let awk = Content::new(functions(AWK).into_bytes());
        let script = sh!(
            "edit() (
  p=$1 validate=$2 from= mode=edit
  shift 2
  if [ -d \"${{p%/*}}/\" ]; then ends \"$p\" && p=${{PWD%/}}/$name || exit; fi
  if [ -f \"$p\" ]; then beside \"$p\" && hold \"$name\" && from=$held || exit
  elif [ -e \"$p\" ]; then die \"$p is not a regular file\" || exit; else {}; fi
  [ -f \"$from\" ] || [ \"$from\" = /dev/null ] && [ ! -L \"$from\" ] || die \"$p was exchanged\" || exit
  tr -d '\\000' <\"$from\" | cmp -s - \"$from\" || die \"$p is not a text that can be edited by line\" || exit
  [ -z \"$(tail -c 1 \"$from\")\" ] || mode=edit-open
  new=$STAGE/edited.$$
  size=$(awk -f {} -- \"$mode\" '' \"$from\" \"$@\" \"$new\") || exit
  [ \"$size\" -eq \"$(wc -c <\"$new\")\" ] || die \"the new text of $p could not be written\" || exit
  {{ [ -z \"$validate\" ] && cmp -s \"$new\" \"$from\"; }} || put \"$new\" \"$p\" '' '' '' \"$validate\"
)
edit {} {} {}",
            missing,
            awk.staged(),
            self.path,
            validate,
            self.question()
        );
        Step { script, contents: vec![awk] }
    }
}

impl Line {
    /// Checks what the types alone cannot.
    fn check(&self, files: &dyn Files) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        if let Some(command) = &self.validate {
            entry::check_validate("validate", command)?;
        }
        self.check_together()?;
        let editor = self.edit().editor(&|text| files.pattern(text));
        let editor =
            editor.map_err(|(argument, refused)| ArgumentError::pattern(argument, refused))?;
        let Some(line) = &self.line else { return Ok(()) };
        if line.is_empty() || line.contains(['\n', '\r', '\0']) {
            return Err(ArgumentError::new("line", "a line is one line, and not empty"));
        }
        if line.len() > LINE_MAX {
            let message = format!("a line of {} bytes is longer than {LINE_MAX}", line.len());
            return Err(ArgumentError::new("line", message));
        }
        match &self.pattern {
            Some(pattern) if !editor.finds(line) => Err(ArgumentError::new(
                "match",
                format!("`{pattern}` does not match the new line, so each run would add it again"),
            )
            .hint("write a pattern that matches the line before and after the change, such as `^#?Port `")),
            _ => Ok(()),
        }
    }

    fn edit(&self) -> Edit<'_> {
        Edit {
            line: self.line.as_deref(),
            replaced: self.pattern.as_deref(),
            after: self.after.as_deref(),
            before: self.before.as_deref(),
            absent: self.absent,
        }
    }

    fn check_together(&self) -> Result<(), ArgumentError> {
        let error = |argument, message: &str| Err(ArgumentError::new(argument, message));
        if self.after.is_some() && self.before.is_some() {
            return error("before", "both `after` and `before`");
        }
        if !self.absent {
            return if self.line.is_some() {
                Ok(())
            } else {
                error("line", "`after` and `before` need a line")
            };
        }
        if self.create || self.after.is_some() || self.before.is_some() {
            return error("absent", "a line that is absent is not added anywhere");
        }
        if self.line.is_some() == self.pattern.is_some() {
            return error("absent", "either `line` or `match` says which lines go");
        }
        Ok(())
    }

    /// What is asked of `awk`, after id and path.
    fn question(&self) -> Script {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        let absent = if self.absent { "yes" } else { "" };
        let words = [
            text(&self.line),
            text(&self.pattern),
            text(&self.after),
            text(&self.before),
            absent.to_owned(),
        ];
        sh!("{}", Words(&words))
    }
}

/// The lines of each file, with their places in the batch.
fn by_path<'a>(batch: &[&'a Line]) -> BTreeMap<&'a str, Vec<(usize, &'a Line)>> {
    let mut by_path: BTreeMap<&str, Vec<(usize, &Line)>> = BTreeMap::new();
    for (id, line) in batch.iter().enumerate() {
        by_path.entry(&line.path).or_default().push((id, line));
    }
    by_path
}
