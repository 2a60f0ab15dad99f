//! Logins that ask for a password. Leaves the host as it is.

use crate::world::{Lab, Written, project};

const PLAYBOOK: &str =
    r#"on(hosts("trixie-1"), |host| file("/etc/logged-in", #{ content: "TEXT" }));"#;

#[test]
fn a_password_is_given_to_whoever_asks_for_it() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let state = project().join(".lab");
    let password = std::fs::read_to_string(state.join("sudo_password")).unwrap();
    let inventory = |secret: &str| {
        format!(
            "[connection]\nuser = \"opspw\"\nbecome = \"sudo\"\nknown_hosts = {:?}\nidentity_file = \"/dev/null\"\n\
             password = {secret:?}\nbecome_password = \"lab_right\"\n[hosts]\ntrixie-1 = {{ address = \"10.77.0.52\" }}\n",
            state.join("known_hosts")
        )
    };
    let secrets =
        [("CONVERGE_SECRET_LAB_RIGHT", password.trim()), ("CONVERGE_SECRET_LAB_WRONG", "wrong")];
    let log_in = |text: &str, secret: &str| {
        let written = Written::for_hosts(&PLAYBOOK.replace("TEXT", text), &inventory(secret));
        lab.converge_with(&written.arguments(), &secrets)
    };
    for (way, settings) in [
        ("password", "PasswordAuthentication yes\\nKbdInteractiveAuthentication no"),
        ("keyboard-interactive", "PasswordAuthentication no\\nKbdInteractiveAuthentication yes"),
    ] {
        lab.by_hand(
            "trixie-1",
            &format!(
                "printf '{settings}\\n' >/etc/ssh/sshd_config.d/login.conf; systemctl restart ssh"
            ),
        );
        let ran = log_in(way, "lab_right");
        assert_eq!(ran.status, 0, "{way}: {ran:#?}");
        assert_eq!(lab.by_hand("trixie-1", "cat /etc/logged-in"), way);
        let ran = log_in("never", "lab_wrong");
        assert!(ran.status > 0 && !ran.stdout.contains(password.trim()), "{way}: {ran:#?}");
        assert_eq!(lab.by_hand("trixie-1", "cat /etc/logged-in"), way);
    }
    lab.by_hand(
        "trixie-1",
        "rm /etc/ssh/sshd_config.d/login.conf /etc/logged-in; systemctl restart ssh",
    );
}
