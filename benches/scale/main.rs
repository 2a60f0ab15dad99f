//! Many hosts at once: simulated SSH servers, all converged, 50 resources on each.
//!
//! `make bench-scale` writes what it measures into `docs/performance-scale.md`. The hosts live in a process of their own,
//! so that what converge costs is what is measured; and so do as many bare handshakes, which are the floor.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark panics, and shows how far it is"
)]

mod simulated;
mod measure;
mod fleet;
mod serve;
mod bare;
mod page;

use std::path::Path;

use fleet::{Fleet, Kind, Trouble};
use measure::{Cost, measure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serve::Hosts;

/// How many hosts, and how often.
const SIZES: [usize; 2] = [1000, 5000];
const ROUNDS: usize = 5;

/// What was measured of one size.
struct Measured {
    hosts: usize,
    bare: Cost,
    converge: Cost,
}

fn main() {
    // Cargo adds a word of its own behind those that it is given.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", folder, hosts, troubled] => {
            serve::run(Path::new(folder), hosts.parse().unwrap(), troubled.parse().unwrap());
        }
        ["bare", port, hosts] => bare::run(port.parse().unwrap(), hosts.parse().unwrap()),
        [] => drive(&SIZES, ROUNDS),
        ["quick"] => drive(&[1000], 3),
        _ => panic!("unknown arguments: {words:?}"),
    }
}

/// Lets this process hold as many connections as the machine allows.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

fn drive(sizes: &[usize], rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let most = *sizes.iter().max().unwrap();
    let trouble = Trouble { hosts: 1000 };
    let mut hosts = Hosts::start(folder.path(), most, trouble.hosts);
    let fleet = Fleet::new(folder.path(), hosts.port);
    fleet.record();
    let mut all: Vec<Measured> = Vec::new();
    for &size in sizes {
        let mut rows = Vec::new();
        for round in 1..=rounds {
            let bare = measure(&mut fleet.bare(size));
            let converge = measure(&mut fleet.converge(size));
            println!("{size} hosts, round {round}: bare {bare}, converge {converge}");
            rows.push((bare, converge));
        }
        let (bare, converge) = rows.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        all.push(Measured {
            hosts: size,
            bare: Cost::median(bare),
            converge: Cost::median(converge),
        });
    }
    hosts.lap();
    let healthy = measure(&mut fleet.converge(trouble.count(Kind::Answering)));
    let healthy = (healthy, hosts.lap());
    let troubled = measure(&mut fleet.converge_troubled(&trouble));
    let troubled = (troubled, hosts.lap());
    page::write(&all, rounds, &trouble, &healthy, &troubled);
}
