//! A connection that dies without a word, while a step runs. Leaves the host as it is. The site has brought nftables to it.

use crate::{
    running::Running,
    world::{Lab, Written},
};

/// A step that waits to be let go, and writes down that it ran; and one after it.
const STEPS: &str = r#"on(hosts("api-1"), |host| {
    command("waits", #{ run: "until [ -e /run/go ]; do sleep 0.1; done; echo ran >>/run/steps" });
    command("follows", #{ run: "echo followed >>/run/steps" });
});"#;

/// Drops all packets of the connections over SSH that there are, and of no later one.
const CUT: &str = "nft -f - <<END
table ip cut {
  set ports { type inet_service; elements = { $(ss -Htn state established '( sport = :22 )' | sed 's/.*://; s/ .*//' | paste -sd,) } }
  chain from { type filter hook input priority -300; tcp dport 22 tcp sport @ports drop; }
  chain to { type filter hook output priority -300; tcp sport 22 tcp dport @ports drop; }
}
END";

fn is_swept(lab: &Lab) {
    lab.by_hand("api-1", "nft delete table ip cut; rm -f /run/go /run/steps");
    let left = lab.by_hand(
        "api-1",
        "cat /var/lib/converge/segment/log; ls -d /tmp/converge.* 2>/dev/null || :",
    );
    assert_eq!(left, "");
}

/// A run that lost its connection without a word while its first step ran.
fn is_cut(lab: &Lab, playbook: &Written) -> Running {
    let mut run = lab.begin(&playbook.arguments());
    run.until("started", "api-1/command:waits");
    lab.by_hand("api-1", CUT);
    run
}

#[test]
fn a_run_finds_again_what_went_on_without_its_connection() {
    let Some(lab) = Lab::with_site() else { return };
    let playbook = Written::new(STEPS);
    let mut run = is_cut(&lab, &playbook);
    run.until("connected", "");
    lab.by_hand("api-1", "touch /run/go");
    assert_eq!(run.status(), Some(0));
    assert_eq!(lab.by_hand("api-1", "cat /run/steps"), "ran\nfollowed\n");
    is_swept(&lab);
}

#[test]
fn a_host_whose_controller_is_gone_without_a_word_is_free_after_a_minute() {
    let Some(lab) = Lab::with_site() else { return };
    let playbook = Written::new(STEPS);
    let mut run = is_cut(&lab, &playbook);
    run.signal("KILL");
    run.status();
    lab.by_hand("api-1", "touch /run/go");
    let mut arguments = playbook.arguments();
    arguments.extend(["--lock-wait", "75"]);
    let ran = lab.converge(&arguments);
    assert_eq!(ran.status, 0, "{ran:#?}");
    is_swept(&lab);
}
