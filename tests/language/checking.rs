//! What `converge check` finds without running anything.

use crate::{project::Project, shown};

/// The messages of all errors, with their places.
fn found(project: &Project) -> Vec<String> {
    let errors = project.check();
    let line = |it: &converge::base::diagnostic::Diagnostic| {
        format!("{} {it}", it.place().map(|place| place.to_string()).unwrap_or_default())
    };
    errors.iter().map(line).collect()
}

#[test]
fn branches_that_do_not_run_are_read_too() {
    let project = Project::on_web("role(\"nginx\");")
        .file(
            "roles/nginx/main.rhai",
            r#"import "haproxi" as missing;
import "haproxy" as lb;
if false {
    packge("nginx");
    file("/etc/motd", #{ contnet: "x" });
    file("etc/motd", #{ content: "x" });
    file("/etc/motd", #{ content: "x", mode: 0644 });
    file(`/etc/${host}`, #{ content: "x", mode: 644 });
    file(`/etc/${host}`, #{ template: "nope.j2" });
    file(`/etc/${host}`, #{ content: host.name, ownr: "root" });
    custom("database", `${host}`, #{ observe: "true", want: "1" });
    custom("database", #{ key: host.name, observe: "true", want: "1" });
    role("ngnix");
    role("api");
    role("api", #{ version: 1, prot: 2 });
    haproxy::drian(host);
    lb::nothing();
    hosts("balancers");
    "a".frobnicate();
}
fn never() {
    service("nginx", #{ enabled: "yes" });
}
"#,
        )
        .file("roles/api/main.rhai", "package(\"api\");")
        .file("roles/api/role.toml", "[parameters.version]\ntype = \"string\"\n")
        .file("roles/haproxy/lib.rhai", "fn drain(node) { }");
    insta::assert_snapshot!(found(&project).join("\n"));
}

#[test]
fn all_files_are_read_and_every_error_is_told() {
    let project = Project::new("on(hosts(\"web\"), |host| { role(\"a\" });")
        .file("roles/a/main.rhai", "package(naem);")
        .file("roles/a/role.toml", "[parameters.name]\n")
        .file("roles/b/main.rhai", "package(\"b\");")
        .file("roles/b/role.toml", "[parameters.port]\ntype = \"int\"\n")
        .file("roles/c/lib.rhai", "fn f() { d::f(); }\nfn g( { }")
        .file("roles/d/lib.rhai", "fn f() { c::f(); filee(\"/x\"); }")
        .file("roles/d/templates/x.j2", "{% if %}")
        .file("roles/d/templates/y.j2", "{{ x | nope }}");
    insta::assert_snapshot!(found(&project).join("\n"));
}

#[test]
fn good_scripts_have_no_error() {
    let project = Project::new(
        r#"
import "haproxy" as lb;
let api = hosts("api");
let nodes = api.map(|it| it.name);
fn twice(x) { x * 2 }
sequence(|| {
    on(hosts("balancer"), |host| {
        lb::drain(api[0]);
        haproxy::drain(api[1]);
        let text = nodes.reduce(|sum, it| sum + it, "");
        file("/a", #{ content: text.to_upper(), mode: "0644" });
        package(["a", "b"]).after(package("c"));
        let sizes = #{ double: |x| twice(x) };
        print(sizes.double.call(2) + type_of(nodes).len());
        role("a", #{ port: twice(4), service: package("d") });
    });
});
"#,
    )
    .file("roles/a/role.toml", "[parameters.port]\ntype = \"integer\"\n[parameters.service]\n")
    .file(
        "roles/a/main.rhai",
        "let conf = file(\"/b\", #{ template: \"b.j2\", vars: #{ p: port } });\n\
         service(`a`, #{ reload_on: [conf], restart_on: conf });\n\
         custom(\"db\", \"x\", #{ observe: \"true\", want: \"1\", apply: \"true\" });\n\
         if \"x\" in host.vars { container(\"a\", #{ image: host.vars.x }); }",
    )
    .file("roles/a/templates/b.j2", "{{ p }}{{ host.vars.anything }}")
    .file("roles/haproxy/lib.rhai", "fn drain(node) { package(`${node}`) }");
    let errors: Vec<String> = project.check().iter().map(shown).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn what_check_says_is_what_a_run_says() {
    for main in [
        "file(\"/etc/motd\", #{ content: \"x\", mode: 0644 });",
        "file(\"/etc/motd\", #{ contnet: \"x\" });",
        "custom(\"database\", #{ key: \"app\", observe: \"true\", want: \"1\" });",
        "container(\"api\", #{ image: \"api:1\", health: #{ pth: 1 } });",
        "hosts(\"nothing\");",
        "role(\"nothing\");",
        "nothing();",
    ] {
        let project = Project::role(main);
        let (run, check) = (project.error(), project.check());
        assert_eq!((run.message(), run.place()), (check[0].message(), check[0].place()), "{main}");
        assert_eq!(run.hint_text(), check[0].hint_text(), "{main}");
    }
}

#[test]
fn what_looks_like_an_escape_in_backticks_is_pointed_out() {
    let script = "file(\"/etc/cron.d/blog\", #{\n    content: `*/5 * * * * root true\\n`,\n});";
    let project = Project::role(script);
    let place = |notes: Vec<converge::evaluate::language::Note>| {
        notes
            .iter()
            .map(|note| format!("{} {}", note.place.clone().unwrap(), note.message))
            .collect::<Vec<_>>()
    };
    let told = place(project.check_notes());
    assert!(
        told[0].starts_with("roles/nginx/main.rhai:2:14 `\\n` is not an escape in backticks"),
        "{told:?}"
    );
    assert_eq!(project.notes().len(), 1, "a run tells it as well");
}
