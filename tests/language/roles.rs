//! Roles: parameters, libraries, templates, and what they give back.

use crate::project::Project;

const PARAMETERS: &str = r#"
[parameters.port]
type = "integer"
description = "where it listens"
default = 80

[parameters.log]
choices = ["short", "long"]
default = "short"
"#;

#[test]
fn parameters_have_defaults_and_are_constants() {
    let role = |call: &str| {
        Project::on_web(call)
            .file("roles/nginx/role.toml", PARAMETERS)
            .file("roles/nginx/main.rhai", "print(`${port} ${log} ${params.port} ${host.name}`);")
            .notes()
    };
    assert_eq!(role("role(\"nginx\");"), ["8080 short 8080 web-1"]);
    assert_eq!(role("on(hosts(\"api-1\"), |it| role(\"nginx\"));"), ["80 short 80 api-1"]);
    assert_eq!(role("role(\"nginx\", #{ port: 81, log: \"long\" });"), ["81 long 81 web-1"]);
    assert_eq!(role("role(\"nginx\", #{ port: host.vars.port });"), ["8080 short 8080 web-1"]);
}

#[test]
fn every_type_takes_what_it_is_for() {
    let types = [
        ("string", "\"x\""),
        ("secret", "secret(\"db\")"),
        ("integer", "1"),
        ("float", "1.5"),
        ("float", "1"),
        ("boolean", "true"),
        ("list", "[1]"),
        ("map", "#{ a: 1 }"),
        ("hosts", "hosts(\"api\")"),
        ("hosts", "host"),
        ("any", "()"),
    ];
    for (r#type, value) in types {
        let project = Project::on_web(&format!("role(\"nginx\", #{{ it: {value} }});"))
            .file("roles/nginx/role.toml", &format!("[parameters.it]\ntype = \"{type}\"\n"))
            .file("roles/nginx/main.rhai", "let x = it; package(\"nginx\");")
            .secret("db", "x");
        assert_eq!(project.nodes(), ["web-1/package:nginx"], "{type}");
    }
}

#[test]
fn a_role_gives_back_its_last_value_or_what_it_returns() {
    let value = |main: &str| {
        let project = Project::on_web("print(role(\"nginx\"));");
        project.file("roles/nginx/main.rhai", main).notes()
    };
    assert_eq!(value("package(\"nginx\"); 5"), ["5"]);
    assert_eq!(value("if true { return 6; } 5"), ["6"]);
}

#[test]
fn a_handle_of_a_role_can_be_waited_for() {
    let project = Project::on_web("let it = role(\"nginx\"); service(\"x\", #{ restart_on: it });")
        .file("roles/nginx/main.rhai", "package(\"nginx\")");
    assert_eq!(project.edges(), ["web-1/package:nginx -> web-1/service:x.service"]);
}

#[test]
fn roles_call_roles_and_declarations_know_the_way() {
    let project = Project::on_web("role(\"a\");")
        .file("roles/a/main.rhai", "role(\"b\"); package(\"a\");")
        .file("roles/b/main.rhai", "package(\"b\");");
    let catalog = project.catalog();
    let chains: Vec<Vec<String>> = catalog
        .nodes()
        .map(|(_, node)| {
            let frames = node.declared.chain.iter();
            frames.map(|frame| format!("{} {}", frame.what, frame.place)).collect()
        })
        .collect();
    let a = "role a playbooks/site.rhai:2:5";
    assert_eq!(chains, [vec!["role b roles/a/main.rhai:1:1", a], vec![a]]);
}

#[test]
fn a_role_may_run_twice_with_other_parameters() {
    let project = Project::on_web("role(\"a\", #{ name: \"x\" }); role(\"a\", #{ name: \"y\" });")
        .file("roles/a/role.toml", "[parameters.name]\ntype = \"string\"\n")
        .file("roles/a/main.rhai", "package(name);");
    assert_eq!(project.nodes(), ["web-1/package:x", "web-1/package:y"]);
}

#[test]
fn a_library_is_called_by_its_role_or_by_another_name() {
    let library = "fn drain(node) { package(`drain-${node}`) }\nexport const PORT = 9999;";
    let calls = [
        "on(hosts(\"balancer\"), |host| haproxy::drain(hosts(\"api-1\")[0]));",
        "import \"haproxy\" as lb; on(hosts(\"balancer\"), |host| lb::drain(\"api-1\"));",
    ];
    for call in calls {
        let project = Project::new(call).file("roles/haproxy/lib.rhai", library);
        assert_eq!(project.nodes(), ["balancer-1/package:drain-api-1"], "{call}");
    }
    let constant = Project::on_web("print(haproxy::PORT);").file("roles/haproxy/lib.rhai", library);
    assert_eq!(constant.notes(), ["9999"]);
}

#[test]
fn a_library_uses_another_one_whatever_their_names() {
    let project = Project::on_web("a::both();")
        .file("roles/a/lib.rhai", "fn both() { z::one(); import \"z\" as it; it::one(); }")
        .file("roles/z/lib.rhai", "fn one() { package(\"z\"); }");
    assert_eq!(project.nodes(), ["web-1/package:z"]);
}

#[test]
fn a_function_of_a_library_has_the_templates_of_its_role() {
    let project = Project::on_web("role(\"api\");")
        .file("roles/api/main.rhai", "haproxy::conf(5);")
        .file("roles/api/templates/a.j2", "of api")
        .file(
            "roles/haproxy/lib.rhai",
            "fn conf(n) { file(\"/a\", #{ template: \"a.j2\", vars: #{ n: n } }); }",
        )
        .file("roles/haproxy/templates/a.j2", "of haproxy: {{ n }}");
    assert_eq!(project.content("web-1/file:/a"), "of haproxy: 5");
}

#[test]
fn a_template_sees_parameters_the_host_and_the_variables_of_the_call() {
    let project = Project::on_web("role(\"nginx\", #{ peers: hosts(\"api\") });")
        .file("roles/nginx/role.toml", "[parameters.peers]\ntype = \"hosts\"\n")
        .file(
            "roles/nginx/main.rhai",
            "file(\"/a\", #{ template: \"a.j2\", vars: #{ more: \"x\" } });",
        )
        .file(
            "roles/nginx/templates/a.j2",
            "{{ host.name }} {{ host.vars.port }} {{ more }}\n\
             {% for peer in peers %}\n{{ peer.address }}{{ peer.vars.api_version }}\n{% endfor %}\n",
        );
    let expected = "web-1 8080 x\n10.0.0.111.2\n10.0.0.121.2\n";
    assert_eq!(project.content("web-1/file:/a"), expected);
}

#[test]
fn files_come_from_the_folder_of_the_role() {
    let project = Project::role(
        "file(\"/a\", #{ source: \"motd\" }); directory(\"/d\", #{ source: \"tree\" });",
    )
    .file("roles/nginx/files/motd", "hello")
    .file("roles/nginx/files/tree/a/b", "deep");
    assert_eq!(project.content("web-1/file:/a"), "hello");
    assert_eq!(project.content("web-1/directory:/d"), "deep");
}

#[test]
fn a_playbook_has_files_of_its_own() {
    let project = Project::on_web("file(\"/a\", #{ template: \"a.j2\" });")
        .file("playbooks/templates/a.j2", "{{ host.name }}");
    assert_eq!(project.content("web-1/file:/a"), "web-1");
}

#[test]
fn what_is_fetched_before_a_release_is_the_image_that_the_role_wants() {
    let role = |playbook: &str| {
        Project::new(playbook)
            .file("roles/api/role.toml", include_str!("../../roles/api/role.toml"))
            .file("roles/api/lib.rhai", include_str!("../../roles/api/lib.rhai"))
            .file("roles/api/main.rhai", include_str!("../../roles/api/main.rhai"))
    };
    let images = |release: &str| {
        let playbook = format!(
            "let release = {release};
            on(hosts(\"api-1\"), |host| api::fetch(release));
            on(hosts(\"api-1\"), |host| role(\"api\", release));"
        );
        let mut nodes = role(&playbook).nodes();
        assert!(nodes.contains(&"api-1/container:api".to_owned()), "{nodes:?}");
        nodes.retain(|node| node.contains("/image:"));
        nodes
    };
    let tagged = "#{ image: \"r:5000/api\", version: \"2\" }";
    assert_eq!(images(tagged), ["api-1/image:r:5000/api:2"]);
    let digest = format!("sha256:{}", "0a".repeat(32));
    let pinned = format!("#{{ image: \"r:5000/api\", version: \"2\", digest: \"{digest}\" }}");
    assert_eq!(images(&pinned), [format!("api-1/image:r:5000/api:2@{digest}")]);

    let bad = pinned.replace("0a0a", "0a");
    let refused = role(&format!("on(hosts(\"api-1\"), |host| role(\"api\", {bad}));")).error();
    assert!(refused.message().contains("is not an image digest"), "{refused:?}");
}

/// Where a role listens, by what is said of it.
fn listens(call: &str, assigned: &[&str]) -> Result<Vec<String>, String> {
    const INVENTORY: &str = r#"
[hosts]
web-1 = { vars = { host_port = 9000, both = 9001 } }
api-1 = {}

[groups.web]
hosts = ["web-1"]
vars = { group_port = 81, both = 82, wrong = "many", nodes = "all" }
"#;
    let toml = "group_port host_port both free wrong"
        .split(' ')
        .map(|name| format!("[parameters.{name}]\ntype = \"integer\"\ndefault = 80\n"));
    let toml: String = toml.collect();
    let other = "[parameters.text]\ntype = \"string\"\ndefault = \"x\"\n\
                 [parameters.nodes]\ntype = \"hosts\"\ndefault = []\n";
    let project = Project::new(&format!("on(hosts(\"all\"), |host| {{ {call} }});"))
        .inventory(INVENTORY)
        .file("roles/app/role.toml", &toml.replace("[parameters.wrong]", "[parameters.right]"))
        .file(
            "roles/app/main.rhai",
            "print(`${host}: ${group_port} ${host_port} ${both} ${free}`);",
        )
        .file("roles/typed/role.toml", &format!("{toml}{other}"))
        .file("roles/typed/main.rhai", "print(text + nodes.len());")
        .file("roles/needs/role.toml", "[parameters.group_port]\n[parameters.free]\n")
        .file("roles/needs/main.rhai", "print(group_port + free);");
    let project = assigned.iter().fold(project, |project, it| project.assign(it));
    project.try_notes().map_err(|error| crate::shown(&error))
}

#[test]
fn the_inventory_and_the_command_line_say_what_a_call_does_not() {
    let app = |call: &str, assigned: &[&str]| listens(call, assigned).unwrap();
    assert_eq!(app("role(\"app\")", &[]), ["web-1: 81 9000 9001 80", "api-1: 80 80 80 80"]);
    assert_eq!(
        app("role(\"app\")", &["both=99", "free=7"]),
        ["web-1: 81 9000 99 7", "api-1: 80 80 99 7"]
    );
    // What a call gives was decided by whoever wrote the playbook.
    assert_eq!(
        app("role(\"app\", #{ host_port: 1, both: 2 })", &["both=99"]),
        [
            "web-1: 81 1 2 80",
            "api-1: 80 1 2 80",
            "no script reads the variable `both` that -e sets: role app is given its `both` by the call",
        ]
    );
    let web = "if host.name == \"web-1\" { role(\"needs\") }";
    assert_eq!(app(web, &["free=1"]), ["82"]);
    assert!(listens(web, &[]).unwrap_err().contains("role needs needs the parameter `free`"));
    // A text that looks like a number is one where a text is wanted; hosts come from scripts only.
    let web = "if host.name == \"web-1\" { role(\"typed\", #{ wrong: 1 }) }";
    assert_eq!(app(web, &["text=12"]), ["120"]);
}

#[test]
fn a_variable_that_does_not_fit_a_parameter_is_shown_where_it_was_written() {
    let web = "if host.name == \"web-1\" { role(\"typed\") }";
    insta::assert_snapshot!(listens(web, &[]).unwrap_err());
    insta::assert_snapshot!(listens("role(\"app\")", &["free=many"]).unwrap_err());
}

#[test]
fn a_variable_of_the_command_line_that_nobody_reads_is_told() {
    let told = |script: &str, assigned: &str| {
        let project = Project::on_web(script)
            .file("roles/nginx/role.toml", PARAMETERS)
            .file("roles/nginx/main.rhai", "file(\"/f\", #{ template: \"t.j2\" });")
            .file("roles/nginx/templates/t.j2", "{{ host.vars.region | default('none') }}");
        project.assign(assigned).notes()
    };
    let nginx = "role(\"nginx\");";
    assert_eq!(told(nginx, "port=81"), [""; 0]);
    assert_eq!(told(nginx, "region=eu"), [""; 0]);
    assert_eq!(told("let x = host.vars.port;", "port=81"), [""; 0]);
    assert_eq!(told("let x = host.vars.len();", "anything=81"), [""; 0]);
    assert_eq!(
        told(nginx, "prot=81"),
        ["no script reads the variable `prot` that -e sets: did you mean `port`?"]
    );
    assert_eq!(told(nginx, "nginx_x=81"), ["no script reads the variable `nginx_x` that -e sets"]);
}

#[test]
fn the_command_line_is_heard_on_this_machine_too() {
    let playbook = "on(hosts(\"localhost\"), |host| print(host.vars.x));";
    assert_eq!(Project::new(playbook).assign("x=5").notes(), ["5"]);
}

#[test]
fn a_role_is_called_by_a_name_and_never_by_a_path() {
    for (name, path) in [
        ("../out", "roles/../out"),
        ("/out", "roles//out"),
        ("nginx/../../out", "roles/nginx/../../out"),
        ("nginx/", "roles/nginx/"),
        ("", "roles/"),
        (".", "roles/."),
        ("..", "roles/.."),
        ("a\\x00b", "roles/a\0b"),
    ] {
        let project = Project::on_web(&format!("role(\"{name}\");"))
            .file(&format!("{path}/main.rhai"), "print(\"run\");");
        let error = project.error();
        assert_eq!(error.kind(), "role::name", "{name}: {error}");
        assert_eq!(error.place().unwrap().to_string(), "playbooks/site.rhai:2:10", "{name}");
        assert_eq!(project.check()[0].kind(), "role::name", "{name}");
    }
}
