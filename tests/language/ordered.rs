//! Maps keep the order in which they were written, up to the file that is made of them.

use crate::project::Project;

/// What a template makes of `vars.it`, on web-1.
fn written(script: &str) -> String {
    let project = Project::on_web(&format!(
        "{script} file(\"/f\", #{{ template: \"t.j2\", vars: #{{ it: it }} }});"
    ))
    .file("playbooks/templates/t.j2", "{{ it | to_json }}")
    .file(
        "roles/lib/lib.rhai",
        "fn conf() { #{ zeta: 1, alpha: 2 } }\nfn other() { #{ listen: 1, address: 2 } }\n",
    )
    .inventory(INVENTORY);
    project.content("web-1/file:/f").replace(", ", ",").replace(": ", ":")
}

const INVENTORY: &str = "[hosts]\nweb-1 = { vars = { conf = { z = 1, b = { y = 1, x = 2 }, a = 3 }, sorted = { address = 1, listen = 2 } } }\n\
                         [groups.web]\nhosts = [\"web-1\"]\n";

#[test]
fn maps_keep_their_order() {
    for (script, expected) in [
        ("let it = #{ zeta: 1, alpha: 2 };", r#"{"zeta":1,"alpha":2}"#),
        (
            "let it = #{ z: #{ b: 1, a: [#{ y: 1, x: 2 }] }, a: 1 };",
            r#"{"z":{"b":1,"a":[{"y":1,"x":2}]},"a":1}"#,
        ),
        ("let it = lib::conf();", r#"{"zeta":1,"alpha":2}"#),
        (
            "let it = #{ listen: 1, port: 2, a: 3 }; it.tls = 4; it.b = 5;",
            r#"{"listen":1,"port":2,"a":3,"b":5,"tls":4}"#,
        ),
        ("let it = #{ z: 1, y: 2 } + #{ b: 3, a: 4, y: 5 };", r#"{"z":1,"y":5,"b":3,"a":4}"#),
        ("let it = #{ z: 1, y: 2 }; it += #{ b: 3, a: 4 };", r#"{"z":1,"y":2,"b":3,"a":4}"#),
        ("let it = #{ z: 1, y: 2 }; it.mixin(#{ b: 3, a: 4 });", r#"{"z":1,"y":2,"b":3,"a":4}"#),
        ("let it = #{ z: 1, y: 2 }; it.fill_with(#{ y: 3, a: 4 });", r#"{"z":1,"y":2,"a":4}"#),
        ("let it = #{ z: 1, m: 3, y: 2 }; it.remove(\"m\");", r#"{"z":1,"y":2}"#),
        ("let it = host.vars.conf;", r#"{"z":1,"b":{"y":1,"x":2},"a":3}"#),
        ("let same = lib::other(); let it = host.vars.sorted;", r#"{"address":1,"listen":2}"#),
        (
            "let it = ordered([[\"z\", 1], [\"b\", #{ d: 1, c: 2 }], [\"a\", 3]]);",
            r#"{"z":1,"b":{"d":1,"c":2},"a":3}"#,
        ),
        ("let it = ordered(#{ z: 1, a: 2 });", r#"{"z":1,"a":2}"#),
        (
            "let it = ordered([]); for n in [3, 1, 2] { it += ordered([[`k${n}`, n]]); }",
            r#"{"k3":3,"k1":1,"k2":2}"#,
        ),
        (
            "let it = parse_json(`{\"z\": 1, \"a\": {\"y\": 1, \"b\": 2}}`);",
            r#"{"z":1,"a":{"y":1,"b":2}}"#,
        ),
        ("let it = #{ z: 1, a: 2 }.keys();", r#"["z","a"]"#),
        ("let it = #{ z: 1, a: 2 }.values();", "[1,2]"),
        ("let map = #{ z: 1, a: 2 }; let it = to_json(map);", r#""{\"z\":1,\"a\":2}""#),
        ("let map = #{ z: 1, a: 2 }; let show = || map; let it = show.call();", r#"{"z":1,"a":2}"#),
        // Two with the same keys: each is itself, where it is an argument.
        ("let first = #{ z: 1, a: 2 }; let it = ordered(#{ a: 1, z: 2 });", r#"{"a":1,"z":2}"#),
        (
            "let x = to_json(#{ z: 1, a: 2 }); let it = x + to_json(#{ a: 1, z: 2 });",
            r#""{\"z\":1,\"a\":2}{\"a\":1,\"z\":2}""#,
        ),
    ] {
        assert_eq!(written(script), expected, "{script}");
    }
}

#[test]
fn parameters_keep_their_order() {
    let project = Project::on_web("role(\"app\", #{ given: #{ z: 1, a: 2 } });")
        .file(
            "roles/app/role.toml",
            "[parameters.given]\n[parameters.default]\ndefault = { y = 1, b = 2 }\n",
        )
        .file(
            "roles/app/main.rhai",
            "file(\"/f\", #{ template: \"t.j2\", vars: #{ again: [given, default] } });",
        )
        .file(
            "roles/app/templates/t.j2",
            "{{ given | to_json }}{{ default | to_json }}{{ again | to_json }}",
        );
    let expected = r#"{"z":1,"a":2}{"y":1,"b":2}[{"z":1,"a":2},{"y":1,"b":2}]"#;
    let written = project.content("web-1/file:/f").replace(", ", ",").replace(": ", ":");
    assert_eq!(written, expected);
}
