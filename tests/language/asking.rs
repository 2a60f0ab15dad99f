//! What is not known yet is asked for, of all hosts at once.

use converge::{base::value::Value, evaluate::language::Question};

use crate::project::Project;

fn facts(host: &str) -> Question {
    Question::Facts(host.into())
}

fn probe(host: &str, command: &str) -> Question {
    Question::Probe { host: host.into(), command: command.to_owned() }
}

#[test]
fn all_hosts_of_a_block_are_asked_at_once() {
    let script =
        "on(hosts(\"api\"), |host| { if host.facts.os.id == \"debian\" { package(\"x\"); } });";
    assert_eq!(Project::new(script).questions(), [facts("api-1"), facts("api-2")]);
    let known = Project::new(script).facts("api-1", "debian").facts("api-2", "alpine");
    assert_eq!(known.nodes(), ["api-1/package:x"]);
}

#[test]
fn later_blocks_are_asked_too() {
    let script = "on(hosts(\"api-1\"), |host| { host.facts; });
                  on(hosts(\"web\"), |host| { probe(\"id\"); });";
    assert_eq!(Project::new(script).questions(), [facts("api-1"), probe("web-1", "id")]);
}

#[test]
fn what_follows_from_an_open_question_is_no_error() {
    let script = "let ids = [];
        on(hosts(\"web\"), |host| ids.push(probe(\"id\").stdout));
        if ids[0] == \"root\" { on(hosts(\"web\"), |host| package(\"sudo\")); }";
    assert_eq!(Project::new(script).questions(), [probe("web-1", "id")]);
    assert_eq!(Project::new(script).probe("web-1", "id", "root").nodes(), ["web-1/package:sudo"]);
    assert_eq!(Project::new(script).probe("web-1", "id", "ops").nodes(), [""; 0]);
}

#[test]
fn a_probe_gives_code_and_output() {
    let script = "let it = probe(\"uname\"); print(`${it.code} ${it.stdout}${it.stderr}`);";
    assert_eq!(Project::on_web(script).probe("web-1", "uname", "Linux").notes(), ["0 Linux"]);
}

#[test]
fn a_probe_that_failed_is_told_where_nothing_looks_at_its_code() {
    let failed = |script: &str| {
        let mut project = Project::on_web(script).probe("web-1", "cat /x", "");
        let asked = (std::sync::Arc::from("web-1"), "cat /x".to_owned());
        if let Some(Value::Map(parts)) = project.known.probes.get_mut(&asked) {
            parts.insert("code".to_owned(), Value::Int(1));
            parts.insert("stderr".to_owned(), "cat: /x: No such file\n".into());
        }
        project.notes()
    };
    let told = "probe(`cat /x`) on web-1 ended with exit status 1: cat: /x: No such file; \
                the script does not check its `code`";
    assert_eq!(failed("let it = probe(\"cat /x\"); it.stdout;"), [told]);
    assert_eq!(failed("let it = probe(\"cat /x\"); if it.code == 0 { it.stdout; }"), [""; 0]);
}

#[test]
fn a_probe_in_a_role_asks_the_host_of_the_role() {
    assert_eq!(Project::role("probe(\"id\");").questions(), [probe("web-1", "id")]);
}

#[test]
fn facts_that_only_a_template_reads_are_asked_for() {
    let project = Project::role("file(\"/os\", #{ template: \"os.j2\" });")
        .file("roles/nginx/templates/os.j2", "{{ host.facts.os.id }} on {{ host.name }}");
    assert_eq!(project.questions(), [facts("web-1")]);
    assert_eq!(project.facts("web-1", "debian").content("web-1/file:/os"), "debian on web-1");
}

#[test]
fn a_silent_host_gets_what_it_needs_no_answer_for() {
    let script = "on(hosts(\"api\"), |host| { package(\"a\"); host.facts; package(\"b\"); });";
    let mut project = Project::new(script).facts("api-2", "debian");
    project.known.silent.insert("api-1".into());
    assert_eq!(project.nodes(), ["api-1/package:a", "api-2/package:a", "api-2/package:b"]);
}

#[test]
fn a_silent_host_does_not_fail_for_a_template() {
    let mut project = Project::role("file(\"/os\", #{ template: \"os.j2\" });")
        .file("roles/nginx/templates/os.j2", "{{ host.facts.os.id }}");
    project.known.silent.insert("web-1".into());
    assert_eq!(project.nodes(), [""; 0]);
}
