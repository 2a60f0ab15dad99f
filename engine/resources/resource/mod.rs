//! The contract of a kind: what a struct must say so that converge can manage what it describes.
//!
//! Everything here is pure: no clock, no disk, no network. A kind never learns how a host is reached.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};

use crate::{
    base::{
        content::Content,
        diagnostic::Diagnostic,
        pattern::{Pattern, Refused},
        script::Script,
        value::{Misfit, Value},
    },
    resources::{
        before::Before,
        change::{Differing, Effect},
        danger,
        footprint::Footprint,
    },
    sh,
};

mod unknown;

pub use self::unknown::{Looked, Unknown, Unreadable};

/// One kind of thing that converge manages: the desired state of one resource.
pub trait Resource: Send + Sync + Sized + 'static {
    /// The arguments as a role writes them: their serde attributes are the parser, their doc comments are the manual. `Self`, where a
    /// desired state is nothing else.
    type Arguments: DeserializeOwned + JsonSchema;

    /// What a probe learned about one resource. It is kept as data, so that a plan can be approved.
    type Observed: Serialize + Send + Sync;

    /// How it differs: [`Change`](crate::resources::change::Change), unless its step depends on what differs.
    type Difference: Differing;

    /// The function that roles call.
    const KIND: &'static str;

    /// The argument that stands first in the call, without a name.
    const FIRST: &'static str;

    /// The argument that may stand second, without a name, if there is one.
    const SECOND: Option<&'static str> = None;

    /// When a resource of this kind runs.
    const NATURE: Nature = Nature::State;

    /// What a change of another resource can make this kind do.
    const REACTS: &'static [Reaction] = &[];

    /// Whether nothing should lie at the paths that it looks at.
    const WANTS_NOTHING: bool = false;

    /// Whether applying it can alter what is observed of other resources, as installing a package can.
    const OPAQUE: bool = false;

    /// Whether its argument `timeout` is its own: how long a try may take on the host.
    const TIMES_ITSELF: bool = false;

    /// The exit status of its step that means: the change was taken back, and what was there before is there again.
    /// The last line that such a step prints says why.
    const REVERTED: Option<i32> = None;

    /// The exit status of its step that means: the host goes down, and the step is to be begun again once the host is back.
    const GOES_DOWN: Option<i32> = None;

    /// What tells it from others of its kind on the host.
    fn key(&self) -> String;

    /// The part of the host that it owns. Two resources must not own the same part.
    fn owns(&self) -> String {
        format!("{}:{}", Self::KIND, self.key())
    }

    /// What it owns of its host, and what it wants of that: what others must agree with.
    fn footprint(&self) -> Footprint<'_>;

    /// The same resource, which leaves alone what others own below it: paths from its own. A path that ends with a slash
    /// stands for all that is below it too. None where that makes no difference.
    fn leaving(&self, _others: &[String]) -> Option<Self> {
        None
    }

    /// The desired state, with what the role's folder holds for it. Checks what the types alone cannot.
    fn resolve(arguments: Self::Arguments, files: &dyn Files) -> Result<Self, ArgumentError>;

    /// The paths of which its probe has to know what lies there. One `stat` reads that for all kinds of a host: what it says of
    /// these stands before what the probe prints, for `entry::observe`, and the probe has them as
    /// its arguments.
    fn looks_at<'a>(_batch: &[&'a Self]) -> Vec<Cow<'a, str>> {
        Vec::new()
    }

    /// The directories to which any link may lead, whoever laid it, as whoever declared it wants.
    fn follows(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }

    /// How many bytes of words its probe hands to programs besides its key: a batch whose list is too long for a host is cut.
    fn words(&self) -> usize {
        0
    }

    /// How many bytes its probe may bring along beyond some words about it: old texts, which are shown where they differ.
    fn brings(&self) -> usize {
        0
    }

    /// Seconds that its step may take by what it says itself. What takes longer is ended.
    fn seconds(&self) -> Option<u32> {
        None
    }

    /// Whether its step changes the host first, and finds out afterwards whether that may stay: until then, what is there
    /// is not as declared, whatever it looks like.
    fn proves_afterwards(&self) -> bool {
        false
    }

    /// One script that reads the state of every resource of the batch, and only reads. It is a part of the shell that runs
    /// the other kinds' probes as well: it must not end it, nor leave it other than it was but by `set -f`, `IFS` and
    /// the directory that it is in.
    fn probe(batch: &[&Self]) -> Script;

    /// Reads that script's output: for each of the batch, in order, what was observed, or why it could not be looked at.
    /// What could not be looked at is never taken for missing.
    fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<Self::Observed>>, Unreadable>;

    /// What it was like before a change, as far as that can be put back: where it differs, `observed` is what was seen.
    fn before(&self, observed: &Self::Observed) -> Vec<Before>;

    /// What declares it again, where it reacts to what is put back; none where secrets are a part of that.
    fn declared(&self) -> Option<Before> {
        None
    }

    /// Whether a change of it may keep everybody from logging in.
    fn is_risky(&self, _action: Option<Effect>) -> bool {
        danger::is_risky(&self.footprint())
    }

    /// Paths that are put back as well, where nobody can log in any more after a change of it.
    fn at_stake(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it can be put back at all, so that `confirm` means something.
    fn can_be_put_back(&self) -> bool {
        true
    }

    /// What differs. `None` means converged.
    fn plan(&self, observed: &Self::Observed) -> Option<Self::Difference>;

    /// The script that a role gave for it, if it did: who reads of a failure knows that one, and none of ours.
    fn script(&self) -> Option<&str> {
        None
    }

    /// What makes it so, from any earlier state. The detail of how it differs may save work; none where that is not known, as of
    /// what an earlier run did not finish.
    fn apply(&self, detail: Option<&DetailOf<Self>>) -> Step;

    /// One step for several resources that stand next to each other, such as one package transaction.
    fn apply_together(_batch: &[(&Self, Option<&DetailOf<Self>>)]) -> Option<Step> {
        None
    }

    /// What says how it ended, where this run made it so and it did not stay so.
    fn tell_end(&self) -> Step {
        Step::default()
    }

    /// What it does because another resource changed. It runs in one shell with the step of the resource's own change,
    /// if there is one: it can see there what that step did.
    fn react(&self, _reaction: Reaction) -> Step {
        Step::default()
    }
}

/// What the step of a resource depends on.
pub type DetailOf<R> = <<R as Resource>::Difference as Differing>::Detail;

/// When a resource runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nature {
    /// When it differs from what is wanted.
    State,
    /// When it does not hold, or something before it in order changed: it waits until it holds.
    Check,
    /// Only as a reaction.
    Action,
}

/// What a resource does when another one changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Read the configuration again, without a pause in service.
    Reload,
    /// Stop and start.
    Restart,
    /// Run the action.
    Run,
    /// Come to the end of its step, which changes the host first and proves afterwards that this may stay. Its cause is itself.
    Finish,
    /// Be brought about once more, at the end of what the other one began: an obligation.
    Afterwards,
}

impl Reaction {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Reload, Self::Restart, Self::Run, Self::Finish, Self::Afterwards];

    /// The argument that asks for it in a role; none where it follows from the block that the resource is in.
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Reaction::Reload => Some("reload_on"),
            Reaction::Restart => Some("restart_on"),
            Reaction::Run => Some("on"),
            Reaction::Finish | Reaction::Afterwards => None,
        }
    }

    /// The word for it in a plan.
    pub fn verb(self) -> &'static str {
        match self {
            Reaction::Reload => "reload",
            Reaction::Restart => "restart",
            Reaction::Run => "run",
            Reaction::Finish => "finish",
            Reaction::Afterwards => "afterwards",
        }
    }
}

/// A script that makes a change, and the content that it reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// Runs under `set -eu`, with /dev/null as its standard input.
    pub script: Script,
    /// What must lie in the staging folder before; the script names it by [`Content::staged`].
    pub contents: Vec<Content>,
}

impl Step {
    /// Whether it brings a secret.
    pub fn is_sensitive(&self) -> bool {
        self.contents.iter().any(Content::is_sensitive)
    }
}

impl From<Script> for Step {
    fn from(script: Script) -> Self {
        Self { script, contents: Vec::new() }
    }
}

/// What a role's folder gives to a resource, and what an evaluation keeps for all of a kind.
pub trait Files {
    /// The bytes of `files/NAME`.
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError>;
    /// `templates/NAME`, rendered with the role's parameters, the host's variables and `vars`.
    fn template(&self, name: &str, vars: IndexMap<String, Value>)
    -> Result<Content, ArgumentError>;
    /// The folder `files/NAME`.
    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError>;
    /// A pattern. Many hosts have the same one, and to build it takes longer than all else.
    fn pattern(&self, text: &str) -> Result<Arc<Pattern>, Refused> {
        Pattern::new(text).map(Arc::new)
    }
}

/// A folder that a role brings. Paths are below it, with `/` between the parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceTree {
    /// The folders in it, empty ones too, each after the one it is in.
    pub folders: BTreeSet<String>,
    /// The files in it.
    pub files: Vec<TreeFile>,
}

/// One file of a folder that a role brings.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeFile {
    /// Its path.
    pub path: String,
    /// What it holds.
    pub content: Content,
    /// Whether it can be run.
    pub executable: bool,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgumentError {
    /// The argument; empty when the call as a whole is meant.
    pub argument: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The same error in another text, such as the template it is in.
    pub inside: Option<Diagnostic>,
    /// Whether there is no such argument; else what it was given is wrong.
    pub unknown: bool,
}

impl ArgumentError {
    /// An error in one argument.
    pub fn new(argument: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let (argument, message) = (argument.into(), message.into());
        Self { argument, message, hint: None, inside: None, unknown: false }
    }

    /// A value that does not fit: that of an argument, or the whole call.
    pub fn misfit(kind: &str, misfit: Misfit) -> Self {
        let unknown = misfit.unknown_key.is_some();
        let path = misfit.path.as_str();
        // serde is at the unknown key then; what lacks it is the map around.
        let owner =
            if unknown { path.rsplit_once('.').map_or("", |(owner, _)| owner) } else { path };
        let subject = if owner.is_empty() { format!("{kind}()") } else { format!("`{owner}`") };
        let hint = match path {
            "mode" | "file_mode" => Some("a mode is a string of octal digits: \"0644\"".to_owned()),
            "" => misfit.hint.or_else(|| Some(format!("`converge doc {kind}` explains it"))),
            _ => misfit.hint,
        };
        let message = format!("{subject} {}", misfit.predicate);
        Self { hint, unknown, ..Self::new(misfit.path, message) }
    }

    /// An argument that a kind does not have.
    pub fn unknown(kind: &str, name: &str) -> Self {
        Self::misfit(kind, Misfit::unknown_field(name, &[]).at_key(name))
    }

    /// An argument that a kind cannot do without.
    pub fn missing(kind: &str, name: &str) -> Self {
        Self::misfit(kind, Misfit::missing(name))
    }

    /// An error in a text that the argument names, such as a template.
    pub fn inside(argument: &'static str, diagnostic: Diagnostic) -> Self {
        Self { inside: Some(diagnostic), ..Self::new(argument, "") }
    }

    /// A text that is no pattern.
    pub fn pattern(argument: &'static str, refused: Refused) -> Self {
        Self { hint: refused.hint, ..Self::new(argument, refused.message) }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Tells the functions that enter directories which of them any link may lead to.
pub fn followed(folders: &[Cow<'_, str>]) -> Script {
    if folders.is_empty() { Script::default() } else { sh!("followed={}", folders.join("\n")) }
}
