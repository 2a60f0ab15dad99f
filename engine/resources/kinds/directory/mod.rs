//! The `directory` kind.

mod arguments;
mod before;
mod below;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::Serialize;

use self::arguments::DirectoryArguments;
use self::below::{before, extras, label, named, usable};
use crate::{
    base::script::{Library, Script, Words},
    resources::{
        before::Before,
        change::{Change, DetailedChange, Effect, Field, Shown},
        entry::{self, Entry},
        footprint::{Access, Below, Footprint, Lies, Tree},
        resource::{
            ArgumentError, Files, Looked, Resource, SourceTree, Step, TreeFile, Unknown, Unreadable,
        },
    },
    sh,
};

/// A directory as it is to be.
#[derive(Debug, Clone)]
pub struct Directory {
    path: String,
    mode: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    recurse: bool,
    file_mode: Option<String>,
    purge: bool,
    follow: bool,
    /// The folders of the source, each after the one it is in.
    folders: BTreeSet<String>,
    /// The files of the source.
    tree: Vec<TreeFile>,
    /// What others own below it, which a purge leaves: paths from its own, those with a slash at the end as a whole.
    others: Vec<String>,
}

/// What a probe learned of a directory.
#[derive(Debug, Serialize)]
pub struct ObservedDirectory {
    entry: Entry,
    /// What is there of all that comes with the source, by its path below the directory.
    below: BTreeMap<String, Entry>,
    /// Whether something below belongs to somebody else.
    foreign: bool,
    /// What is there and declared by nobody, by its path below the directory.
    extra: BTreeSet<String>,
}

/// How it is found out whether something in a directory belongs to others.
static FOREIGN: Library = Library::new("foreign", &[include_str!("foreign.sh")]);

/// How a directory is made.
static FOLDER: Library = Library::new("folder", &[include_str!("folder.sh")]);

/// How a purge finds what is extra, and removes it.
static EXTRA: Library = Library::new("extra", &[include_str!("extra.sh")]);

/// The paths of the files of the source that differ.
type DifferingFiles = BTreeSet<String>;

impl Resource for Directory {
    type Arguments = DirectoryArguments;
    type Observed = ObservedDirectory;
    type Difference = DetailedChange<DifferingFiles>;
    const KIND: &'static str = "directory";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        let tree: Option<&dyn Tree> = if self.count() == 0 { None } else { Some(self) };
        let below = Below { owned: self.recurse, purged: self.purge, tree };
        Footprint::at(&self.path, Lies::Directory(self.access(self.mode.as_deref()), below))
            .owned_by(self.owner.as_deref(), self.group.as_deref())
    }

    fn leaving(&self, others: &[String]) -> Option<Self> {
        self.purge.then(|| Self { others: others.to_vec(), ..self.clone() })
    }

    fn resolve(arguments: DirectoryArguments, files: &dyn Files) -> Result<Self, ArgumentError> {
        arguments.check()?;
        let DirectoryArguments {
            path,
            mode,
            owner,
            group,
            recurse,
            source,
            file_mode,
            purge,
            follow,
        } = arguments;
        let source = source.map_or_else(|| Ok(SourceTree::default()), |name| files.tree(&name))?;
        let SourceTree { folders, files: tree } = source;
        let others = Vec::new();
        let directory = Self {
            path,
            mode,
            owner,
            group,
            recurse,
            file_mode,
            purge,
            follow,
            folders,
            tree,
            others,
        };
        let check = |name| entry::check_path("source", &directory.below(name));
        directory.names().try_for_each(check)?;
        Ok(directory)
    }

    /// What lies at each path below it.
    fn brings(&self) -> usize {
        const WORDS_MAX: usize = 512;
        self.names().map(|name| WORDS_MAX + 4 * (self.path.len() + name.len())).sum()
    }

    fn looks_at<'a>(batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        all_paths(batch)
    }

    fn follows(&self) -> Vec<Cow<'_, str>> {
        if !self.follow {
            return Vec::new();
        }
        let own = [entry::parent(&self.path).into(), self.path.as_str().into()];
        own.into_iter().chain(self.folders.iter().map(|it| self.below(it).into())).collect()
    }

    fn probe(batch: &[&Self]) -> Script {
        let mut script = Script::default();
        if batch.iter().any(|directory| !directory.tree.is_empty()) {
            script.push(entry::looking());
            let all = Script::trusted("\"$@\"");
            let paths = all_paths(batch);
            let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
            // Only a list that is too long for one program is told again, in pieces.
            let chunks = entry::chunks(&paths);
            for chunk in &chunks {
                let paths = if chunks.len() > 1 { sh!("{}", Words(chunk)) } else { all.clone() };
                script.push(sh!("digests {} || return; say \"$sums\"", paths));
            }
        }
        let tops: Vec<&str> = batch.iter().map(|it| it.path.as_str()).collect();
        script.push(entry::probe_behind_links(&tops));
        if batch.iter().any(|it| it.recurse) {
            script.push(FOREIGN.script());
        }
        for it in batch.iter().filter(|it| it.recurse) {
            let words = entry::words(&None, &it.owner, &it.group);
            script.push(sh!("foreign {} {}", it.path, words));
        }
        if batch.iter().any(|it| it.purge) {
            script.push(EXTRA.script());
        }
        for it in batch.iter().filter(|it| it.purge) {
            script.push(sh!("top={} count=0\nsay \"purged $top\"", it.path));
            script.push(it.each_folder("told"));
        }
        script
    }

    /// Names of what nobody asked for stand in lines of their own sort: whoever made them can forge no other.
    fn observe(
        batch: &[&Self],
        output: &str,
    ) -> Result<Vec<Looked<ObservedDirectory>>, Unreadable> {
        let (entries, behind) = output.split_once("\nbehind\n").unwrap_or((output, ""));
        let paths = all_paths(batch);
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        let mut found = entry::observe(&paths, entries);
        entry::add_digests(&paths, &mut found, entries);
        let tops: Vec<&str> = batch.iter().map(|it| it.path.as_str()).collect();
        let behind = entry::observe(&tops, behind);
        let told = |what: &'static str| -> BTreeSet<&str> {
            entry::lines(output).filter_map(|line| line.strip_prefix(what)).collect()
        };
        let (foreign, unread) = (told("foreign "), told("unread "));
        let mut extra = extras(output);
        let mut found = found.into_iter();
        let observe = |(it, behind): (&&Self, Looked<Entry>)| {
            let unsaid = || Err(Unknown::new("the host did not report it"));
            let own: Vec<Looked<Entry>> = found.by_ref().take(1 + it.count()).collect();
            let mut own = own.into_iter();
            let mut next = || own.next().unwrap_or_else(unsaid);
            let entry = match (next()?, behind) {
                (Entry::Link, Ok(directory @ Entry::Directory { .. })) => directory,
                (entry, _) => entry,
            };
            let mut below = BTreeMap::new();
            for name in &it.folders {
                below.insert(name.clone(), usable(&it.below(name), next()?, true)?);
            }
            for file in &it.tree {
                let path = it.below(&file.path);
                let entry = entry::read(&path, next(), entries)?;
                below.insert(file.path.clone(), usable(&path, entry, false)?);
            }
            if let Some(folder) = unread.iter().find(|folder| it.holds(folder)) {
                let why = format!("cannot read all of {folder}: Permission denied");
                return Err(Unknown::new(why));
            }
            Ok(ObservedDirectory {
                entry: usable(&it.path, entry, true)?,
                below,
                foreign: foreign.contains(it.path.as_str()),
                extra: extra.remove(it.path.as_str()).unwrap_or_default(),
            })
        };
        Ok(batch.iter().zip(behind).map(observe).collect())
    }

    fn before(&self, observed: &ObservedDirectory) -> Vec<Before> {
        self.was(observed)
    }

    fn plan(&self, observed: &ObservedDirectory) -> Option<DetailedChange<DifferingFiles>> {
        let mode = self.mode.as_deref();
        let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
        let (action, mut fields) = match &observed.entry {
            Entry::Directory { access } => (Effect::Update, access.differing(mode, owner, group)),
            Entry::Missing => {
                let mode = mode.unwrap_or("0755");
                (Effect::Create, entry::added_access(mode, &self.owner, &self.group))
            }
            other => (Effect::Update, vec![Field::new("type", other.type_name(), "directory")]),
        };
        if observed.foreign {
            fields.push(Field::new("recurse", "something below has another owner", "all of it"));
        }
        for folder in &self.folders {
            fields.extend(named(
                folder,
                match observed.below.get(folder) {
                    Some(Entry::Directory { access }) => access.differing(mode, owner, group),
                    other => vec![Field::new("", before(other), "directory")],
                },
            ));
        }
        let mut differing = DifferingFiles::new();
        for file in &self.tree {
            let differs = self.plan_file(file, observed.below.get(&file.path));
            if !differs.is_empty() {
                differing.insert(file.path.clone());
            }
            fields.extend(named(&file.path, differs));
        }
        for name in &observed.extra {
            fields.push(Field::new(
                &label(name),
                Shown::Hidden("not declared".into()),
                Shown::Nothing,
            ));
        }
        (action == Effect::Create || !fields.is_empty())
            .then(|| DetailedChange { change: Change::new(action, fields), detail: differing })
    }

    fn apply(&self, differing: Option<&DifferingFiles>) -> Step {
        let access = entry::words(&self.mode, &self.owner, &self.group);
        let mut step = Step::from(FOLDER.script());
        let differs = |file: &&TreeFile| differing.is_none_or(|all| all.contains(&file.path));
        step.script.push(sh!("top {} {}", self.path, access));
        for folder in &self.folders {
            step.script.push(sh!("folder {} {}", self.below(folder), access));
        }
        for file in self.tree.iter().filter(differs) {
            let (staged, path) = (file.content.staged(), self.below(&file.path));
            let mode = Some(self.mode_of(file).to_owned());
            let access = entry::words(&mode, &self.owner, &self.group);
            step.script.push(sh!("put {} {} {} ''", staged, path, access));
            step.contents.push(file.content.clone());
        }
        if self.recurse {
            let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
            let group = group.map(|group| format!(":{group}")).unwrap_or_default();
            let owners = format!("{}{group}", owner.unwrap_or_default());
            // Nobody else gets the folders in which files were made: whoever makes one later makes it anew.
            step.script.push(sh!("[ -z \"${{STAGE-}}\" ] || sweep"));
            step.script.push(sh!("enter {} && given {}", self.path, owners));
        }
        if self.purge {
            step.script.push(EXTRA.script());
            step.script.push(self.each_folder("rid"));
        }
        step
    }
}

impl Directory {
    fn access<'a>(&'a self, mode: Option<&'a str>) -> Access<'a> {
        Access { mode, owner: self.owner.as_deref(), group: self.group.as_deref() }
    }

    fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }

    /// Whether a path is in it, or is its own.
    fn holds(&self, path: &str) -> bool {
        path == self.path || path.starts_with(&self.below(""))
    }

    /// All that the source brings, by its path below the directory: folders, then files.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().chain(self.tree.iter().map(|file| &file.path)).map(String::as_str)
    }

    fn count(&self) -> usize {
        self.folders.len() + self.tree.len()
    }

    /// The mode of a file of the source.
    fn mode_of(&self, file: &TreeFile) -> &str {
        let default = if file.executable { "0755" } else { "0644" };
        self.file_mode.as_deref().unwrap_or(default)
    }

    /// Goes through each folder that the source brings, for what is there and nobody declared.
    fn each_folder(&self, action: &'static str) -> Script {
        let mut children: BTreeMap<&str, Vec<&str>> = [("", Vec::new())].into();
        children.extend(self.folders.iter().map(|folder| (folder.as_str(), Vec::new())));
        // What others own has folders that nobody need have declared.
        let others = self.others.iter().map(|name| name.trim_end_matches('/'));
        let above =
            others.clone().flat_map(|name| name.match_indices('/').map(|(end, _)| &name[..end]));
        let names: BTreeSet<&str> = self.names().chain(above).chain(others).collect();
        for name in names {
            let (folder, child) = name.rsplit_once('/').unwrap_or(("", name));
            children.entry(folder).or_default().push(child);
        }
        let mut script = Script::default();
        for (folder, mut names) in children {
            // A shell lists names with dots in front after the others.
            names.sort_unstable_by_key(|name| {
                (name.len() - name.trim_start_matches('.').len(), *name)
            });
            let folder = if folder.is_empty() { self.path.clone() } else { self.below(folder) };
            script.push(sh!("extra {} {} {}", Script::trusted(action), folder, Words(&names)));
        }
        script
    }

    fn plan_file(&self, file: &TreeFile, observed: Option<&Entry>) -> Vec<Field> {
        let wanted = Shown::Hidden(format!("{} bytes", file.content.bytes().len()));
        let Some(Entry::File { access, digest, .. }) = observed else {
            return vec![Field::new("", before(observed), wanted)];
        };
        let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
        let mut fields = access.differing(Some(self.mode_of(file)), owner, group);
        if digest.as_ref() != Some(file.content.digest()) {
            fields.push(Field::new("", Shown::Hidden("other content".into()), wanted));
        }
        fields
    }
}

fn all_paths<'a>(batch: &[&'a Directory]) -> Vec<Cow<'a, str>> {
    let paths = |it: &'a Directory| {
        let below = it.names().map(|name| it.below(name).into());
        std::iter::once(it.path.as_str().into()).chain(below)
    };
    batch.iter().flat_map(|it| paths(it)).collect()
}
