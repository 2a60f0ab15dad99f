//! The modules of a crate, in the order of their `mod` lines, and what each uses of the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use quote::ToTokens as _;
use regex::Regex;
use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

/// Where a module is: `["plan", "graph"]`.
pub(crate) type Name = Vec<String>;

/// One module.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// Its code without tests and comments, as tokens with a space between them, and the paths that it uses.
    pub(crate) code: String,
    /// The types and traits that it defines.
    pub(crate) types: Vec<String>,
    /// Its own modules, in order.
    pub(crate) children: Vec<String>,
    /// What it names, from the root of the library on.
    paths: BTreeSet<Name>,
    /// What it gives another place: its name here, and where it is.
    given: BTreeMap<String, Name>,
}

/// All modules of a crate.
pub(crate) struct Modules {
    pub(crate) all: BTreeMap<Name, Module>,
    /// Their files, and those of tests.
    pub(crate) files: BTreeSet<PathBuf>,
}

impl Modules {
    /// Reads them from the file of the crate on.
    pub(crate) fn read(file: &Path) -> Self {
        let mut modules = Self { all: BTreeMap::new(), files: BTreeSet::new() };
        let folder = file.parent().unwrap().to_owned();
        modules.read_file(file.to_owned(), folder, Vec::new());
        modules
    }

    /// Reads one file, and those of its modules, which lie in `folder`.
    fn read_file(&mut self, file: PathBuf, folder: PathBuf, name: Name) {
        let text = fs::read_to_string(&file).unwrap();
        let items = syn::parse_file(&text).unwrap().items;
        self.files.insert(file.clone());
        let mut children = Vec::new();
        for item in &items {
            let Item::Mod(ItemMod { ident, content: None, attrs, .. }) = item else { continue };
            let child = ident.to_string();
            let below = folder.join(&child);
            // What another crate shares with this one belongs to that.
            if attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
                continue;
            }
            let single = folder.join(format!("{child}.rs"));
            let file = if single.exists() { single } else { below.join("mod.rs") };
            if attrs.iter().any(is_test) {
                self.files.insert(file);
                continue;
            }
            self.read_file(file, below, [name.clone(), vec![child.clone()]].concat());
            children.push(child);
        }
        let (paths, given) = (paths(&items, &name), given(&items, &name));
        let (code, types) = (code(&items), types(&items));
        self.all.insert(name, Module { file, code, types, children, paths, given });
    }

    /// The modules that one uses: those that define what it names.
    pub(crate) fn used_by(&self, name: &Name) -> BTreeSet<Name> {
        self.all[name].paths.iter().filter_map(|path| self.defining(path, 0)).collect()
    }

    /// The module that defines what a path names; where another one only gives it on, that which it has it from.
    fn defining(&self, path: &[String], followed: usize) -> Option<Name> {
        let length =
            (0..=path.len()).rev().find(|length| self.all.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let given = rest.first().and_then(|name| self.all[module].given.get(name));
        match given {
            Some(given) if followed < 8 => {
                self.defining(&[given, &rest[1..]].concat(), followed + 1)
            }
            _ => Some(module.to_vec()),
        }
    }
}

static COMMENTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"# ?!? ?\[doc = "(?:[^"\\]|\\.)*"\]"#).unwrap());

/// The tokens of all items that are no test; a list of uses as one path each.
fn code(items: &[Item]) -> String {
    let text = |item: &Item| match item {
        Item::Use(it) => {
            let paths = leaves(&it.tree).into_iter().map(|path| path.join("::"));
            paths.collect::<Vec<_>>().join("\n")
        }
        _ => item.to_token_stream().to_string().replace(" :: ", "::"),
    };
    let all: Vec<_> = items.iter().filter(|item| !is_for_tests(item)).map(text).collect();
    COMMENTS.replace_all(&all.join("\n"), "").into_owned()
}

/// The types and traits that the items define.
fn types(items: &[Item]) -> Vec<String> {
    let name = |item: &Item| match item {
        Item::Struct(it) => Some(it.ident.to_string()),
        Item::Enum(it) => Some(it.ident.to_string()),
        Item::Trait(it) => Some(it.ident.to_string()),
        Item::Type(it) => Some(it.ident.to_string()),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

/// What the items that are no test name.
fn paths(items: &[Item], name: &Name) -> BTreeSet<Name> {
    let mut all = BTreeSet::new();
    for item in items.iter().filter(|item| !is_for_tests(item)) {
        match item {
            Item::Use(it) if matches!(it.vis, Visibility::Inherited) => {
                all.extend(leaves(&it.tree).into_iter().filter_map(|path| absolute(path, name)));
            }
            Item::Use(_) => {}
            _ => all.extend(inline(&item.to_token_stream().to_string(), name)),
        }
    }
    all
}

/// The names that a module gives on.
fn given(items: &[Item], name: &Name) -> BTreeMap<String, Name> {
    let uses = items.iter().filter_map(|item| match item {
        Item::Use(it) if !matches!(it.vis, Visibility::Inherited) => Some(leaves(&it.tree)),
        _ => None,
    });
    let named = |path: Name| Some((path.last()?.clone(), absolute(path, name)?));
    uses.flatten().filter_map(named).collect()
}

/// The paths of a `use`.
fn leaves(tree: &UseTree) -> Vec<Name> {
    let below = |head: &syn::Ident, tree: &UseTree| {
        let head = vec![head.to_string()];
        leaves(tree).into_iter().map(|path| [head.clone(), path].concat()).collect()
    };
    match tree {
        UseTree::Path(it) => below(&it.ident, &it.tree),
        UseTree::Group(it) => it.items.iter().flat_map(leaves).collect(),
        UseTree::Name(it) if it.ident == "self" => vec![Vec::new()],
        UseTree::Name(it) => vec![vec![it.ident.to_string()]],
        UseTree::Rename(it) => vec![vec![it.ident.to_string()]],
        UseTree::Glob(_) => vec![Vec::new()],
    }
}

/// The paths in other code that begin with `crate`, `self` or `super`: macros too.
fn inline(tokens: &str, name: &Name) -> BTreeSet<Name> {
    let words: Vec<&str> = tokens.split_whitespace().collect();
    let mut all = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !["crate", "self", "super"].contains(word) || at > 0 && words[at - 1] == "::" {
            continue;
        }
        let rest = words[at..].chunks(2).take_while(|pair| pair.len() == 1 || pair[1] == "::");
        let mut path: Name = rest.map(|pair| pair[0].to_owned()).collect();
        path.extend(words.get(at + 2 * path.len()).map(|last| (*last).to_owned()));
        all.extend(absolute(path, name));
    }
    all
}

/// A path from the root of the library on, if it begins in it.
fn absolute(path: Name, module: &Name) -> Option<Name> {
    let mut from = module.clone();
    let mut rest = path.iter().peekable();
    match rest.next()?.as_str() {
        "crate" => from.clear(),
        "self" => {}
        "super" => {
            from.pop();
            while rest.next_if(|word| *word == "super").is_some() {
                from.pop();
            }
        }
        first => from.push(first.to_owned()),
    }
    from.extend(rest.cloned());
    Some(from)
}

fn is_for_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    };
    attributes.iter().any(is_test)
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]"
}
