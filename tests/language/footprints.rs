//! What resources of one host own together: what contradicts is an error before any host is asked, what agrees is none.

use std::fmt::Write as _;

use crate::{project::Project, shown};

/// A role that brings a tree.
fn project(block: &str) -> Project {
    Project::role(block)
        .file("roles/nginx/files/tree/a.conf", "a = 1\n")
        .file("roles/nginx/files/tree/sub/b.conf", "b = 2\n")
        .file("roles/nginx/files/inner/b.conf", "b = 3\n")
        .file("roles/nginx/templates/port.j2", "Port {{ host.vars.port | default(1) }}\n")
}

/// What contradicts, line by line.
const CONTRADICTIONS: &str = r##"
file("/f", #{ content: "PermitRootLogin yes\n" }); line("/f", #{ match: "^PermitRootLogin ", line: "PermitRootLogin no" });
line("/f", #{ line: "b" }); file("/f", #{ content: "a\n" });
file("/f", #{ content: "a\nb\n" }); line("/f", #{ line: "b", absent: true });
file("/f", #{ template: "port.j2" }); line("/f", #{ match: "^Port", line: "Port 22" });
line("/f", #{ match: "^Port", line: "Port 22" }); line("/f", #{ line: "Port 80" });
line("/f", #{ match: "^Port", line: "Port 22" }); line("/f", #{ match: "^Por", absent: true });
line("/f", #{ line: "x" }); absent("/f");
absent("/d", #{ recursive: true }); file("/d/e/f", #{ content: "" });
directory("/d/e"); absent("/d");
file("/d", #{ content: "" }); file("/d/f", #{ content: "" });
line("/d", #{ line: "x" }); directory("/d/e");
directory("/d", #{ owner: "ada", recurse: true }); file("/d/f", #{ content: "", owner: "root" });
directory("/d", #{ group: "adm", recurse: true }); directory("/d/e", #{ group: "staff" });
directory("/d", #{ owner: "ada", recurse: true }); directory("/d/e", #{ owner: "bob", recurse: true });
directory("/d", #{ source: "tree" }); file("/d/sub/b.conf", #{ content: "other\n" });
directory("/d", #{ source: "tree" }); link("/d/sub", #{ to: "/e" });
directory("/d", #{ source: "tree", purge: true }); absent("/d/a.conf");
directory("/d", #{ source: "tree" }); line("/d/a.conf", #{ match: "^a", line: "a = 2" });
directory("/d", #{ source: "tree" }); file("/d/a.conf/x", #{ content: "" });
directory("/d", #{ source: "tree", mode: "0755" }); directory("/d/sub", #{ mode: "0700" });
directory("/d", #{ source: "tree" }); directory("/d/sub", #{ source: "inner" });
directory("/d/e/f"); link("/d/e", #{ to: "/x" });
link("/d", #{ to: "/e" }); file("/d/f", #{ content: "a" }); file("/e/f", #{ content: "b" });
link("/d", #{ to: "e/../g" }); line("/d", #{ line: "x" }); file("/g", #{ content: "a\n" });
file("/var/run/x", #{ content: "a" }); file("/run/x", #{ content: "b" });
package("figlet"); package("figlet:amd64", #{ absent: true });
package("figlet", #{ version: "1" }); package("figlet:amd64", #{ version: "2" });
user("ada", #{ absent: true }); file("/f", #{ content: "", owner: "ada" });
user("ada", #{ groups: ["ops"], append: false }); group("ops", #{ absent: true });
user("ada", #{ uid: 7 }); user("bob", #{ uid: 7 });
group("a", #{ gid: 7 }); group("b", #{ gid: 7 });
service("x", #{ masked: true }); unit("x.service", #{ content: "[Unit]\n" });
unit("x.service", #{ absent: true }); service("x", #{ masked: true });
link("/etc/systemd/system/x.service", #{ to: "/dev/null" }); service("x");
image("docker.io/library/nginx:latest", #{ absent: true }); container("app", #{ image: "nginx" });
absent("/data"); container("app", #{ image: "a:1", volumes: ["/data/app:/data"] });
command("make", #{ creates: "/out/done" }); absent("/out", #{ recursive: true });
command("clean", #{ removes: "/old" }); file("/old", #{ content: "" });
file("/etc/apt/sources.list.d/a.sources", #{ content: "x" }); line("/etc/apt/sources.list.d/a.sources", #{ line: "y" });
repository("a", #{ uris: ["http://a"], suites: ["./"] }); line("/etc/apt/sources.list.d/a.sources", #{ match: "^URIs:", line: "URIs: http://b" });
unit("x.service", #{ content: "[Unit]\n" }); line("/etc/systemd/system/x.service", #{ match: "^.Unit.", line: "[Unit] " });
around(|| command("drain", #{ creates: "/out" }), || absent("/out"), || service("x"));
"##;

/// What overlaps and agrees.
const AGREEMENTS: &str = r##"
file("/f", #{ content: "Port 22\n" }); line("/f", #{ match: "^Port ", line: "Port 22" });
file("/f", #{ content: "x\n" }); line("/f", #{ match: "^#x", absent: true });
file("/f", #{ content: "x\n", replace: false }); line("/f", #{ line: "y" });
line("/f", #{ line: "a" }); line("/f", #{ line: "b" }); line("/f", #{ match: "^#?c", line: "c" });
line("/f", #{ line: "x", absent: true }); absent("/f");
absent("/d"); absent("/d/f");
absent("/d/e"); directory("/d"); file("/d/ef", #{ content: "" });
directory("/d", #{ owner: "ada", recurse: true }); file("/d/f", #{ content: "" }); directory("/d/e", #{ owner: "ada" });
directory("/d", #{ owner: "root", recurse: true }); file("/d/f", #{ content: "", owner: "0", group: "adm" });
directory("/d", #{ source: "tree", purge: true }); file("/d/extra.conf", #{ content: "x\n" }); directory("/d/sub"); absent("/d/old");
directory("/d", #{ source: "tree" }); file("/d/a.conf", #{ content: "a = 1\n" }); line("/d/sub/b.conf", #{ line: "b = 2" });
link("/d", #{ to: "/e" }); file("/d/f", #{ content: "a" }); directory("/d/sub");
link("/d", #{ to: "/e" }); file("/e/f", #{ content: "a" }); line("/d/f", #{ line: "a" });
package("libc6"); package("libc6:i386", #{ absent: true }); package("figlet"); package("figlet:amd64", #{ version: "1.*" });
user("ada", #{ group: "ops", groups: ["adm"] }); group("ops"); group("adm"); file("/f", #{ content: "", owner: "ada" });
user("bob", #{ absent: true }); group("bob", #{ absent: true });
service("x", #{ running: false, enabled: false }); unit("x.service", #{ content: "[Unit]\n" });
unit("nginx.service", #{ absent: true }); service("nginx");
service("x", #{ masked: true }); link("/etc/systemd/system/x.service", #{ to: "/dev/null" });
service("cron"); service("cron.service");
container("app", #{ image: "a:1" }); container("app-previous", #{ image: "a:1" }); image("a:1");
directory("/srv/data"); container("app", #{ image: "a:1", volumes: ["/srv/data:/data", "cache:/c"] });
command("make", #{ creates: "/out/done" }); directory("/out");
command("clean", #{ removes: "/old" }); absent("/old");
file("/bin/x", #{ content: "a" }); file("/usr/bin/x", #{ content: "a" });
around(|| command("drain", #{ creates: "/out" }), || package("figlet"), || command("ready", #{ removes: "/out" }));
around(|| file("/d/out", #{ content: "" }), || package("figlet"), || absent("/d", #{ recursive: true }));
around(|| service("timer", #{ masked: true }), || package("figlet"), || unit("timer.service", #{ content: "[Unit]\n" }));
"##;

#[test]
fn what_contradicts_is_an_error_with_both_places() {
    let mut told = String::new();
    for block in CONTRADICTIONS.trim().lines() {
        let error = project(block).error();
        assert_eq!(error.kind(), "catalog::contradiction", "{block}\n{}", shown(&error));
        assert!(error.place().is_some() && error.hint_text().is_some(), "{block}");
        let is_declared = |it: &&converge::base::diagnostic::Diagnostic| {
            it.message().ends_with("is declared here")
        };
        let other = error.others().iter().find(is_declared).and_then(|it| it.place());
        assert_ne!(other.unwrap(), error.place().unwrap(), "{block}");
        writeln!(told, "{block}\n  {}", error.message()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_contradiction_is_shown_with_the_calls_that_led_to_both() {
    let project = Project::on_web("role(\"ssh\");\n    role(\"hardening\");")
        .file("roles/ssh/main.rhai", "file(\"/etc/ssh/sshd_config\", #{ content: \"PermitRootLogin yes\\n\" });\n")
        .file(
            "roles/hardening/main.rhai",
            "line(\"/etc/ssh/sshd_config\", #{\n    match: \"^PermitRootLogin \",\n    line: \"PermitRootLogin no\",\n});\n",
        );
    insta::assert_snapshot!(shown(&project.error()));
}

#[test]
fn what_agrees_is_no_error() {
    for block in AGREEMENTS.trim().lines() {
        assert!(project(block).catalog().len() > 1 || block.contains("cron"), "{block}");
    }
}

#[test]
fn what_contradicts_on_one_host_only_is_found_though_all_share_what_they_declare() {
    let block = "on(hosts(\"all\"), |host| { file(\"/f\", #{ template: \"port.j2\" }); line(\"/f\", #{ match: \"^Port\", line: \"Port 1\" }); });";
    let port = "Port {{ host.vars.port | default(1) }}\n";
    let error = Project::new(block).file("playbooks/templates/port.j2", port).error();
    assert!(error.message().starts_with("web-1/line:/f"), "{error}");
}

#[test]
fn a_contradiction_is_told_though_the_rest_depends_on_what_hosts_answer() {
    let block = "directory(\"/d/e\"); absent(\"/d\"); package(host.facts.os.id);";
    assert_eq!(project(block).error().kind(), "catalog::contradiction");
}

/// The step of the directory `/d` of a block.
fn step(block: &str) -> String {
    let catalog = project(block).catalog();
    let mut nodes = catalog.nodes().map(|(_, node)| node);
    let directory = nodes.find(|node| &*node.name.node == "web-1/directory:/d").unwrap();
    directory.kind.apply(&directory.desired, None).script.to_string()
}

#[test]
fn a_purge_leaves_what_any_kind_declares_below_and_nothing_else() {
    let purge = "directory(\"/d\", #{ source: \"tree\", purge: true });";
    let others = "file(\"/d/x/extra.conf\", #{ content: \"\" }); line(\"/d/y\", #{ line: \"y\" });
        link(\"/d/z\", #{ to: \"/\" }); absent(\"/d/gone\"); command(\"c\", #{ creates: \"/d/made\" });
        directory(\"/d/in\", #{ source: \"inner\" }); file(\"/dd\", #{ content: \"\" });";
    for block in [format!("{purge}{others}"), format!("{others}{purge}")] {
        let script = step(&block);
        let kept: Vec<&str> = script.lines().filter(|line| line.starts_with("extra rid")).collect();
        let top = "extra rid /d a.conf 'in' 'made' 'sub' 'x' 'y' 'z'";
        let below =
            ["extra rid /d/in b.conf", "extra rid /d/sub b.conf", "extra rid /d/x extra.conf"];
        assert_eq!(kept, [&[top], &below[..]].concat());
    }
    let no_purge = "directory(\"/d\", #{ source: \"tree\" });";
    assert_eq!(step(no_purge), step(&format!("{no_purge}{others}")), "it removes nothing anyway");
}

#[test]
fn hosts_that_leave_the_same_still_share_it() {
    let block = "on(hosts(\"all\"), |host| { directory(\"/d\", #{ source: \"tree\", purge: true }); file(\"/d/x\", #{ template: \"port.j2\" }); });";
    let catalog = Project::new(block)
        .file("playbooks/files/tree/a", "")
        .file("playbooks/templates/port.j2", "{{ host.name }}")
        .catalog();
    let directories = catalog.nodes().filter(|(_, node)| node.name.kind == "directory");
    let places: std::collections::BTreeSet<usize> =
        directories.map(|(_, node)| std::sync::Arc::as_ptr(&node.desired).addr()).collect();
    assert_eq!(places.len(), 1);
}
