//! From five empty hosts to the whole service; and then there is nothing left to do. Leaves the site as it is.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::world::{BALANCER, HOSTS, Lab, WEB, acted_on, project, summary};

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
