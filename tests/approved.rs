//! A plan that someone approved: it is applied where all that it was made from is as it was, and told file by file where not,
//! before anything is run.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    process::{Command, Output},
};

use converge::{
    commands::plan_file::{Approved, PlanRequest},
    run::PlanFile,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::project::Project as InMemory;

/// All that a plan is made from.
const FILES: &[(&str, &str)] = &[
    ("converge.toml", "inventory = [\"inventory\"]\n"),
    ("inventory/hosts.toml", "[hosts]\nhere = { transport = \"local\" }\n"),
    ("inventory/more.ini", "[web]\nhere\n"),
    ("inventory/program", "#!/bin/sh\n: >ran\necho '{ \"db\": [\"here\"], \"_meta\": {} }'\n"),
    ("inventory/group_vars/web.yml", "port: 80\n"),
    ("inventory/group_vars/all/common.yml", "zone: a\n"),
    ("inventory/host_vars/here.yml", "rack: 7\n"),
    ("playbooks/site.rhai", "on(hosts(\"web\"), |host| { role(\"r\"); role(\"s\"); });\n"),
    ("roles/r/role.toml", "description = \"A role\"\n"),
    ("roles/r/lib.rhai", "fn one() { 1 }\n"),
    (
        "roles/r/main.rhai",
        "file(\"ROOT/out/a\", #{ template: \"a.j2\" });\nfile(\"ROOT/out/f\", #{ source: \"f\" });\n\
         directory(\"ROOT/out/tree\", #{ source: \"tree\" });\n",
    ),
    ("roles/r/templates/a.j2", "a {% include 'parts/b.j2' %}\n"),
    ("roles/r/templates/parts/b.j2", "b\n"),
    ("roles/r/files/f", "f\n"),
    ("roles/r/files/tree/below/x", "x\n"),
    ("roles/s/main.rhai", "let nothing = 0;\n"),
    ("vars.toml", "extra = 1\n"),
];

pub(crate) struct Project(pub(crate) TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("out")).unwrap();
        let project = Self(root);
        for (path, text) in FILES {
            let text = text.replace("ROOT", project.0.path().to_str().unwrap());
            project.write(path, &text);
        }
        let program = fs::Permissions::from_mode(0o755);
        fs::set_permissions(project.path("inventory/program"), program).unwrap();
        project
    }

    /// One with a plan in `site.plan`, of which nothing was run since.
    pub(crate) fn planned() -> Self {
        let project = Self::new();
        let words = ["plan", "playbooks/site.rhai", "-e", "@vars.toml", "-o", "site.plan"];
        let output = project.converge(&words);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        fs::remove_file(project.path("ran")).unwrap();
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(words).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        command
    }

    pub(crate) fn converge(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Output {
        self.converge(&[&["apply", "site.plan", "--lock-wait", "100"], more].concat())
    }

    /// What is wrong with a refusal by these words, of which nothing must have been run or done.
    fn missed(&self, case: &str, said: &str) -> Option<String> {
        let output = self.apply(&[]);
        let (ran, told) = (self.path("ran").exists(), told(&output));
        let done = fs::read_dir(self.path("out")).unwrap().count();
        let refused = output.status.code() == Some(1) && told.contains(said) && !ran && done == 0;
        (!refused).then(|| format!("{case}: {:?}, ran: {ran}, done: {done}: {told}", output.status))
    }
}

pub(crate) fn told(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    told.split_whitespace().filter(|word| !matches!(*word, "│" | "|")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_plan_is_applied_where_all_is_as_it_was_also_from_a_folder_below() {
    let project = Project::planned();
    let mut below = project.command(&["apply", "../site.plan", "--lock-wait", "100"]);
    let output = below.current_dir(project.path("playbooks")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(fs::read_to_string(project.path("out/a")).unwrap(), "a b\n");
}

#[test]
fn what_is_not_as_it_was_is_told_by_its_path_before_anything_is_run() {
    type Change = (&'static str, &'static str, fn(&Project));
    let mut wrong = Vec::new();
    for (path, text) in FILES {
        let project = Project::planned();
        project.write(path, &format!("{text}# more\n"));
        wrong.extend(project.missed(path, &format!("{path} was changed")));
        let project = Project::planned();
        fs::remove_file(project.path(path)).unwrap();
        wrong.extend(project.missed(path, &format!("{path} was removed")));
    }
    let changes: [Change; 5] = [
        ("inventory", "inventory was changed", |it| {
            it.write("inventory/other", "#!/bin/sh\n: >ran\n");
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(it.path("inventory/other"), mode).unwrap();
        }),
        ("group_vars", "inventory/group_vars was changed", |it| {
            it.write("inventory/group_vars/db.yml", "a: 1\n");
        }),
        ("role.toml", "roles/s/role.toml was added", |it| it.write("roles/s/role.toml", "")),
        ("lib.rhai", "roles/s/lib.rhai was added", |it| it.write("roles/s/lib.rhai", "")),
        ("link", "is outside of the project", |it| {
            fs::remove_file(it.path("roles/r/files/f")).unwrap();
            symlink("/etc/hostname", it.path("roles/r/files/f")).unwrap();
        }),
    ];
    for (case, said, change) in changes {
        let project = Project::planned();
        change(&project);
        wrong.extend(project.missed(case, said));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every way to change one thing in a JSON text.
fn tampered(json: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                for other in tampered(value) {
                    let mut map = map.clone();
                    map.insert(key.clone(), other);
                    all.push(map.into());
                }
                let mut without = map.clone();
                without.remove(key);
                all.push(without.into());
            }
            let mut more = map.clone();
            more.insert("more".to_owned(), Value::from("x"));
            all.push(more.into());
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                for other in tampered(value) {
                    let mut list = list.clone();
                    list[at] = other;
                    all.push(list.into());
                }
            }
            all.push(Value::Array([&list[..], &[Value::from("x")]].concat()));
        }
        Value::String(text) => {
            all.push(format!("{text}x").into());
            all.push("".into());
        }
        Value::Number(number) => all.push((number.as_u64().unwrap() + 1).into()),
        Value::Bool(it) => all.push((!it).into()),
        Value::Null => all.push("x".into()),
    }
    all
}

#[test]
fn a_plan_in_which_anything_was_changed_is_refused_before_anything_is_run() {
    let project = Project::planned();
    let plan = fs::read_to_string(project.path("site.plan")).unwrap();
    let json: Value = serde_json::from_str(&plan).unwrap();
    let all = tampered(&json);
    assert!(all.len() > 80, "{}", all.len());
    let mut wrong = Vec::new();
    for other in all {
        project.write("site.plan", &other.to_string());
        let case = other.to_string();
        wrong.extend(project.missed(&case, ""));
    }
    assert!(wrong.is_empty(), "{} wrong: {}", wrong.len(), wrong[0]);
    project.write("site.plan", &plan);
    assert_eq!(project.apply(&[]).status.code(), Some(0));
}

/// The salt is in the file: whoever can write it can make a seal that fits. It names nothing that is elsewhere even so.
#[test]
fn a_plan_names_nothing_outside_of_its_project_however_it_is_made() {
    let project = Project::planned();
    let outside = tempfile::tempdir().unwrap();
    let marker = project.path("ran");
    let program = outside.path().join("inventory");
    fs::write(&program, format!("#!/bin/sh\n: >{}\necho '{{}}'\n", marker.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&program, project.path("inventory/link")).unwrap();
    let program = program.to_str().unwrap();
    let playbooks = vec!["playbooks/site.rhai".to_owned()];
    let asked = |change: &dyn Fn(&mut PlanRequest)| {
        let mut asked = PlanRequest { playbooks: playbooks.clone(), ..PlanRequest::default() };
        change(&mut asked);
        asked
    };
    let mut wrong = Vec::new();
    for asked in [
        asked(&|it| it.inventory = vec![program.to_owned()]),
        asked(&|it| it.inventory = vec!["inventory/link".to_owned()]),
        asked(&|it| it.inventory = vec![format!("../{program}")]),
        asked(&|it| it.vars = vec!["@/etc/shadow".to_owned()]),
        asked(&|it| it.vars = vec!["@inventory/../../etc/shadow".to_owned()]),
        asked(&|it| it.playbooks = vec!["/etc/evil.rhai".to_owned()]),
        asked(&|it| it.playbooks = vec!["playbooks//../../evil.rhai".to_owned()]),
    ] {
        let named = asked.playbooks.iter().chain(&asked.inventory);
        let named = named.chain(&asked.vars).map(|it| it.trim_start_matches('@').to_owned());
        let found: BTreeMap<String, String> = named.map(|it| (it, "nothing".to_owned())).collect();
        let case = format!("{asked:?}");
        let salt = "0123456789abcdef".to_owned();
        let mut plan = PlanFile::default();
        plan.version = PlanFile::VERSION;
        let text = Approved::new(asked, found, &plan, salt, None).text();
        project.write("site.plan", &text);
        wrong.extend(project.missed(&case, ""));
        let told = told(&project.apply(&[]));
        let refused =
            told.contains("not in the project") || told.contains("is outside of the project");
        if !refused || told.contains("root:") {
            wrong.push(format!("{case}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_of_what_is_outside_of_the_project_is_not_made() {
    let project = Project::new();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("vars.toml");
    fs::write(&file, "extra = 1\n").unwrap();
    let vars = format!("@{}", file.display());
    let words = ["plan", "playbooks/site.rhai", "-e", &vars, "-o", "site.plan"];
    let output = project.converge(&words);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("is outside of the project, so a plan"), "{}", told(&output));
    assert!(!project.path("site.plan").exists() && !project.path("ran").exists());
}

#[test]
fn a_key_that_is_kept_elsewhere_is_needed_again() {
    let project = Project::new();
    let status = |words: &[&str], key: &str| {
        let mut command = project.command(words);
        let output = command.env("CONVERGE_PLAN_KEY", key).output().unwrap();
        (output.status.code(), told(&output))
    };
    let (key, other) = ("0123456789abcdef", "another key of some length");
    let plan = ["plan", "playbooks/site.rhai", "-o", "site.plan"];
    assert_eq!(status(&plan, "short").0, Some(7));
    assert_eq!(status(&plan, key).0, Some(0));
    let apply = ["apply", "site.plan", "--lock-wait", "100"];
    for (key, said) in
        [("", "was created with a key"), (other, "was modified after it was written")]
    {
        let (code, told) = status(&apply, key);
        assert!(code == Some(1) && told.contains(said), "{told}");
    }
    assert_eq!(status(&apply, key).0, Some(0));
    assert_eq!(status(&plan, "").0, Some(0));
    assert!(status(&apply, key).1.contains("was created without the key"));
}

/// What a plan holds of a resource is the same, whatever a secret in it is: so there is nothing to guess by.
#[test]
fn what_is_approved_of_a_resource_tells_no_secret() {
    for block in [
        "file(\"/a\", #{ content: secret(\"pin\") })",
        "file(\"/a\", #{ template: \"a.j2\", vars: #{ pin: secret(\"pin\") } })",
        "user(\"ada\", #{ password: secret(\"pin\") })",
        "command(\"a\", #{ run: \"true\", stdin: secret(\"pin\") })",
        "command(\"a\", #{ run: \"true\", env: #{ PIN: secret(\"pin\") } })",
        "custom(\"k\", \"a\", #{ observe: \"true\", want: secret(\"pin\"), apply: \"true\" })",
        "container(\"app\", #{ image: \"i:1\", env: #{ PIN: secret(\"pin\") } })",
    ] {
        // What would do for the hash of a password as well.
        let hash = |letter: &str| format!("$6$saltsalt${}", letter.repeat(86));
        let digests = |pin: &str| {
            let project = InMemory::on_web(&format!("{block};"))
                .file("playbooks/templates/a.j2", "{{ pin }}")
                .secret("pin", pin);
            let catalog = project.catalog();
            let (_, node) = catalog.nodes().next().unwrap();
            (node.approvable(), node.fingerprint())
        };
        let ((one, whole), (other, other_whole)) = (digests(&hash("a")), digests(&hash("b")));
        assert_eq!(one, other, "{block}");
        assert_ne!(whole, other_whole, "{block}: the test sees that it differs");
    }
}
