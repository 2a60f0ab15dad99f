//! Inventories that are right: what their hosts get. Those that are wrong are in `tests/inventory.rs`.

use std::path::Path;

use super::*;

fn given(name: &str, format: InventoryFormat, text: &str) -> Given {
    Given {
        source: Source::new(name, text),
        format,
        folder: "/project/inventory".into(),
        home: "/home/ops".into(),
    }
}

fn toml(text: &str) -> Inventory {
    Inventory::parse(&[given("lab.toml", InventoryFormat::Toml, text)], &[]).unwrap()
}

fn chain(variable: &Variable) -> Vec<String> {
    let place = |origin: &Origin| match &origin.place {
        Some(place) => place.to_string(),
        None => "-".to_owned(),
    };
    let origins = variable.chain.iter();
    origins.map(|o| format!("{} {} {:?}", o.level, place(o), o.value)).collect()
}

const LAB: &str = r#"
[connection]
user = "ops"
become = "sudo"
identity_file = "../.lab/key"
known_hosts = "~/known_hosts"

[vars]
version = "1.0.0"

[hosts]
api-1 = { address = "10.77.0.11" }
web-1 = { user = "root", become = "none", port = 2222, vars = { x = { y = [1] } } }
"db-[01:03]" = {}

[groups.api]
hosts = ["api-1"]
vars = { version = "1.1.0", api_port = 8080 }

[groups.service]
children = ["api", "database"]
vars = { version = "0.9.0" }

[groups.database]
hosts = ["db-[01:03]"]
connection = { jump = ["ops@bastion:22"] }
"#;

#[test]
fn who_runs_converge_may_bring_another_key_and_other_host_keys() {
    let reached = |key: Option<&str>, known_hosts: Option<&str>| {
        let [key, known_hosts] = [key, known_hosts].map(|path| path.map(PathBuf::from));
        let host = toml(LAB).reached_with(key, known_hosts).hosts["api-1"].clone();
        let Connection { identity_file, known_hosts, .. } = host.connection.clone();
        [identity_file, known_hosts].map(|path| path.unwrap().display().to_string())
    };
    assert_eq!(reached(None, None), ["/project/.lab/key", "/home/ops/known_hosts"]);
    assert_eq!(reached(Some("/run/key"), None), ["/run/key", "/home/ops/known_hosts"]);
    assert_eq!(reached(None, Some("/run/known")), ["/project/.lab/key", "/run/known"]);
}

#[test]
fn each_host_gets_its_groups_address_and_connection() {
    let inventory = toml(LAB);
    let names: Vec<_> = inventory.hosts.keys().map(|name| &**name).collect();
    assert_eq!(names, ["api-1", "web-1", "db-01", "db-02", "db-03"]);
    let groups: Vec<_> = inventory.groups.keys().map(|name| &**name).collect();
    assert_eq!(groups, ["all", "api", "service", "database"]);
    assert_eq!(inventory.groups["service"].hosts.len(), 4);

    let api = &inventory.hosts["api-1"];
    assert_eq!(api.address, "10.77.0.11");
    assert_eq!(api.groups, ["all".into(), "service".into(), "api".into()]);
    assert_eq!(api.connection.user.as_deref(), Some("ops"));
    assert_eq!(api.connection.r#become, Become::Sudo);
    assert_eq!(api.connection.identity_file.as_deref(), Some(Path::new("/project/.lab/key")));
    assert_eq!(api.connection.known_hosts.as_deref(), Some(Path::new("/home/ops/known_hosts")));

    let web = &inventory.hosts["web-1"];
    assert_eq!(web.address, "web-1");
    assert_eq!((web.connection.r#become, web.connection.port), (Become::None, Some(2222)));
    assert_eq!(web.connection.user.as_deref(), Some("root"));
    assert_eq!(inventory.hosts["db-02"].connection.jump, ["ops@bastion:22"]);
}

#[test]
fn a_chain_goes_from_the_weakest_level_to_the_command_line() {
    let file = Source::new("vars.toml", "version = \"2.0.0\"\n");
    let mut assignments = Assignment::file(&file).unwrap();
    assignments.push(Assignment::parse("version=3.0.0").unwrap());
    let lab = given("lab.toml", InventoryFormat::Toml, LAB);
    let more = given("more.toml", InventoryFormat::Toml, "[vars]\nversion = \"1.0.1\"\n");
    let inventory = Inventory::parse(&[lab, more], &assignments).unwrap();
    let version = &inventory.hosts["api-1"].vars["version"];
    assert_eq!(version.value, "3.0.0".into());
    assert_eq!(
        chain(version),
        [
            "group all lab.toml:9:11 Text(\"1.0.0\")",
            "group all more.toml:2:11 Text(\"1.0.1\")",
            "group service lab.toml:22:20 Text(\"0.9.0\")",
            "group api lab.toml:18:20 Text(\"1.1.0\")",
            "command line vars.toml:1:11 Text(\"2.0.0\")",
            "command line - Text(\"3.0.0\")",
        ]
    );
    let x = &inventory.hosts["web-1"].vars["x"];
    assert_eq!(chain(x).len(), 1);
    assert_eq!(x.chain[0].level, "host web-1");
}

#[test]
fn groups_side_by_side_may_agree_and_a_host_or_a_child_decides_between_them() {
    let groups = |extra: &str, host: &str| {
        let text = format!(
            "[hosts]\nh = {{ {host} }}\n[groups]\na = {{ hosts = [\"h\"], vars = {{ v = 1 }} }}\n\
             b = {{ hosts = [\"h\"], vars = {{ v = 2 }}{extra} }}\n"
        );
        Inventory::parse(&[given("lab.toml", InventoryFormat::Toml, &text)], &[])
            .map(|inventory| inventory.hosts["h"].vars["v"].value.clone())
    };
    assert_eq!(groups("", "").unwrap_err().kind(), "inventory::conflict");
    assert_eq!(groups("", "vars = { v = 3 }").unwrap(), Value::Int(3));
    assert_eq!(groups(", children = [\"a\"]", "").unwrap(), Value::Int(1));
    let same = "[hosts]\nh = {}\n[groups]\na = { hosts = [\"h\"], vars = { v = 1 } }\nb = { hosts = [\"h\"], vars = { v = 1 } }";
    assert_eq!(toml(same).hosts["h"].vars["v"].value, Value::Int(1));
}

#[test]
fn two_side_by_side_cannot_be_told_apart_by_a_third_below_one_of_them() {
    let text = r#"
        [hosts]
        h = {}
        [groups]
        a = { children = ["c"], vars = { v = 1 } }
        b = { hosts = ["h"], vars = { v = 2 } }
        c = { hosts = ["h"], vars = { v = 3 } }
    "#;
    let error =
        Inventory::parse(&[given("lab.toml", InventoryFormat::Toml, text)], &[]).unwrap_err();
    assert!(error.message().contains("`b` and `c`"), "{error}");
}

#[test]
fn the_inventory_of_a_program_is_read_as_ansible_reads_it() {
    let text = r#"{
        "_meta": { "hostvars": {
            "web1.example": { "ansible_host": "10.0.0.1", "ansible_user": "root", "ansible_port": 2222, "x": 1 },
            "alone": { "ansible_connection": "local" } } },
        "all": { "vars": { "v": 1 }, "children": ["ungrouped", "prod"] },
        "prod": { "children": ["web"], "vars": { "v": 2 } },
        "web": { "hosts": ["web1.example", "web2"], "vars": {} },
        "old": ["web2"]
    }"#;
    let inventory =
        Inventory::parse(&[given("./hosts.py", InventoryFormat::Json, text)], &[]).unwrap();
    let web = &inventory.hosts["web1.example"];
    assert_eq!(web.address, "10.0.0.1");
    assert_eq!((web.connection.user.as_deref(), web.connection.port), (Some("root"), Some(2222)));
    assert_eq!(web.groups, ["all".into(), "prod".into(), "web".into()]);
    assert_eq!(chain(&web.vars["x"]), ["host web1.example ./hosts.py:3:110 Int(1)"]);
    assert_eq!(chain(&web.vars["v"])[1], "group prod ./hosts.py:6:55 Int(2)");
    assert!(!web.vars.contains_key("ansible_user"));
    assert_eq!(inventory.hosts["alone"].connection.transport, Transport::Local);
    assert_eq!(inventory.hosts["web2"].groups.len(), 4);
}

#[test]
fn without_an_inventory_there_is_this_machine() {
    let set = Assignment::parse("x=1").unwrap();
    let inventory = Inventory::implied(&[set]);
    let host = &inventory.hosts["localhost"];
    assert_eq!(host.connection.transport, Transport::Local);
    assert_eq!(host.groups, ["all".into()]);
    assert_eq!(host.vars["x"].value, Value::Int(1));
}

#[test]
fn thousands_of_hosts_are_read() {
    let text = "[hosts]\n\"web-[0001:5000]\" = {}\n[groups.web]\nhosts = [\"web-[0001:5000]\"]\n";
    let inventory = toml(text);
    assert_eq!(inventory.groups["web"].hosts.len(), 5000);
    let all: Vec<_> = inventory.hosts.keys().map(|name| &**name).collect();
    assert_eq!(inventory.select(&all.join(",")).unwrap().len(), 5000);
}

fn ansible(format: InventoryFormat, text: &str) -> Inventory {
    Inventory::parse(&[given("hosts", format, text)], &[]).unwrap()
}

fn kind(format: InventoryFormat, text: &str) -> &'static str {
    Inventory::parse(&[given("hosts", format, text)], &[]).unwrap_err().kind()
}

/// Hosts with their groups, as `ansible-inventory --list` has them.
fn members(inventory: &Inventory) -> Vec<String> {
    let groups = inventory.groups.values().skip(1);
    groups.map(|group| format!("{}: {}", group.name, group.hosts.join(" "))).collect()
}

#[test]
fn ini_is_read_as_ansible_reads_it() {
    let text = r#"
# first
lone ansible_host=10.0.0.9
[web]
w[01:05:2] ansible_port=2222 n=1 s="1" t='"1"' f=1.10 b=True y=yes l=[1,2] ; no=comment
web-a ansible_ssh_host=10.0.0.1 ansible_ssh_user=ops # comment
[2001:db8::1]:2201 ansible_user=root
[db]
db-[a:c]:23
web-a zone=east
[db:vars]
quoted="1"
plain=1 # c
text = some words here
ansible_become=yes
ansible_become_method=su
[site:children]
web
db
[site:vars]
ansible_ssh_common_args=-o ProxyCommand="ssh -W %h:%p -q bastion"
d={'a': 1, 'b': [True, None]}
"#;
    let text = text.replace(" ; no=comment", "");
    let inventory = ansible(InventoryFormat::Ini, &text);
    // What ansible-core 2.19 makes of it.
    assert_eq!(
        members(&inventory),
        [
            "web: w01 w03 w05 web-a 2001:db8::1",
            "db: web-a db-a db-b db-c",
            "site: w01 w03 w05 web-a 2001:db8::1 db-a db-b db-c",
            "ungrouped: lone",
        ]
    );
    let value = |host: &str, name: &str| inventory.hosts[host].vars[name].value.clone();
    assert_eq!(
        (value("w01", "n"), value("w01", "s"), value("w01", "t")),
        (Value::Int(1), Value::Int(1), "1".into())
    );
    assert_eq!(
        (value("w03", "f"), value("w03", "b"), value("w03", "y")),
        (Value::Float(1.1), Value::Bool(true), "yes".into())
    );
    assert_eq!(
        (value("db-a", "quoted"), value("db-a", "plain"), value("db-a", "text")),
        ("1".into(), Value::Int(1), "some words here".into())
    );
    assert_eq!(value("w05", "l"), Value::List(vec![Value::Int(1), Value::Int(2)]));
    let connection = |host: &str| inventory.hosts[host].connection.clone();
    assert_eq!(
        (connection("w01").port, connection("db-b").port, connection("2001:db8::1").port),
        (Some(2222), Some(23), Some(2201))
    );
    assert_eq!(
        (connection("db-a").r#become, connection("w01").r#become),
        (Become::Su, Become::None)
    );
    assert_eq!(connection("w01").ssh_options, ["ProxyCommand=ssh -W %h:%p -q bastion"]);
    assert_eq!(
        (&*inventory.hosts["web-a"].address, connection("web-a").user.as_deref()),
        ("10.0.0.1", Some("ops"))
    );
    assert_eq!(inventory.hosts["lone"].address, "10.0.0.9");
}

#[test]
fn yaml_is_read_as_ansible_reads_it() {
    let text = "all:\n  vars: {v: 1}\n  hosts:\n    solo:\n  children:\n    web:\n      hosts:\n        w[1:2]: {x: on}\n\
                \x20       w1: {y: 0755}\n      vars:\n        s: \"1\"\n    nested:\n      children:\n        web:\n        empty:\n";
    let inventory = ansible(InventoryFormat::Yaml, text);
    let expected = ["web: w1 w2", "nested: w1 w2", "empty: ", "ungrouped: solo"];
    let mut members = members(&inventory);
    members.sort();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(members, expected);
    let value = |host: &str, name: &str| inventory.hosts[host].vars[name].value.clone();
    assert_eq!(
        (value("w1", "x"), value("w1", "y"), value("w2", "s")),
        (Value::Bool(true), Value::Int(0o755), "1".into())
    );
    assert_eq!(chain(&inventory.hosts["w2"].vars["v"]), ["group all hosts:2:13 Int(1)"]);
}

#[test]
fn texts_for_numbers_and_all_names_of_a_connection_are_taken() {
    let host = |vars: &str| {
        let text = format!("{{\"g\": [\"h\"], \"_meta\": {{\"hostvars\": {{\"h\": {vars}}}}}}}");
        Inventory::parse(&[given("hosts.py", InventoryFormat::Json, &text)], &[])
    };
    let connection = |vars: &str| host(vars).unwrap().hosts["h"].connection.clone();
    assert_eq!(connection(r#"{"ansible_port": "22"}"#).port, Some(22));
    assert_eq!(connection(r#"{"ansible_ssh_port": 23}"#).port, Some(23));
    assert_eq!(connection(r#"{"ansible_become": true}"#).r#become, Become::Sudo);
    assert_eq!(
        connection(r#"{"ansible_become": "yes", "ansible_become_method": "doas"}"#).r#become,
        Become::Doas
    );
    assert_eq!(connection(r#"{"ansible_become": false}"#).r#become, Become::None);
    assert_eq!(connection(r#"{"ansible_su": "1"}"#).r#become, Become::Su);
    assert_eq!(connection(r#"{"ansible_connection": "smart"}"#).transport, Transport::Ssh);
    assert_eq!(
        connection(r#"{"ansible_host_key_checking": "False"}"#).ssh_options,
        ["StrictHostKeyChecking no"]
    );
    assert_eq!(
        connection(r#"{"ansible_ssh_extra_args": "-J a,b -p 9"}"#).ssh_options,
        ["ProxyJump a,b", "Port 9"]
    );
    let kind = |vars: &str| host(vars).unwrap_err().kind();
    assert_eq!(kind(r#"{"ansible_connection": "docker"}"#), "inventory::wrong-type");
    assert_eq!(kind(r#"{"ansible_port": "x"}"#), "inventory::wrong-type");
    assert_eq!(
        kind(r#"{"ansible_become": true, "ansible_become_user": "ann"}"#),
        "inventory::wrong-type"
    );
    assert_eq!(
        kind(r#"{"ansible_become": true, "ansible_become_method": "runas"}"#),
        "inventory::wrong-type"
    );
    assert_eq!(kind(r#"{"ansible_ssh_common_args": "-F other"}"#), "inventory::ssh-arguments");
    assert_eq!(kind(r#"{"ansible_user": "{{ me }}"}"#), "inventory::template");
    let told =
        |vars: &str| host(vars).unwrap().warnings.iter().map(Diagnostic::kind).collect::<Vec<_>>();
    assert_eq!(
        told(r#"{"ansible_password": "x", "ansible_odd": 1, "a": "{{ b }}"}"#),
        ["inventory::password", "inventory::unknown-variable", "inventory::template"]
    );
    assert!(
        told(r#"{"ansible_python_interpreter": "/usr/bin/python3", "ansible_pipelining": true}"#)
            .is_empty()
    );
    assert!(
        !host(r#"{"ansible_password": "x"}"#).unwrap().hosts["h"]
            .vars
            .contains_key("ansible_password")
    );
}

#[test]
fn odd_names_are_taken_with_a_word() {
    let text = r#"{"aws:autoscaling:groupName_x": ["a b"], "web": ["a b"]}"#;
    let inventory = ansible(InventoryFormat::Json, text);
    assert_eq!(inventory.warnings.len(), 1);
    for pattern in
        ["aws:autoscaling:groupName_x", "a b", "web & 'aws:autoscaling:groupName_x'", "\"a b\""]
    {
        assert_eq!(inventory.select(pattern).unwrap().len(), 1, "{pattern}");
    }
    assert_eq!(kind(InventoryFormat::Json, "{\"a\\u001b\": [\"x\"]}"), "inventory::invalid-name");
}

#[test]
fn errors_in_ini_and_yaml_are_told() {
    for text in [
        "[web:var]\nx=1\n",
        "[nobody:vars]\nx=1\n",
        "[web]\nw1 x\n",
        "[web]\nw1 x=\"1\n",
        "[web:vars]\nx\n[web]\n",
    ] {
        assert_eq!(kind(InventoryFormat::Ini, text), "inventory::syntax", "{text}");
    }
    assert_eq!(kind(InventoryFormat::Ini, "[web]\nw[1:]\n"), "inventory::range");
    assert_eq!(kind(InventoryFormat::Yaml, "web: [1\n"), "inventory::syntax");
    assert_eq!(kind(InventoryFormat::Yaml, "- web\n"), "inventory::wrong-type");
}

#[test]
fn addresses_of_ipv6_and_ports_are_names_and_addresses() {
    let inventory = toml(
        "[hosts]\n\"2001:db8::1\" = {}\na = { address = \"[2001:db8::2]:2201\" }\nb = { address = \"10.0.0.1:23\", port = 24 }\n\"x[a:c:2]\" = {}\n",
    );
    let seen =
        |name: &str| (inventory.hosts[name].address.clone(), inventory.hosts[name].connection.port);
    assert_eq!(seen("2001:db8::1"), ("2001:db8::1".to_owned(), None));
    assert_eq!(seen("a"), ("2001:db8::2".to_owned(), Some(2201)));
    assert_eq!(seen("b"), ("10.0.0.1".to_owned(), Some(24)));
    assert_eq!(seen("xc"), ("xc".to_owned(), None));
    assert_eq!(inventory.select("2001:db8::1").unwrap().len(), 1);
}

#[test]
fn an_empty_group_is_a_list_of_no_hosts_and_two_names_for_one_host_are_told() {
    let inventory = toml(
        "[hosts]\nm1 = { address = \"10.0.0.1\" }\nm2 = { address = \"10.0.0.1\" }\n[groups.cache]\nhosts = []\n",
    );
    assert!(inventory.select("cache").unwrap().is_empty());
    assert_eq!(inventory.select("cahce").unwrap_err().kind(), "inventory::unknown-name");
    assert_eq!(inventory.select("all & cache").unwrap_err().kind(), "inventory::no-host");
    assert!(inventory.warnings[0].message().starts_with("m1 and m2 are the same host"));
    let inventory = toml(
        "[hosts]\nm1 = { address = \"db\", ssh_config = \"one\" }\nm2 = { address = \"db\", ssh_config = \"other\" }\n",
    );
    assert!(inventory.warnings.is_empty(), "each file says for itself which host is meant");
}
