//! What systemd would refuse. Leaves the host as it is.

use crate::world::Lab;

/// A service that may be started twice in an hour.
const SELDOM: &str = r#"on(hosts("trixie-1"), |host| {
    let unit = file("/etc/systemd/system/seldom.service", #{ content: "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nExecStart=/bin/sleep infinity\n" });
    let settings = file("/etc/seldom", #{ content: "SETTINGS\n" });
    service("seldom", #{ restart_on: [unit, settings] });
});"#;

#[test]
fn a_service_that_was_started_too_often_is_restarted_all_the_same() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    lab.reset(&["trixie-1"]);
    lab.converges(&SELDOM.replace("SETTINGS", "first"));
    lab.by_hand("trixie-1", "systemctl restart seldom");
    let process = || lab.by_hand("trixie-1", "systemctl show -P MainPID seldom");
    let before = process();
    lab.converges(&SELDOM.replace("SETTINGS", "second"));
    assert_ne!(process(), before);
    assert_eq!(lab.by_hand("trixie-1", "systemctl is-active seldom"), "active\n");
}

/// A service whose life is in its settings.
const MORTAL: &str = r#"on(hosts("trixie-1"), |host| {
    let settings = file("/etc/mortal", #{ content: "LIFE\n" });
    unit("mortal.service", #{ content: "[Service]\nKIND\nExecStart=/bin/sh -c '. /etc/mortal'\n[Install]\nWantedBy=multi-user.target\n" });
    service("mortal", #{ restart_on: [settings] });
});"#;

#[test]
fn what_dies_in_the_seconds_after_its_restart_fails() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    for (kind, long, short) in [
        ("Type=simple", "exec sleep infinity", "sleep 1.5; exit 3"),
        ("Type=simple\\nRestart=always", "exec sleep 1000000", "sleep 1.5; exit 4"),
        ("Type=forking", "sleep infinity & exit 0", "sleep 0.5 & exit 0"),
    ] {
        let with = |life: &str| MORTAL.replace("KIND", kind).replace("LIFE", life);
        lab.converges(&with(long));
        let said = lab.fails(&with(short));
        assert!(said.contains("did not stay active for 3 seconds"), "{kind}: {said}");
    }
    lab.by_hand("trixie-1", "systemctl stop mortal");
}

/// A script for init whose daemon lives for as long as its settings say.
const INIT: &str = r#"printf '%s\n' '#!/bin/sh' '### BEGIN INIT INFO' '# Provides: oldd' '# Required-Start:' '# Required-Stop:' \
    '# Default-Start: 2 3 4 5' '# Default-Stop: 0 1 6' '### END INIT INFO' \
    'case $1 in' \
    'start) start-stop-daemon --start --background --make-pidfile --pidfile /run/oldd.pid --exec /bin/sleep -- LIFE ;;' \
    'stop) start-stop-daemon --stop --oknodo --pidfile /run/oldd.pid ;;' 'esac' >/etc/init.d/oldd
chmod +x /etc/init.d/oldd; systemctl daemon-reload"#;

#[test]
fn a_script_for_init_is_enabled_and_its_daemon_runs() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let playbook = r#"on(hosts("trixie-1"), |host| service("oldd"));"#;
    lab.by_hand("trixie-1", &INIT.replace("LIFE", "1.5"));
    let said = lab.fails(playbook);
    assert!(said.contains("it has no process left"), "{said}");
    lab.by_hand("trixie-1", &INIT.replace("LIFE", "infinity"));
    assert!(lab.by_hand("trixie-1", "systemctl is-active oldd").contains("active"));
    lab.converges(playbook);
    lab.by_hand("trixie-1", "ls /etc/rc5.d/S??oldd && pgrep -f 'sleep infinity'");
    lab.by_hand("trixie-1", "systemctl stop oldd; systemctl disable oldd; rm /etc/init.d/oldd");
}

#[test]
fn a_first_drop_in_counts_at_once_and_a_template_goes_with_its_instances() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let units = r#"on(hosts("trixie-1"), |host| {
        unit("plain.service", #{ content: "[Service]\nExecStart=/bin/sleep infinity\n" });
        unit("many@.service", #{ content: "[Service]\nExecStart=/bin/sleep infinity\n" });
        service(["plain", "many@a", "many@b"], #{ enabled: false });
    });"#;
    lab.converges(units);
    lab.converges(
        r#"on(hosts("trixie-1"), |host| {
            let more = unit("plain.service.d/more.conf", #{ content: "[Service]\nEnvironment=MORE=yes\n" });
            service("plain", #{ enabled: false, restart_on: [more] });
            unit("many@.service", #{ absent: true });
        });"#,
    );
    let process = "tr '\\0' '\\n' </proc/$(systemctl show -P MainPID plain)/environ | grep MORE";
    assert_eq!(lab.by_hand("trixie-1", process), "MORE=yes\n");
    let left = "systemctl list-units --state=active --plain --no-legend 'many@*'";
    assert_eq!(lab.by_hand("trixie-1", left), "");
    lab.by_hand("trixie-1", "systemctl stop plain; rm -r /etc/systemd/system/plain.service*");
}

#[test]
fn what_starts_at_boot_follows_its_unit_file() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let wanted_by = |target: &str| {
        lab.converges(&format!(
            r#"on(hosts("trixie-1"), |host| {{
                unit("booted.service", #{{ content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy={target}\n" }});
                service("booted", #{{ running: () }});
            }});"#
        ));
        lab.by_hand("trixie-1", "cd /etc/systemd/system; ls -d *.wants/booted.service")
    };
    assert_eq!(wanted_by("multi-user.target"), "multi-user.target.wants/booted.service\n");
    assert_eq!(wanted_by("graphical.target"), "graphical.target.wants/booted.service\n");
    // Its file goes without its link: the link would start whatever gets the name.
    lab.by_hand("trixie-1", "rm /etc/systemd/system/booted.service; systemctl daemon-reload");
    lab.converges(
        r#"on(hosts("trixie-1"), |host| service("booted", #{ running: false, enabled: false }));"#,
    );
    lab.by_hand("trixie-1", "! ls -d /etc/systemd/system/*.wants/booted.service");
}

#[test]
fn a_unit_whose_links_could_not_be_made_is_not_as_declared() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let wanted_by = |target: &str| {
        format!(
            r#"on(hosts("trixie-1"), |host| {{
                unit("linked.service", #{{ content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy={target}\n" }});
                service("linked", #{{ running: () }});
            }});"#
        )
    };
    lab.converges(&wanted_by("multi-user.target"));
    lab.by_hand("trixie-1", "printf '%s\\n' '#!/bin/sh' 'case $* in *reenable*) exit 1 ;; esac; exec /bin/systemctl \"$@\"' >/usr/local/sbin/systemctl; chmod +x /usr/local/sbin/systemctl");
    lab.fails(&wanted_by("graphical.target"));
    lab.by_hand("trixie-1", "rm /usr/local/sbin/systemctl");
    lab.converges(&wanted_by("graphical.target"));
    let links = "cd /etc/systemd/system; ls -d *.wants/linked.service";
    assert_eq!(lab.by_hand("trixie-1", links), "graphical.target.wants/linked.service\n");
    lab.by_hand("trixie-1", "systemctl disable -q linked; rm /etc/systemd/system/linked.service; systemctl daemon-reload");
}

#[test]
fn a_restart_that_cuts_its_own_connection_is_made_once() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let playbook = r#"on(hosts("trixie-1"), |host| {
        let kill = unit("ssh.service.d/kill.conf", #{ content: "[Service]\nKillMode=control-group\n" });
        service("ssh", #{ restart_on: [kill] });
        file("/etc/behind", #{ content: "x" });
    });"#;
    let said = lab.fails(playbook);
    // The step is ended with all that sshd has started, and the run finds that out over another connection.
    assert!(said.contains("its script ended early"), "{said}");
    // `start` waits for the restart, which may still be under way when the connection is gone.
    let process =
        || lab.by_hand("trixie-1", "systemctl start ssh && systemctl show -P MainPID ssh");
    let restarted = process();
    lab.converges(playbook);
    assert_eq!(process(), restarted, "what was outstanding is paid");
    lab.by_hand(
        "trixie-1",
        "rm -r /etc/systemd/system/ssh.service.d /etc/behind; systemctl daemon-reload; systemctl restart ssh",
    );
}
