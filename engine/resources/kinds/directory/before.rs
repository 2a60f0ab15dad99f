//! What a directory was like before a change.

use super::{Directory, ObservedDirectory};
use crate::resources::{
    before::Before,
    entry::Entry,
    resource::{Resource as _, TreeFile},
};

impl Directory {
    /// What declares it as it was, and what its host keeps.
    pub(super) fn was(&self, observed: &ObservedDirectory) -> Vec<Before> {
        let mut before = vec![match &observed.entry {
            Entry::Missing => Before::declared("absent", [("path", self.path.as_str().into())]),
            Entry::Directory { access } => access.declared(Self::KIND, &self.path),
            _ => Before::path(&self.path),
        }];
        if observed.foreign {
            before.push(Before::lost("the owners of the content are not kept"));
        }
        for folder in &self.folders {
            let path = self.below(folder);
            match observed.below.get(folder) {
                Some(Entry::Directory { access }) => {
                    before.push(access.declared(Self::KIND, &path))
                }
                _ => before.push(Before::declared("absent", [("path", path.into())])),
            }
        }
        let differs =
            |file: &&TreeFile| !self.plan_file(file, observed.below.get(&file.path)).is_empty();
        let files = self.tree.iter().filter(differs);
        before.extend(files.map(|file| Before::file(&self.below(&file.path))));
        if !observed.extra.is_empty() {
            before.push(Before::lost("purged content is not kept"));
        }
        before
    }
}
