//! The `file` kind.

mod arguments;
mod shown;

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

pub use self::arguments::FileArguments;
use crate::{
    base::{
        content::Content,
        script::{Library, Script, Words},
    },
    resources::{
        before::Before,
        change::{Change, DetailedChange, Effect, Field, Shown},
        entry::{self, Entry},
        footprint::{Access, Footprint, Lies},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unknown, Unreadable},
    },
    sh,
};

/// A file as it is to be.
#[derive(Debug)]
pub struct File {
    path: String,
    mode: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    validate: Option<String>,
    replace: bool,
    sensitive: Option<bool>,
    follow: bool,
    /// What it is to hold, if it is not somebody else's file.
    wanted: Option<Content>,
}

/// What a probe learned of a file.
#[derive(Debug, Serialize)]
pub struct ObservedFile {
    entry: Entry,
    /// What it holds now, where that differs and is small enough to show.
    #[serde(skip)]
    text: Option<Vec<u8>>,
    /// Whether not everyone on the host may read that.
    #[serde(skip)]
    closed: bool,
}

/// What a probe says where every file that is shown holds what it should.
/// No line of base64, of `sha256sum` or of `stat` can be this.
const AS_WANTED: &str = "all as wanted";

/// What it says before it comes to files of which nothing is shown.
const HIDDEN: &str = "not shown";

/// How files are read.
static FILES: Library = Library::new("files", &[include_str!("file.sh")]);

/// What differs of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileDetail {
    /// Mode, owner or group alone.
    Access,
    /// What it holds, or that it is there.
    Content,
}

impl Resource for File {
    type Arguments = FileArguments;
    type Observed = ObservedFile;
    type Difference = DetailedChange<FileDetail>;
    const KIND: &'static str = "file";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        Footprint::at(&self.path, self.lies())
            .owned_by(self.owner.as_deref(), self.group.as_deref())
    }

    fn resolve(arguments: FileArguments, files: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        let FileArguments {
            path,
            content,
            source,
            template,
            vars,
            mode,
            owner,
            group,
            validate,
            replace,
            sensitive,
            follow,
        } = arguments;
        let wanted = match (content, source, template) {
            (Some(text), _, _) => {
                Some(Content::new(text.expose().as_bytes()).sensitive(text.is_secret()))
            }
            (_, Some(name), _) => Some(Content::new(files.source(&name)?)),
            (_, _, Some(name)) => Some(files.template(&name, vars)?),
            _ => None,
        };
        let wanted = wanted.map(|content| content.sensitive(sensitive == Some(true)));
        let is_sensitive = wanted.as_ref().is_some_and(Content::is_sensitive);
        let mode = mode.or_else(|| is_sensitive.then(|| "0600".to_owned()));
        Ok(Self { path, mode, owner, group, validate, replace, sensitive, follow, wanted })
    }

    fn proves_afterwards(&self) -> bool {
        self.replaced().is_some()
            && self.validate.as_deref().is_some_and(entry::validates_afterwards)
    }

    /// The old text, in base64.
    fn brings(&self) -> usize {
        if self.is_shown() { shown::MAX * 3 / 2 } else { 0 }
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        batch.iter().map(|file| file.path.as_str().into()).collect()
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if self.follow { vec![entry::parent(&self.path).into()] } else { Vec::new() }
    }

    fn probe(batch: &[&Self]) -> Script {
        let mut wanted = String::new();
        batch
            .iter()
            .filter(|file| file.is_shown())
            .filter_map(|file| Some((file.wanted.as_ref()?, &file.path)))
            .for_each(|(content, path)| entry::sum_line(content.digest(), path, &mut wanted));
        // What a secret is made into is told to nobody before it is put there, not even as a digest.
        let hidden = batch.iter().filter(|file| file.replaced().is_some() && !file.is_shown());
        let hidden: Vec<&str> = hidden.map(|file| file.path.as_str()).collect();
        let shown = batch.iter().filter(|file| file.is_shown());
        let shown: Vec<&str> = shown.map(|file| file.path.as_str()).collect();
        let asked = batch.iter().filter(|file| file.is_shown() && file.sensitive == Some(false));
        let asked: String = asked.map(|file| ["\n", &file.path, "\n"].concat()).collect();
        let functions = entry::looking().then(entry::READABLE.script()).then(FILES.script());
        // Where all is as it should be, one line says so, and of the rest only secrets are listed.
        let paths = match shown.len() < batch.len() {
            true => sh!("{}", Words(&shown)),
            false => Script::trusted("\"$@\""),
        };
        let (max, paths) = (shown::MAX + 1, &paths);
        let mut script =
            functions.then(sh!("shown_max={}; files {} {} {}", max, wanted, asked, paths));
        if !hidden.is_empty() {
            script.push(sh!("files_not_shown {}", Words(&hidden)));
        }
        script
    }

    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<ObservedFile>>, Unreadable> {
        let paths: Vec<&str> = batch.iter().map(|file| file.path.as_str()).collect();
        let mut found = entry::observe(&paths, output);
        // Each has its line break, without which a line was cut off.
        let hidden = output.find(&format!("\n{HIDDEN}\n")).map_or(output.len(), |end| end + 1);
        let (shown, hidden) = output.split_at(hidden);
        for said in [shown, hidden] {
            entry::add_digests(&paths, &mut found, said);
        }
        let all_as_wanted = entry::lines(output).any(|line| line == AS_WANTED);
        let mut texts = shown::texts(output);
        let closed = entry::lines(output).filter_map(|line| line.strip_prefix("closed "));
        let closed: BTreeSet<&str> = closed.collect();
        let observe = |(file, mut entry): (&&Self, Looked<Entry>)| {
            match (file.replaced(), &mut entry) {
                // What it holds is the business of others, who may change it between a plan and its approval.
                (None, Ok(Entry::File { size, digest, .. })) => (*size, *digest) = (0, None),
                (Some(wanted), Ok(Entry::File { digest, .. })) => {
                    if all_as_wanted && file.is_shown() {
                        *digest = Some(wanted.digest().clone());
                    }
                    entry = entry::read(&file.path, entry, output);
                }
                _ => {}
            }
            let entry = file.replaceable(entry?)?;
            let text = texts.remove(&file.path);
            let closed = closed.contains(file.path.as_str())
                || matches!(&entry, Entry::File { access, .. } if !entry::is_readable(access));
            let closed = closed && file.sensitive != Some(false);
            Ok(ObservedFile { entry, text, closed })
        };
        Ok(batch.iter().zip(found).map(observe).collect())
    }

    fn before(&self, observed: &ObservedFile) -> Vec<Before> {
        let holds = match &observed.entry {
            Entry::File { digest, .. } => digest.as_ref(),
            _ => None,
        };
        let same = self.replaced().is_none_or(|wanted| holds == Some(wanted.digest()));
        vec![observed.entry.before_file(&self.path, same)]
    }

    fn plan(&self, observed: &ObservedFile) -> Option<DetailedChange<FileDetail>> {
        let Some(wanted) = &self.wanted else {
            let change = self.plan_access(&observed.entry)?;
            return Some(DetailedChange { change, detail: FileDetail::Access });
        };
        let shown = shown::content(wanted);
        let mut detail = FileDetail::Content;
        let change = match &observed.entry {
            Entry::File { access, digest, .. } => {
                let mut fields = access.differing(
                    self.mode.as_deref(),
                    self.owner.as_deref(),
                    self.group.as_deref(),
                );
                if self.replace && digest.as_ref() != Some(wanted.digest()) {
                    fields.push(Field::new("content", shown::before(wanted, observed), shown));
                } else {
                    detail = FileDetail::Access;
                }
                Change::update(fields)
            }
            Entry::Missing => {
                let mode = self.mode.as_deref().unwrap_or("0644");
                let mut fields = vec![Field::added("content", shown)];
                fields.extend(entry::added_access(mode, &self.owner, &self.group));
                Some(Change::new(Effect::Create, fields))
            }
            other => Change::update(vec![
                Field::new("type", other.type_name(), "file"),
                Field::added("content", shown),
            ]),
        };
        Some(DetailedChange { change: change?, detail })
    }

    fn apply(&self, detail: Option<&FileDetail>) -> Step {
        let access = entry::words(&self.mode, &self.owner, &self.group);
        let keep = sh!("own {} {}", self.path, access);
        let Some(wanted) = &self.wanted else {
            return keep.into();
        };
        if detail == Some(&FileDetail::Access) {
            return keep.into();
        }
        let validate = self.validate.as_deref().unwrap_or_default();
        let put = sh!("put {} {} {} {}", wanted.staged(), self.path, access, validate);
        let script = if self.replace {
            put
        } else {
            sh!(
                "p={}\nif [ -f \"$p\" ] && [ ! -L \"$p\" ]; then\n  {}\nelse\n  {}\nfi",
                self.path,
                keep,
                put
            )
        };
        Step { script, contents: vec![wanted.clone()] }
    }
}

impl File {
    /// What it is made to hold, also where it is there already.
    fn replaced(&self) -> Option<&Content> {
        self.wanted.as_ref().filter(|_| self.replace)
    }

    /// What is wanted of its path.
    pub(super) fn lies(&self) -> Lies<'_> {
        let access = Access {
            mode: self.mode.as_deref(),
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
        };
        Lies::File(self.replaced(), access)
    }

    /// Whether a plan shows what it holds: others may change what is not replaced, and a secret is for no eye.
    fn is_shown(&self) -> bool {
        self.replaced().is_some_and(|wanted| !wanted.is_sensitive())
    }

    /// Puts it at a path that only whoever names it for a reason may use.
    pub(super) fn put_at(&mut self, path: String) {
        self.path = path;
    }

    /// Something that the step would refuse is told before anything is done.
    fn replaceable(&self, entry: Entry) -> Looked<Entry> {
        match entry {
            Entry::Link if self.wanted.is_none() => {
                Err(Unknown::new(format!("{} is a link", self.path))
                    .hint("name the target of the link"))
            }
            other => other.replaceable(&self.path),
        }
    }

    /// How mode, owner and group differ, of a file that belongs to somebody else.
    fn plan_access(&self, entry: &Entry) -> Option<Change> {
        let (mode, owner, group) =
            (self.mode.as_deref(), self.owner.as_deref(), self.group.as_deref());
        if let Entry::File { access, .. } = entry {
            return Change::update(access.differing(mode, owner, group));
        }
        // What stands before may make it: so it is not refused here.
        let given = [("mode", mode), ("owner", owner), ("group", group)].into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        let missing = || Shown::Hidden("no such file".into());
        Change::update(given.map(|(name, value)| Field::new(name, missing(), value)).collect())
    }
}
