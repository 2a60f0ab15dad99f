//! What calls give back: resources, one or all of a block, that others can come after or react to.

use converge::{evaluate::catalog::NodeId, resources::resource::Reaction};

use crate::project::Project;

/// Who comes after whom when `block` stands after what two hosts declared.
fn edges(block: &str) -> Vec<String> {
    let project = Project::new(&format!(
        "let first = on(hosts(\"api\"), |host| {{ package(\"a\"); package(\"b\"); }});\n{block}"
    ));
    let all = project.edges();
    all.into_iter().filter(|edge| edge.contains("web-1") || edge.contains("balancer-1")).collect()
}

#[test]
fn a_block_can_be_waited_for() {
    let after = "file(\"/x\", #{ content: \"\" }).after(first)";
    let expected = ["a", "b"].map(|name| {
        ["api-1", "api-2"].map(|host| format!("{host}/package:{name} -> web-1/file:/x"))
    });
    let mut expected: Vec<String> = expected.into_iter().flatten().collect();
    expected.sort();
    assert_eq!(edges(&format!("on(hosts(\"web\"), |host| {after});")), expected);
    let before = "on(hosts(\"web\"), |host| file(\"/x\", #{ content: \"\" })).after(first);";
    assert_eq!(edges(before), expected);
    let list = "on(hosts(\"web\"), |host| file(\"/x\", #{ content: \"\" }).after([first]));";
    assert_eq!(edges(list), expected);
    let other_way = "first.before(on(hosts(\"web\"), |host| file(\"/x\", #{ content: \"\" })));";
    assert_eq!(edges(other_way), expected);
}

#[test]
fn all_that_hold_declarations_give_them() {
    let file = "file(\"/x\", #{ content: \"\" })";
    let holders = [
        format!("sequence(|| {file})"),
        format!("on(host, |it| {file})"),
        format!("rolling(host, |it| {file})"),
        format!("around(|| (), || {file}, || ())"),
        "role(\"app\")".to_owned(),
    ];
    for holder in holders {
        let script = format!(
            "let all = {holder}; print(all.len()); service(\"x\", #{{ restart_on: all }});"
        );
        let project = Project::on_web(&script).file("roles/app/main.rhai", &format!("{file};"));
        let catalog = project.catalog();
        let reaction = (NodeId(1), Reaction::Restart);
        assert!(catalog.reacting_to(NodeId(0)).eq([reaction]), "{holder}");
        assert_eq!(project.notes(), ["1"], "{holder}");
    }
}

#[test]
fn what_was_declared_before_belongs_to_a_block_as_well() {
    let script = "package(\"a\"); let all = sequence(|| package([\"a\", \"b\"])); print(all.len()); \
                  let none = sequence(|| ()); print(none.len()); print(all); \
                  on(hosts(\"api-1\"), |it| package(\"c\").after(all));";
    let project = Project::on_web(script);
    assert_eq!(project.notes(), ["2", "0", "(resources)"]);
    let across: Vec<_> = project.edges().into_iter().filter(|it| it.contains("api-1")).collect();
    assert_eq!(
        across,
        ["web-1/package:a -> api-1/package:c", "web-1/package:b -> api-1/package:c"]
    );
}

#[test]
fn very_large_blocks_are_ordered_by_their_ends() {
    let block = |name: &str| {
        format!("on(hosts(\"all\"), |host| for n in range(0, 10) {{ package(`{name}${{n}}`) }})")
    };
    let project = Project::new(&format!("{}.after({});", block("late"), block("early")));
    let edges = project.edges();
    let across =
        |edge: &&String| edge.matches("api-1").count() == 1 && edge.matches("web-1").count() == 1;
    let across: Vec<_> = edges.iter().filter(across).collect();
    assert_eq!(
        across,
        [
            "api-1/package:early9 -> web-1/package:late0",
            "web-1/package:early9 -> api-1/package:late0",
        ]
    );
}
