//! What happens to the site while it is used, and the promise that it costs nobody an answer.

use std::thread;

use crate::{
    figures::Figures,
    load::Load,
    world::{Lab, until},
};

pub(crate) const NODES: [&str; 2] = ["api-1", "api-2"];

/// So many answers in a row from one node: the other one gives none.
const ALONE: usize = 200;

/// The site while something breaks. Whatever becomes of the test, it is whole again afterwards.
pub(crate) struct Site {
    pub(crate) lab: Lab,
}

impl Site {
    pub(crate) fn get() -> Option<Self> {
        Lab::with_site().map(|lab| Self { lab })
    }

    /// What happens, while the service is used, costs no answer: the figures are kept under this name.
    pub(crate) fn under_load(&self, name: &str, happens: impl FnOnce(&Load)) -> Figures {
        self.until_all_are_in();
        let load = Load::start();
        happens(&load);
        let figures = load.stop();
        eprintln!("{name}: {figures}");
        figures.assert_clean();
        figures.keep(name);
        figures
    }

    pub(crate) fn until_all_are_in(&self) {
        until("every node is in", || NODES.iter().all(|node| self.lab.rotation(node) == "UP"));
    }

    pub(crate) fn until_out(&self, node: &str) {
        until("the node is out", || self.lab.rotation(node).starts_with("DOWN"));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let hosts = ["api-1", "api-2", "balancer-1"];
        if thread::panicking() {
            // However the test left them, that is over when they boot. Not every host is paused: `unpause` may fail.
            for host in hosts {
                self.lab.machine("unpause", host);
                self.lab.machine("kill", host);
            }
        }
        let up = self.lab.lab("up", &hosts);
        if thread::panicking() {
            // What a test put in the place of an API is there again after the boot, if there was any.
            self.lab.lab("shell", &["api-1", "sudo docker rm --force twisted"]);
        }
        let converged = self.lab.converge(&["playbooks/site.rhai"]);
        if (up.status, converged.status) != (0, 0) {
            eprintln!("the site could not be made whole: {up:#?} {converged:#?}");
        }
    }
}

/// Goes on until this node, and no other, has answered for a while.
pub(crate) fn until_alone(load: &Load, node: &str) {
    load.until("one node answers alone", |since| {
        since.len() >= ALONE && since.iter().rev().take(ALONE).all(|asked| asked.is_by(node))
    });
}

/// Goes on until this node answers, and then for a while.
pub(crate) fn until_back(load: &Load, node: &str) {
    load.until("the node answers again", |since| since.iter().any(|asked| asked.is_by(node)));
    load.goes_on(5);
}
