//! The manual: that it is what the kinds say of themselves.

use crate::project::Project;
use converge::{
    evaluate::language::Manual,
    input::{config::keys, inventory, template},
    report::errors,
    resources::{ansible, kinds, manual},
};

/// `UPDATE_EXPECT=1 cargo test` writes the pages again.
#[test]
fn the_pages_are_true() {
    for (name, book) in [
        ("kinds", manual::book()),
        ("language", Manual::of_language().book()),
        ("templates", template::manual::book()),
        ("inventory", inventory::manual::book()),
        ("configuration", keys::book()),
        ("errors", errors::book()),
    ] {
        let path = format!("{}/docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &book).unwrap();
        }
        let left = book.lines().find(|line| line.starts_with('{') && line.ends_with('}'));
        assert_eq!(left, None, "{path}: a list is missing");
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == book, "{path} is old: UPDATE_EXPECT=1 cargo test writes it again");
    }
}

#[test]
fn every_name_of_a_template_has_a_page() {
    for (name, said) in [
        ("ansible_default_ipv4", "`.gateway`"),
        ("inventory_hostname", "in the inventory"),
        ("playbook_dir", "not there"),
    ] {
        let page = template::manual::of_name(name).unwrap_or_default();
        assert!(page.contains(said), "{name}: {page}");
    }
    assert_eq!(template::manual::of_name("elephant"), None);
}

#[test]
fn every_kind_says_how_long_it_may_take() {
    for kind in kinds::KINDS {
        assert!(manual::page(*kind).contains("\n  timeout (integer"), "{}", kind.name());
    }
}

#[test]
fn every_key_of_an_inventory_has_a_meaning() {
    for name in inventory::manual::names() {
        assert!(inventory::manual::page(&name).is_some_and(|page| page.len() > 40), "{name}");
    }
    let page = inventory::manual::page("ansible_ssh_private_key_file").unwrap();
    assert!(page.contains("`identity_file`"), "{page}");
}

#[test]
fn everything_has_a_page() {
    let project = Project::new("")
        .file("roles/nginx/role.toml", "description = \"The web server\"\n[parameters.port]\ntype = \"integer\"\ndefault = 80\n")
        .file("roles/nginx/main.rhai", "")
        .file("roles/nginx/lib.rhai", "/// Whether it answers.\nfn well(node) { }\n");
    let manual = Manual::of(project.input()).unwrap();
    for name in manual.names() {
        assert!(manual.page(name).is_some_and(|page| page.len() > 20), "{name}");
    }
    for (name, said) in [
        ("on", "on(hosts, |host| { .. })\n\nRuns the block"),
        ("rolling", "max_failures"),
        ("nginx", "The web server\n\n  port (an integer, by default 80)"),
        ("nginx", "nginx::well(node)\n\nWhether it answers."),
        ("nginx::well", "Whether it answers."),
        ("os.family", "host.facts.os.family\n"),
        ("host.facts.cpus", "host.facts.cpus\n"),
        ("facts", "host.facts.memory_mib\n"),
        ("host", "host.groups\n"),
        ("groups", "the names of the groups"),
        ("apt", "package(\"name\")"),
        ("ansible.builtin.lineinfile", "line("),
    ] {
        let page = manual.page(name).unwrap_or_default();
        assert!(page.contains(said), "{name}: {page}");
    }
    assert!(manual.names().all(|name| name != "sub_string"), "what Rhai brings is in its own book");
    assert!(manual.page("elephant").is_none());
    let index = manual.index();
    for said in ["\nFunctions\n", "\nRoles\n", "nginx  The web server", "os.family", "version "] {
        assert!(index.contains(said), "{said}: {index}");
    }
}

#[test]
fn what_stands_for_a_name_of_ansible_can_be_called() {
    let language = Manual::of_language();
    let functions: Vec<&str> = language.names().collect();
    let known = |name: &str| {
        functions.contains(&name)
            || kinds::kind(name).is_some()
            || ["print", "filter", "NAME"].contains(&name)
    };
    for (names, instead) in ansible::NAMES {
        assert!(!names.iter().any(|name| kinds::kind(name).is_some()), "{names:?}");
        for (at, _) in instead.match_indices('(') {
            let name =
                instead[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            assert!(name.is_empty() || known(name), "{name} in {instead}");
        }
    }
}

#[test]
fn a_page_for_the_terminal() {
    insta::assert_snapshot!(manual::page(kinds::kind("http_check").unwrap()));
}

#[test]
fn every_argument_has_a_meaning_and_a_type() {
    for kind in kinds::KINDS {
        for line in manual::page(*kind).lines().filter(|line| line.starts_with("  ")) {
            assert!(!line.trim().is_empty() && !line.contains("(any"), "{}: {line}", kind.name());
        }
    }
    assert_eq!(manual::index().lines().count(), kinds::KINDS.len());
}
