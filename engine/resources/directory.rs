//! The `directory` kind.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Action, Change, Field, Shown},
    entry::{self, Entry},
    footprint::{Access, Below, Footprint, Lies, Tree},
    resource::{ArgumentError, Files, Look, Resource, Step, TreeFile, Unreadable},
    script::Script,
    sh,
};

/// A directory, and on request what is in it.
///
/// Directories above it are made where they are missing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Where it is, from the root.
    path: String,
    /// Four octal digits; by default what it has, or `0755`. Folders that come with `source` get it too.
    mode: Option<String>,
    /// The owner's name or number; by default what it has. What comes with `source` gets it too.
    owner: Option<String>,
    /// The group's name or number; by default what it has. What comes with `source` gets it too.
    group: Option<String>,
    /// Whether all that is below belongs to `owner` and `group` as well, wherever it comes from.
    #[serde(default)]
    recurse: bool,
    /// A folder below the role's `files/`: all that is in it is copied.
    source: Option<String>,
    /// The mode of the files that come with `source`: four octal digits.
    #[serde(default = "file_mode")]
    file_mode: String,
    /// Whether all that is neither in `source` nor declared by anyone is removed.
    #[serde(default)]
    purge: bool,
    #[serde(skip)]
    tree: Vec<TreeFile>,
    /// What others own below it, which a purge leaves: paths from its own, those with a slash at the end as a whole.
    #[serde(skip)]
    others: Vec<String>,
}

/// What a probe learned of a directory.
#[derive(Debug, Serialize)]
pub struct Observed {
    entry: Entry,
    /// What is there of all that comes with the source, by its path below the directory.
    below: BTreeMap<String, Entry>,
    /// Whether something below belongs to somebody else.
    foreign: bool,
    /// What is there and not in the source, by its path below the directory.
    extra: BTreeSet<String>,
}

/// `extra PATH WANTED print|remove` finds what is below PATH and not in WANTED, a list of lines; one that ends with a slash
/// stands for all that is below it too. It looks at names in a shell of its own, so that no name can be taken for anything else, and does not cross into what is mounted.
const EXTRA: &str = r#"extra() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 0
  find "$1" -xdev -mindepth 1 -depth -exec sh -c '
    top=$1 wanted=$2 action=$3 nl="
"
    shift 3
    for p do
      n=${p#"$top"/}
      case $nl$wanted$nl in *"$nl$n$nl"* | *"$nl$n/$nl"*) continue ;; esac
      while case $n in */*) : ;; *) false ;; esac; do
        n=${n%/*}
        case $nl$wanted$nl in *"$nl$n/$nl"*) continue 2 ;; esac
      done
      if [ "$action" = print ]; then printf "%s\n" "${p#"$top"/}"
      elif [ -d "$p" ] && [ ! -L "$p" ]; then rmdir -- "$p" || exit 1
      else rm -f -- "$p" || exit 1; fi
    done' sh "$1" "$2" "$3" {} +
}"#;

/// `foreign PATH MODE OWNER GROUP` says so when something below PATH belongs to others; to a name that the host does
/// not know yet, nothing belongs.
const FOREIGN: &str = r#"foreign() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 0
  p=$1
  if [ -z "$4" ]; then set -- "$p" ! -user "$3"
  elif [ -z "$3" ]; then set -- "$p" ! -group "$4"
  else set -- "$p" '(' ! -user "$3" -o ! -group "$4" ')'; fi
  if ! found=$(find "$@" -print -quit 2>/dev/null) || [ -n "$found" ]; then say "foreign $p"; fi
}"#;

/// `folder PATH MODE OWNER GROUP` makes a directory that nobody can enter before it has its mode.
const FOLDER: &str = r#"folder() {
  if [ ! -d "$1" ] || [ -L "$1" ]; then
    if [ -e "$1" ] || [ -L "$1" ]; then die "$1 is there and is not a directory" || return; fi
    [ -d "${1%/*}/" ] || mkdir -p "${1%/*}/" || return
    mkdir -m "${2:-0755}" "$1" || return
  fi
  attributes "$@"
}"#;

/// How many names of what a purge would remove come back.
const EXTRA_MAX: u32 = 1000;

impl Resource for Directory {
    type Observed = Observed;
    const KIND: &'static str = "directory";
    const FIRST: &'static str = "path";

    fn key(&self) -> String {
        self.path.clone()
    }

    fn owns(&self) -> String {
        entry::owned(&self.path)
    }

    fn footprint(&self) -> Footprint<'_> {
        let tree: Option<&dyn Tree> = if self.tree.is_empty() { None } else { Some(self) };
        let below = Below { owned: self.recurse, purged: self.purge, tree };
        Footprint::at(&self.path, Lies::Directory(self.access(self.mode.as_deref()), below))
            .owned_by(self.owner.as_deref(), self.group.as_deref())
    }

    fn leaving(&self, others: &[String]) -> Option<Self> {
        self.purge.then(|| Self { others: others.to_vec(), ..self.clone() })
    }

    fn resolve(&mut self, files: &dyn Files) -> Result<(), ArgumentError> {
        entry::check_path("path", &self.path)?;
        entry::check_access(&self.mode, &self.owner, &self.group)?;
        entry::check_mode("file_mode", &self.file_mode)?;
        if self.recurse && self.owner.is_none() && self.group.is_none() {
            return Err(ArgumentError::new("recurse", "neither an owner nor a group to give")
                .hint("give `owner`, `group` or both; modes are not changed below"));
        }
        if self.recurse {
            entry::check_not_vital("recurse", &self.path)?;
        }
        if self.purge {
            entry::check_not_vital("purge", &self.path)?;
        }
        match &self.source {
            Some(name) => self.tree = files.tree(name)?,
            None if self.purge => {
                return Err(ArgumentError::new("purge", "no `source` that says what stays"));
            }
            None => {}
        }
        self.tree.iter().try_for_each(|file| entry::check_path("source", &self.below(&file.path)))
    }

    fn probe(batch: &[&Self]) -> Script {
        let paths = all_paths(batch);
        let mut script = entry::probe(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        if batch.iter().any(|directory| !directory.tree.is_empty()) {
            script.push(entry::probe_digests());
        }
        if batch.iter().any(|it| it.recurse) {
            script.push(Script::trusted(FOREIGN));
        }
        for it in batch.iter().filter(|it| it.recurse) {
            let words = entry::words(&None, &it.owner, &it.group);
            script.push(sh!("foreign {} {}", it.path, words));
        }
        if batch.iter().any(|it| it.purge) {
            script.push(Script::trusted(EXTRA).then(sh!("say\nsay extras")));
        }
        for it in batch.iter().filter(|it| it.purge) {
            let extra = sh!("extra {} {} print", it.path, it.known());
            script.push(sh!("say {}\n{} | head -n {}", it.path, extra, EXTRA_MAX));
        }
        script
    }

    /// Names of what nobody asked for come last: whoever made them cannot forge what stands before.
    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Look<Observed>>, Unreadable> {
        let (output, extra) = output.split_once("\nextras\n").unwrap_or((output, ""));
        let paths = all_paths(batch);
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut found = entry::observe(&paths, output);
        entry::add_digests(&paths, &mut found, output);
        let mut found = found.into_iter();
        let mut next = || found.next().unwrap_or(Entry::Missing);
        let foreign: BTreeSet<&str> =
            output.lines().filter_map(|line| line.strip_prefix("foreign ")).collect();
        let mut extra = extras(extra);
        let mut observe = |it: &&Self| Observed {
            entry: next(),
            below: it.names().map(|name| (name, next())).collect(),
            foreign: foreign.contains(it.path.as_str()),
            extra: extra.remove(&it.path).unwrap_or_default(),
        };
        Ok(batch.iter().map(|it| Ok(observe(it))).collect())
    }

    fn plan(&self, observed: &Observed) -> Option<Change> {
        let mode = self.mode.as_deref();
        let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
        let (action, mut fields) = match &observed.entry {
            Entry::Directory { access } => (Action::Update, access.differing(mode, owner, group)),
            Entry::Missing => {
                let mode = mode.unwrap_or("0755");
                (Action::Create, entry::added_access(mode, &self.owner, &self.group))
            }
            other => (Action::Update, vec![Field::new("type", other.type_name(), "directory")]),
        };
        if observed.foreign {
            fields.push(Field::new("recurse", "something below belongs to others", "all of it"));
        }
        for folder in self.folders() {
            fields.extend(named(
                &folder,
                match observed.below.get(&folder) {
                    Some(Entry::Directory { access }) => access.differing(mode, owner, group),
                    other => vec![Field::new("", before(other), "directory")],
                },
            ));
        }
        for file in &self.tree {
            fields.extend(named(&file.path, self.plan_file(file, observed.below.get(&file.path))));
        }
        for name in &observed.extra {
            fields.push(Field::new(
                &label(name),
                Shown::Hidden("not in the source".into()),
                Shown::Nothing,
            ));
        }
        (action == Action::Create || !fields.is_empty()).then(|| Change::new(action, fields))
    }

    fn apply(&self, change: Option<&Change>) -> Step {
        let access = entry::words(&self.mode, &self.owner, &self.group);
        let file_access = entry::words(&Some(self.file_mode.clone()), &self.owner, &self.group);
        let mut step = Step::from(Script::trusted(FOLDER));
        step.script.push(sh!("folder {} {}", self.path, access));
        for folder in self.folders() {
            step.script.push(sh!("folder {} {}", self.below(&folder), access));
        }
        for file in self.tree.iter().filter(|file| touches(change, &file.path)) {
            let (staged, path) = (file.content.staged(), self.below(&file.path));
            step.script.push(sh!("put {} {} {} ''", staged, path, file_access));
            step.contents.push(file.content.clone());
        }
        if self.recurse {
            let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
            let group = group.map(|group| format!(":{group}")).unwrap_or_default();
            let owners = format!("{}{group}", owner.unwrap_or_default());
            step.script.push(sh!("chown -hR -- {} {}", owners, self.path));
        }
        if self.purge {
            step.script.push(Script::trusted(EXTRA));
            step.script.push(sh!("extra {} {} remove", self.path, self.known()));
        }
        step
    }
}

/// What comes with the source, as what it wants of each path.
impl Tree for Directory {
    fn names(&self) -> Vec<String> {
        Directory::names(self).collect()
    }

    fn lies(&self, name: &str) -> Option<Lies<'_>> {
        if let Some(file) = self.tree.iter().find(|file| file.path == name) {
            return Some(Lies::File(Some(&file.content), self.access(Some(&self.file_mode))));
        }
        let is_folder = |file: &TreeFile| {
            file.path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
        };
        let folder = || Lies::Directory(self.access(self.mode.as_deref()), Below::default());
        self.tree.iter().any(is_folder).then(folder)
    }
}

impl Directory {
    fn access<'a>(&'a self, mode: Option<&'a str>) -> Access<'a> {
        Access { mode, owner: self.owner.as_deref(), group: self.group.as_deref() }
    }

    fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }

    /// The folders that hold the files of the source, each after the one it is in.
    fn folders(&self) -> BTreeSet<String> {
        let above = |file: &TreeFile| -> Vec<String> {
            file.path.match_indices('/').map(|(end, _)| file.path[..end].to_owned()).collect()
        };
        self.tree.iter().flat_map(above).collect()
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.folders().into_iter().chain(self.tree.iter().map(|file| file.path.clone()))
    }

    /// All that the source brings and others own, as lines.
    fn known(&self) -> String {
        self.names().chain(self.others.iter().cloned()).collect::<Vec<_>>().join("\n")
    }

    fn plan_file(&self, file: &TreeFile, observed: Option<&Entry>) -> Vec<Field> {
        let wanted = Shown::Hidden(format!("{} bytes", file.content.bytes().len()));
        let Some(Entry::File { access, digest, .. }) = observed else {
            return vec![Field::new("", before(observed), wanted)];
        };
        let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
        let mut fields = access.differing(Some(&self.file_mode), owner, group);
        if digest.as_ref() != Some(file.content.digest()) {
            fields.push(Field::new("", Shown::Hidden("other content".into()), wanted));
        }
        fields
    }
}

fn all_paths(batch: &[&Directory]) -> Vec<String> {
    let paths = |it: &&Directory| -> Vec<String> {
        std::iter::once(it.path.clone()).chain(it.names().map(|name| it.below(&name))).collect()
    };
    batch.iter().flat_map(paths).collect()
}

/// How something below the directory is called in a change; no argument has such a name.
fn label(name: &str) -> String {
    format!("./{name}")
}

/// The fields of something below the directory, with its name before theirs.
fn named(name: &str, fields: Vec<Field>) -> impl Iterator<Item = Field> {
    fields.into_iter().map(move |field| {
        let name = label(name);
        let name = if field.name.is_empty() { name } else { format!("{name} {}", field.name) };
        Field { name, ..field }
    })
}

/// Whether a change is about a file of the source. Without a change, everything is.
fn touches(change: Option<&Change>, name: &str) -> bool {
    let label = label(name);
    let about = |field: &Field| {
        field.name.strip_prefix(&label).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    change.is_none_or(|change| change.fields.iter().any(about))
}

fn before(entry: Option<&Entry>) -> Shown {
    match entry {
        None | Some(Entry::Missing) => Shown::Nothing,
        Some(entry) => entry.type_name().into(),
    }
}

/// What stands below each path. Of a folder that goes as a whole, only its own name is kept.
fn extras(output: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut extras: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = None;
    for line in output.lines() {
        if line.starts_with('/') {
            current = Some(extras.entry(line.to_owned()).or_default());
        } else if let Some(names) = &mut current {
            names.insert(line.to_owned());
        }
    }
    for names in extras.values_mut() {
        let all = names.clone();
        names.retain(|name| !name.match_indices('/').any(|(end, _)| all.contains(&name[..end])));
    }
    extras
}

fn file_mode() -> String {
    "0644".to_owned()
}
