//! Two balancers share an address, and so do two web servers: when the one that holds it breaks, all that is lost is what was
//! under way on it. Leaves the site as it was.

use std::{ops::Range, thread, time::Duration};

use crate::{
    client::Way,
    figures::Figures,
    load::{Asked, Load},
    world::{Lab, until},
};

/// The hosts of `two-of-each.toml`.
const PAIRS: [&str; 4] = ["balancer-1", "balancer-2", "web-1", "web-2"];

/// The addresses that they share.
const BALANCERS: &str = "10.77.0.20";
const WEB: &str = "10.77.0.30";

static WAYS: [Way; 4] = [
    Way { host: BALANCERS, path: "/", endpoint: "/" },
    Way { host: BALANCERS, path: "/ring-ring", endpoint: "/ring-ring" },
    Way { host: WEB, path: "/api/", endpoint: "/" },
    Way { host: WEB, path: "/api/ring-ring", endpoint: "/ring-ring" },
];

/// A request that is due so long after its host broke is answered by the other one, as is any other request: in time.
const MOVES_WITHIN: Duration = Duration::from_secs(1);
const IN_TIME: Duration = Duration::from_secs(2);

/// A host that hung and goes on believes that it holds the address, until it has read what it was sent meanwhile. It may say
/// so once: what is under way at that moment is lost.
const WAKES_WITHIN: Duration = Duration::from_millis(200);

/// What happens to the host that holds an address, and what is done about it in the end.
struct Fault {
    name: &'static str,
    address: &'static str,
    breaks: fn(&Lab, &str),
    mends: fn(&Lab, &str),
}

const FAULTS: [Fault; 7] = [
    Fault {
        name: "one of two balancers loses power, and boots",
        address: BALANCERS,
        breaks: kill,
        mends: boot,
    },
    Fault {
        name: "one of two balancers hangs (all that runs on it is paused), and goes on",
        address: BALANCERS,
        breaks: pause,
        mends: unpause,
    },
    Fault {
        name: "one of two balancers is upgraded",
        address: BALANCERS,
        breaks: |lab, host| {
            let packages = "haproxy keepalived";
            lab.by_hand(host, &format!("apt-get install --reinstall --yes -qq {packages} 2>&1"));
        },
        mends: nothing,
    },
    Fault {
        name: "haproxy is started again on one of two balancers",
        address: BALANCERS,
        breaks: |lab, host| {
            lab.by_hand(host, "systemctl restart haproxy");
        },
        mends: nothing,
    },
    Fault {
        name: "what one of two balancers sends and gets vanishes, and arrives again",
        address: BALANCERS,
        breaks: |lab, host| drop_packets(lab, host, &["in", "out"]),
        mends: pass_packets,
    },
    Fault {
        name: "one of two web servers loses power, and boots",
        address: WEB,
        breaks: kill,
        mends: boot,
    },
    Fault {
        name: "one of two web servers hangs, and goes on",
        address: WEB,
        breaks: pause,
        mends: unpause,
    },
];

/// It answers nobody, and hears nobody; but it is heard.
const DEAF: Fault = Fault {
    name: "what is sent to one of two balancers vanishes, and arrives again",
    address: BALANCERS,
    breaks: |lab, host| drop_packets(lab, host, &["in"]),
    mends: pass_packets,
};

#[test]
#[ignore = "takes five minutes, and needs a machine that does nothing else: where it is busy, a pause costs more"]
fn an_address_moves_to_a_host_that_is_well() {
    let Some(lab) = Lab::with_site() else { return };
    let pairs = Pairs(lab);
    pairs.converge();
    for fault in &FAULTS {
        pairs.bear(fault);
    }
}

#[test]
#[ignore = "takes two minutes, and needs a machine that does nothing else"]
fn an_address_moves_from_a_host_that_hears_nobody() {
    let Some(lab) = Lab::with_site() else { return };
    let pairs = Pairs(lab);
    pairs.converge();
    pairs.bear(&DEAF);
}

/// The site with two of each. Whatever becomes of the test, it is the ordinary one again afterwards.
struct Pairs(Lab);

impl Pairs {
    fn converge(&self) {
        self.0.up(&["balancer-2", "web-2"]);
        let run = ["playbooks/site.rhai", "-i", "tests/lab/two-of-each.toml"];
        let ran = self.0.converge(&run);
        assert_eq!(ran.status, 0, "{ran:#?}");
    }

    fn bear(&self, fault: &Fault) {
        until("both hosts are well", || self.holders(fault.address).len() == 1 && self.is_calm());
        let holder = self.holders(fault.address)[0];
        let load = Load::start_on(&WAYS);
        let before = load.lasted();
        (fault.breaks)(&self.0, holder);
        let after = load.lasted();
        load.goes_on(8);
        let mended = load.lasted();
        (fault.mends)(&self.0, holder);
        load.goes_on(8);
        let figures = load.stop();
        eprintln!("{}: {figures}", fault.name);
        assert_lost_only_between(
            &figures,
            before..after + MOVES_WITHIN,
            mended..mended + WAKES_WITHIN,
        );
        figures.keep(fault.name);
    }

    /// Who has the address.
    fn holders(&self, address: &str) -> Vec<&'static str> {
        let shown = format!("ip -o address show to {address}");
        PAIRS.into_iter().filter(|host| !self.0.by_hand(host, &shown).is_empty()).collect()
    }

    /// Whether all checks of all hosts are content: nobody's priority is lowered, or raised because of another host.
    fn is_calm(&self) -> bool {
        // What it said before its last start is about another process.
        let last = "started=$(systemctl show -P InvocationID keepalived)
journalctl -o cat _SYSTEMD_INVOCATION_ID=$started | grep -o 'effective priority from .*' | tail -n 1";
        PAIRS.into_iter().all(|host| {
            let said = self.0.by_hand(host, last);
            let priority = said.split_whitespace().last();
            priority.is_none_or(|priority| ["200", "210"].contains(&priority))
        })
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        if thread::panicking() {
            for host in PAIRS {
                self.0.machine("unpause", host);
            }
        }
        for host in ["balancer-2", "web-2"] {
            self.0.machine("kill", host);
            self.0.machine("rm", host);
        }
        let reset = self.0.lab("reset", &["balancer-1", "web-1"]);
        let converged = self.0.converge(&["playbooks/site.rhai"]);
        if (reset.status, converged.status) != (0, 0) {
            eprintln!("the site could not be made whole: {reset:#?} {converged:#?}");
        }
    }
}

/// What was under way on the host that broke, and what met it before the address had moved, is no more than a second
/// brings; what met it when it woke is no more than that moment brings; and every other request was answered in time.
fn assert_lost_only_between(figures: &Figures, moves: Range<Duration>, wakes: Range<Duration>) {
    let lost: Vec<&Asked> =
        figures.asked.iter().filter(|it| it.answer.is_err() || it.took > IN_TIME).collect();
    let moves = moves.start.saturating_sub(IN_TIME)..moves.end;
    let (moved, others): (Vec<&Asked>, Vec<_>) =
        lost.into_iter().partition(|it| moves.contains(&it.at));
    let (woke, others): (Vec<&Asked>, Vec<_>) =
        others.into_iter().partition(|it| wakes.contains(&it.at));
    assert!(others.is_empty(), "lost at another time than {moves:?} and {wakes:?}: {others:#?}");
    let most = |lasts: Duration| (f64::from(crate::load::PACE) * lasts.as_secs_f64()) as usize;
    assert!(moved.len() <= most(MOVES_WITHIN), "{} were lost", moved.len());
    assert!(woke.len() <= most(WAKES_WITHIN), "{} were lost when it woke", woke.len());
}

fn kill(lab: &Lab, host: &str) {
    lab.machine("kill", host);
}

fn boot(lab: &Lab, host: &str) {
    lab.up(&[host]);
}

fn pause(lab: &Lab, host: &str) {
    lab.machine("pause", host);
}

fn unpause(lab: &Lab, host: &str) {
    lab.machine("unpause", host);
}

fn nothing(_: &Lab, _: &str) {}

fn drop_packets(lab: &Lab, host: &str, chains: &[&str]) {
    let chains = chains.iter().map(|chain| {
        format!(
            "chain {chain} {{ {} }};",
            match *chain {
                "in" => "type filter hook prerouting priority raw; iifname eth0 drop;",
                _ => "type filter hook output priority raw; oifname eth0 drop;",
            }
        )
    });
    let table = format!("table inet lab {{ {} }}", chains.collect::<Vec<_>>().join(" "));
    lab.by_hand(host, &format!("echo '{table}' | nft -f -"));
}

fn pass_packets(lab: &Lab, host: &str) {
    lab.by_hand(host, "nft delete table inet lab");
}
