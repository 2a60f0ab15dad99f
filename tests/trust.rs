//! What this user is told to do comes from himself or root: each kind of file that is read, in each way in which it could be
//! another's, is refused by its path before anything is read of it or run.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// Nobody on this machine.
const OTHER: u32 = 54321;

/// All kinds of files that a plan reads.
const FILES: &[(&str, &str)] = &[
    (
        "converge.toml",
        "inventory = [\"inventory\"]\n[secrets]\nproviders = [{ files = \"secrets\" }, { age = \"age.toml\", identity = \
         \"age.key\" }, { command = [\"tools/secret\", \"{name}\"] }]\n",
    ),
    ("inventory/hosts.toml", "[hosts]\nhere = { transport = \"local\" }\n"),
    ("inventory/more.ini", "[web]\nhere\n"),
    (
        "inventory/program",
        "#!/bin/sh\n: >ran-program\necho '{ \"db\": [\"here\"], \"_meta\": {} }'\n",
    ),
    ("inventory/group_vars/web.yml", "port: 80\n"),
    ("inventory/group_vars/all/common.yml", "zone: a\n"),
    ("inventory/host_vars/here.yml", "rack: 7\n"),
    (
        "playbooks/site.rhai",
        "on(hosts(\"web\"), |host| { role(\"r\"); file(\"/nowhere/p\", #{ source: \"p\" }); });\n",
    ),
    ("playbooks/files/p", "p\n"),
    ("roles/r/role.toml", "description = \"A role\"\n"),
    ("roles/r/lib.rhai", "fn one() { 1 }\n"),
    (
        "roles/r/main.rhai",
        "file(\"/nowhere/a\", #{ template: \"a.j2\", vars: #{ kept: secret(\"kept\"), asked: secret(\"asked\") } });\n\
         file(\"/nowhere/f\", #{ source: \"f\" });\n\
         directory(\"/nowhere/tree\", #{ source: \"tree\" });\n",
    ),
    ("roles/r/templates/a.j2", "{{ kept }} {{ asked }} {% include 'parts/b.j2' %}\n"),
    ("roles/r/templates/parts/b.j2", "b\n"),
    ("roles/r/files/f", "f\n"),
    ("roles/r/files/tree/below/x", "x\n"),
    ("secrets/kept", "one\n"),
    ("age.toml", "other = \"\"\n"),
    ("tools/secret", "#!/bin/sh\n: >ran-secret\necho two\n"),
    ("vars.toml", "extra = 1\n"),
];

struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let place = root.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(&place, text).unwrap();
            let mode = match *path {
                "inventory/program" | "tools/secret" => 0o755,
                "secrets/kept" => 0o600,
                _ => 0o644,
            };
            chmod(&place, mode);
        }
        Self(root)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(words).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
        command
    }

    fn plan(&self) -> Command {
        self.command(&["plan", "playbooks/site.rhai", "-e", "@vars.toml"])
    }

    /// What is wrong with an answer that must be a refusal, with nothing run that leaves `marker`.
    fn missed(&self, case: &str, said: &str, marker: &str, mut command: Command) -> Option<String> {
        let output = command.output().unwrap();
        let told = both(&output);
        let ran = self.path(marker).exists();
        let refused = output.status.code() == Some(1) && told.contains(said) && !ran;
        (!refused).then(|| format!("{case}: {:?}, {marker}: {ran}: {told}", output.status))
    }
}

/// What a program of the project leaves that is run after a file is read; of most files, none is.
fn marker(file: &str) -> &'static str {
    match file {
        "converge.toml" | "vars.toml" | "inventory/hosts.toml" | "inventory/program" => {
            "ran-program"
        }
        "tools/secret" | "secrets/kept" | "age.toml" => "ran-secret",
        _ => "ran-nothing",
    }
}

fn both(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    // A message is cut into lines.
    let told = String::from_utf8_lossy(&told).into_owned();
    told.split_whitespace().filter(|word| !matches!(*word, "│" | "|")).collect::<Vec<_>>().join(" ")
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// How something becomes another's: of a file, and what is told of it. Some need root to be made.
type Way = (&'static str, &'static str, bool, fn(&Path));

const WAYS: &[Way] = &[
    ("belongs to another", "belongs to another user", true, |path| {
        chown(path, Some(OTHER), None).unwrap();
    }),
    ("may be written by a group", "the group 54321 may write to", true, |path| {
        chown(path, None, Some(OTHER)).unwrap();
        chmod(path, fs::metadata(path).unwrap().permissions().mode() | 0o020);
    }),
    ("may be written by all", "every user may write to", false, |path| {
        chmod(path, fs::metadata(path).unwrap().permissions().mode() | 0o002);
    }),
    ("lies in a folder of another", "belongs to another user", true, |path| {
        chown(path.parent().unwrap(), Some(OTHER), None).unwrap();
    }),
    ("lies in a folder that all may write", "every user may write to", false, |path| {
        chmod(path.parent().unwrap(), 0o777);
    }),
    ("is a link of another", "belongs to another user", true, |path| {
        let kept = path.with_extension("kept~");
        fs::rename(path, &kept).unwrap();
        symlink(kept.file_name().unwrap(), path).unwrap();
        std::os::unix::fs::lchown(path, Some(OTHER), None).unwrap();
    }),
    ("is a link to what is another's", "belongs to another user", true, |path| {
        let kept = path.with_extension("kept~");
        fs::rename(path, &kept).unwrap();
        symlink(kept.file_name().unwrap(), path).unwrap();
        chown(kept, Some(OTHER), None).unwrap();
    }),
    ("is a FIFO", "", false, |path| {
        fs::remove_file(path).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }),
    ("is an endless device", "", false, |path| {
        fs::remove_file(path).unwrap();
        symlink("/dev/zero", path).unwrap();
    }),
];

#[test]
fn what_could_be_anothers_is_refused_by_its_path_before_anything_is_run() {
    let plain = Project::new();
    let output = plain.plan().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    for marker in ["ran-program", "ran-secret"] {
        assert!(plain.path(marker).exists(), "programs are run where all is well");
    }
    let mut wrong = Vec::new();
    for (file, _) in FILES {
        for (how, said, needs_root, make) in WAYS {
            if *needs_root && !is_root() {
                continue;
            }
            let project = Project::new();
            make(&project.path(file));
            let case = format!("{file} {how}");
            wrong.extend(project.missed(&case, said, marker(file), project.plan()));
            let output = project.plan().output().unwrap();
            let told = both(&output);
            let named = project.path(file);
            let named = match how.starts_with("lies in") {
                true => named.parent().unwrap().file_name().unwrap(),
                false => named.file_stem().unwrap(),
            };
            if !told.contains(named.to_str().unwrap()) {
                wrong.push(format!("{case}: not named: {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_project_that_is_another_users_is_refused_found_upwards_or_not() {
    if !is_root() {
        return;
    }
    let project = Project::new();
    let all = Command::new("chown").args(["-R", "54321"]).arg(project.0.path()).status().unwrap();
    assert!(all.success());
    assert_eq!(
        project.missed("all", "belongs to another user: 54321", "ran-program", project.plan()),
        None
    );
    // Without a configuration, roles are found upwards; here in a folder where everyone may put some.
    let open = tempfile::tempdir().unwrap();
    chmod(open.path(), 0o1777);
    let role = open.path().join("roles/motd");
    fs::create_dir_all(&role).unwrap();
    fs::write(role.join("main.rhai"), "fail(\"run\");\n").unwrap();
    let own = open.path().join("own");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("site.rhai"), "on(hosts(\"localhost\"), |host| role(\"motd\"));\n").unwrap();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
        command.args(["plan", "site.rhai"]).current_dir(&own).env_clear().env("HOME", &own);
        both(&command.output().unwrap())
    };
    assert!(check().contains("run"), "what is one's own in a sticky folder is fine: {}", check());
    chown(open.path().join("roles"), Some(OTHER), None).unwrap();
    assert!(check().contains("roles belongs to another user: 54321"), "{}", check());
    // What another makes is refused as well where it is found among what is one's own.
    chown(open.path().join("roles"), Some(0), None).unwrap();
    chown(&role, Some(OTHER), None).unwrap();
    assert!(check().contains("motd belongs to another user: 54321"), "{}", check());
}

#[test]
fn the_environment_names_folders_to_trust_and_sudo_the_user_who_asked() {
    if !is_root() {
        return;
    }
    let project = Project::new();
    let give = |owner: &str| {
        let status = Command::new("chown").args(["-R", owner]).arg(project.0.path()).status();
        assert!(status.unwrap().success());
    };
    give("54321");
    let status = |variable: &str, value: &str| {
        project.plan().env(variable, value).output().unwrap().status.code()
    };
    let root = project.0.path().to_str().unwrap();
    assert_eq!(status("CONVERGE_TRUST", root), Some(0));
    assert_eq!(status("CONVERGE_TRUST", &format!("/nowhere:{root}")), Some(0));
    assert_eq!(status("CONVERGE_TRUST", "/usr"), Some(1));
    assert_eq!(status("CONVERGE_TRUST", &format!("{root}/inventory")), Some(1));
    assert_eq!(status("SUDO_UID", "54321"), Some(0));
    assert_eq!(status("SUDO_UID", "54322"), Some(1));
    let output = project.plan().env("CONVERGE_TRUST", "here").output().unwrap();
    assert!(both(&output).contains("CONVERGE_TRUST names here, which is not absolute"));
    // Whom root's environment names means nothing for others; and what root owns is fine for them.
    let as_nobody = |variables: &[(&str, &str)]| {
        let mut command = project.plan();
        command.envs(variables.iter().copied()).uid(65534).gid(65534);
        command.output().ok().map(|output| both(&output))
    };
    chmod(project.0.path(), 0o755);
    let refused = as_nobody(&[("SUDO_UID", "54321")]);
    assert!(refused.is_none_or(|told| !told.contains("SUDO") && told.contains("another user")));
}

#[test]
fn a_file_without_an_end_or_of_great_size_is_no_text() {
    let project = Project::new();
    let large = project.path("roles/r/files/f");
    fs::File::options().write(true).open(&large).unwrap().set_len(300 << 20).unwrap();
    assert_eq!(
        project.missed("size", "is larger than 256 MiB", "ran-nothing", project.plan()),
        None
    );
}

/// Links from what a role reads to what is not in its folder, by what they stand at.
#[test]
fn what_a_role_reads_stays_in_its_folder_wherever_links_lead() {
    let outside: &[(&str, &str)] = &[
        ("roles/r/files/f", "../../../outside"),
        ("roles/r/files/f", "/etc/hostname"),
        ("roles/r/files/tree/below/x", "../../../../../outside"),
        ("roles/r/templates/a.j2", "../../../outside"),
        ("roles/r/templates/parts/b.j2", "../../../../outside"),
        ("roles/r/role.toml", "../../outside"),
        ("roles/r/lib.rhai", "../../outside"),
        ("roles/r/main.rhai", "../../outside"),
        ("roles/r/files/f", "../../other/files/f"),
        ("playbooks/files/p", "../../outside"),
    ];
    let mut wrong = Vec::new();
    for (file, target) in outside {
        let project = Project::new();
        fs::write(project.path("outside"), "").unwrap();
        fs::create_dir_all(project.path("roles/other/files")).unwrap();
        fs::write(project.path("roles/other/main.rhai"), "").unwrap();
        fs::write(project.path("roles/other/files/f"), "").unwrap();
        let place = project.path(file);
        fs::remove_file(&place).unwrap();
        symlink(target, &place).unwrap();
        let said = "which is not in";
        wrong.extend(project.missed(
            &format!("{file} -> {target}"),
            said,
            "ran-nothing",
            project.plan(),
        ));
    }
    // A linked folder in the middle.
    for folder in
        ["roles/r/files", "roles/r/templates", "roles/r/templates/parts", "roles/r/files/tree"]
    {
        let project = Project::new();
        fs::rename(project.path(folder), project.path("moved")).unwrap();
        symlink(project.path("moved"), project.path(folder)).unwrap();
        let case = format!("{folder} is elsewhere");
        wrong.extend(project.missed(&case, "which is not in", "ran-nothing", project.plan()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let project = Project::new();
    let inside = [
        ("roles/r/files/f", "g"),
        ("roles/r/templates/a.j2", "../files/a"),
        ("roles/r/files/tree/below/x", "../../g"),
    ];
    for (file, target) in inside {
        let place = project.path(file);
        let target_place = place.parent().unwrap().join(target);
        fs::rename(&place, &target_place)
            .or_else(|_| fs::copy(&place, &target_place).map(drop))
            .unwrap();
        let _ = fs::remove_file(&place);
        symlink(target, &place).unwrap();
    }
    let output = project.plan().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "links that stay inside work: {}", both(&output));
}

#[test]
fn the_host_keys_that_another_could_have_written_open_no_host() {
    let project = Project::new();
    fs::write(project.path("known"), "").unwrap();
    fs::write(
        project.path("far.toml"),
        "[hosts]\nfar = { address = \"127.0.0.1\", port = 1, known_hosts = \"known\", ssh_config = \"ssh\" }\n",
    )
    .unwrap();
    fs::write(project.path("ssh"), "").unwrap();
    for file in ["known", "ssh"] {
        chmod(&project.path(file), 0o646);
        let output = project.command(&["facts", "far", "-i", "far.toml"]).output().unwrap();
        let told = both(&output);
        assert!(told.contains("every user may write to"), "{file}: {told}");
        chmod(&project.path(file), 0o644);
    }
}
