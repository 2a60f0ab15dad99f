//! What playbooks and roles mean: each case is a project in memory and what comes of it.

use std::collections::BTreeSet;

use converge::{
    evaluate::{catalog::NodeId, language::Question},
    resources::resource::Reaction,
};

use crate::project::Project;

mod again;
mod alike;
mod asking;
mod checking;
mod footprints;
mod comparing;
mod handles;
mod names;
mod ordered;
mod roles;

#[test]
fn a_block_runs_for_each_host_of_a_pattern() {
    let nodes = |pattern: &str| {
        Project::new(&format!("on(hosts(\"{pattern}\"), |host| package(host.name));")).nodes()
    };
    assert_eq!(nodes("api"), ["api-1/package:api-1", "api-2/package:api-2"]);
    assert_eq!(nodes("web | api-2"), ["api-2/package:api-2", "web-1/package:web-1"]);
    assert_eq!(nodes("all & !api"), ["balancer-1/package:balancer-1", "web-1/package:web-1"]);
    assert_eq!(nodes("*-2"), ["api-2/package:api-2"]);
}

#[test]
fn a_second_playbook_is_as_if_it_stood_below_the_first() {
    let first = "let x = 1; on(hosts(\"api\"), |host| package(\"a\"));";
    let project = Project::new(first).and("on(hosts(\"api-1\"), |host| package([\"a\", \"b\"]));");
    assert_eq!(project.nodes(), ["api-1/package:a", "api-2/package:a", "api-1/package:b"]);
    assert_eq!(project.edges(), ["api-1/package:a -> api-1/package:b"]);
    // What each asks is asked at once; and an error in the second is one of the run.
    let asks = "on(hosts(\"api-1\"), |host| host.facts.os);";
    let project = Project::new(asks).and(&asks.replace("api-1", "api-2"));
    assert_eq!(project.questions().len(), 2);
    let unlike = Project::new(first).and("print(x);").error();
    assert_eq!(unlike.place().unwrap().to_string(), "playbooks/second.rhai:1:7");
}

#[test]
fn one_host_is_as_good_as_a_list() {
    let one = "for host in hosts(\"api\") { on(host, |it| package(it.name)); }";
    assert_eq!(Project::new(one).nodes(), ["api-1/package:api-1", "api-2/package:api-2"]);
    let none = "on(hosts(\"api\").filter(|it| it.name == \"web-1\"), |it| package(\"x\"));";
    assert_eq!(Project::new(none).nodes(), [""; 0]);
}

#[test]
fn a_block_inside_another_is_about_its_own_host() {
    let nested = "on(hosts(\"web\"), |web| {
        package(\"a\");
        on(hosts(\"api\"), |api| package(`${web}-${api}`));
        package(\"b\");
    });";
    let expected = [
        "web-1/package:a",
        "api-1/package:web-1-api-1",
        "api-2/package:web-1-api-2",
        "web-1/package:b",
    ];
    assert_eq!(Project::new(nested).nodes(), expected);
}

#[test]
fn a_host_knows_its_name_address_groups_and_variables() {
    let script = "print(host.name); print(host.address); print(host.groups); print(host.vars.port); \
                  print(host); print(`${host}`); print(host == hosts(\"web-1\")[0]); \
                  print(host != hosts(\"api-1\")[0]); print(host.vars.get(\"nope\") ?? 5);";
    let expected = ["web-1", "10.0.0.31", "[\"all\", \"web\"]", "8080", "true", "5"];
    let notes = Project::on_web(script).notes();
    assert_eq!(notes.iter().collect::<BTreeSet<_>>(), expected.map(str::to_owned).iter().collect());
}

#[test]
fn a_warning_is_told_once_for_all_hosts() {
    let script = "on(hosts(\"all\"), |host| { warn(\"old\"); print(#{ a: 1, b: [true, ()] }); });";
    assert_eq!(Project::new(script).notes(), ["old", "#{\"a\": 1, \"b\": [true, ()]}"]);
}

#[test]
fn each_host_is_told_of_once_when_the_first_thing_is_declared_on_it_errors_or_not() {
    let playbook = "on(hosts(\"api\"), |host| { package(\"a\"); package(\"b\"); });
        on(hosts(\"all\"), |host| { if host.name != \"balancer-1\" { package(\"c\"); } });
        nonsense();";
    assert_eq!(Project::new(playbook).told(), ["api-1", "api-2", "web-1"]);
}

#[test]
fn a_list_of_names_declares_each() {
    let script = "let all = package([\"curl\", \"jq\"]); service(\"app\", #{ restart_on: all });";
    let catalog = Project::on_web(script).catalog();
    let names: Vec<&str> = catalog.nodes().map(|(_, node)| &*node.name.key).collect();
    assert_eq!(names, ["curl", "jq", "app.service"]);
    let causes = [(NodeId(0), Reaction::Restart), (NodeId(1), Reaction::Restart)];
    assert_eq!(catalog.node(NodeId(2)).reactions, causes);
}

#[test]
fn package_has_an_alias_and_reserved_words_are_keys() {
    let script = "pkg(\"curl\"); package(\"jq\"); let map = #{ default: 1, package: 2, new: 3 }; \
                  print(map.default + map.package + map.new);";
    let project = Project::on_web(script);
    assert_eq!(project.nodes(), ["web-1/package:curl", "web-1/package:jq"]);
    assert_eq!(project.notes(), ["6"]);
}

#[test]
fn handles_order_across_hosts() {
    let script = "let before = (); let after = ();
        on(hosts(\"api-1\"), |host| { before = package(\"x\"); });
        on(hosts(\"web\"), |host| { after = package([\"a\", \"b\"]).after(before); });
        on(hosts(\"balancer\"), |host| { package(\"y\").before(after); });";
    let expected = [
        "api-1/package:x -> web-1/package:a",
        "api-1/package:x -> web-1/package:b",
        "balancer-1/package:y -> web-1/package:a",
        "balancer-1/package:y -> web-1/package:b",
        "web-1/package:a -> web-1/package:b",
    ];
    assert_eq!(Project::new(script).edges(), expected);
}

#[test]
fn what_is_written_first_comes_first_on_each_host_for_itself() {
    let script = "on(hosts(\"api\"), |host| { package(\"a\"); package(\"b\"); });";
    let expected = ["api-1/package:a -> api-1/package:b", "api-2/package:a -> api-2/package:b"];
    assert_eq!(Project::new(script).edges(), expected);
}

#[test]
fn a_sequence_goes_across_hosts() {
    let script = "sequence(|| {
        on(hosts(\"api\"), |host| package(\"a\"));
        on(hosts(\"web\"), |host| package(\"b\"));
    });";
    let expected = ["api-1/package:a -> api-2/package:a", "api-2/package:a -> web-1/package:b"];
    assert_eq!(Project::new(script).edges(), expected);
}

#[test]
fn reactions_name_what_they_react_to() {
    let script = "let site = file(\"/a\", #{ content: \"\" });
        let conf = file(\"/b\", #{ content: \"\" });
        service(\"nginx\", #{ reload_on: [site], restart_on: [conf, [site]] });
        action(\"reindex\", #{ run: \"true\", on: conf });";
    let catalog = Project::on_web(script).catalog();
    let (site, conf) = (NodeId(0), NodeId(1));
    let service = &catalog.node(NodeId(2)).reactions;
    assert_eq!(
        service.iter().collect::<BTreeSet<_>>(),
        [(site, Reaction::Reload), (conf, Reaction::Restart), (site, Reaction::Restart)]
            .iter()
            .collect()
    );
    assert_eq!(catalog.node(NodeId(3)).reactions, [(conf, Reaction::Run)]);
    assert_eq!(catalog.reacting_to(site).count(), 2);
}

#[test]
fn a_kind_of_ones_own_has_two_names() {
    let script =
        "custom(\"database\", \"app\", #{ observe: \"true\", want: \"1\", apply: \"true\" });";
    assert_eq!(Project::on_web(script).nodes(), ["web-1/custom:database/app"]);
}

#[test]
fn the_same_declared_twice_is_one() {
    let twice = "file(\"/a\", #{ content: \"x\" }); file(\"/a\", #{ content: `x` });";
    assert_eq!(Project::on_web(twice).nodes(), ["web-1/file:/a"]);
    let third = "let a = package(\"x\"); let b = package(\"x\"); print(a == b);";
    assert_eq!(Project::on_web(third).nodes(), ["web-1/package:x"]);
}

#[test]
fn a_block_sees_the_variables_around_it() {
    let script = "let version = \"1.2\"; let seen = [];
        on(hosts(\"api\"), |host| { file(\"/v\", #{ content: version }); seen.push(host.name); });
        print(seen);";
    let project = Project::new(script);
    assert_eq!(project.content("api-2/file:/v"), "1.2");
    assert_eq!(project.notes(), ["[\"api-1\", \"api-2\"]"]);
}

#[test]
fn a_secret_goes_into_content_unseen() {
    let project = Project::on_web("file(\"/p\", #{ content: secret(\"db\") });");
    let [Question::Secret { name, place, .. }] = &project.questions()[..] else { panic!() };
    assert_eq!((name.as_str(), place.to_string().as_str()), ("db", "playbooks/site.rhai:2:35"));
    let known = project.secret("db", "hunter2");
    assert_eq!(known.content("web-1/file:/p"), "hunter2");
    let catalog = known.catalog();
    let node = catalog.node(NodeId(0));
    assert!(node.kind.apply(&node.desired, None).contents[0].is_sensitive());
}

#[test]
fn scripts_have_no_clock_and_no_way_out() {
    for call in ["timestamp()", "open_file(\"/etc/passwd\")", "random()", "eval(\"1\")", "sleep(1)"]
    {
        Project::on_web(&format!("{call};")).error();
    }
}

#[test]
fn an_error_can_be_caught_and_a_question_cannot() {
    let caught = "try { throw \"x\" } catch (e) { print(e); }";
    assert_eq!(Project::on_web(caught).notes(), ["x"]);
    let asked = "try { secret(\"db\") } catch { }";
    assert_eq!(Project::on_web(asked).questions().len(), 1);
}
