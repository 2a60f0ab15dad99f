//! What a whole catalog says of each host, taken together: a contradiction, and what directories leave to others.

use std::collections::{HashMap, HashSet};

use super::{
    BlockPart, Catalog, NodeId, Order,
    contradiction::Contradiction,
    ground::{Ground, footprints, stand_apart},
};
use crate::{
    base::reuse::Same,
    resources::{edit::Build, footprint::Lies, kind::Desired, resource::Nature},
};

/// What was found out of a host whose resources are those of others, but for what templates make of them.
struct Settled {
    /// What directories leave to others: which of the host's resources, and what.
    kept: Vec<(usize, Vec<String>)>,
    /// Whether it depends on the content of files, which may be another one on each host.
    hangs_on_content: bool,
}

impl Catalog {
    /// Finds two resources of a host that undo each other, and lets each directory leave alone what others declare below it.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn settle(&mut self, build: &Build<'_>) -> Result<(), Contradiction> {
        let mut known: HashMap<Vec<Same<str>>, Settled> = HashMap::new();
        let mut leaving = HashMap::new();
        for nodes in self.by_host(self.nodes().map(|(id, _)| id)).into_values() {
            // Hosts for which a block was run once share what their resources own.
            let owns = |id: &NodeId| Same(self.node(*id).owns.clone());
            let alike: Vec<Same<str>> = nodes.iter().map(owns).collect();
            let kept = match known.get(&alike).filter(|found| !found.hangs_on_content) {
                Some(found) => found.kept.clone(),
                None => {
                    let found = self.look_at(&nodes, build)?;
                    let kept = found.kept.clone();
                    known.insert(alike, found);
                    kept
                }
            };
            for (at, others) in kept {
                let node = &mut self.nodes[nodes[at].index()];
                let key = (Same(node.desired.clone()), others);
                if let Some(desired) = leaving.get(&key) {
                    node.desired = Desired::clone(desired);
                } else if let Some(desired) = node.kind.leaving(&node.desired, &key.1) {
                    leaving.insert(key, desired.clone());
                    node.desired = desired;
                }
            }
        }
        Ok(())
    }

    fn look_at(&self, nodes: &[NodeId], build: &Build<'_>) -> Result<Settled, Contradiction> {
        let all = footprints(self, nodes);
        let mut found = Settled { kept: Vec::new(), hangs_on_content: false };
        if stand_apart(&all) {
            return Ok(found);
        }
        let ground = Ground::new(&all);
        let differ = |one, other| self.stand_around_the_same(one, other);
        if let Some(contradiction) = ground.contradiction(build, &differ) {
            return Err(contradiction);
        }
        let purges =
            |(_, lies): &(_, Lies<'_>)| matches!(lies, Lies::Directory(_, it) if it.purged);
        for (at, (id, footprint)) in all.iter().enumerate() {
            if footprint.paths.iter().any(purges)
                && let Some(kept) = ground.kept(*id)
            {
                found.kept.push((at, kept));
            }
        }
        found.hangs_on_content = ground.has_edited_files();
        Ok(found)
    }

    /// Whether one stands before a body and the other after it: what is made for the time in between is undone then.
    fn stand_around_the_same(&self, one: NodeId, other: NodeId) -> bool {
        let sides = |id| {
            let blocks = self.blocks_around(id);
            blocks.filter_map(|(_, block)| match block.order {
                Order::Part(part @ (BlockPart::Before | BlockPart::After)) => {
                    Some((block.parent?, part))
                }
                _ => None,
            })
        };
        sides(one).any(|(around, part)| sides(other).any(|it| it.0 == around && it.1 != part))
    }

    /// Those of the resources of a host that a change of some of them may have touched, and the changed ones among them.
    pub fn touched_by(&self, nodes: &[NodeId], changed: &HashSet<NodeId>) -> HashSet<NodeId> {
        // A script can do anything, and a package brings anything.
        if changed.iter().any(|id| self.node(*id).kind.opaque()) {
            return nodes.iter().copied().collect();
        }
        let all = footprints(self, nodes);
        let checks = nodes.iter().filter(|id| self.node(**id).kind.nature() == Nature::Check);
        let mut touched = Ground::new(&all).touched(changed);
        touched.extend(checks);
        touched
    }

    /// Those of the resources of a host that own a part of what one of them owns, and that one.
    pub fn overlapping_with(&self, nodes: &[NodeId], one: NodeId) -> HashSet<NodeId> {
        let all = footprints(self, nodes);
        Ground::new(&all).overlapping(&HashSet::from([one]))
    }
}
