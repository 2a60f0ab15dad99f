//! Prometheus measures everything, knows what its rules mean, and shows it to who has the password, and to nobody else.
//! Leaves the site as it is.

use std::fs;

use serde_json::Value;

use crate::world::{BALANCER, Lab, MONITOR, WEB, project, status, until, until_nothing};

/// `/` and `/ring-ring` at the balancer, both below `/api` at the web server, and the landing page.
const ENTRY_POINTS: usize = 5;
/// HAProxy's and nginx's.
const REQUEST_LOGS: usize = 2;

/// A folder of the role.
fn role(path: &str) -> std::path::PathBuf {
    project().join("roles/prometheus").join(path)
}

/// A page of Prometheus, with the password.
fn page(lab: &Lab, path: &str, more: &[&str]) -> String {
    let password = fs::read_to_string(project().join(".lab/secrets/prometheus_password")).unwrap();
    let login = format!("admin:{}", password.trim());
    let mut arguments = vec!["--user", &login];
    arguments.extend(more);
    lab.page(&format!("http://{MONITOR}:9090/{path}"), &arguments)
}

/// What the API of Prometheus answers.
fn api(lab: &Lab, path: &str, more: &[&str]) -> Value {
    let answer: Value = serde_json::from_str(&page(lab, &format!("api/v1/{path}"), more)).unwrap();
    answer["data"].clone()
}

/// The pages of the role: `consoles/NAME.html`, by name.
fn consoles() -> Vec<String> {
    let files = fs::read_dir(role("files/dashboards/consoles")).unwrap();
    let name =
        |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = files.map(|file| format!("consoles/{}", name(file))).collect();
    names.sort();
    names
}

/// The values of an attribute in a page.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let plain = |value: &str| {
        let marks = [("&#34;", "\""), ("&#39;", "'"), ("&#43;", "+"), ("&lt;", "<"), ("&gt;", ">")];
        let text =
            marks.iter().fold(value.to_owned(), |text, (mark, sign)| text.replace(mark, sign));
        text.replace("&amp;", "&")
    };
    let start = format!("{name}=\"");
    page.split(&start).skip(1).map(|rest| plain(rest.split('"').next().unwrap())).collect()
}

#[test]
fn every_target_is_up() {
    let Some(lab) = Lab::with_site() else { return };
    // A target that was never scraped is neither up nor down.
    until_nothing(|| {
        let answer = api(&lab, "targets?state=active", &[]);
        let targets = answer["activeTargets"].as_array().unwrap().clone();
        let programs = ["hosts", "APIs", "balancer", "nginx", "Prometheus", "Alertmanager"];
        let wanted = [5, 2, 1, 1, 1, 1].iter().sum::<usize>() + ENTRY_POINTS + REQUEST_LOGS;
        assert_eq!(targets.len(), wanted, "{programs:?}, entry points, logs of requests");
        targets.into_iter().filter(|target| target["health"] != "up").collect()
    });
}

#[test]
fn every_rule_is_loaded_and_every_alert_says_what_it_means() {
    let Some(lab) = Lab::with_site() else { return };
    lab.by_hand("monitor-1", "promtool check config /etc/prometheus/prometheus.yml");
    lab.by_hand("monitor-1", "promtool check web-config /etc/prometheus/web.yml");
    let rules = || -> Vec<Value> {
        let groups = api(&lab, "rules", &[])["groups"].as_array().unwrap().clone();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    };
    // A rule that was never evaluated is neither well nor ill.
    until_nothing(|| rules().into_iter().filter(|rule| rule["health"] != "ok").collect());

    let is_rule = |line: &&str| {
        ["- alert: ", "- record: "].iter().any(|start| line.trim_start().starts_with(start))
    };
    let written = |name: &str| {
        fs::read_to_string(role(&format!("files/{name}"))).unwrap().lines().filter(is_rule).count()
    };
    assert_eq!(rules().len(), written("service.yml") + written("users.yml"));
    for alert in rules().iter().filter(|rule| rule["type"] == "alerting") {
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{alert}");
        for text in ["summary", "description"] {
            assert!(!alert["annotations"][text].as_str().unwrap().is_empty(), "{alert}");
        }
    }
}

#[test]
fn every_page_shows_what_was_measured_and_only_to_who_has_the_password() {
    let Some(lab) = Lab::with_site() else { return };
    for path in
        consoles().iter().map(String::as_str).chain(["api/v1/query?query=up", "user/page.mjs"])
    {
        assert_eq!(status(&format!("http://{MONITOR}:9090/{path}")), "401", "{path}");
        page(&lab, path, &[]);
    }
    // Every number of the overview and every graph has something to show, once there were requests.
    until_nothing(|| {
        for url in [format!("http://{BALANCER}/"), format!("http://{WEB}/api/ring-ring")] {
            lab.page(&url, &[]);
        }
        let mut missing = Vec::new();
        for path in consoles() {
            let text = page(&lab, &path, &[]);
            let tiles = text.split("<dt>").skip(1).filter(|tile| tile.contains("<dd>–"));
            missing
                .extend(tiles.map(|tile| format!("{path}: {}", tile.split('<').next().unwrap())));
            for expression in attributes(&text, "data-expression") {
                let query = format!("query={expression}");
                let found = api(&lab, "query", &["--get", "--data-urlencode", &query]);
                if found["result"].as_array().unwrap().is_empty() {
                    missing.push(format!("{path}: {expression}"));
                }
            }
        }
        missing
    });
    let overview = page(&lab, "consoles/index.html", &[]);
    assert!(
        overview.contains("<dt>Instances up</dt>\n<dd>2<small> of 2</small></dd>"),
        "{overview}"
    );
}

#[test]
fn the_address_of_the_monitor_leads_to_the_dashboards_and_the_programs_behind_answer_nobody() {
    let Some(lab) = Lab::with_site() else { return };
    assert!(page(&lab, "", &["--location"]).contains("<h1>Overview</h1>"));
    // The firewall would hide from here that they listen: so the host is asked.
    let listening = lab.by_hand("monitor-1", "ss --no-header --tcp --listening --numeric");
    for port in ["9091", "9093", "9115"] {
        let end = format!(":{port}");
        let at: Vec<&str> =
            listening.split_whitespace().filter(|word| word.ends_with(&end)).collect();
        assert_eq!(at, [format!("127.0.0.1:{port}")], "{listening}");
    }
}

/// Two small disks: nothing more fits on the one, and the other one holds as many files as it can.
const FILL: &str = "set -e
mknod /dev/loop-control c 10 237
for number in $(seq 0 63); do mknod /dev/loop$number b 7 $number; done
mkdir /srv/space /srv/files
truncate --size 16M /srv/space.disk /srv/files.disk
mkfs.ext4 -q /srv/space.disk
mkfs.ext4 -q -N 32 /srv/files.disk
for disk in space files; do mount -o loop /srv/$disk.disk /srv/$disk; done
dd if=/dev/zero of=/srv/space/all || true
number=0
while touch /srv/files/$number; do number=$((number + 1)); done";
const EMPTY: &str = "umount /srv/space /srv/files && rm -r /srv/space* /srv/files* /dev/loop*";

#[test]
fn a_disk_without_space_and_one_without_files_are_seen() {
    let Some(lab) = Lab::with_site() else { return };
    // Most fire after minutes only: that the rule finds what it is for is seen at once.
    let seen = |alert: &str, disk: &str| {
        let query = format!("query=ALERTS{{alertname={alert:?},mountpoint=\"/srv/{disk}\"}}");
        let found = api(&lab, "query", &["--get", "--data-urlencode", &query]);
        !found["result"].as_array().unwrap().is_empty()
    };
    let alerts = [("DiskFull", "space"), ("DiskAlmostFull", "space"), ("InodesLow", "files")];
    lab.by_hand("web-1", FILL);
    for (alert, disk) in alerts {
        until(alert, || seen(alert, disk));
    }
    assert!(!seen("InodesLow", "space") && !seen("DiskFull", "files"));
    lab.by_hand("web-1", EMPTY);
    for (alert, disk) in alerts {
        until("it is over", || !seen(alert, disk));
    }
}

#[test]
fn the_pages_load_nothing_from_elsewhere() {
    let Some(lab) = Lab::with_site() else { return };
    for path in consoles() {
        let text = page(&lab, &path, &[]);
        for name in ["href", "src"] {
            let places = attributes(&text, name);
            assert!(!places.is_empty(), "{path}");
            let outside: Vec<_> = places.iter().filter(|place| place.contains("//")).collect();
            assert!(outside.is_empty(), "{path}: {outside:?}");
        }
    }
}
