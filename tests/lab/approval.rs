//! An approved plan is what is done, and nothing else. Leaves the site as it was.

use std::fs;

use crate::world::{Lab, ended, project};

#[test]
fn what_changed_since_the_plan_is_refused_and_the_rest_is_done() {
    let Some(lab) = Lab::with_site() else { return };
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("site.plan");
    let plan = plan.to_str().unwrap();
    lab.by_hand("balancer-1", "echo '# by hand' >>/etc/haproxy/haproxy.cfg");
    lab.by_hand("web-1", "systemctl stop nginx");
    let ran = lab.converge(&["plan", "playbooks/site.rhai", "-o", plan]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let text = fs::read_to_string(plan).unwrap();
    let hash = fs::read_to_string(project().join(".lab/secrets/prometheus_password_hash")).unwrap();
    assert!(!text.contains(hash.trim()), "a plan file holds no secret");

    lab.by_hand("balancer-1", "echo '# by hand, again' >>/etc/haproxy/haproxy.cfg");
    let (status, events) = lab.events(&["apply", plan]);
    assert_eq!(status, 3);
    assert_eq!(ended(&events, "refused"), ["balancer-1/file:/etc/haproxy/haproxy.cfg"]);
    assert_eq!(ended(&events, "changed"), ["web-1/service:nginx.service"]);
    let config = lab.by_hand("balancer-1", "cat /etc/haproxy/haproxy.cfg");
    assert!(config.ends_with("# by hand, again\n"), "what was refused was left alone");

    let ran = lab.converge(&["playbooks/site.rhai"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
}
