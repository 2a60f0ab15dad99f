//! Plans that someone approves: written, and read again once all that they were made from is as it was.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::setup::Setup;
use crate::{
    api::{current, shown},
    base::diagnostic::{Diagnostic, Result, Source},
    commands::{
        cli::nearest_subcommand,
        plan_file::{self, Approved, PlanRequest, Signers},
    },
    input::config::Plans,
    io::{
        disk::{self, Disk, Unread},
        nonce::nonce,
        project,
        remote::LocalUser,
    },
    run::PlanFile,
};

/// How a plan was asked for, in paths that it may name.
///
/// # Errors
/// When something of it is not in the project.
pub(super) fn asked(setup: &Setup, playbooks: &[String]) -> Result<PlanRequest> {
    let (base, global) = (Base::here()?, &setup.global);
    let var = |word: &String| match word.strip_prefix('@') {
        Some(file) => Ok(format!("@{}", base.name(Path::new(file))?)),
        None => Ok(word.clone()),
    };
    Ok(PlanRequest {
        playbooks: playbooks.iter().map(|it| base.name(Path::new(it))).collect::<Result<_>>()?,
        inventory: global
            .options
            .inventory
            .iter()
            .map(|it| base.name(it))
            .collect::<Result<_>>()?,
        vars: global.options.vars.iter().map(var).collect::<Result<_>>()?,
        limit: global.options.limit.clone(),
    })
}

/// The text of a plan.
///
/// # Errors
/// When something that it was made from is not in the project.
pub(super) fn text(setup: &Setup, asked: PlanRequest, plan: &PlanFile) -> Result<String> {
    let base = Base::here()?;
    let found = setup.disk.found().into_iter();
    let found: Vec<_> =
        found.map(|(path, words)| Ok((base.name(&path)?, words))).collect::<Result<_>>()?;
    Ok(Approved::new(asked, found, plan, nonce(), kept()?.as_deref()).text())
}

/// A plan that may be applied here, and who signed it. Of the file, its bytes alone are known until enough have signed them; and
/// nothing that it names is read before all of it is compared.
///
/// # Errors
/// Why it may not.
pub(super) fn read(file: &str, asked: &Plans) -> Result<(Approved, Signers)> {
    let bytes = disk::read(Path::new(file)).map_err(|unread| unreadable(file, unread))?;
    let user = LocalUser::from_environment();
    let config = project::configuration(&Disk::default(), &current(), &user.home)?;
    let signers = signers(file, &bytes, &config.plans.and(asked))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Diagnostic::new("plan::unreadable", format!("{file} is not a plan")).hint(plan_file::HINT)
    })?;
    let approved = Approved::read(file, &text, kept()?.as_deref())?;
    let base = Base::here()?;
    approved.compare(file, |path| {
        let place = base.folder.join(path);
        base.name(&place)?;
        disk::found(&place).map_err(|unread| unreadable(path, unread))
    })?;
    Ok((approved, signers))
}

/// How the plan was asked for, in paths from here.
pub(super) fn from_here(asked: PlanRequest) -> Result<PlanRequest> {
    let base = Base::here()?;
    let path = |path: &str| shown(&base.folder.join(path)).display().to_string();
    let var = |word: String| match word.strip_prefix('@') {
        Some(file) => format!("@{}", path(file)),
        None => word,
    };
    Ok(PlanRequest {
        playbooks: asked.playbooks.iter().map(|it| path(it)).collect(),
        inventory: asked.inventory.iter().map(|it| path(it)).collect(),
        vars: asked.vars.into_iter().map(var).collect(),
        limit: asked.limit,
    })
}

/// Who signed a plan, if that is asked.
fn signers(file: &str, plan: &[u8], asked: &Plans) -> Result<Signers> {
    if asked.signatures == 0 {
        return Ok(Signers::new());
    }
    let Some(allowed) = &asked.allowed_signers else {
        let message = "signatures are required, but there are no allowed signers";
        return Err(Diagnostic::new("plan::allowed-signers", message).hint(
            "name them by --allowed-signers FILE, or in converge.toml: [plans] allowed_signers = \"FILE\"",
        ));
    };
    let source = |path: &Path| {
        let text = disk::text(path);
        let text = text.map_err(|unread| unreadable(&path.display().to_string(), unread))?;
        Ok::<_, Diagnostic>(Source::new(path.display().to_string(), text))
    };
    let signatures: Vec<Source> =
        beside(Path::new(file))?.iter().map(|it| source(it)).collect::<Result<_>>()?;
    let now = jiff::Timestamp::now();
    plan_file::verify(plan, &signatures, &source(allowed)?, asked.signatures, now)
}

/// The signatures beside a plan, by name: `PLAN.sig`, `PLAN.*.sig`.
fn beside(plan: &Path) -> Result<Vec<PathBuf>> {
    let folder = plan.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
    let name = plan.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries =
        entries.map_err(|error| unreadable(&folder.display().to_string(), error.into()))?;
    let is_its = |path: &PathBuf| {
        let other = path.file_name().unwrap_or_default().to_string_lossy();
        other.strip_prefix(&name).is_some_and(|it| it.starts_with('.') && it.ends_with(".sig"))
    };
    let mut found: Vec<PathBuf> = entries.iter().map(|it| it.path()).filter(is_its).collect();
    found.sort();
    Ok(found)
}

/// The key of digests that is kept outside of plans, if there is one.
fn kept() -> Result<Option<String>> {
    /// What nobody guesses has at least as many characters.
    const SHORTEST: usize = 16;
    match std::env::var(plan_file::KEY) {
        Err(std::env::VarError::NotPresent) => Ok(None),
        Ok(key) if key.is_empty() => Ok(None),
        Ok(key) if key.len() >= SHORTEST => Ok(Some(key)),
        _ => {
            let message = format!("{} needs at least {SHORTEST} characters", plan_file::KEY);
            Err(Diagnostic::new("plan::key", message).hint("generate one: openssl rand -base64 32"))
        }
    }
}

/// The folder that a plan can name things in.
struct Base {
    folder: PathBuf,
    /// The same without links.
    end: PathBuf,
}

impl Base {
    fn here() -> Result<Self> {
        let here = current();
        let folder = project::base(&here)?.to_owned();
        let end = disk::end(&folder);
        let end = end.map_err(|unread| unreadable(&folder.display().to_string(), unread))?;
        Ok(Self { folder, end })
    }

    /// What a plan calls a path.
    fn name(&self, path: &Path) -> Result<String> {
        let mut place = PathBuf::new();
        for part in current().join(path).components() {
            match part {
                Component::ParentDir => drop(place.pop()),
                part => place.push(part),
            }
        }
        let leads_out = disk::end(&place).is_ok_and(|end| !end.starts_with(&self.end));
        let name = place.strip_prefix(&self.folder).ok().filter(|_| !leads_out);
        let name = name.and_then(Path::to_str).filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or_else(|| {
            let (path, folder) = (path.display(), self.folder.display());
            let message = format!("{path} is outside of the project, so a plan cannot refer to it");
            Diagnostic::new("plan::outside", message)
                .hint(format!("move it below {folder}, or apply the playbook without a plan"))
        })
    }
}

pub(super) fn unreadable(path: &str, unread: Unread) -> Diagnostic {
    unread.error(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("there is no plan or subcommand `{path}`");
            let playbook = format!("{path}.rhai");
            let near = Path::new(&playbook).exists().then(|| format!("did you mean `{playbook}`?"));
            let hint = near.or_else(|| nearest_subcommand(path));
            Diagnostic::new("plan::unreadable", message)
                .hint(hint.unwrap_or_else(|| plan_file::HINT.to_owned()))
        }
        _ => Diagnostic::new("plan::unreadable", format!("cannot read {path}: {error}")),
    })
}
