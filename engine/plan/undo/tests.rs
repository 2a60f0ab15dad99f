//! From what a host says to a playbook.

use super::*;

fn said(output: &str) -> SaidKept {
    SaidKept { host: "web-1".to_owned(), output: format!("{output}{END}\n") }
}

#[test]
fn what_was_changed_last_is_undone_first_and_what_reacted_reacts() {
    let output = r#"there /etc/a.conf
{"node":"file:/etc/a.conf","path":"/etc/a.conf","kind":"file","key":"/etc/a.conf"}
file /var/lib/converge/kept/r.x-1 /etc/a.conf
644 4 root root
b2xkCg==
.
noted -
{"node":"service:nginx.service","kind":"service","arguments":{"name":"nginx.service","running":false,"enabled":true}}
noted -
{"node":"service:nginx.service","kind":"service","arguments":{"name":"nginx.service","running":null,"enabled":null},"on":[["restart_on","file:/etc/a.conf"]]}
nothing /etc/b.conf
{"node":"file:/etc/b.conf","path":"/etc/b.conf","kind":"file","key":"/etc/b.conf"}
there /etc/key
{"node":"file:/etc/key","path":"/etc/key","kind":"file","key":"/etc/key"}
file /var/lib/converge/kept/r.x-3 /etc/key
600 9 root domain
.
there /etc/l
{"node":"link:/etc/l","path":"/etc/l","kind":"file","key":"/etc/l"}
link ../old
noted -
{"node":"command:migrate","lost":"the effects of a script are unknown"}
there /etc/gone
{"node":"absent:/etc/gone","path":"/etc/gone","kind":"file","key":"/etc/gone"}
lost
"#;
    let text = playbook("r", &[said(output)]).unwrap();
    let expected = r#"// Undoes run r, on each host what was changed last first.

on(hosts("web-1"), |host| {
    // command:migrate cannot be undone: the effects of a script are unknown
    // absent:/etc/gone cannot be undone: its old state is no longer kept
    // link:/etc/l
    let r1 = link("/etc/l", #{ to: "../old", force: true });
    // file:/etc/key
    let r2 = local_copy("/etc/key", #{ from: "/var/lib/converge/kept/r.x-3", mode: "0600", owner: "root", group: "domain" });
    // file:/etc/b.conf
    let r3 = absent("/etc/b.conf");
    // file:/etc/a.conf
    let r4 = file("/etc/a.conf", #{ content: "old\n", mode: "0644", owner: "root", group: "root" });
    // service:nginx.service
    let r5 = service("nginx.service", #{ running: false, enabled: true, restart_on: [r4] });
});
"#;
    assert_eq!(text, expected);
}

#[test]
fn what_a_host_says_is_no_script() {
    let output = "noted -\n{\"node\":\"x\\n}); fail()\",\"kind\":\"command\",\"arguments\":{\"name\":\"a\\\"); fail(\\\"\",\"x y\":\"${1}\"}}\n";
    let text = playbook("r", &[said(output)]).unwrap();
    assert!(text.contains("// x }); fail()\n"), "{text}");
    assert!(text.contains(r#"command("a\"); fail(\"", #{ "x y": "${1}" })"#), "{text}");
}

#[test]
fn an_answer_that_is_cut_off_is_told() {
    let whole = said(
        "nothing /a\n{\"node\":\"file:/a\",\"path\":\"/a\",\"kind\":\"file\",\"key\":\"/a\"}\n",
    );
    for cut in 1..whole.output.len() {
        let output = whole.output[..cut].to_owned();
        let cut = playbook("r", &[SaidKept { host: "a".to_owned(), output }]);
        assert_eq!(cut, Err(Unwritten::Unreadable("a".to_owned())));
    }
    let nothing = playbook("r", &[SaidKept { host: "a".to_owned(), output: String::new() }]);
    assert_eq!(nothing, Err(Unwritten::Nothing("r".to_owned())));
}
