//! Errors in playbooks, roles and templates, as people see them.

use crate::{project::Project, shown};

fn role(main: &str) -> String {
    shown(&Project::role(main).error())
}

fn playbook(text: &str) -> String {
    shown(&Project::new(text).error())
}

/// A role with parameters, called with these.
fn parameters(call: &str) -> String {
    let project =
        Project::on_web(call).file("roles/nginx/main.rhai", "package(\"nginx\");\n").file(
            "roles/nginx/role.toml",
            r#"
description = "The web server"

[parameters.site]
type = "string"
description = "the name it answers to"

[parameters.workers]
type = "integer"
default = 2

[parameters.log]
choices = ["none", "short", "long"]
default = "short"

[parameters.balancers]
type = "hosts"
default = []
"#,
        );
    shown(&project.error())
}

fn role_toml(text: &str) -> String {
    shown(&Project::role("package(\"nginx\");\n").file("roles/nginx/role.toml", text).error())
}

fn template(text: &str) -> String {
    let project = Project::role("file(\"/etc/site\", #{ template: \"site.j2\" });\n")
        .file("roles/nginx/templates/site.j2", text)
        .file("roles/nginx/role.toml", "[parameters.server_port]\ndefault = 80\n");
    shown(&project.error())
}

macro_rules! snapshots {
    ($($name:ident: $shown:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!($shown);
        }
    )*};
}

// Arguments of kinds.
snapshots! {
    an_unknown_argument: role("package(\"nginx\");\nfile(\"/etc/motd\", #{\n    contnet: \"hello\",\n});\n");
    an_argument_that_is_like_none: role("file(\"/etc/motd\", #{ content: \"x\", elephant: 1 });");
    a_mode_that_is_a_number: role("file(\"/etc/motd\", #{ content: \"x\", mode: 0644 });");
    a_number_in_quotes: role("container(\"api\", #{ image: \"api:1\", stop_timeout: \"10\" });");
    a_number_out_of_range: role("port_check(99999);");
    a_boolean_in_quotes: role("service(\"nginx\", #{ enabled: \"yes\" });");
    a_text_that_is_a_number: role("let size = 5;\nfile(\"/etc/motd\", #{ content: size });");
    a_nested_argument: role("container(\"api\", #{ image: \"api:1\", health: #{ port: 80, pth: \"/\" } });");
    a_nested_value: role("container(\"api\", #{\n    image: \"api:1\",\n    health: #{\n        port: \"http\",\n    },\n});");
    a_missing_argument: role("custom(\"database\", #{ key: \"app\", observe: \"true\", want: \"1\" });");
    a_value_that_is_none_of_the_choices: role("http_check(\"http://127.0.0.1/\", #{ method: \"HEDA\" });");
    a_function_as_a_value: role("file(\"/etc/motd\", #{ content: || \"x\" });");
    a_path_that_is_not_absolute: role("file(\"etc/motd\", #{ content: \"x\" });");
    two_contents: role("file(\"/etc/motd\", #{ content: \"x\", source: \"motd\" });");
    no_content: role("file(\"/etc/motd\");");
    a_call_without_a_map: role("file(\"/etc/motd\", \"hello\");");
    a_reaction_to_a_text: role("service(\"nginx\", #{ reload_on: [\"nginx.conf\"] });");
    an_order_after_a_text: role("package(\"nginx\").after(\"apt\");");
    a_missing_template: role("file(\"/etc/site\", #{ template: \"stie.j2\" });");
    a_secret_where_none_may_be: shown(&Project::role(
        "file(\"/etc/motd\", #{ content: \"x\", owner: secret(\"db\") });"
    ).secret("db", "hunter2").error());
    a_secret_in_a_text: shown(&Project::role(
        "file(\"/etc/app\", #{\n    content: `password=${secret(\"db\")}`,\n});"
    ).secret("db", "hunter2").error());
    a_secret_added_to_a_text: shown(&Project::role(
        "let line = \"password=\" + secret(\"db\");\nfile(\"/etc/app\", #{ content: line });"
    ).secret("db", "hunter2").error());
}

#[test]
fn a_template_with_a_slip_in_its_name() {
    let project = Project::role("file(\"/etc/site\", #{ template: \"stie.j2\" });")
        .file("roles/nginx/templates/site.j2", "")
        .file("roles/nginx/templates/nginx.conf.j2", "");
    insta::assert_snapshot!(shown(&project.error()));
}

#[test]
fn a_source_that_leaves_the_role() {
    let project = Project::role("file(\"/etc/site\", #{ source: \"../../secrets\" });");
    insta::assert_snapshot!(shown(&project.error()));
}

// Names.
snapshots! {
    an_unknown_kind: role("packge(\"nginx\");");
    an_unknown_function: role("elephant(1);");
    an_unknown_variable: role("let port = 80;\nfile(\"/etc/port\", #{ content: `${prot}` });");
    a_variable_outside_of_a_function: role("fn conf() {\n    file(\"/etc/host\", #{ content: host.name });\n}\nconf();");
    an_unknown_variable_of_the_host: role("file(\"/etc/port\", #{ content: `${host.vars.prot}` });");
    a_variable_that_nobody_set: role("file(\"/etc/port\", #{ content: host.vars.region });");
    an_unknown_property_of_a_host: role("file(\"/etc/port\", #{ content: host.adress });");
    an_unknown_fact: shown(&Project::role("if host.facts.os.idd == \"debian\" {}").facts("web-1", "debian").error());
    an_unknown_key_of_a_map: role("let cfg = #{ port: 1 };\nprint(cfg.prot);");
    a_host_where_there_is_none: playbook("file(\"/etc/motd\", #{ content: host.name });");
    an_unknown_library: playbook("import \"haproxi\" as lb;");
    an_unknown_library_by_name: playbook("on(hosts(\"web\"), |host| haproxi::drain(host));");
}

#[test]
fn an_unknown_function_of_a_library() {
    let project = Project::on_web("haproxy::drian(host);")
        .file("roles/haproxy/lib.rhai", "fn drain(node) { }\nfn ready(node) { }\n");
    insta::assert_snapshot!(shown(&project.error()));
}

#[test]
fn a_function_of_a_library_with_too_much() {
    let project = Project::on_web("haproxy::drain(host, 5);")
        .file("roles/haproxy/lib.rhai", "fn drain(node) { }\n");
    insta::assert_snapshot!(shown(&project.error()));
}

/// The hints for what people bring from elsewhere, each with what they wrote.
fn hints(texts: &[&str]) -> String {
    let hint = |text: &&str| {
        let Err(error) = Project::role(text).try_notes() else {
            return format!("{text}\n  no error\n");
        };
        format!("{text}\n  {error}: {}\n", error.hint_text().unwrap_or("(no hint)"))
    };
    texts.iter().map(hint).collect()
}

#[test]
fn what_people_bring_from_elsewhere_has_a_hint() {
    insta::assert_snapshot!(hints(&[
        "cron(\"x\");",
        "mount(\"/mnt\");",
        "git(\"x\");",
        "stat(\"/x\");",
        "template(\"x.j2\");",
        "set_fact(1);",
        "copy(\"/x\");",
        "apt(\"x\");",
        "lineinfile(\"/x\");",
        "systemd(\"x\");",
        "nginx(#{});",
        "fil(\"/x\");",
        "\"x\".upper();",
        "\"x\".startswith(\"y\");",
        "[1].append(2);",
        "[1].length();",
        "print(str(1));",
        "fn port() { 80 }\nprot();",
        "fn conf() { host.name }\nconf();",
        "let a = 1;\nfn f() { a }\nf();",
        "let x = None;",
        "let x = True;",
        "let x = null;",
        "let x = undefined;",
        "if true and false { }",
        "if true or false { }",
        "if not true { }",
        "if true { } elif false { }",
        "def f() { }",
        "function f() { }",
        "let f = () => 1;",
        "let f = lambda x: x;",
        "var x = 1;",
        "if 1 === 1 { }",
        "if 1 !== 2 { }",
        "x := 1;",
        "let x = 'it is';",
        "let x = f\"port\";",
        "for x in [1]: print(x);",
        "when(true);",
        "let x = inventory_hostname;",
        "let x = `a \\` b`;",
        "debug(\"x\");",
        "notify(\"x\");",
        "parse_itn(\"1\");",
    ]));
}

// Hosts.
snapshots! {
    an_unknown_pattern: playbook("on(hosts(\"balancers\"), |host| package(\"haproxy\"));");
    a_pattern_that_means_no_host: playbook("on(hosts(\"api & web\"), |host| package(\"haproxy\"));");
    a_pattern_that_cannot_be_read: playbook("let all = hosts(\"api &\");");
a_batch_of_nobody: playbook(r#"rolling(hosts("web"), #{ batch: 0 }, |host| file("/f", #{ content: "" }));"#);
    a_batch_that_is_no_number: playbook(r#"rolling(hosts("web"), #{ batch: [1, "half"] }, |host| file("/f", #{ content: "" }));"#);
    a_limit_of_failures_below_zero: playbook(r#"rolling(hosts("web"), #{ max_failures: -1 }, |host| file("/f", #{ content: "" }));"#);
    an_option_that_rolling_does_not_have: playbook(r#"rolling(hosts("web"), #{ max_failure: 1 }, |host| file("/f", #{ content: "" }));"#);
    a_rolling_without_hosts: playbook(r#"rolling("web", |host| file("/f", #{ content: "" }));"#);
    an_around_of_two_parts: playbook(r#"around(|| (), || ());"#);
        hosts_that_are_a_text: playbook("on(\"web\", |host| package(\"nginx\"));");
    a_block_without_a_host: playbook("on(hosts(\"web\"), || package(\"nginx\"));");
    a_declaration_outside_of_a_block: playbook("package(\"nginx\");");
    a_role_outside_of_a_block: playbook("role(\"nginx\");");
    a_call_with_the_wrong_types: playbook("on(hosts(1), |host| package(\"nginx\"));");
}

// Roles.
snapshots! {
    an_unknown_role: shown(&Project::on_web("role(\"ngnix\");").file("roles/nginx/main.rhai", "").error());
    a_role_that_is_only_a_library: shown(&Project::on_web("role(\"haproxy\");").file("roles/haproxy/lib.rhai", "").error());
    a_missing_parameter: parameters("role(\"nginx\");");
    an_unknown_parameter: parameters("role(\"nginx\", #{ site: \"x\", wrokers: 2 });");
    a_mistyped_parameter: parameters("role(\"nginx\", #{ site: \"x\", workers: \"many\" });");
    a_parameter_that_is_none_of_the_choices: parameters("role(\"nginx\", #{ site: \"x\", log: \"shrot\" });");
    a_parameter_that_is_no_host: parameters("role(\"nginx\", #{ site: \"x\", balancers: \"balancer\" });");
    a_role_in_a_circle: shown(
        &Project::on_web("role(\"a\");")
            .file("roles/a/main.rhai", "role(\"b\");\n")
            .file("roles/b/main.rhai", "package(\"b\");\nrole(\"a\");\n")
            .error()
    );
    an_error_deep_in_roles: shown(
        &Project::on_web("role(\"a\");")
            .file("roles/a/main.rhai", "fn both(name) {\n    lib::conf(name);\n}\nboth(\"x\");\n")
            .file("roles/lib/lib.rhai", "fn conf(name) {\n    file(name, #{ content: \"\" });\n}\n")
            .error()
    );
    role_toml_that_is_no_toml: role_toml("[parameters\n");
    an_unknown_key_of_role_toml: role_toml("[parameters.port]\ntpye = \"integer\"\n");
    an_unknown_type: role_toml("[parameters.port]\ntype = \"int\"\n");
    a_default_of_another_type: role_toml("[parameters.port]\ntype = \"integer\"\ndefault = \"80\"\n");
    a_default_that_is_none_of_the_choices: role_toml("[parameters.log]\nchoices = [\"a\", \"b\"]\ndefault = \"c\"\n");
    a_parameter_that_scripts_cannot_say: role_toml("[parameters.listen-port]\ndefault = 80\n");
    a_parameter_called_host: role_toml("[parameters.host]\ntype = \"string\"\n");
}

// What scripts do.
snapshots! {
    an_assertion: role("let workers = 0;\nassert(workers > 0, \"nginx needs a worker\");");
    a_failure: role("if host.name == \"web-1\" {\n    fail(`${host} is not ready`);\n}");
    a_thrown_text: role("throw \"no way\";");
    a_comparison_of_types: role("if 1 { package(\"nginx\"); }");
    a_division_by_zero: role("let x = 1 / 0;");
    an_index_out_of_range: role("let first = [][0];");
    an_endless_loop: role("let n = 0;\nloop { n += 1; }");
    a_function_without_an_end: role("fn f(n) { f(n + 1) }\nf(0);");
    a_text_without_a_bound: role("let text = \"0123456789\";\nloop { text += text; }");
    a_missing_semicolon: role("package(\"nginx\")\nservice(\"nginx\");\n");
    a_string_without_an_end: role("package(\"nginx);\n");
    a_block_without_an_end: playbook("on(hosts(\"web\"), |host| {\n    package(\"nginx\");\n");
    a_word_that_is_reserved: role("let x = null;");
    an_assignment_in_a_condition: role("let x = 1;\nif x = 2 { }\n");
    a_parameter_that_is_changed: shown(
        &Project::role("port = 81;").file("roles/nginx/role.toml", "[parameters.port]\ndefault = 80\n").error()
    );
    a_sleep: role("sleep(1);");
    an_eval: role("eval(\"1\");");
    a_timestamp: role("let now = timestamp();");
    an_exit: role("exit();");
    a_file_that_is_imported: role("import \"../../etc/passwd\" as x;");
}

// Order.
snapshots! {
    two_that_differ: playbook(
        "on(hosts(\"web\"), |host| {\n    file(\"/etc/motd\", #{ content: \"a\" });\n});\n\
         on(hosts(\"web-1\"), |host| {\n    file(\"/etc/motd\", #{ content: \"b\" });\n});\n"
    );
    two_kinds_of_one_path: role("file(\"/etc/motd\", #{ content: \"a\" });\nabsent(\"/etc/motd\");");
    a_circle_across_hosts: playbook(
        "let one = ();\nlet two = ();\n\
         on(hosts(\"api-1\"), |host| { one = file(\"/one\", #{ content: \"\" }); });\n\
         on(hosts(\"api-2\"), |host| { two = file(\"/two\", #{ content: \"\" }).after(one); });\n\
         one.after(two);\n"
    );
    a_resource_after_itself: role("let a = package(\"nginx\");\na.after(a);");
}

// Templates.
snapshots! {
    an_unknown_name_in_a_template: template("listen {{ server_prot }};\n");
    a_template_that_is_cut_off: template("{% if server_port %}\nlisten;\n");
    a_fact_that_a_template_mistypes: shown(
        &Project::role("file(\"/etc/os\", #{ template: \"os.j2\" });")
            .file("roles/nginx/templates/os.j2", "{{ host.facts.os.idd }}\n")
            .facts("web-1", "debian")
            .error()
    );
}

#[test]
fn a_playbook_that_is_not_there() {
    let missing = Project::new("").without_playbook().file("playbooks/sites.rhai", "");
    insta::assert_snapshot!(shown(&missing.error()));
}
