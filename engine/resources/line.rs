//! The `line` kind.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Action, Change, Field, Shown},
    content::Content,
    edit::Edit,
    entry,
    footprint::{Footprint, Lies},
    pattern::Pattern,
    resource::{ArgumentError, Files, Look, Resource, Step, Unreadable},
    script::{Script, Words, functions},
    sh,
};

/// One line of a text file that belongs to somebody else.
///
/// The last line that `match` finds becomes this line. If there is none, and not this line either, it is added.
/// A file that belongs to the role as a whole is better a `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The file, from the root. A link is followed.
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
    /// Whether the rest of the file is kept from the eye.
    #[serde(default)]
    sensitive: bool,
}

/// What a probe learned of a line.
#[derive(Debug, Serialize)]
pub struct Observed {
    state: State,
    /// What the file holds now, where that differs and is small enough to show.
    #[serde(skip)]
    text: Option<Vec<u8>>,
}

/// How a file stands to what is wanted of its line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Same,
    Missing,
    Unreadable,
    /// The text as a whole, by its digest.
    Differs(String),
}

/// What probe and step both run, so that they agree. [`crate::edit::Editor`] says the same in Rust.
static AWK: LazyLock<String> = LazyLock::new(|| functions(include_str!("line.awk")));

/// How much of a text comes back for the diff, in bytes.
const SHOWN_MAX: usize = 64 * 1024;

impl Resource for Line {
    type Observed = Observed;
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

    fn resolve(&mut self, files: &dyn Files) -> Result<(), ArgumentError> {
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
        match &self.pattern {
            Some(pattern) if !editor.finds(line) => Err(ArgumentError::new(
                "match",
                format!("`{pattern}` does not find the new line, so a second run would not either"),
            )
            .hint("let it find the line before and after the change, such as `^#?Port `")),
            _ => Ok(()),
        }
    }

    fn probe(batch: &[&Self]) -> Script {
        let mut script = sh!("set -- probe");
        for (id, line) in batch.iter().enumerate() {
            script.push(sh!(
                "p={}
if [ -f \"$p\" ] && [ -r \"$p\" ]; then set -- \"$@\" {} \"$p\" {}
elif [ -e \"$p\" ]; then say {} unreadable; else say {} missing; fi",
                line.path,
                id,
                line.question(),
                id,
                id
            ));
        }
        script.push(sh!(
            "nl='\n' verdicts=
[ $# = 1 ] || verdicts=$(awk -- {} \"$@\") || :
say \"$verdicts\"
text() {{
  case $nl$verdicts$nl in *\"$nl$1 differs$nl\"*) ;; *) return 0 ;; esac
  sum=$(sha256sum <\"$2\")
  say \"$1 text ${{sum%% *}}\"
  [ -n \"$3\" ] || head -c {} \"$2\" | base64
  say .
}}",
            AWK.as_str(),
            SHOWN_MAX + 1
        ));
        for (id, line) in batch.iter().enumerate() {
            let sensitive = if line.sensitive { "yes" } else { "" };
            script.push(sh!("text {} {} {}", id, line.path, sensitive));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let (mut states, mut texts) = (BTreeMap::new(), BTreeMap::new());
        let mut lines = output.lines();
        while let Some(line) = lines.next() {
            let mut words = line.split(' ');
            let Some(Ok(id)) = words.next().map(str::parse::<usize>) else { continue };
            let state = match (words.next(), words.next()) {
                (Some("same"), None) => State::Same,
                (Some("missing"), None) => State::Missing,
                (Some("text"), Some(digest)) => {
                    let encoded: String = lines.by_ref().take_while(|line| *line != ".").collect();
                    texts.extend(BASE64_STANDARD.decode(encoded).ok().map(|text| (id, text)));
                    State::Differs(digest.to_owned())
                }
                _ => State::Unreadable,
            };
            states.insert(id, state);
        }
        let mut observe = |id| Observed {
            state: states.remove(&id).unwrap_or(State::Unreadable),
            text: texts.remove(&id),
        };
        Ok((0..batch.len()).map(|id| Ok(observe(id))).collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        match &observed.state {
            State::Same => None,
            State::Missing if self.absent => None,
            State::Missing if self.create => {
                let content = format!("{}\n", self.line.as_deref().unwrap_or_default());
                Some(Change::new(Action::Create, vec![Field::added("content", content)]))
            }
            State::Missing => {
                Change::update(vec![self.field(Shown::Hidden("no such file".into()))])
            }
            State::Unreadable => {
                Change::update(vec![self.field(Shown::Hidden("unreadable".into()))])
            }
            State::Differs(_) => Change::update(vec![self.diff(observed.text.as_deref())]),
        }
    }

    fn apply(&self, _: Option<&Change>) -> Step {
        let missing = if self.absent {
            sh!("exit 0")
        } else if self.create {
            sh!("from=/dev/null")
        } else {
            sh!("die \"there is no $p: \\`create: true\\` makes it\" || exit")
        };
        let validate = self.validate.as_deref().unwrap_or_default();
        let awk = Content::new(AWK.as_bytes());
        let script = sh!(
            "edit() (
  p=$1 validate=$2 from= mode=edit
  shift 2
  if [ -L \"$p\" ] && [ -e \"$p\" ]; then p=$(readlink -f \"$p\") || exit; fi
  if [ -e \"$p\" ]; then from=$p; else {}; fi
  tr -d '\\000' <\"$from\" | cmp -s - \"$from\" || die \"$p is not a text that can be edited by line\" || exit
  [ -z \"$(tail -c 1 \"$from\")\" ] || mode=edit-open
  new=$STAGE/edited.$$
  size=$(awk -f {} -- \"$mode\" '' \"$from\" \"$@\" \"$new\") || exit
  [ \"$size\" -eq \"$(wc -c <\"$new\")\" ] || die \"the new text of $p could not be written\" || exit
  cmp -s \"$new\" \"$from\" || put \"$new\" \"$p\" '' '' '' \"$validate\"
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
                error("line", "no line to put there")
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

    /// The change where the text cannot be shown.
    fn field(&self, before: Shown) -> Field {
        match (&self.line, &self.pattern) {
            (Some(line), _) if !self.absent => Field::new("line", before, line.as_str()),
            (Some(line), _) => Field::new("line", line.as_str(), Shown::Nothing),
            (None, pattern) => {
                Field::new("match", pattern.as_deref().unwrap_or_default(), Shown::Nothing)
            }
        }
    }

    fn diff(&self, text: Option<&[u8]>) -> Field {
        let small = text.filter(|text| text.len() <= SHOWN_MAX && !self.sensitive);
        let shown = small.and_then(|text| {
            let build = |text: &str| Pattern::new(text).map(Arc::new);
            let after = self.edit().editor(&build).ok()?.edited(text);
            Some((std::str::from_utf8(text).ok()?.to_owned(), String::from_utf8(after).ok()?))
        });
        match shown {
            Some((before, after)) if before != after => Field::new("content", before, after),
            _ => self.field(Shown::Hidden("not this line".into())),
        }
    }
}
