//! An approved plan as a file: what was going to be done, how that was asked for, and what it was made from.
//!
//! It holds digests only, made with a salt of its own: of what was read, and of what was planned but for secrets. All paths are
//! below one folder.

mod allowed_signers;
mod signature;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::signature::{Signers, sign, verify};
use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        seal::Key,
    },
    io::disk::NOTHING,
    run::PlanFile,
};

/// What signatures of plans are made for: no signature for anything else counts.
pub const NAMESPACE: &str = "converge-plan";

/// The variable of the environment that may hold a key for the digests, where a plan is made and where it is applied.
pub const KEY: &str = "CONVERGE_PLAN_KEY";

/// How a plan was asked for. Paths are relative to the folder that all of them are below.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The playbooks.
    pub playbooks: Vec<String>,
    /// The inventories that the command line named.
    pub inventory: Vec<String>,
    /// The variables of the command line; `@FILE` for a file of them.
    pub vars: Vec<String>,
    /// The hosts it was limited to.
    pub limit: Option<String>,
}

impl PlanRequest {
    /// The paths that it names.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let files = self.vars.iter().filter_map(|it| it.strip_prefix('@'));
        let paths = self.playbooks.iter().chain(&self.inventory).map(String::as_str);
        paths.chain(files)
    }
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// The version of converge that wrote it.
    converge: String,
    /// What its digests are made with.
    salt: String,
    /// Whether they are made with [`KEY`] as well.
    keyed: bool,
    /// How it was asked for.
    pub asked: PlanRequest,
    /// The digests of what was found at each path that was looked at.
    files: BTreeMap<String, String>,
    /// What was going to be done.
    pub plan: PlanFile,
    /// The digest of all of this.
    seal: String,
}

impl Approved {
    /// A plan, and what it was made from: what was found at each path, in words. `kept` is what [`KEY`] holds.
    pub fn new(
        asked: PlanRequest,
        found: impl IntoIterator<Item = (String, String)>,
        plan: &PlanFile,
        salt: String,
        kept: Option<&str>,
    ) -> Self {
        let key = Key::new(&salt, kept);
        let digest = |(path, found): (String, String)| {
            let digest = key.digest(found.as_bytes()).to_string();
            (path, digest)
        };
        let files = found.into_iter().map(digest).collect();
        let plan = plan.clone().sealed(key.clone());
        let (converge, keyed) = (env!("CARGO_PKG_VERSION").to_owned(), kept.is_some());
        let mut new = Self { converge, salt, keyed, asked, files, plan, seal: String::new() };
        new.seal = new.whole(&key);
        new
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("texts and maps by name can always be written as JSON") + "\n"
    }

    /// Reads the text of a file that is called `name`. Nothing that it says was done yet.
    ///
    /// # Errors
    /// When it is no plan, one of another converge, one that was changed, or one that names what is elsewhere.
    pub fn read(name: &str, text: &str, kept: Option<&str>) -> Result<Self> {
        let no_plan = |error| {
            let message = format!("{name} is not a plan: {error}");
            Diagnostic::new("plan::unreadable", message).hint(HINT)
        };
        // The version comes first: what else is in the file depends on it.
        let json: serde_json::Value = serde_json::from_str(text).map_err(no_plan)?;
        let version = json.pointer("/plan/version").and_then(serde_json::Value::as_u64);
        let here = (u64::from(PlanFile::VERSION), env!("CARGO_PKG_VERSION"));
        let converge = json.get("converge").and_then(serde_json::Value::as_str);
        if version.is_some_and(|it| it != here.0) || converge.is_some_and(|it| it != here.1) {
            let message = format!("{name} was written by another version of converge");
            return Err(Diagnostic::new("plan::version", message).hint("create the plan again"));
        }
        let mut approved: Self = serde_json::from_value(json).map_err(no_plan)?;
        let kept = match (approved.keyed, kept) {
            (true, None) => {
                let message = format!("{name} was created with a key");
                return Err(Diagnostic::new("plan::key", message)
                    .hint(format!("set {KEY} to the value it had when the plan was created")));
            }
            (true, kept) => kept,
            (false, Some(_)) => {
                let message = format!("{name} was created without the key in {KEY}");
                return Err(
                    Diagnostic::new("plan::key", message).hint("create the plan again with it")
                );
            }
            (false, None) => None,
        };
        let key = Key::new(&approved.salt, kept);
        // To the letter: what can be written in two ways was written by somebody else.
        if approved.seal != approved.whole(&key) || approved.text() != text {
            let message = format!("{name} was modified after it was written");
            let hint = match approved.keyed {
                true => {
                    format!("it was edited, or created with another {KEY}: create the plan again")
                }
                false => "it was edited: create the plan again".to_owned(),
            };
            return Err(Diagnostic::new("plan::changed", message).hint(hint));
        }
        approved.check_paths(name)?;
        approved.plan = approved.plan.keyed(key);
        Ok(approved)
    }

    /// Checks that all that it names is below one folder, and that it knows what was in it.
    fn check_paths(&self, name: &str) -> Result<()> {
        let mut paths = self.asked.paths().chain(self.files.keys().map(String::as_str));
        if let Some(path) = paths.find(|path| !is_below(path)) {
            let message =
                format!("{name} refers to {}, which is not in the project", path.escape_debug());
            return Err(Diagnostic::new("plan::outside", message).hint("create the plan again"));
        }
        if let Some(path) = self.asked.paths().find(|path| !self.files.contains_key(*path)) {
            let message = format!("{name} refers to {path} without a digest of its content");
            return Err(Diagnostic::new("plan::changed", message).hint("create the plan again"));
        }
        Ok(())
    }

    /// Compares what is found now at each of its paths with what it was made from.
    ///
    /// # Errors
    /// When anything differs: all of it, by path.
    pub fn compare(&self, name: &str, found: impl Fn(&str) -> Result<String>) -> Result<()> {
        const SHOWN_MAX: usize = 20;
        let key = self.plan.key().expect("it has one since it was read");
        let mut changed = Vec::new();
        for (path, digest) in &self.files {
            let now = found(path)?;
            if key.digest(now.as_bytes()).as_str() != digest {
                let was_nothing = key.digest(NOTHING.as_bytes()).as_str() == digest;
                changed.push(match (was_nothing, now == NOTHING) {
                    (true, _) => format!("{path} was added"),
                    (_, true) => format!("{path} was removed"),
                    _ => format!("{path} was changed"),
                });
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let more = changed.len().saturating_sub(SHOWN_MAX);
        changed.truncate(SHOWN_MAX);
        if more > 0 {
            changed.push(format!("and {more} more"));
        }
        let message = format!("the inputs of {name} changed");
        let error = Diagnostic::new("plan::stale", message);
        let error =
            changed.into_iter().fold(error, |it, what| it.related(Diagnostic::new("", what)));
        Err(error.hint("create the plan again, and have it approved"))
    }

    /// The digest of all but itself.
    fn whole(&self, key: &Key) -> String {
        let unsealed = Self { seal: String::new(), ..self.clone() };
        key.digest(unsealed.text().as_bytes()).to_string()
    }
}

/// What a plan is, for who named something else.
pub const HINT: &str =
    "a playbook ends in .rhai; a plan is what `converge plan PLAYBOOK -o FILE` writes";

/// Whether a path is relative, and leads nowhere but down.
fn is_below(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
