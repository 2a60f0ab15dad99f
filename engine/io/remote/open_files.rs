//! How many connections this process may hold open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::diagnostic::{Diagnostic, Result};

/// What a run holds open beside its ways to hosts: the journal, key files, what the runtime needs.
const BESIDE: u64 = 64;

/// Makes room for files that are open at once, up to what the machine allows.
///
/// # Errors
/// When that is too little.
pub(super) fn reserve(files: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let Some(soft) = raised(&limit, files + BESIDE)? else { return Ok(()) };
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(soft), ..limit });
    raised.map_err(|error| Diagnostic::new("machine::open-files", error.to_string()))
}

/// The soft limit that has to be set, if the one that holds is too low.
fn raised(limit: &Rlimit, wanted: u64) -> Result<Option<u64>> {
    if limit.current.is_none_or(|soft| soft >= wanted) {
        return Ok(None);
    }
    match limit.maximum {
        Some(hard) if hard < wanted => {
            let message = format!(
                "this run needs {wanted} open files at once, but the limit on the controller is {hard}"
            );
            Err(Diagnostic::new("machine::open-files", message).hint(format!(
                "raise it as root: ulimit -n {wanted}, or LimitNOFILE= of its service; or apply to fewer hosts at a time by --limit"
            )))
        }
        _ => Ok(Some(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_only_where_it_is_too_low_and_as_far_as_it_goes() {
        let limit = |soft, hard| Rlimit { current: soft, maximum: hard };
        let cases = [
            (limit(Some(1024), Some(4096)), 1024, Ok(None)),
            (limit(Some(1024), Some(4096)), 1025, Ok(Some(1025))),
            (limit(Some(1024), Some(4096)), 4096, Ok(Some(4096))),
            (limit(Some(1024), None), 1 << 30, Ok(Some(1 << 30))),
            (limit(None, None), 1 << 30, Ok(None)),
            (limit(Some(1024), Some(4096)), 4097, Err(())),
        ];
        for (limit, wanted, expected) in cases {
            assert_eq!(raised(&limit, wanted).map_err(drop), expected, "{limit:?} {wanted}");
        }
    }

    #[test]
    fn the_message_says_how_many_there_are_and_how_many_there_have_to_be() {
        let limit = Rlimit { current: Some(256), maximum: Some(1024) };
        let error = raised(&limit, 5064).unwrap_err();
        let message =
            "this run needs 5064 open files at once, but the limit on the controller is 1024";
        assert_eq!(error.to_string(), message);
    }
}
