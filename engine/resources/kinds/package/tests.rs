//! Names, versions, and what apt and dpkg say.

use super::{apt::INSTALLED, *};

#[test]
fn names_that_apt_could_misread_are_refused() {
    for good in ["nginx", "libc6:i386", "g++", "libstdc++6", "0ad"] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in ["", "-y", "nginx-", "nginx=1", "a b", "a*", "Nginx", "a;b"] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}

/// What a dpkg prints that says `known` of the packages that were asked for, and else lists `all`.
fn says_installed(known: &str, all: &str) -> String {
    let script = format!(
        "say() {{ printf '%s\\n' \"$*\"; }}
         query() {{ case $3 in *Provides*) {all} ;; *) {known} ;; esac; }}
         {}
         installed vim editor libc6 libc6:i386; say \"$installed\" | sort",
        INSTALLED.text().replace("dpkg-query -W", "query -W")
    );
    let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn all_packages_are_listed_only_where_a_name_is_not_that_of_an_installed_one() {
    let both = "editor\t1\tii \nvim\t9.0\thi \n";
    let all = r"printf 'dpkg\tamd64\t1\tii \t\nlibc6\ti386\t2\tii \t\nvim\tall\t9.0\tii \teditor (= 1)\n'";
    assert_eq!(says_installed(&format!("printf '{both}'"), all), both);
    let listed = "editor\t9.0\tprovided\nlibc6:i386\t2\tii \nmissing\tlibc6\nvim\t9.0\tii \n";
    for known in [
        "return 1",
        r"printf 'editor\t1\trc \nvim\t9.0\tii \n'",
        r"printf 'editor\t1\tii \nvim\t9.0\tiiR\n'",
    ] {
        assert_eq!(says_installed(known, all), listed, "{known}");
    }
}

#[test]
fn a_list_that_ends_early_makes_nothing_missing() {
    let broken = [
        ("echo dpkg-query: error: parsing file >&2; return 2", "dpkg-query: error: parsing file"),
        (r"printf 'vim\tall\t9.0\tii \t\n'; return 137", "exit status 137"),
        ("echo rubbish", "rubbish"),
        (":", "did not report"),
    ];
    for (all, words) in broken {
        let output = says_installed("return 2", all);
        let package = package(r#"{"name": "libc6", "absent": true}"#);
        let look =
            Package::observe(&[&package], &format!("manager apt\n{output}")).unwrap().remove(0);
        assert!(look.unwrap_err().reason.contains(words), "{output}");
    }
}

fn package(json: &str) -> Package {
    let value = serde_json::from_str::<crate::base::value::Value>(json).unwrap();
    Package::deserialize(value).unwrap()
}

/// What is planned by what was said.
fn change(json: &str, output: &str) -> Option<Change> {
    let package = package(json);
    let output = format!("manager apt\n{output}");
    Some(package.plan(Package::observe(&[&package], &output).unwrap()[0].as_ref().unwrap())?.change)
}

#[test]
fn a_pattern_of_a_version_is_a_glob() {
    assert!(matches("1.22.*", "1.22.1-9+deb12u1") && matches("1:2?", "1:23"));
    assert!(!matches("1.22.*", "1x22.1") && !matches("1.2", "1.22"));
}

#[test]
fn the_best_state_under_a_name_counts() {
    let output = "awk\t1.3\tprovided\nvim\t9.0\trc \nbash\t5.2\tiF \nlibc6\t2.36\tii \n\
        libc6\t2.36\trc \nmissing\tvim\nmissing\tbash\nmissing\tawk\n";
    let action = |json: &str| change(json, output).map(|change| change.action);
    assert_eq!(action(r#"{"name": "awk"}"#), None);
    assert_eq!(action(r#"{"name": "awk", "absent": true}"#), None);
    assert_eq!(action(r#"{"name": "vim"}"#), Some(Effect::Create));
    assert_eq!(action(r#"{"name": "vim", "absent": true}"#), None);
    let purged = r#"{"name": "vim", "absent": true, "purge": true}"#;
    assert_eq!(action(purged), Some(Effect::Remove));
    assert_eq!(action(r#"{"name": "bash"}"#), Some(Effect::Update));
    assert_eq!(action(r#"{"name": "libc6"}"#), None);
}

#[test]
fn each_state_that_is_not_the_wanted_one_is_named() {
    let states = [
        ("iH ", "half installed"),
        ("iHR", "must be installed again"),
        ("iiR", "must be installed again"),
        ("iU ", "unpacked, not configured"),
        ("iF ", "half configured"),
        ("iW ", "waits for triggers"),
        ("it ", "has triggers pending"),
    ];
    for (status, words) in states {
        let output = format!("cow\t1\t{status}\nmissing\tcow\n");
        let update = change(r#"{"name": "cow"}"#, &output).unwrap();
        assert_eq!(update.fields, [Field::new("state", words, "installed")], "{status}");
        let removal = change(r#"{"name": "cow", "absent": true}"#, &output).unwrap();
        assert_eq!(removal.action, Effect::Remove, "{status}");
    }
    let held = "cow\t1\thi \ncow:\n  Candidate: 2\nindex at 0\nindex now 1\n";
    let update = change(r#"{"name": "cow", "latest": true}"#, held).unwrap();
    assert_eq!(update.fields, [Field::new("version", "1 (held)", "2")]);
    assert_eq!(change(r#"{"name": "cow"}"#, held), None);
}

#[test]
fn an_index_that_is_old_does_not_tell_what_is_the_newest() {
    let latest = r#"{"name": "cow", "latest": true}"#;
    let output = |candidate: &str, now: u32| {
        format!("cow\t1\tii \ncow:\n  Candidate: {candidate}\nindex at 0\nindex now {now}\n")
    };
    assert_eq!(change(latest, &output("1", 60)), None);
    let old = change(latest, &output("1", 3 * 86_400)).unwrap();
    let words = "the newest: the package index is 3 days old";
    assert_eq!(
        (old.action, old.fields),
        (Effect::Refresh, vec![Field::new("version", "1", words)])
    );
    let older = change(latest, &output("2", 7200)).unwrap();
    let words = "2, or newer: the package index is 2 hours old";
    assert_eq!(
        (older.action, older.fields),
        (Effect::Update, vec![Field::new("version", "1", words)])
    );
    let unknown = |output: &str| {
        let package = package(latest);
        let output = if output.contains('\t') {
            format!("manager apt\n{output}")
        } else {
            output.to_owned()
        };
        Package::observe(&[&package], &output).unwrap().remove(0).unwrap_err().reason
    };
    let failed = "cow\t1\tii \nE: no cache\napt-cache ended with exit status 100\n";
    assert_eq!(unknown(failed), "E: no cache; apt-cache ended with exit status 100");
    assert_eq!(unknown("cow\t1\tii \n"), "apt-cache did not report the newest version");
    let nobody = "this host has no package manager that converge supports (apt)";
    assert_eq!(unknown(nobody), nobody);
}

#[test]
fn what_apt_has_not_heard_of_is_said_before_it_is_tried() {
    let version = |rest: &str| {
        let change = change(r#"{"name": "cow"}"#, &format!("missing\tcow\n{rest}")).unwrap();
        match &change.fields[0].after {
            Shown::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        version("index unread\nindex now 1\n"),
        "newest (the package index was never fetched)"
    );
    let unheard = "unknown to apt: the package index is 5 minutes old, and is refreshed first";
    assert_eq!(version("index at 0\nindex now 300\n"), unheard);
    assert_eq!(version("cow:\n  Candidate: 3\nindex at 0\nindex now 300\n"), "3");
    assert_eq!(version("cow:\n  Candidate: (none)\nindex now 300\n"), "of what provides it");
}
