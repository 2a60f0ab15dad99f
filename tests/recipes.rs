//! The recipes: that each block of the page is a playbook without an error.

use crate::project::Project;

/// The page that people read.
const PAGE: &str = include_str!("../docs/recipes.md");

#[test]
fn every_recipe_is_without_an_error() {
    let mut count = 0;
    for section in PAGE.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        let block = section.split("```rhai\n").nth(1).and_then(|it| it.split("```").next());
        let block = block.unwrap_or_else(|| panic!("{title} has no block"));
        let project = Project::new(block).probe(
            "web-1",
            "cat /etc/ssh/ssh_host_ed25519_key.pub",
            "ssh-ed25519 AAAA\n",
        );
        let errors = project.check();
        assert!(errors.is_empty(), "{title}: {errors:?}");
        assert!(!project.nodes().is_empty(), "{title} declares nothing");
        count += 1;
    }
    assert!(count >= 8, "{count} recipes");
}
