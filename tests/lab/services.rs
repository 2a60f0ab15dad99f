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
