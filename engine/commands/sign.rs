//! `converge sign`: a signature beside a plan.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{approved::unreadable, setup::Setup, unwritable};
use crate::{
    base::diagnostic::{Diagnostic, Result},
    commands::plan_file,
    io::disk,
    plan::exit_status::ExitStatus,
};

/// Signs the bytes of a plan with a key from a file.
pub(super) fn run(
    setup: &Setup,
    plan: &str,
    key: &Path,
    output: Option<&Path>,
) -> Result<ExitStatus> {
    let bytes = disk::read(Path::new(plan)).map_err(|unread| unreadable(plan, unread))?;
    let text = disk::text(key).map_err(|unread| unreadable(&key.display().to_string(), unread))?;
    let signature = plan_file::sign(&bytes, &text).map_err(|why| {
        let message = format!("cannot sign with {}: {why}", key.display());
        let other = format!(
            "for a passphrase, an agent or a token, use ssh-keygen: ssh-keygen -Y sign -n {} -f {} {plan}",
            plan_file::NAMESPACE,
            key.display()
        );
        Diagnostic::new("plan::key", message).hint(other)
    })?;
    let path = output.map_or_else(|| free(plan), Path::to_owned);
    // A signature that is there is somebody else's.
    let file = fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(signature.as_bytes()));
    written.map_err(|error| unwritable(&path, &error))?;
    setup.report.print(&format!("{plan} is signed: {}", path.display()));
    Ok(ExitStatus::Converged)
}

/// `PLAN.sig`, or `PLAN.2.sig` and so on where others have signed.
fn free(plan: &str) -> PathBuf {
    let names = (2..).map(|number| format!("{plan}.{number}.sig"));
    let mut names = std::iter::once(format!("{plan}.sig")).chain(names).map(PathBuf::from);
    names.find(|path| fs::symlink_metadata(path).is_err()).expect("there is always one more number")
}
