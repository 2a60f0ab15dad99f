//! The `link` kind.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::script::Script,
    resources::{
        before::Before,
        change::{Change, Effect, Field},
        entry::{self, Entry},
        footprint::{Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A symbolic link.
///
/// A link that points elsewhere is exchanged in one go, so that there always is one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where it is, from the root.
    path: String,
    /// Where it points, as it is written: from the root, or from the link's own directory. Nothing need be there.
    to: String,
    /// Whether it may replace a file, or a directory that is empty.
    #[serde(default)]
    force: bool,
    /// Whether links on the way to it are followed, whoever laid them. If not, those count that only root can exchange, and
    /// those of a user that lead to a directory of that user.
    #[serde(default)]
    follow: bool,
}

/// What a probe learned of a link.
#[derive(Debug, Serialize)]
pub struct ObservedLink {
    entry: Entry,
    /// Where it points, if it is a link.
    to: Option<String>,
}

impl Resource for Link {
    type Arguments = Self;
    type Observed = ObservedLink;
    type Difference = Change;
    const KIND: &'static str = "link";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::at(&self.path, Lies::Link(&self.to))
    }

    fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        Ok(arguments)
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        batch.iter().map(|link| link.path.as_str().into()).collect()
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if self.follow { vec![entry::parent(&self.path).into()] } else { Vec::new() }
    }

    /// GNU `readlink` reads many links at once, that of busybox one.
    fn probe(_batch: &[&Self]) -> Script {
        sh!("for p do shift; [ ! -L \"$p\" ] || set -- \"$@\" \"$p\"; done
say
say targets
[ $# = 0 ] || readlink -- \"$@\" 2>/dev/null || for p do readlink -- \"$p\" || return; done")
    }

    /// A target is any text of whoever made the link, so the targets come last, and are counted.
    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedLink>>, Unreadable> {
        let (entries, targets) = output.split_once("\ntargets\n").unwrap_or((output, ""));
        let paths: Vec<&str> = batch.iter().map(|link| link.path.as_str()).collect();
        let found = entry::observe(&paths, entries);
        let links = found.iter().filter(|entry| **entry == Ok(Entry::Link)).count();
        let readable = entry::lines(targets).count() == links;
        let mut targets = entry::lines(targets);
        let mut observe = |(link, entry): (&&Self, Looked<Entry>)| match entry? {
            Entry::Link => {
                let to = targets.next().filter(|_| readable).map(str::to_owned);
                let unread = || Unknown::new(format!("the target of {} was not read", link.path));
                Ok(ObservedLink { entry: Entry::Link, to: Some(to.ok_or_else(unread)?) })
            }
            entry => Ok(ObservedLink { entry: link.replaceable(entry)?, to: None }),
        };
        Ok(batch.iter().zip(found).map(&mut observe).collect())
    }

    fn before(&self, observed: &ObservedLink) -> Vec<Before> {
        let path = || ("path", self.path.as_str().into());
        vec![match (&observed.entry, &observed.to) {
            (Entry::Missing, _) => Before::declared("absent", [path()]),
            (Entry::Link, Some(to)) => {
                Before::declared(Self::KIND, [path(), ("to", to.as_str().into())])
            }
            _ => Before::path(&self.path),
        }]
    }

    fn plan(&self, observed: &ObservedLink) -> Option<Change> {
        match &observed.entry {
            Entry::Missing => {
                let to = Field::added("to", self.to.as_str());
                Some(Change::new(Effect::Create, vec![to]))
            }
            Entry::Link => {
                let before = observed.to.as_deref().unwrap_or("unreadable");
                let to = Field::new("to", before, self.to.as_str());
                (observed.to.as_ref() != Some(&self.to))
                    .then(|| Change::new(Effect::Update, vec![to]))
            }
            other => Change::update(vec![
                Field::new("type", other.type_name(), "link"),
                Field::added("to", self.to.as_str()),
            ]),
        }
    }

    fn apply(&self, _: Option<&()>) -> Step {
        let make_room = if self.force {
            sh!("if [ -d \"../$name\" ] && [ ! -L \"../$name\" ]; then
  rmdir -- \"../$name\" || die \"$p is a directory that is not empty: it is not replaced by a link\"
fi")
        } else {
            sh!("if [ -e \"../$name\" ] && [ ! -L \"../$name\" ]; then
  die \"$p is there and is not a link: \\`force: true\\` replaces a file or an empty directory\"
fi")
        };
        sh!(
            "p={} name=${{p##*/}}
beside \"$p\"
{}
ln -s -- {} \"./$name\"
mv -fT \"./$name\" \"../$name\"",
            self.path,
            make_room,
            self.to
        )
        .into()
    }
}

impl Link {
    /// Checks what the types alone cannot.
    fn check(&self) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        if self.to.is_empty() || self.to.contains(char::is_control) {
            return Err(ArgumentError::new("to", "a link must point somewhere, in one line"));
        }
        Ok(())
    }

    /// Something that the step would refuse is told before anything is done.
    fn replaceable(&self, entry: Entry) -> Looked<Entry> {
        let path = &self.path;
        match entry {
            Entry::Missing | Entry::Link => Ok(entry),
            _ if self.force => Ok(entry),
            other => Err(Unknown::new(format!("{path} is a {}, not a link", other.type_name()))
                .hint("`force: true` replaces a file or an empty directory")),
        }
    }
}
