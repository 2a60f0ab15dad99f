//! What hosts say of resources of each kind.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use indexmap::IndexMap;
use serde::Deserialize;

use super::first_line;
use crate::{
    base::{content::Content, diagnostic::Place, value::Value},
    evaluate::catalog::{BlockId, Catalog, Declaration, NodeId},
    plan::probe::{Probe, Queries},
    resources::{
        kind::{self, Desired, Kind},
        kinds,
        resource::{ArgumentError, Files, Nature, SourceTree},
    },
};

/// A resource that the tests of its kind declare, and a catalog of it and one more of its kind.
struct Case {
    /// `KIND/NAME`.
    name: String,
    kind: &'static dyn Kind,
    desired: Desired,
    catalog: Catalog,
    nodes: Vec<NodeId>,
}

/// What such a case is made of.
#[derive(Deserialize)]
struct Written {
    desired: Value,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resources");
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the cases are there");
        let mut paths: Vec<_> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
        paths.sort();
        paths
    };
    below(&folder).iter().flat_map(|folder| below(folder)).filter_map(|it| case(&it)).collect()
});

fn case(path: &Path) -> Option<Case> {
    let written: Written = toml::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let kind = kinds::kind(path.parent()?.file_name()?.to_str()?)?;
    let declare = || kind.declare(written.desired.clone(), &Folder(&written.files)).ok();
    let (mut catalog, host) = (Catalog::new(), Arc::from("web-1"));
    let mut nodes = Vec::new();
    for part in ["one", "other"] {
        let declared = declare()?;
        // Both are asked for in one section.
        let resource =
            kind::DesiredResource { owns: format!("{} {part}", declared.owns), ..declared };
        let place = Place { file: "site.rhai".into(), line: 1, column: 1 };
        let at = Declaration { place, chain: [].into() };
        nodes.push(catalog.declare(&host, kind, resource, at, BlockId::default()).ok()?);
    }
    let name = format!("{}/{}", kind.name(), path.file_stem()?.to_str()?);
    Some(Case { name, kind, desired: declare()?.desired, catalog, nodes })
}

/// A role's folder.
struct Folder<'a>(&'a BTreeMap<String, String>);

impl Folder<'_> {
    fn text(&self, path: &str) -> Result<&[u8], ArgumentError> {
        let missing = || ArgumentError::new("", "there is no such file");
        self.0.get(path).map(String::as_bytes).ok_or_else(missing)
    }
}

impl Files for Folder<'_> {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        self.text(&format!("files/{name}")).map(<[u8]>::to_vec)
    }

    fn template(&self, name: &str, _: IndexMap<String, Value>) -> Result<Content, ArgumentError> {
        self.text(&format!("templates/{name}")).map(Content::new)
    }

    fn tree(&self, _: &str) -> Result<SourceTree, ArgumentError> {
        Ok(SourceTree::default())
    }
}

/// The first line names a case, or picks one. What follows is what a host says of it: alone, of two of its kind, and in the
/// frames around all that is asked of a host.
pub(super) fn run(bytes: &[u8]) {
    const BOUNDARY: &str = "B";
    let (which, said) = first_line(bytes);
    let any = which.bytes().map(usize::from).sum::<usize>() % CASES.len();
    let case = CASES.iter().find(|case| case.name == which).unwrap_or(&CASES[any]);
    let (kind, desired) = (case.kind, &case.desired);
    let observed = kind.assess(&[desired], &said);
    let is_silent = said.trim().is_empty();
    if let Ok(observed) = &observed {
        assert_eq!(observed.len(), 1);
        let as_declared = observed[0] == Ok(None);
        assert!(!as_declared || !is_silent || !is_looked_at(kind), "{}: of nothing", case.name);
    }
    let both = kind.assess(&[desired, desired], &said);
    assert!(both.is_err() || both.is_ok_and(|both| both.len() == 2));

    let probe = Probe::new(&case.catalog, &case.nodes, BOUNDARY, &Queries::default());
    let (output, errors) = said.split_once("\u{1e}").unwrap_or((&said, &said));
    let heard = probe.read(&case.catalog, output, errors);
    assert_eq!(heard.nodes.len(), case.nodes.len());
    // Without the line that ends a part, nothing is known of it.
    let ends = output.contains(&format!("\n{BOUNDARY} "));
    for (_, observed) in &heard.nodes {
        assert!(ends || !matches!(observed, Ok(None)), "{}: of no answer", case.name);
    }
}

/// Whether it has a state that a host tells.
fn is_looked_at(kind: &dyn Kind) -> bool {
    kind.nature() == Nature::State
}
