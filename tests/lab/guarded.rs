//! Changes that keep everybody out of a host, and hosts that go down in a run. Leaves the hosts as they are.

use std::{thread, time::Duration};

use crate::world::{Lab, Written, start};

/// Carries a playbook out that must be put back, and gives what was said.
fn is_reverted(lab: &Lab, playbook: &str) -> String {
    let ran = lab.converge(&Written::new(playbook).arguments());
    assert_eq!(ran.status, 5, "{ran:#?}");
    // Somebody can log in, and become root.
    let ran = lab.converge(&["exec", "monitor-1", "--become", "--", "id -u"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    ran.stdout
}

#[test]
fn sshd_that_lets_nobody_in_is_put_back() {
    let Some(lab) = Lab::get() else { return };
    is_reverted(
        &lab,
        r#"on(hosts("monitor-1"), |host| {
            let config = file("/etc/ssh/sshd_config.d/50-nobody.conf", #{ content: "DenyUsers ops\n", validate: "sshd -t", confirm: "8s" });
            service("ssh", #{ reload_on: [config], confirm: "8s" });
        });"#,
    );
    let left = lab.by_hand(
        "monitor-1",
        "ls /etc/ssh/sshd_config.d; ls /var/lib/converge/guard/armed 2>/dev/null || :",
    );
    assert!(!left.contains("50-nobody") && !left.contains("armed"), "{left}");
}

#[test]
fn a_firewall_that_drops_all_of_ssh_is_put_back() {
    let Some(lab) = Lab::with_site() else { return };
    is_reverted(
        &lab,
        r#"on(hosts("monitor-1"), |host| {
            let rules = file("/etc/nftables.d/closed.nft", #{
                content: "table inet closed { chain in { type filter hook input priority -300; tcp dport 22 drop; }; }\n",
                confirm: "8s",
            }).after(directory("/etc/nftables.d"));
            action("load", #{ run: "nft delete table inet closed 2>/dev/null || :; [ ! -e /etc/nftables.d/closed.nft ] || nft -f /etc/nftables.d/closed.nft", on: [rules] });
        });"#,
    );
    let left = lab.by_hand("monitor-1", "nft list tables; ls /etc/nftables.d 2>/dev/null || :");
    assert!(!left.contains("closed"), "{left}");
}

#[test]
fn a_login_key_that_is_taken_away_is_put_back() {
    let Some(lab) = Lab::get() else { return };
    let keys = "/home/ops/.ssh/authorized_keys";
    let before = lab.by_hand("monitor-1", &format!("sha256sum {keys}; stat -c '%a %U' {keys}"));
    is_reverted(
        &lab,
        r#"on(hosts("monitor-1"), |host| absent("/home/ops/.ssh/authorized_keys", #{ confirm: "8s" }));"#,
    );
    let after = lab.by_hand("monitor-1", &format!("sha256sum {keys}; stat -c '%a %U' {keys}"));
    assert_eq!(before, after);
}

#[test]
fn sudo_that_makes_nobody_root_is_put_back() {
    let Some(lab) = Lab::get() else { return };
    is_reverted(
        &lab,
        r#"on(hosts("monitor-1"), |host| file("/etc/sudoers.d/zz-nobody", #{
            content: "ops ALL=(ALL) !ALL\n", mode: "0440", validate: "visudo -cf %s", confirm: "8s",
        }));"#,
    );
    assert!(!lab.by_hand("monitor-1", "ls /etc/sudoers.d").contains("nobody"));
}

#[test]
fn a_user_that_cannot_log_in_any_more_is_put_back() {
    let Some(lab) = Lab::get() else { return };
    is_reverted(
        &lab,
        r#"on(hosts("monitor-1"), |host| user("ops", #{ shell: "/usr/sbin/nologin", confirm: "8s" }));"#,
    );
    assert!(!lab.by_hand("monitor-1", "grep ^ops: /etc/passwd").contains("nologin"));
}

#[test]
fn a_host_that_is_restarted_in_a_run_is_waited_for() {
    let Some(lab) = Lab::get() else { return };
    let began = "read -r stat </proc/1/stat; set -- ${stat##*) }; shift 19; echo $1";
    let before = lab.by_hand("monitor-1", began);
    let playbook = Written::new(
        r#"on(hosts("monitor-1"), |host| {
            let cause = file("/etc/restarted-for", #{ content: "this\n" });
            reboot("for a test", #{ on: [cause], timeout: 90 });
            command("after", #{ run: "cp /proc/uptime /etc/restarted", creates: "/etc/restarted" });
        });"#,
    );
    // A machine starts by itself; a container is started.
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let starts = thread::spawn(move || {
        while is_over.recv_timeout(Duration::from_millis(500)).is_err() {
            start("monitor-1");
        }
    });
    let ran = lab.converge(&playbook.arguments());
    over.send(()).unwrap();
    starts.join().unwrap();
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert!(ran.stdout.contains("reboot:for a test"), "{ran:#?}");
    assert_ne!(lab.by_hand("monitor-1", began), before);
    let left = lab.by_hand(
        "monitor-1",
        "rm /etc/restarted-for /etc/restarted; cat /var/lib/converge/pending/* 2>/dev/null || :",
    );
    assert_eq!(left, "");
}
