//! Random playbooks, with faults at random moments: nothing is lost, nothing that runs once runs twice, nothing is left over.
//!
//! `CHAOS=500` is how many are tried, `CHAOS_SEED=7` which one alone; what fails says its seed. `make chaos` tries 500.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use converge::plan::{
    event::{Event, Outcome},
    exit_status::ExitStatus::Converged,
};
use futures::{StreamExt as _, stream};
use tokio::time::{sleep, timeout};

use super::fleet::{Fault, Fleet};
use crate::chance::Chance;

/// As many as take a few minutes at most.
const TRIED: u64 = 40;

/// How many go on at once: most of the time they wait.
const AT_ONCE: usize = 16;

const HOSTS: [&str; 3] = ["a", "b", "c"];

const SECRET: &str = "hunter2 hunter2 hunter2";

/// What does not come with a script.
fn large() -> String {
    "x".repeat(70_000)
}

/// A playbook, and what has to come of it.
struct Site {
    text: String,
    /// Names of actions, and the files that they tell of once those have changed.
    actions: Vec<(String, String)>,
    /// Names of what runs once.
    once: Vec<String>,
    /// The version that a release brings to each host, if there is one.
    released: Option<usize>,
}

/// Brings a version to one host after the other, each of which the first one takes out of service meanwhile.
const RELEASE: &str = r#"
fn admin(lb, node, state) {
    let at = `${lb.vars.root}/turn-${node.name}`;
    custom(state, node.name, #{ observe: `cat ${at} 2>/dev/null || echo ready`, want: state, apply: `sleep 0.04; echo ${state} >${at}` })
}
rolling(hosts("all"), #{}, |node| {
    around(
        || on(hosts("a"), |lb| admin(lb, node, "drained")),
        || on(node, |node| file(`${node.vars.root}/release`, #{ content: "VERSION" })),
        || on(hosts("a"), |lb| admin(lb, node, "ready")),
    );
});
"#;

/// Declares things of many sorts on each host, which cause each other across hosts too.
fn site(chance: &mut Chance, version: usize) -> Site {
    let (mut text, mut actions, mut once) = (String::new(), Vec::new(), Vec::new());
    let mut causes: Vec<(String, String)> = Vec::new();
    for (at, host) in HOSTS.into_iter().enumerate() {
        let _ = writeln!(
            text,
            "let all_{host} = on(hosts(\"{host}\"), |host| {{ let r = host.vars.root;"
        );
        for n in 0..2 + chance.below(4) {
            let name = format!("{host}{n}");
            let _ = match chance.below(9) {
                0 | 1 => {
                    causes.push((name.clone(), format!("{host}/{name}")));
                    let more = if chance.one_in(4) { large() } else { String::new() };
                    writeln!(
                        text,
                        "global_{name} = file(`${{r}}/{name}`, #{{ content: \"{version}-{more}\" }});"
                    )
                }
                2 => writeln!(
                    text,
                    "file(`${{r}}/{name}`, #{{ content: \"{SECRET} {version}\", sensitive: true }});"
                ),
                3 => writeln!(
                    text,
                    "line(`${{r}}/lines`, #{{ line: \"{name} = {version}\", match: \"^{name} = \", create: true }});"
                ),
                4 => writeln!(text, "link(`${{r}}/{name}`, #{{ to: \"{version}\" }});"),
                5 => writeln!(
                    text,
                    "directory(`${{r}}/{name}/below`).after(directory(`${{r}}/{name}`));"
                ),
                6 => writeln!(
                    text,
                    "file(`${{r}}/{name}`, #{{ content: \"{version}\", validate: `sleep 0.1; ! grep never ${{r}}/{name}` }});"
                ),
                7 => {
                    once.push(format!("{name}-{version}"));
                    writeln!(
                        text,
                        "command(\"{name}\", #{{ run: `sleep 0.0{}; touch ${{r}}/{name}-{version}; echo once {name}-{version} >>${{host.vars.log}}`, creates: `${{r}}/{name}-{version}` }});",
                        chance.below(9)
                    )
                }
                _ => writeln!(text, "absent(`${{r}}/gone{n}`);"),
            };
        }
        let _ = writeln!(text, "}});");
        // What reacts to files, of this host or of one before it.
        for n in 0..chance.below(3) {
            if causes.is_empty() {
                continue;
            }
            let (cause, path) = causes[chance.below(causes.len())].clone();
            let name = format!("act-{at}-{n}");
            let file = format!("${{host.vars.root}}/../{path}");
            let _ = writeln!(
                text,
                "on(hosts(\"{host}\"), |host| action(\"{name}\", #{{ run: `sleep 0.0{}; echo acted {name} $(head -c 9 {file}) >>${{host.vars.log}}`, on: [global_{cause}] }}));",
                chance.below(9)
            );
            actions.push((name, path));
        }
    }
    // Handles live beyond the blocks that they are made in.
    let handles: String = causes.iter().fold(String::new(), |mut all, (name, _)| {
        let _ = writeln!(all, "let global_{name} = ();");
        all
    });
    let released = chance.one_in(2).then_some(version);
    if let Some(version) = released {
        text += &RELEASE.replace("VERSION", &version.to_string());
    }
    Site { text: handles + &text, actions, once, released }
}

/// Lets something go wrong in a run, or with its hosts.
async fn strike(fleet: &mut Fleet, chance: &mut Chance, text: &str) -> String {
    let host = HOSTS[chance.below(HOSTS.len())];
    let moment = Duration::from_millis(chance.below(900) as u64);
    let what = chance.below(9);
    let said = |fault: &str| format!("{fault} of {host} after {moment:?}");
    match what {
        0 => fleet.breaks(host, Fault::Silent(chance.below(600))),
        1 => fleet.breaks(host, Fault::Idle),
        2 => fleet.breaks(host, Fault::Late(moment)),
        3 => fleet.breaks(host, Fault::LostBefore(1 + chance.below(5))),
        4 => fleet.breaks(host, Fault::LostAfter(1 + chance.below(5))),
        5 => fleet.breaks(host, Fault::Unreachable),
        6 => {
            // The controller is gone.
            let ran = timeout(moment, fleet.apply(text)).await;
            return said(if ran.is_ok() { "nothing" } else { "the end of the controller" });
        }
        7 => {
            let until = Instant::now() + moment;
            fleet.interrupt_at = Some(Arc::new(move |_: &Event| Instant::now() >= until));
            fleet.apply(text).await;
            fleet.interrupt_at = None;
            return said("an interrupt, whatever");
        }
        _ => {
            // A host loses its power.
            tokio::join!(fleet.apply(text), async {
                sleep(moment).await;
                fleet.loses_power(host);
            });
            return said("a loss of the power");
        }
    }
    match chance.one_in(3) {
        true => {
            let _ = tokio::join!(fleet.apply(text), fleet.apply(text));
            said(&format!("fault {what} with two controllers"))
        }
        false => {
            let _ = fleet.apply(text).await;
            said(&format!("fault {what}"))
        }
    }
}

/// What is left of runs in a folder and below: folders for content, and what was being written.
fn left_over(folder: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        // One that no shell took by then goes an hour later.
        let is_taken = || {
            let mut within = fs::read_dir(&path).unwrap().flatten();
            within.any(|it| it.file_name().to_string_lossy().starts_with("held."))
        };
        if name.starts_with(".converge.") || name.starts_with("converge.") && is_taken() {
            left.push(path.display().to_string());
        } else if path.is_dir() && !path.is_symlink() && !path.ends_with("kept") {
            left.extend(left_over(&path));
        }
    }
    left
}

fn all_left_over(fleet: &Fleet) -> Vec<String> {
    let left = |host: &str| {
        let log = fleet.read(host, "state/segment/log").filter(|log| !log.is_empty());
        let log = log.map(|_| format!("the log of {host}"));
        left_over(&fleet.at(host, "")).into_iter().chain(log).collect::<Vec<_>>()
    };
    HOSTS.iter().flat_map(|host| left(host)).collect()
}

async fn try_seed(seed: u64) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let mut fleet = Fleet::new(&HOSTS);
    fleet.limits.reconnect = Duration::from_secs(8);
    fleet.lock_wait = Duration::from_secs(90);
    for host in HOSTS {
        fleet.write(host, "boot", "first\n");
    }
    let mut last = site(&mut chance, 0);
    let mut strikes = Vec::new();
    let shape = seed.wrapping_add(1_000_000);
    for round in 0..1 + chance.below(3) {
        // The same things each time, in another version.
        last = site(&mut Chance::new(shape), round + 1);
        strikes.push(strike(&mut fleet, &mut chance, &last.text).await);
        HOSTS.iter().for_each(|host| fleet.mend(host));
    }
    let text = &last.text;
    let ran = fleet.apply(text).await;
    let wrong = |what: &str| {
        Err(format!(
            "seed {seed}: {what}\n{strikes:?}\n{}\n{:#?}",
            text.replace(&large(), ".."),
            fleet.log()
        ))
    };
    if ran.status != Converged {
        let bad = |event: &&Event| match event {
            Event::Finished { outcome, .. } => {
                !matches!(outcome, Outcome::Changed | Outcome::Unchanged)
            }
            event => matches!(event, Event::Unreachable { .. } | Event::Locked { .. }),
        };
        let bad: Vec<_> = ran.events.iter().filter(bad).collect();
        return wrong(&format!("{:?} {:?} {bad:?}", ran.status, ran.warnings()));
    }
    let again = fleet.plan(text).await;
    if again.status != Converged {
        let planned = again.events.iter().filter(|event| matches!(event, Event::Planned { .. }));
        return wrong(&format!("the second plan is not empty: {:?}", planned.collect::<Vec<_>>()));
    }
    if HOSTS.iter().any(|host| fleet.markers(host) > 0) {
        return wrong("something is outstanding");
    }
    for host in HOSTS {
        let (is, turn) = (fleet.read(host, "release"), fleet.read("a", &format!("turn-{host}")));
        let is_in_service = turn.as_deref().is_none_or(|turn| turn == "ready\n");
        if last.released.is_some_and(|it| is != Some(it.to_string())) || !is_in_service {
            return wrong(&format!("{host} has {is:?}, and is {turn:?}"));
        }
    }
    let log = fleet.log();
    for (action, path) in &last.actions {
        let holds = fs::read_to_string(fleet.at("a", &format!("../{path}"))).unwrap();
        let told = format!("acted {action} {}", holds.get(..9).unwrap_or(&holds));
        let its = log.iter().rfind(|line| line.starts_with(&format!("acted {action} ")));
        if its != Some(&told) {
            return wrong(&format!("{action} was lost: {its:?}, not {told}"));
        }
    }
    let names: BTreeSet<&String> = last.once.iter().collect();
    for name in names {
        let count = log.iter().filter(|line| **line == format!("once {name}")).count();
        // One that was cut off between its two lines may not have told.
        if count > 1 {
            return wrong(&format!("{name} ran {count} times"));
        }
    }
    // A shell whose run is gone without a word ends within a minute; what is left then the next run sweeps up.
    let mut left = all_left_over(&fleet);
    for _ in 0..16 {
        if left.is_empty() {
            break;
        }
        sleep(Duration::from_secs(5)).await;
        fleet.apply(text).await;
        left = all_left_over(&fleet);
    }
    if !left.is_empty() {
        return wrong(&format!("left over: {left:?}"));
    }
    match format!("{:?}", again.events).contains(SECRET)
        || format!("{:?}", ran.events).contains(SECRET)
    {
        true => wrong("a secret was told"),
        false => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes the whole machine for minutes: make chaos"]
async fn whatever_goes_wrong_nothing_is_lost() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seeds: Vec<u64> = match number("CHAOS_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("CHAOS").unwrap_or(TRIED)).map(|n| now * 1000 + n).collect(),
    };
    let tried = stream::iter(seeds.clone()).map(try_seed).buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = tried.filter_map(async |it| it.err()).collect().await;
    let count = seeds.len();
    assert!(wrong.is_empty(), "{} of {count} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    eprintln!("{count} scenarios from seed {} on: nothing is lost", seeds[0]);
}
