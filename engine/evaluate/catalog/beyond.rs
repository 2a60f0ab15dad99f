//! A catalog of some nodes, and what those that were left out mean to them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{Catalog, NodeId, NodeName};
use crate::resources::resource::Reaction;

impl Catalog {
    /// The names of those that react to `cause` and were left out, and how: it stays outstanding to them.
    pub fn outstanding_beyond(&self, cause: NodeId) -> &[(Arc<str>, Reaction)] {
        self.left_out.get(&cause).map_or(&[], Vec::as_slice)
    }

    /// What was left out and a node reacts to, and how.
    pub fn causes_beyond(&self, node: NodeId) -> &[(NodeName, Reaction)] {
        self.causes_left_out.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The hosts of all that was left out and something reacts to.
    pub fn hosts_beyond(&self) -> BTreeSet<Arc<str>> {
        let causes = self.causes_left_out.values().flatten();
        causes.map(|(cause, _)| cause.host.clone()).collect()
    }

    /// Whether what has this name was left out.
    pub fn is_left_out(&self, name: &str) -> bool {
        self.beyond.contains(name)
    }

    /// Leaves only some nodes, and what they say of each other. `stays` has one item for each node.
    pub fn retain(&mut self, stays: &[bool]) {
        let mut kept: HashMap<NodeId, NodeId> = HashMap::new();
        for (id, _) in self.nodes().filter(|(id, _)| stays[id.index()]) {
            let place = u32::try_from(kept.len()).expect("there are no more than before");
            kept.insert(id, NodeId(place));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let id = NodeId(u32::try_from(index).expect("ids were made from indices"));
            for &(cause, reaction) in &node.reactions {
                match (kept.get(&id), kept.get(&cause)) {
                    (None, Some(cause)) => {
                        let outstanding = (node.name.node.clone(), reaction);
                        self.left_out.entry(*cause).or_default().push(outstanding);
                    }
                    (Some(id), None) => {
                        let cause = (self.nodes[cause.index()].name.clone(), reaction);
                        self.causes_left_out.entry(*id).or_default().push(cause);
                    }
                    _ => {}
                }
            }
        }
        let left_out = self.nodes.iter().zip(stays).filter(|(_, stays)| !**stays);
        self.beyond.extend(left_out.map(|(node, _)| node.name.node.clone()));
        let mut next = stays.iter();
        self.nodes.retain(|_| next.next().copied().unwrap_or_default());
        self.owners.clear();
        self.again.clear();
        self.reacting.clear();
        let reactions = self.nodes.iter_mut().map(|node| std::mem::take(&mut node.reactions));
        let reactions: Vec<_> = reactions.enumerate().collect();
        for node in &mut self.nodes {
            node.after = node.after.iter().filter_map(|id| kept.get(id).copied()).collect();
        }
        for (index, reactions) in reactions {
            let node = NodeId(u32::try_from(index).expect("ids were made from indices"));
            for (cause, reaction) in reactions {
                if let Some(&cause) = kept.get(&cause) {
                    self.react(node, cause, reaction);
                }
            }
        }
    }
}
