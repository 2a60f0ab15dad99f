//! What undoes a run: a playbook that declares things as they were.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
};

use converge::plan::{
    exit_status::ExitStatus::Converged,
    undo::{SaidKept, asking, playbook},
};

use super::fleet::Fleet;

/// Changes of every sort, and what reacts to them.
const SITE: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    let config = file(`${r}/config`, #{ content: "new\n", mode: "0600" });
    file(`${r}/made`, #{ content: "made\n" });
    file(`${r}/mode`, #{ mode: "0640" });
    line(`${r}/lines`, #{ line: "a = 2", match: "^a = " });
    line(`${r}/lines`, #{ line: "b = 3" });
    line(`${r}/behind`, #{ line: "b = 3" });
    link(`${r}/link`, #{ to: "elsewhere" });
    link(`${r}/new-link`, #{ to: "elsewhere" });
    link(`${r}/was-file`, #{ to: "elsewhere", force: true });
    absent(`${r}/gone`);
    absent(`${r}/gone-link`);
    directory(`${r}/folder/below`, #{ mode: "0700" }).after(directory(`${r}/folder`));
    file(`${r}/folder/below/f`, #{ content: "x" });
    local_copy(`${r}/copy`, #{ from: `${r}/config` });
    command("count", #{ run: `echo more >>${r}/counted; touch ${r}/counted-more`, undo: `sed -i '$d' ${r}/counted; rm ${r}/counted-more`, creates: `${r}/counted-more` });
    action("reload", #{ run: `cat ${r}/config >>${host.vars.log}`, on: [config] });
});"#;

fn prepare(fleet: &Fleet) {
    for (name, text) in [
        ("config", "old\n"),
        ("mode", "m"),
        ("lines", "a = 1\n"),
        ("was-file", "w"),
        ("gone", "g"),
        ("copy", "c"),
        ("counted", "one\n"),
    ] {
        fleet.write("a", name, text);
    }
    fs::create_dir(fleet.at("a", "real")).unwrap();
    fleet.write("a", "real/lines", "c\n");
    symlink("real/lines", fleet.at("a", "behind")).unwrap();
    for name in ["link", "gone-link"] {
        symlink("here", fleet.at("a", name)).unwrap();
    }
}

/// All that lies in a folder, but for what converge keeps itself.
fn all(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries.iter().filter(|path| !path.to_string_lossy().contains("/state")) {
        let data = fs::symlink_metadata(path).unwrap();
        let holds = match data.file_type() {
            it if it.is_symlink() => fs::read_link(path).unwrap().display().to_string(),
            it if it.is_dir() => all(path).join(";"),
            _ => fs::read_to_string(path).unwrap(),
        };
        found.push(format!("{} {:o} {holds}", path.display(), data.mode()));
    }
    found
}

async fn undoing(fleet: &Fleet, run: &str) -> String {
    let output = fleet.ask("a", &asking(run)).await;
    playbook(run, &[SaidKept { host: "a".to_owned(), output }]).unwrap()
}

#[tokio::test]
async fn what_undoes_a_run_leaves_all_as_it_was() {
    let fleet = Fleet::new(&["a"]);
    prepare(&fleet);
    let before = all(&fleet.at("a", ""));
    let ran = fleet.apply(SITE).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.events);
    let after = all(&fleet.at("a", ""));
    let undo = undoing(&fleet, "run-1").await;
    let ran = fleet.apply(&undo).await;
    assert_eq!(ran.status, Converged, "{undo}\n{:?}", ran.events);
    assert_eq!(all(&fleet.at("a", "")), before, "{undo}");
    assert_eq!(fleet.log(), ["new", "old"], "what reads it read it again");
    // What undid it is a run as any other.
    let redo = undoing(&fleet, "run-2").await;
    assert_eq!(fleet.apply(&redo).await.status, Converged, "{redo}");
    let without = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|it| !it.contains("/counted")).collect()
    };
    assert_eq!(without(all(&fleet.at("a", ""))), without(after), "{redo}");
}

#[tokio::test]
async fn what_is_not_open_to_all_stays_on_the_host() {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "key", "old secret");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(fleet.at("a", "key"), mode).unwrap();
    let site =
        r#"on(hosts("a"), |host| file(`${host.vars.root}/key`, #{ content: "new secret" }));"#;
    assert_eq!(fleet.apply(site).await.status, Converged);
    let undo = undoing(&fleet, "run-1").await;
    assert!(!undo.contains("old secret") && undo.contains("local_copy("), "{undo}");
    let ran = fleet.apply(&undo).await;
    assert_eq!(ran.status, Converged, "{:?}", ran.events);
    assert!(!format!("{:?}", ran.events).contains("old secret"));
    assert_eq!(fleet.read("a", "key").as_deref(), Some("old secret"));
}

#[tokio::test]
async fn only_the_last_runs_are_kept() {
    let fleet = Fleet::new(&["a"]);
    for number in 0..34 {
        let site = r#"on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "N" }));"#;
        let ran = fleet.apply(&site.replace('N', &number.to_string())).await;
        assert_eq!(ran.status, Converged);
    }
    let kept = fs::read_dir(fleet.at("a", "state/kept")).unwrap();
    let lists = kept.filter(|it| it.as_ref().unwrap().path().extension() == Some("list".as_ref()));
    assert!((10..=20).contains(&lists.count()));
}

/// What is still there is not what was there before.
#[tokio::test]
async fn a_step_that_fails_leaves_nothing_that_is_kept() {
    let fleet = Fleet::new(&["a"]);
    fleet.write("a", "f", "old");
    let site = r#"on(hosts("a"), |host| file(`${host.vars.root}/f`, #{ content: "new", validate: "test %s = no" }));"#;
    fleet.apply(site).await;
    assert_eq!(fs::metadata(fleet.at("a", "f")).unwrap().nlink(), 1);
    let site = site.replace("test %s = no", "false");
    fleet.apply(&site).await;
    assert_eq!(fleet.read("a", "f").as_deref(), Some("old"));
    assert_eq!(fs::metadata(fleet.at("a", "f")).unwrap().nlink(), 1);
}
