//! From five empty hosts to the whole service; and then there is nothing left to do. Leaves the site as it is.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::world::{BALANCER, HOSTS, Lab, MONITOR, WEB, acted_on, project, summary};

#[test]
fn the_service_answers_on_every_way_to_it() {
    let Some(lab) = Lab::with_site() else { return };
    let page = lab.page(&format!("http://{WEB}/"), &[]);
    assert_eq!(page, fs::read_to_string(project().join("app/index.html")).unwrap());
    for path in ["/", "/ring-ring"] {
        let through_web = format!("http://{WEB}/api{path}");
        let direct = format!("http://{BALANCER}{path}");
        for url in [through_web, direct] {
            let answers: Vec<Value> =
                (0..20).map(|_| serde_json::from_str(&lab.page(&url, &[])).unwrap()).collect();
            let texts = |name: &str| -> BTreeSet<&str> {
                answers.iter().map(|answer| answer[name].as_str().unwrap()).collect()
            };
            assert_eq!(texts("node"), ["api-1", "api-2"].into(), "{url}");
            assert_eq!(texts("id").len(), answers.len(), "{url}: each answer is unique");
        }
    }
}

#[test]
fn every_target_of_prometheus_is_up() {
    let Some(lab) = Lab::with_site() else { return };
    let password = fs::read_to_string(project().join(".lab/secrets/prometheus_password")).unwrap();
    let login = format!("admin:{}", password.trim());
    let url = format!("http://{MONITOR}:9090/api/v1/targets?state=active");
    // A target that was never scraped is neither up nor down: Prometheus scrapes each within its interval.
    let up = || {
        let answer: Value = serde_json::from_str(&lab.page(&url, &["--user", &login])).unwrap();
        let targets = answer["data"]["activeTargets"].as_array().unwrap().clone();
        let wanted: usize = [5, 2, 1, 1, 1].iter().sum();
        assert_eq!(targets.len(), wanted, "hosts, APIs, balancer, web server, Prometheus itself");
        targets.into_iter().filter(|target| target["health"] != "up").collect::<Vec<_>>()
    };
    let mut tries = (0..60).map(|_| {
        let down = up();
        if !down.is_empty() {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        down
    });
    assert!(tries.any(|down| down.is_empty()), "{:#?}", up());
    let refused = std::process::Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", &url])
        .output()
        .unwrap();
    assert_eq!(refused.stdout, b"401", "who has no password sees nothing");
}

#[test]
fn a_second_look_finds_nothing_in_at_most_two_round_trips() {
    let Some(lab) = Lab::with_site() else { return };
    for arguments in
        [vec!["plan", "playbooks/site.rhai", "--exit-code"], vec!["playbooks/site.rhai"]]
    {
        let (status, events) = lab.events(&arguments);
        assert_eq!(acted_on(&events), Vec::<String>::new());
        assert_eq!(status, 0);
        for host in HOSTS {
            let host = &summary(&events)[host];
            assert_eq!(host["connections"], 1, "{host}");
            assert!(host["round_trips"].as_u64().unwrap() <= 2, "{host}");
            assert_eq!([&host["changed"], &host["failed"], &host["pending"]], [0, 0, 0], "{host}");
        }
    }
}
