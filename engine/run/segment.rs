//! What has to be done on a host without waiting for another one: one script, one round trip. Pure.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use super::{guard::Guard, keeping::Keeping};
use crate::{
    base::{
        content::{Content, Digest},
        script::{Room, Script, Words},
    },
    evaluate::catalog::{Catalog, NodeId},
    plan::{
        planner::{Plan, TakenOver},
        probe::Outstanding,
    },
    resources::{
        change::Reason,
        prelude,
        resource::{Nature, Reaction, Step},
    },
    sh,
};

/// One script for several nodes of a host, in order. It is data: it can be kept, shown or sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// A word that nobody can guess; it marks the lines that tell where the script is.
    pub id: String,
    /// What runs, part by part. The first part that fails is the last that runs.
    pub parts: Vec<Part>,
    /// What guards it, if it may keep everybody out.
    pub guard: Option<Guard>,
    /// Whether nobody has the lock of its host for it, which only checks something.
    pub is_aside: bool,
    /// The run, as it is called where what was there is kept.
    run: String,
}

/// What runs between two marked lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The nodes it works on: several when they are one transaction.
    #[serde(skip)]
    pub nodes: Vec<NodeId>,
    /// Writes down what will be outstanding once the step is done, and tells the step by `$outstanding` how what it pays is marked.
    owing: Script,
    /// What makes the nodes so.
    pub step: Script,
    /// Takes down what is not outstanding any more once the step is done, in whichever way it said so.
    paying: Script,
    /// Forgets what was kept of what is there still, once the step has failed.
    unkeeping: Script,
    /// What the step takes from the stage.
    #[serde(skip)]
    pub contents: Vec<Content>,
    /// Seconds that it may take, where its resource says so.
    #[serde(skip)]
    pub timeout: Option<u32>,
}

impl Segment {
    /// A segment of what is planned for `nodes`, in that order. `run` names the run in what is left outstanding.
    pub fn new(catalog: &Catalog, plan: &Plan, nodes: &[NodeId], id: String, run: &str) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        // Names are in the arguments of programs, where all users of the host see them.
        let veil = Digest::of(format!("name {id}").as_bytes()).to_string();
        let veil = veil.get(..32).unwrap_or(&veil);
        let seconds = nodes.iter().filter_map(|id| plan.guarded(catalog, *id)).max();
        let mut keeping = Keeping::new(run, veil, seconds.is_some());
        let mut rest = nodes;
        while let Some((&first, _)) = rest.split_first() {
            let together = together(catalog, plan, rest);
            let (nodes, later) = rest.split_at(together.as_ref().map_or(1, |(count, _)| *count));
            let step = match together {
                Some((_, step)) => step,
                None => step(catalog, plan, first),
            };
            let step = veiled(step, &format!("{veil}-{}", parts.len()));
            let mut part = Part::new(catalog, plan, nodes.to_vec(), step, run);
            for id in nodes {
                let kept = keeping.of(catalog, plan, *id);
                part.owing = kept.before.then(part.owing);
                part.unkeeping.push(kept.failed);
            }
            parts.push(part);
            rest = later;
        }
        let run = keeping.run.clone();
        Self { id, parts, guard: keeping.guard(seconds), is_aside: false, run }
    }

    /// Leaves its folder on its host in `$segment`, and its word in `$id`. Aside, another run may have a segment there.
    pub(super) fn place(&self) -> Script {
        let name = Digest::of(format!("aside {}", self.id).as_bytes()).to_string();
        let name = if self.is_aside { format!(".{name}") } else { String::new() };
        sh!("segment=$STATE/segment{} id={}\n", name, self.id)
    }

    #[cfg(feature = "internals")]
    /// The whole script. `stage` is the folder that holds the contents; without one, the script brings them itself.
    pub fn script(&self, stage: Option<&str>) -> Script {
        prelude::changing().then(self.place()).then(self.body(stage))
    }

    /// The script without the functions that it relies on.
    pub(super) fn body(&self, stage: Option<&str>) -> Script {
        // A shell that dies of a signal forgets what it was to do at its end.
        let mut script = sh!("trap 'exit 1' HUP INT PIPE TERM");
        script.push(match stage {
            Some(stage) => sh!("STAGE={}\ntrap sweep EXIT", stage),
            None => brought(&self.contents()),
        });
        script.push(sh!("run={}", self.run));
        script.push(sh!(
            "at() {{ printf '\\n%s %s\\n' {} \"$*\"; }}\nwarn() {{ at warn \"$*\"; }}",
            self.id
        ));
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                script.push(stops());
            }
            // Nobody can guess it who does not know the segment.
            let token = Digest::of(format!("folder {} {index}", self.id).as_bytes());
            script.push(sh!("token={}", token.as_str().get(..TOKEN).unwrap_or_default()));
            script.push(sh!(
                "at begin {}\n{}\nat end {} $r; [ $r = 0 ] || exit 0",
                index,
                part.script(),
                index
            ));
        }
        script
    }

    /// Whether the script can bring all contents: a shell takes any text, but no bytes, and not without end.
    pub fn brings_contents(&self) -> bool {
        let contents = self.contents();
        let bytes: usize = contents.iter().map(|content| content.bytes().len()).sum();
        bytes <= BROUGHT_MAX && contents.iter().all(|content| content.text().is_some())
    }

    /// What its parts take from the stage, each content once.
    pub fn contents(&self) -> Vec<Content> {
        let mut known = HashSet::new();
        let all = self.parts.iter().flat_map(|part| &part.contents);
        all.filter(|content| known.insert(content.name())).cloned().collect()
    }
}

/// What a segment asks before each part.
fn stops() -> Script {
    Script::trusted(
        r#"stop=; { read -r stop <"$segment/stop"; } 2>/dev/null
[ "$stop" != "$id" ] || { at stopped; exit 0; }"#,
    )
}

impl Part {
    fn new(catalog: &Catalog, plan: &Plan, nodes: Vec<NodeId>, step: Step, run: &str) -> Self {
        let (mut owing, mut paid) = (Script::default(), Vec::new());
        let mut marked = String::new();
        for &id in &nodes {
            for outstanding in outstanding_after(catalog, plan, id, run) {
                let marker = Outstanding::marker(&outstanding.node, outstanding.reaction);
                // What its own step added to it says how far that came.
                let keeps = match outstanding.reaction {
                    Reaction::Finish => sh!("[ -s \"$STATE/pending/\"{} ] || ", marker),
                    _ => Script::default(),
                };
                owing.push(sh!("{}mark {} {}", keeps, marker, outstanding.line()));
                marked += &format!(" \"$STATE/pending/{marker}\"");
            }
        }
        if !marked.is_empty() {
            // Whatever becomes of the host, it is not forgotten.
            owing.push(Script::trusted(format!("durable \"$STATE/pending\"{marked}")));
        }
        for &id in &nodes {
            let node = catalog.node(id);
            // Whatever made it run, it is up to date now: nothing is outstanding to it on this host any more.
            let outstanding =
                |(_, reaction): &(NodeId, Reaction)| *reaction == Reaction::Afterwards;
            let obligation = node.reactions.iter().any(outstanding).then_some(Reaction::Afterwards);
            let reactions = node.kind.reacts().iter().copied().chain(obligation);
            let markers: Vec<String> =
                reactions.map(|reaction| Outstanding::marker(&node.name.node, reaction)).collect();
            let unfinished = is_unfinished(catalog, plan, id);
            let own = unfinished.then(|| Outstanding::marker(&node.name.node, Reaction::Finish));
            let markers: Vec<String> = markers.into_iter().chain(own).collect();
            if unfinished || !plan.node(id).planned.reactions().is_empty() {
                owing.push(sh!("outstanding={}", markers.join(" ")));
            }
            paid.extend(markers);
        }
        let paying = match paid.is_empty() {
            true => Script::default(),
            false => sh!("unmark {}", Words(&paid)),
        };
        // What says how long it may take is a step of its own.
        let timeout = nodes.first().and_then(|id| catalog.node(*id).timeout);
        let Step { script: step, contents } = step;
        Self { nodes, owing, step, paying, unkeeping: Script::default(), contents, timeout }
    }

    /// What runs, in order; how it ended is in `$r` then.
    pub fn script(&self) -> Script {
        let mut script = sh!("(set -eu\n{}\n{}\n) </dev/null 2>&1\nr=$?", self.owing, self.step);
        if self.paying != Script::default() {
            script.push(sh!("[ $r != 0 ] || {{ {}; }} 2>&1 || r=1", self.paying));
        }
        if self.unkeeping != Script::default() {
            script.push(sh!("[ $r = 0 ] || {{ {}; }} 2>/dev/null", self.unkeeping));
        }
        script
    }
}

/// How long a word is that names a folder, in hexadecimal digits.
const TOKEN: usize = 24;

/// How much content comes with a script, in bytes. More goes ahead of it, over a channel of its own.
const BROUGHT_MAX: usize = 64 * 1024;

/// Puts the contents into a folder that only who runs the script can look into, and takes them away when the script ends. The
/// umask after it is that of the shell's setup.
fn brought(contents: &[Content]) -> Script {
    if contents.is_empty() {
        return Script::default();
    }
    let mut script = match contents.iter().any(Content::is_sensitive) {
        true => sh!("stage_secretly || exit"),
        false => sh!("stage || exit"),
    };
    script.push(sh!("umask 077"));
    for content in contents {
        let text = content.text().expect("only text is brought");
        script.push(sh!("note_in {} {} || exit", content.staged(), text));
    }
    script.then(sh!("umask 022"))
}

/// What makes one node so, and what it does because others changed.
fn step(catalog: &Catalog, plan: &Plan, id: NodeId) -> Step {
    let node = catalog.node(id);
    let planned = &plan.node(id).planned;
    let mut whole = Step::default();
    let (afterwards, reactions): (Vec<Reaction>, Vec<Reaction>) = planned
        .reactions()
        .iter()
        .map(|cause| cause.reaction)
        .partition(|reaction| *reaction == Reaction::Afterwards);
    let check = node.kind.nature() == Nature::Check;
    if planned.change().is_some() || check || !afterwards.is_empty() {
        whole = match planned.change() {
            Some(change) if change.did_not_stay() => node.kind.tell_end(&node.desired),
            change => node.kind.apply(&node.desired, change),
        };
    }
    // A restart does what a reload does, and more.
    if let Some(reaction) = reactions.into_iter().max() {
        let step = node.kind.react(&node.desired, reaction);
        whole.script.push(step.script);
        whole.contents.extend(step.contents);
    }
    whole
}

/// The step with its sensitive contents under names that say nothing of them: a digest tells a short secret to whoever
/// can guess, and the step is shown when it fails.
fn veiled(step: Step, name: &str) -> Step {
    let Step { mut script, mut contents } = step;
    for (index, content) in contents.iter_mut().enumerate().filter(|(_, it)| it.is_sensitive()) {
        let name = format!("{name}-{index}");
        let text = script.text().replace(content.name(), &name);
        script = script.with_text(text);
        *content = content.clone().named(name);
    }
    Step { script, contents }
}

/// One step for the nodes of a kind that stand next to each other, if the kind has such a step.
fn together(catalog: &Catalog, plan: &Plan, nodes: &[NodeId]) -> Option<(usize, Step)> {
    let kind = catalog.node(*nodes.first()?).kind;
    let fits = |id: &&NodeId| {
        let planned = &plan.node(**id).planned;
        catalog.node(**id).kind.name() == kind.name()
            && catalog.node(**id).timeout.is_none()
            && planned.change().is_some()
            && planned.is_felt()
            && planned.reactions().is_empty()
    };
    // A list that is too long for one program is cut.
    let mut room = Room::of(usize::MAX);
    let takes = |id: &&NodeId| {
        let node = catalog.node(**id);
        room.takes(node.name.node.len() + node.kind.words(&node.desired))
    };
    let count = nodes.iter().take_while(fits).take_while(takes).count();
    if count < 2 {
        return None;
    }
    let planned = |id: &NodeId| (&catalog.node(*id).desired, plan.node(*id).planned.change());
    let batch: Vec<_> = nodes[..count].iter().map(planned).collect();
    Some((count, kind.apply_together(&batch)?))
}

/// The reactions of others that this node's part causes, be they on this host or not: what is written down where the
/// change is made cannot be lost between the two.
fn outstanding_after(catalog: &Catalog, plan: &Plan, cause: NodeId, run: &str) -> Vec<Outstanding> {
    let node = catalog.node(cause);
    if !plan.node(cause).planned.is_felt() || node.kind.nature() == Nature::Check {
        return Vec::new();
    }
    let outstanding = |other: &Arc<str>, reaction| Outstanding {
        host: node.name.host.clone(),
        node: other.to_string(),
        reaction,
        cause: node.name.node.to_string(),
        run: run.to_owned(),
    };
    let own =
        is_unfinished(catalog, plan, cause).then(|| outstanding(&node.name.node, Reaction::Finish));
    let here =
        catalog.reacting_to(cause).map(|(id, it)| outstanding(&catalog.node(id).name.node, it));
    let here = own.into_iter().chain(here);
    here.chain(catalog.outstanding_beyond(cause).iter().map(|(name, it)| outstanding(name, *it)))
        .collect()
}

/// Whether it is not as declared before its step came to its end, whatever it looks like.
fn is_unfinished(catalog: &Catalog, plan: &Plan, id: NodeId) -> bool {
    let (node, change) = (catalog.node(id), plan.node(id).planned.change());
    let proves = || node.kind.proves_afterwards(&node.desired);
    change.is_some_and(|change| change.reason == Reason::Unfinished || proves())
}

/// What removes, by host, the markers of reactions that were `paid` on other hosts than the one of the cause.
pub(super) fn unmark_elsewhere(
    catalog: &Catalog,
    plan: &Plan,
    paid: impl Iterator<Item = NodeId>,
) -> BTreeMap<Arc<str>, Script> {
    let mut scripts: BTreeMap<Arc<str>, Script> = BTreeMap::new();
    for id in paid {
        let node = catalog.node(id);
        let outstanding: HashSet<&str> =
            plan.node(id).planned.reactions().iter().map(|cause| &*cause.node).collect();
        let here = node.reactions.iter().map(|(cause, it)| (&catalog.node(*cause).name, *it));
        let beyond = catalog.causes_beyond(id).iter().map(|(cause, it)| (cause, *it));
        for (cause, reaction) in here.chain(beyond) {
            if cause.host != node.name.host && outstanding.contains(&*cause.node) {
                let script = scripts.entry(cause.host.clone()).or_insert_with(prelude::changing);
                script.push(sh!("unmark {}", Outstanding::marker(&node.name.node, reaction)));
            }
        }
    }
    scripts
}

/// What writes down, by host, who owes what in the place of others. Nothing is forgotten in between.
pub(super) fn hand_over(debts: &[TakenOver]) -> BTreeMap<Arc<str>, Script> {
    let mut scripts: BTreeMap<Arc<str>, Script> = BTreeMap::new();
    for TakenOver { outstanding, by } in debts {
        let script = scripts.entry(outstanding.host.clone()).or_insert_with(prelude::changing);
        for it in by {
            let marker = Outstanding::marker(&it.node, it.reaction);
            script.push(sh!("mark {} {} || return", marker, it.line()));
        }
        script.push(sh!("unmark {}", Outstanding::marker(&outstanding.node, outstanding.reaction)));
    }
    scripts
}
