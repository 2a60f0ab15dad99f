//! Inventories that are right: what their hosts get. Those that are wrong are in `tests/inventory.rs`.

use std::path::Path;

use super::*;

fn given(name: &str, format: Format, text: &str) -> Given {
    Given {
        source: Source::new(name, text),
        format,
        folder: "/project/inventory".into(),
        home: "/home/ops".into(),
    }
}

fn toml(text: &str) -> Inventory {
    Inventory::parse(&[given("lab.toml", Format::Toml, text)], &[]).unwrap()
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
    let lab = given("lab.toml", Format::Toml, LAB);
    let more = given("more.toml", Format::Toml, "[vars]\nversion = \"1.0.1\"\n");
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
        Inventory::parse(&[given("lab.toml", Format::Toml, &text)], &[])
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
    let error = Inventory::parse(&[given("lab.toml", Format::Toml, text)], &[]).unwrap_err();
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
    let inventory = Inventory::parse(&[given("./hosts.py", Format::Json, text)], &[]).unwrap();
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
