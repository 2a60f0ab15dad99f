//! What goes wrong on the way is a clear error with the right exit status, and nothing is half done.

use std::{fs, process::Command};

use crate::world::{Lab, Ran, project};

const TOUCH: &str = r#"on(hosts("all"), |host| { file("/tmp/half-done", #{ content: "x" }); });"#;

/// The lab's inventory with something replaced, in a folder of its own; and a playbook.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(replace: &[(&str, &str)], playbook: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = project().join(".lab").display().to_string();
        let mut text = fs::read_to_string(project().join("inventory/lab.toml")).unwrap();
        text = text.replace("../.lab", &lab);
        for (from, to) in replace {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        fs::write(folder.path().join("inventory.toml"), text).unwrap();
        fs::write(folder.path().join("playbook.rhai"), playbook).unwrap();
        Self { folder }
    }

    fn run(&self, lab: &Lab, more: &[&str]) -> Ran {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (playbook, inventory) = (path("playbook.rhai"), path("inventory.toml"));
        let mut arguments = vec![playbook.as_str(), "-i", &inventory];
        arguments.extend(more);
        lab.converge(&arguments)
    }
}

fn nothing_was_done(lab: &Lab) {
    for host in ["api-1", "web-1"] {
        assert_eq!(lab.by_hand(host, "ls /tmp/half-done 2>/dev/null || echo none").trim(), "none");
    }
}

#[test]
fn a_wrong_key_is_said_so() {
    let Some(lab) = Lab::get() else { return };
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    let make = ["-q", "-t", "ed25519", "-N", "", "-f"];
    assert!(Command::new("ssh-keygen").args(make).arg(&key).status().unwrap().success());
    let lab_key = format!("{}/.lab/key", project().display());
    let project = Project::new(&[(&format!("\"{lab_key}\""), &format!("{key:?}"))], TOUCH);
    let ran = project.run(&lab, &[]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    assert!(ran.stdout.contains("rejected") && ran.stdout.contains("hint:"), "{ran:#?}");
    nothing_was_done(&lab);
}

#[test]
fn an_unknown_host_key_is_refused() {
    let Some(lab) = Lab::get() else { return };
    let known = format!("{}/.lab/known_hosts", project().display());
    let project = Project::new(&[(&known, "/nonexistent/known_hosts")], TOUCH);
    let ran = project.run(&lab, &[]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    assert!(ran.stdout.contains("SHA256:") && ran.stdout.contains("ssh-keyscan"), "{ran:#?}");
    nothing_was_done(&lab);
}

#[test]
fn a_host_that_is_down_does_not_stop_the_others() {
    let Some(lab) = Lab::get() else { return };
    let project = Project::new(&[("10.77.0.12", "10.77.0.250")], TOUCH);
    let ran = project.run(&lab, &[]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    assert!(ran.stdout.contains("api-2  unreachable"), "{ran:#?}");
    assert_eq!(lab.by_hand("api-1", "cat /tmp/half-done"), "x");
    for host in ["api-1", "balancer-1", "web-1", "monitor-1"] {
        lab.by_hand(host, "rm /tmp/half-done");
    }
}

#[test]
fn a_typo_stops_the_run_before_any_change() {
    let Some(lab) = Lab::get() else { return };
    let later = r#"on(hosts("web"), |host| { file("/tmp/half-done", #{ contnet: "x" }); });"#;
    let project = Project::new(&[], &format!("{TOUCH}\n{later}\n"));
    let ran = project.run(&lab, &[]);
    assert_eq!(ran.status, 1, "{ran:#?}");
    assert!(ran.stderr.contains("did you mean `content`?"), "{ran:#?}");
    assert!(ran.stderr.contains("playbook.rhai:2:"), "{ran:#?}");
    nothing_was_done(&lab);
}

#[test]
fn an_undefined_name_in_a_template_stops_the_run_before_any_change() {
    let Some(lab) = Lab::get() else { return };
    let later = r#"on(hosts("web"), |host| { file("/tmp/other", #{ template: "x.j2" }); });"#;
    let project = Project::new(&[], &format!("{TOUCH}\n{later}\n"));
    fs::create_dir(project.folder.path().join("templates")).unwrap();
    fs::write(project.folder.path().join("templates/x.j2"), "a\n{{ host.adress }}\n").unwrap();
    let ran = project.run(&lab, &[]);
    assert_eq!(ran.status, 1, "{ran:#?}");
    assert!(ran.stderr.contains("x.j2:2:") && ran.stderr.contains("address"), "{ran:#?}");
    nothing_was_done(&lab);
}

#[test]
fn a_step_that_fails_shows_where_what_and_why() {
    let Some(lab) = Lab::get() else { return };
    let playbook = r#"on(hosts("web"), |host| {
    command("migrate", #{ run: "echo reading; echo no such table >&2; exit 7" });
    file("/tmp/half-done", #{ content: "x" });
});"#;
    let ran = Project::new(&[], playbook).run(&lab, &[]);
    assert_eq!(ran.status, 3, "{ran:#?}");
    for part in ["web-1  command:migrate", "playbook.rhai:2:5", "exit status 7", "no such table"] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
    nothing_was_done(&lab);
}
