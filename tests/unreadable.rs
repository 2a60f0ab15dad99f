//! A file or a folder of a project that cannot be read is an error with its path: never taken for one that is empty, or
//! that is not there.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt as _, fs::PermissionsExt as _, fs::symlink, process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use tempfile::TempDir;

/// What a project can have: each file is read by `check`, and by whatever evaluates the playbook.
const FILES: &[(&str, &str)] = &[
    ("converge.toml", "inventory = [\"inventory\"]\n"),
    ("inventory/hosts.ini", "[web]\nweb-1\n"),
    ("inventory/more", "[db]\ndb-1\n"),
    ("inventory/group_vars/web.yml", "port: 80\n"),
    ("inventory/group_vars/all/common.yml", "zone: a\n"),
    ("inventory/host_vars/web-1", "rack: 7\n"),
    ("playbooks/site.rhai", "on(hosts(\"web\"), |host| role(\"nginx\"));\n"),
    ("roles/nginx/role.toml", "description = \"A web server\"\n"),
    ("roles/nginx/lib.rhai", "fn one() { 1 }\n"),
    (
        "roles/nginx/main.rhai",
        "file(\"/a\", #{ template: \"a.j2\" });\nfile(\"/f\", #{ source: \"f\" });\n\
         directory(\"/tree\", #{ source: \"tree\" });\n",
    ),
    ("roles/nginx/templates/a.j2", "{% include 'parts/b.j2' ignore missing %}\n"),
    ("roles/nginx/templates/parts/b.j2", "b\n"),
    ("roles/nginx/files/f", "f\n"),
    ("roles/nginx/files/tree/below/x", "x\n"),
    ("vars.toml", "extra = 1\n"),
];

fn project() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn converge(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.args(words).current_dir(root).env_clear().env("HOME", root).env("LANG", "C.UTF-8");
    command
}

/// What evaluates the playbook: with the look at all that is written, and without.
const READING: [&[&str]; 2] = [
    &["check", "playbooks/site.rhai", "-e", "@vars.toml"],
    &["graph", "playbooks/site.rhai", "-e", "@vars.toml"],
];

/// Runs what must find that something cannot be read, and gives what is wrong with that.
fn missed(path: &str, how: &str, mut command: Command) -> Option<String> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = output.status.code() == Some(1) && said.contains(path);
    (!told).then(|| format!("{path} {how}, {:?}: {said}", output.status))
}

#[test]
fn a_file_of_a_project_that_cannot_be_read_is_an_error_with_its_path() {
    /// What makes a file one that cannot be read, whoever tries.
    type Way = (&'static str, fn(&Path));
    const WAYS: [Way; 3] = [
        ("is a folder", |path| fs::create_dir(path).unwrap()),
        ("is a link to itself", |path| symlink(path, path).unwrap()),
        ("is no text", |path| fs::write(path, b"\xff\xfe").unwrap()),
    ];
    let mut wrong = Vec::new();
    for (path, _) in FILES {
        for (how, make) in WAYS {
            // What is copied may be anything. A folder of variables, and one in an inventory, is read as a folder.
            let is_fine = match how {
                "is no text" => path.contains("/files/"),
                "is a folder" => path.contains("inventory/") || path.contains("/tree/"),
                _ => false,
            };
            if is_fine {
                continue;
            }
            let root = project();
            let file = root.path().join(path);
            fs::remove_file(&file).unwrap();
            make(&file);
            for words in READING {
                wrong.extend(missed(path, how, converge(root.path(), words)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders of the project.
fn folders() -> Vec<&'static str> {
    let mut folders: Vec<&str> = FILES
        .iter()
        .flat_map(|(path, _)| path.match_indices('/').map(|(end, _)| &path[..end]))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

#[test]
fn a_folder_of_a_project_that_cannot_be_read_is_an_error_with_its_path() {
    let mut wrong = Vec::new();
    for path in folders() {
        let root = project();
        let folder = root.path().join(path);
        fs::remove_dir_all(&folder).unwrap();
        symlink(&folder, &folder).unwrap();
        for words in READING {
            wrong.extend(missed(path, "is a link to itself", converge(root.path(), words)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nobody may read this, but root; who is root runs it as somebody else.
#[test]
fn a_file_or_folder_that_may_not_be_read_is_an_error_with_its_path() {
    const NOBODY: u32 = 65534;
    let closed = |path: &str, mode: u32| {
        let root = project();
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        chmod(root.path(), 0o755);
        chmod(&root.path().join(path), mode);
        root
    };
    let as_nobody = |root: &TempDir, words: &[&str]| {
        let mut command = converge(root.path(), words);
        if rustix::process::getuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    // Where the program itself is out of reach for others, there is nothing to see.
    let open = as_nobody(&closed("vars.toml", 0o644), READING[0]).output();
    let Some(open) = open.ok().filter(|open| open.status.success()) else { return };
    assert!(String::from_utf8_lossy(&open.stdout).contains("no errors found"));
    let mut wrong = Vec::new();
    let all = FILES.iter().map(|(path, _)| *path).chain(folders());
    for path in all {
        for words in READING {
            let root = closed(path, 0o000);
            wrong.extend(missed(path, "is closed", as_nobody(&root, words)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_that_is_no_utf_8_is_an_error() {
    let mut wrong = Vec::new();
    for folder in [
        "roles",
        "roles/nginx/templates",
        "roles/nginx/files/tree",
        "inventory/group_vars",
        "inventory/host_vars",
    ] {
        let root = project();
        let file = root.path().join(folder).join(OsStr::from_bytes(b"na\xffme"));
        fs::write(file, "a: 1\n").unwrap();
        for words in READING {
            wrong.extend(missed(folder, "holds such a name", converge(root.path(), words)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_role_behind_a_link_is_a_role() {
    let root = project();
    let role = root.path().join("roles/nginx");
    fs::rename(&role, root.path().join("elsewhere")).unwrap();
    symlink("../elsewhere", &role).unwrap();
    symlink("..", root.path().join("elsewhere/up")).unwrap();
    fs::write(root.path().join("elsewhere/templates/wrong.j2"), "{% if %}").unwrap();
    let output = converge(root.path(), READING[0]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("roles/nginx/templates/wrong.j2:1"), "{said}");
}

#[test]
fn a_fifo_among_inventories_is_an_error_and_is_not_waited_for() {
    let root = project();
    let fifo = root.path().join("inventory/late.toml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let command = converge(root.path(), READING[0]);
    assert_eq!(missed("inventory/late.toml", "is a fifo", command), None);
}

#[test]
fn a_manual_that_lacks_the_roles_says_why() {
    let root = project();
    fs::remove_file(root.path().join("inventory/hosts.ini")).unwrap();
    symlink("hosts.ini", root.path().join("inventory/hosts.ini")).unwrap();
    let doc = |words: &[&str]| converge(root.path(), words);
    assert_eq!(missed("inventory/hosts.ini", "loops", doc(&["doc", "role", "nginx"])), None);
    let index = doc(&["doc"]).output().unwrap();
    assert!(index.status.success());
    assert!(String::from_utf8(index.stderr).unwrap().contains("inventory/hosts.ini"));
    assert!(doc(&["doc", "file"]).output().unwrap().status.success());
}

#[test]
fn a_run_whose_journal_cannot_be_read_is_told_by_its_folder() {
    let root = project();
    let runs = root.path().join(".converge/runs");
    let history = |words: &[&str]| converge(root.path(), words);
    let none = history(&["history"]).output().unwrap();
    assert!(none.status.success() && none.stdout.is_empty());
    fs::create_dir_all(runs.join("1-begun")).unwrap();
    let listed = history(&["history"]).output().unwrap();
    assert!(String::from_utf8(listed.stdout).unwrap().contains("cut short"));
    let events = runs.join("2-broken/events.jsonl");
    fs::create_dir_all(&events).unwrap();
    let listed = history(&["history"]).output().unwrap();
    assert!(String::from_utf8(listed.stdout).unwrap().contains("1-begun"));
    assert_eq!(missed("runs/2-broken", "is a folder", history(&["history"])), None);
    fs::remove_dir(&events).unwrap();
    fs::write(&events, "{\"event\":\n{\"event\":").unwrap();
    for words in [&["history"][..], &["show", "2"]] {
        assert_eq!(missed("runs/2-broken: line 1", "is damaged", history(words)), None);
    }
    fs::remove_dir_all(&runs).unwrap();
    symlink("runs", &runs).unwrap();
    assert_eq!(missed(".converge", "loops", history(&["history"])), None);
}
