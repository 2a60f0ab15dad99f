//! What converge promises of its speed, and whether it was so: ratios within one run on one machine.

use serde::Serialize;

use crate::{
    figures::Figures,
    measure::Cost,
    tools::Tool,
    works::{Cell, Work},
};

/// A promise, and what came of it.
#[derive(Serialize)]
pub(crate) struct Promise {
    what: String,
    promised: String,
    measured: String,
    kept: bool,
}

/// A promise about a quotient of two medians.
struct Quotient<'a> {
    figures: &'a Figures,
    work: Work,
    hosts: usize,
    of: fn(&Cost) -> f64,
    name: &'static str,
}

/// Those that were measured.
pub(crate) fn promises(figures: &Figures) -> Vec<Promise> {
    let quotient =
        |work, hosts, of: fn(&Cost) -> f64, name| Quotient { figures, work, hosts, of, name };
    let wall = |work, hosts| quotient(work, hosts, |cost| cost.wall, "time");
    let mut all = Vec::new();
    for work in [Work::Many, Work::Site, Work::True] {
        for hosts in [5, 20, 100] {
            all.push(wall(work, hosts).at_most(0.6, Tool::F1));
            all.push(wall(work, hosts).at_most(0.9, Tool::F2));
        }
    }
    all.push(wall(Work::Change, 5).at_most(0.9, Tool::F1));
    all.push(wall(Work::New, 5).at_most(1.05, Tool::F1));
    for hosts in [5, 20] {
        all.push(wall(Work::Site, hosts).times_less(120.0, Tool::Ansible));
        all.push(wall(Work::Site, hosts).times_less(20.0, Tool::Pyinfra));
        all.push(wall(Work::Site, hosts).times_less(20.0, Tool::Rs));
    }
    for hosts in [5, 20, 100] {
        for peer in [Tool::Pyinfra, Tool::Rs, Tool::Mitogen, Tool::Ansible] {
            all.push(wall(Work::True, hosts).times_less(1.0, peer));
        }
    }
    for hosts in [5, 20] {
        let cpu = quotient(Work::Site, hosts, |cost| cost.cpu, "controller's CPU");
        all.push(cpu.times_less(200.0, Tool::Ansible));
        let targets = quotient(Work::Site, hosts, |cost| cost.targets_cpu, "hosts' CPU");
        all.push(targets.at_most(1.2, Tool::F1));
        all.push(per_host(figures, hosts));
    }
    all.into_iter().flatten().collect()
}

impl Quotient<'_> {
    /// converge's part is at most this much of that of another.
    fn at_most(&self, limit: f64, other: Tool) -> Option<Promise> {
        let ratio = self.median(Tool::Converge)? / self.median(other)?;
        Some(Promise {
            what: format!("{}, {} of {}", self.cell(), self.name, other.label()),
            promised: format!("at most {limit}"),
            measured: format!("{ratio:.2}"),
            kept: ratio <= limit,
        })
    }

    /// The other's part is at least this many times that of converge.
    fn times_less(&self, limit: f64, other: Tool) -> Option<Promise> {
        let ratio = self.median(other)? / self.median(Tool::Converge)?;
        Some(Promise {
            what: format!("{}, {} less than {}", self.cell(), self.name, other.label()),
            promised: format!("{limit} times"),
            measured: format!("{ratio:.1}"),
            kept: ratio >= limit,
        })
    }

    fn median(&self, tool: Tool) -> Option<f64> {
        self.figures.median(tool, self.cell(), self.of)
    }

    fn cell(&self) -> Cell {
        Cell { work: self.work, hosts: self.hosts, slow: false }
    }
}

/// The controller's CPU for a host of about 50 resources, hand-shake included.
fn per_host(figures: &Figures, hosts: usize) -> Option<Promise> {
    let cell = Cell { work: Work::Site, hosts, slow: false };
    let cpu = figures.median(Tool::Converge, cell, |cost| cost.cpu)? / hosts as f64 * 1000.0;
    Some(Promise {
        what: format!("{cell}, controller's CPU for each host"),
        promised: "below 5 ms".to_owned(),
        measured: format!("{cpu:.1} ms"),
        kept: cpu < 5.0,
    })
}
