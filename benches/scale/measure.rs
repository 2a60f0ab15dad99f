//! What a program costs: time, CPU and memory of that process alone.

use std::{
    fmt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use wait4::Wait4 as _;

/// What one process cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// The most memory that it held, in bytes.
    pub(crate) peak: u64,
}

impl Cost {
    /// The median of each.
    pub(crate) fn median(costs: Vec<Self>) -> Self {
        fn middle<T: Ord>(values: impl Iterator<Item = T>) -> T {
            let mut values: Vec<T> = values.collect();
            values.sort_unstable();
            let at = values.len() / 2;
            values.swap_remove(at)
        }
        Self {
            wall: middle(costs.iter().map(|cost| cost.wall)),
            cpu: middle(costs.iter().map(|cost| cost.cpu)),
            peak: middle(costs.iter().map(|cost| cost.peak)),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [wall, cpu] = [self.wall, self.cpu].map(|time| time.as_secs_f64());
        write!(f, "{wall:.2} s, {cpu:.2} s CPU, {} MiB", self.peak >> 20)
    }
}

/// The file in its folder that a program's standard error goes to.
pub(crate) const ERRORS: &str = "errors";

/// Runs a program to its end.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let began = Instant::now();
    let ended = command.spawn().unwrap().wait4().unwrap();
    let wall = began.elapsed();
    // 4: some hosts cannot be reached, which some are made for.
    let expected = matches!(ended.status.code(), Some(0 | 4));
    let errors = || {
        let folder = command.get_current_dir().unwrap_or(Path::new("."));
        std::fs::read_to_string(folder.join(ERRORS)).unwrap_or_default()
    };
    assert!(expected, "{command:?}: {}\n{}", ended.status, errors());
    let used = ended.rusage;
    Cost { wall, cpu: used.utime + used.stime, peak: used.maxrss }
}
