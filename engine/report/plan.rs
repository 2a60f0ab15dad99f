//! The plan of the whole fleet, drawn: each different change once, with the hosts that it is for.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::{
    change, hosts,
    look::{Look, Symbol, Tone, count},
    turns::Turns,
};
use crate::{
    base::diagnostic::Place,
    plan::event::{AsDeclared, Declaration, NodeName, Planned, Turn},
    resources::change::{Change, Effect},
};

/// What was told of the plan so far.
#[derive(Debug, Default)]
pub(super) struct PlanView {
    hosts: IndexSet<Arc<str>>,
    changing: IndexSet<Arc<str>>,
    totals: Totals,
    /// By what is planned, so that hosts with the same plan meet.
    items: IndexMap<String, PlanItem>,
    turns: Turns,
    /// The answers that are other ones by now, and of which hosts.
    answers: IndexMap<String, Vec<Arc<str>>>,
}

#[derive(Debug, Default)]
struct Totals {
    create: usize,
    change: usize,
    remove: usize,
    run: usize,
    wait: usize,
    may_change: usize,
    unknown: usize,
    unchanged: usize,
}

/// One thing that is planned alike on some hosts.
#[derive(Debug)]
struct PlanItem {
    name: String,
    place: Place,
    plan: Planned,
    /// Seconds within which somebody has to log in after it.
    guarded: Option<u32>,
    hosts: Vec<Arc<str>>,
}

impl PlanView {
    /// Takes what is planned for one resource.
    pub(super) fn add(
        &mut self,
        node: &NodeName,
        declared: &Declaration,
        plan: &Planned,
        turn: Option<&Turn>,
        guarded: Option<u32>,
        look: Look,
    ) {
        self.hosts.insert(node.host.clone());
        self.totals.add(plan);
        if changes(plan) {
            self.changing.insert(node.host.clone());
        }
        let name = format!("{}:{}", node.kind, node.key);
        let plan = change::seen_from(&node.host, plan.clone());
        if let Some(turn) = turn.filter(|_| !matches!(plan, Planned::MayChange { .. })) {
            let beside = marks(&plan, guarded, look) + &beside(&declared.place, look);
            return self.turns.add(turn, &node.host, name, plan, beside);
        }
        self.list(&node.host, name, &declared.place, plan, guarded);
    }

    /// Takes the resources of a host that are as they should be.
    pub(super) fn add_unchanged(&mut self, host: &Arc<str>, resources: &[AsDeclared], look: Look) {
        self.hosts.insert(host.clone());
        self.totals.unchanged += resources.len();
        for AsDeclared { kind, key, place } in resources.iter().filter(|_| look.verbose) {
            self.list(host, format!("{kind}:{key}"), place, Planned::Unchanged, None);
        }
    }

    /// Takes an answer that may be another one once this is done.
    pub(super) fn add_answer(&mut self, host: &Arc<str>, answer: &str, place: &Place) {
        let because = format!("the answer of {answer}").into();
        let name = format!("what depends on it ({place})");
        self.list(host, name, place, Planned::MayChange { because }, None);
    }

    /// Takes an answer that is another one by now.
    pub(super) fn answer_changed(&mut self, host: &Arc<str>, answer: &str, place: &Place) {
        let told = format!("{answer} ({place})");
        self.answers.entry(told).or_default().push(host.clone());
    }

    /// Notes a host where it meets those with the same plan.
    fn list(
        &mut self,
        host: &Arc<str>,
        name: String,
        place: &Place,
        plan: Planned,
        guarded: Option<u32>,
    ) {
        let alike = format!("{name} {guarded:?} {plan:?}");
        let new = || PlanItem { name, place: place.clone(), plan, guarded, hosts: Vec::new() };
        self.items.entry(alike).or_insert_with(new).hosts.push(host.clone());
    }

    /// The longest name of a host.
    pub(super) fn widest_host(&self) -> usize {
        self.hosts.iter().map(|host| console::measure_text_width(host)).max().unwrap_or(0)
    }

    /// All of it, and the line that counts; `silent` hosts did not answer. What fewer hosts share comes first: it is what is unusual.
    pub(super) fn draw(&self, silent: usize, look: Look) -> String {
        let mut sections: IndexMap<Vec<Arc<str>>, Vec<&PlanItem>> = IndexMap::new();
        for item in self.items.values() {
            let mut hosts = item.hosts.clone();
            hosts.sort();
            sections.entry(hosts).or_default().push(item);
        }
        sections.sort_by(|one, _, other, _| one.len().cmp(&other.len()));
        let mut drawn: String = self.answers.iter().map(|it| answered(it, look)).collect();
        drawn += if drawn.is_empty() { "" } else { "\n" };
        for (hosts, items) in sections {
            drawn += &section(&hosts, &items, look);
            drawn.push('\n');
        }
        drawn + &self.turns.draw(look) + &self.count_line(silent, look) + "\n"
    }

    fn count_line(&self, silent: usize, look: Look) -> String {
        let Totals { create, change, remove, run, wait, may_change, unknown, unchanged } =
            self.totals;
        let nonzero = |counts: &[(usize, &str)]| {
            let told = counts.iter().filter(|(number, _)| *number > 0);
            told.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
        };
        let changes = nonzero(&[
            (create, "to create"),
            (change, "to change"),
            (remove, "to remove"),
            (run, "to run"),
            (wait, "to wait for"),
        ]);
        let on = count(self.hosts.len(), "host");
        if self.hosts.is_empty() {
            return look.dim("Nothing to do: the hosts that answered have no declared resources.");
        }
        if changes.is_empty() && may_change == 0 && unknown == 0 && silent == 0 {
            let are = if self.hosts.len() == 1 { "is" } else { "are" };
            let no_changes = look.paint(Tone::Good, "No changes.");
            return format!("{no_changes} {on} {are} as declared.");
        }
        let mut others =
            nonzero(&[(may_change, "may change"), (unknown, "unknown"), (unchanged, "unchanged")]);
        if silent > 0 {
            let told = format!("{} did not answer", count(silent, "host"));
            others = if others.is_empty() { told } else { format!("{others}; {told}") };
        }
        let changes = if changes.is_empty() { "no changes".to_owned() } else { changes };
        let on = match self.changing.len() {
            0 => on,
            changing => count(changing, "host"),
        };
        let others = if others.is_empty() { others } else { format!("; {others}") };
        format!("{} {changes} on {on}{others}.", look.paint(Tone::Strong, "Plan:"))
    }
}

impl Totals {
    fn add(&mut self, plan: &Planned) {
        let counter = match plan {
            Planned::Unchanged => &mut self.unchanged,
            Planned::React { .. } => &mut self.run,
            Planned::MayChange { .. } => &mut self.may_change,
            Planned::Unknown(_) => &mut self.unknown,
            Planned::Change { change, .. } => match change.action {
                Effect::Create => &mut self.create,
                Effect::Update => &mut self.change,
                Effect::Remove => &mut self.remove,
                Effect::Run => &mut self.run,
                Effect::Refresh => &mut self.may_change,
                Effect::Wait => &mut self.wait,
            },
        };
        *counter += 1;
    }
}

/// Whether something is certainly going to be done.
fn changes(plan: &Planned) -> bool {
    matches!(plan, Planned::Change { .. } | Planned::React { .. })
}

/// The title of some hosts, and what is planned alike on them.
fn section(hosts: &[Arc<str>], items: &[&PlanItem], look: Look) -> String {
    let (maybe, sure): (Vec<&PlanItem>, Vec<&PlanItem>) =
        items.iter().partition(|item| matches!(item.plan, Planned::MayChange { .. }));
    let changes = sure.iter().filter(|item| changes(&item.plan)).count();
    let mut drawn = title(hosts, changes, look);
    for item in sure {
        let beside = marks(&item.plan, item.guarded, look) + &beside(&item.place, look);
        drawn += &change::draw(&item.name, &item.plan, &beside, look);
    }
    drawn + &may_change(&maybe, look)
}

fn title(hosts: &[Arc<str>], changes: usize, look: Look) -> String {
    let title = match (hosts, changes) {
        ([host], 0) => look.paint(Tone::Strong, host),
        ([host], _) => format!("{}: {}", look.paint(Tone::Strong, host), count(changes, "change")),
        _ => {
            let same = match changes {
                0 => String::new(),
                1 => ": the same change".to_owned(),
                _ => format!(": the same {changes} changes"),
            };
            let of = look.paint(Tone::Strong, count(hosts.len(), "host"));
            format!("{of}{same}  {}", look.dim(hosts::compact(hosts)))
        }
    };
    title + "\n"
}

/// What is to be known of a change besides.
fn marks(plan: &Planned, guarded: Option<u32>, look: Look) -> String {
    let guarded = guarded
        .map(|seconds| format!("  (reverted unless a new login succeeds within {seconds} s)"));
    let lost = match plan {
        Planned::Change { change: Change { lost: Some(why), .. }, .. } if look.verbose => {
            Some(format!("  (cannot be undone: {why})"))
        }
        Planned::Change { change: Change { lost: Some(_), .. }, .. } => {
            Some("  (cannot be undone)".to_owned())
        }
        _ => None,
    };
    guarded.into_iter().chain(lost).map(|mark| look.dim(mark)).collect()
}

fn beside(place: &Place, look: Look) -> String {
    match look.verbose {
        true => format!("  {}", look.dim(place.to_string())),
        false => String::new(),
    }
}

/// Why something is planned once more.
fn answered((answer, hosts): (&String, &Vec<Arc<str>>), look: Look) -> String {
    let hosts = look.paint(Tone::Strong, hosts::compact(hosts));
    format!("{answer} has a new answer on {hosts}: what depends on it is planned again\n")
}

/// How many of those that may change for one reason are named.
const MAY_CHANGE_MAX: usize = 10;

/// One line for each cause of what may change.
fn may_change(items: &[&PlanItem], look: Look) -> String {
    let mut by_cause: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for item in items {
        if let Planned::MayChange { because } = &item.plan {
            by_cause.entry(because).or_default().push(&item.name);
        }
    }
    let line = |(cause, names): (&str, Vec<&str>)| {
        let symbol = look.mark(Symbol::May);
        let all = look.verbose || names.len() <= MAY_CHANGE_MAX;
        let shown = if all { names.len() } else { MAY_CHANGE_MAX };
        let more = match names.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let listed = names[..shown].join(", ");
        let told = format!("may change, depending on {cause}: {listed}{more}");
        format!("  {symbol} {}\n", look.dim(told))
    };
    by_cause.into_iter().map(line).collect()
}
