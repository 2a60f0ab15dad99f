//! Errors on the command line and in what it names, as the program tells them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A project on disk.
fn project() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("converge.toml", "inventory = [\"inventory/lab.toml\"]\n");
    write(
        "inventory/lab.toml",
        "[hosts]\nweb-1 = { vars = { port = 80 } }\n[groups.web]\nhosts = [\"web-1\"]\n",
    );
    write("playbooks/site.rhai", "on(hosts(\"web\"), |host| role(\"nginx\"));\n");
    write("playbooks/typo.rhai", "on(hosts(\"web\"), |host| role(\"ngnix\"));\n");
    write(
        "playbooks/branch.rhai",
        "if false {\n    on(hosts(\"wbe\"), |host| role(\"nginx\", #{ port: 80 }));\n}\n",
    );
    write("playbooks/secret.rhai", "let password = secret(\"db\");\n");
    write(
        "playbooks/hash.rhai",
        "on(hosts(\"web\"), |host| user(\"ada\", #{ password: secret(\"hash\") }));\n",
    );
    write("here.toml", "[hosts]\nhere = { transport = \"local\" }\n");
    for name in ["a", "b", "c", "d"] {
        write(&format!("playbooks/{name}.rhai"), "");
    }
    write("roles/nginx/main.rhai", "package(\"nginx\");\n");
    write("text.plan", "not a plan");
    write("broken.plan", "{ \"playbook\": 1 }");
    write("old.plan", "{ \"plan\": { \"version\": 0 } }");
    write("bad/converge.toml", "concurency = 5\n");
    root
}

fn converge(root: &TempDir, arguments: &[&str]) -> Output {
    command(root, arguments).output().unwrap()
}

fn command(root: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.args(arguments).current_dir(root.path());
    command.env_clear().env("HOME", root.path()).env("LANG", "C.UTF-8");
    command
}

/// What the program says on its standard error, and its exit status.
fn told(arguments: &[&str]) -> String {
    let root = project();
    let output = converge(&root, arguments);
    let folder = root.path().display().to_string();
    let text = String::from_utf8(output.stderr).unwrap().replace(&folder, "/project");
    // A run has another id each time.
    let lines = text.lines().map(|line| line.split(", run ").next().unwrap());
    let text = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "nothing is told as a result");
    format!("exit status {}\n{text}", output.status.code().unwrap())
}

macro_rules! snapshots {
    ($($name:ident: $arguments:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(told(&$arguments));
        }
    )*};
}

snapshots! {
    no_argument: [] as [&str; 0];
    an_unknown_subcommand: ["histroy"];
    an_unknown_subcommand_with_an_argument: ["pln", "playbooks/site.rhai"];
    an_unknown_option: ["plan", "--concurency", "5", "playbooks/site.rhai"];
    an_option_without_its_value: ["plan", "playbooks/site.rhai", "--limit"];
    an_unknown_format: ["plan", "playbooks/site.rhai", "--format", "yaml"];
    a_drawing_of_a_plan: ["plan", "playbooks/site.rhai", "--format", "dot"];
    a_number_that_is_none: ["plan", "playbooks/site.rhai", "--concurrency", "many"];
    a_playbook_that_is_elsewhere: ["plan", "site.rhai"];
    a_playbook_with_a_slip_in_its_name: ["check", "playbooks/sites.rhai"];
    a_playbook_without_its_ending: ["playbooks/site"];
    a_playbook_with_an_error: ["plan", "playbooks/typo.rhai"];
    a_variable_without_a_value: ["plan", "playbooks/site.rhai", "-e", "version"];
    a_file_of_variables_that_is_not_there: ["plan", "playbooks/site.rhai", "-e", "@vars.toml"];
    an_inventory_that_is_not_there: ["plan", "playbooks/site.rhai", "-i", "inventory/prod.toml"];
    a_limit_that_means_nobody: ["plan", "playbooks/site.rhai", "-l", "api"];
    hosts_that_are_not_there: ["hosts", "wbe"];
    a_kind_that_is_none: ["doc", "flie"];
    a_variable_that_is_none: ["why", "web-1", "prot"];
    a_run_that_is_none: ["show", "2020"];
    a_configuration_with_a_slip: ["plan", "bad/site.rhai"];
    a_plan_of_another_version: ["apply", "old.plan"];
    a_plan_that_is_none: ["apply", "broken.plan"];
    a_text_that_is_no_plan: ["apply", "text.plan"];
    a_secret_that_nobody_keeps: ["plan", "playbooks/secret.rhai"];
    a_check_of_two_errors: ["check", "playbooks/branch.rhai"];
    a_command_that_is_missing: ["exec", "web"];
}

#[test]
fn a_fleet_that_needs_more_open_files_than_there_may_be_is_not_touched() {
    let root = project();
    let hosts: String =
        (0..100).map(|n| format!("h{n} = {{ address = \"127.0.0.1\" }}\n")).collect();
    fs::write(root.path().join("many.toml"), format!("[hosts]\n{hosts}")).unwrap();
    fs::write(root.path().join("all.rhai"), "on(hosts(\"all\"), |host| directory(\"/tmp\"));")
        .unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 100; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_converge")]);
    limited.args(["all.rhai", "-i", "many.toml"]).current_dir(root.path());
    let output = limited.env("HOME", root.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(
            "this run needs 164 open files at once, but the limit on the controller is 100"
        ),
        "{said}"
    );
    assert!(said.contains("ulimit -n 164") && !said.contains("connecting"), "{said}");
}

#[test]
fn a_check_that_finds_nothing_says_how_much_it_saw() {
    let root = project();
    let said = |playbook: &str| {
        let output = converge(&root, &["check", playbook]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let found = "playbooks/site.rhai: 1 resource, no errors found\n".to_owned();
    assert_eq!(said("playbooks/site.rhai"), (Some(0), found));
    // A secret is not needed for it.
    let found = "playbooks/secret.rhai: 0 resources, no errors found\n".to_owned();
    assert_eq!(said("playbooks/secret.rhai"), (Some(0), found));
    // Nor does it matter to what it must be like.
    let found = "playbooks/hash.rhai: 1 resource, no errors found\n".to_owned();
    assert_eq!(said("playbooks/hash.rhai"), (Some(0), found));
}

#[test]
fn a_simulation_tells_how_it_would_end_and_no_plan() {
    let simulate = ["plan", "playbooks/site.rhai", "--simulate-failure", "web-1"];
    let output = converge(&project(), &simulate);
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_playbooks_of_this_project_fit_its_inventories() {
    let version = ["-e", "api_version=2.0.0"];
    for (playbook, more) in [
        ("playbooks/site.rhai", &[][..]),
        ("playbooks/site.rhai", &version),
        ("playbooks/release.rhai", &version),
        ("playbooks/decommission.rhai", &[]),
    ] {
        for inventory in
            ["inventory/lab.toml", "inventory/staging.toml", "inventory/production.toml"]
        {
            let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
            command.args(["check", playbook, "-i", inventory]).args(more);
            let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{playbook}, {inventory}: {said}");
        }
    }
}

#[test]
fn a_plan_is_applied_where_the_environment_names_its_inventory() {
    let root = project();
    let status = |inventory: &str, arguments: &[&str]| {
        let mut command = command(&root, arguments);
        command.env("CONVERGE_INVENTORY", inventory).output().unwrap().status.code()
    };
    assert_eq!(status("here.toml", &["plan", "playbooks/a.rhai", "-o", "a.plan"]), Some(0));
    assert_eq!(status("here.toml", &["apply", "a.plan"]), Some(0));
    assert_eq!(status("inventory/lab.toml", &["apply", "a.plan"]), Some(1));
}

#[test]
fn runs_are_listed_in_the_order_in_which_they_began() {
    let root = project();
    let order = ["c", "a", "d", "b"].map(|name| format!("playbooks/{name}.rhai"));
    for playbook in &order {
        assert!(converge(&root, &["plan", playbook]).status.success());
    }
    let history = String::from_utf8(converge(&root, &["history"]).stdout).unwrap();
    let listed: Vec<&str> =
        history.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(listed, order);
}

/// The last line that a run writes with `--format json`, and its exit status.
fn last_line(root: &TempDir, arguments: &[&str]) -> (serde_json::Value, Option<i32>) {
    let output = converge(root, &[arguments, &["--format", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("nothing was told: {arguments:?}"));
    (serde_json::from_str(last).unwrap(), output.status.code())
}

#[test]
fn the_last_line_of_a_run_is_a_summary_with_its_exit_status_also_after_an_error() {
    let root = project();
    fs::write(root.path().join("playbooks/cut.rhai"), "on(hosts(\"web\"), |host| {").unwrap();
    let here = |playbook: &'static str| ["plan", playbook, "-i", "here.toml"];
    fs::write(
        root.path().join("playbooks/link.rhai"),
        "on(hosts(\"all\"), |host| link(\"/nowhere-x\", #{ to: \"/\" }));",
    )
    .unwrap();
    for (arguments, status) in [
        (&["apply", "playbooks/typo.rhai"][..], 1),
        (&["apply", "playbooks/none.rhai"], 1),
        (&["plan", "playbooks/cut.rhai"], 1),
        (&["apply", "text.plan"], 1),
        (&["plan", "playbooks/a.rhai", "-i", "none.toml"], 1),
        (&["plan", "playbooks/a.rhai", "-l", "nobody"], 1),
        (&["plan", "playbooks/a.rhai"], 0),
        (&here("playbooks/link.rhai"), 0),
        (&[&here("playbooks/link.rhai")[..], &["--exit-code"]].concat(), 2),
        (&["plan", "playbooks/a.rhai", "--junit", "/nowhere/report.xml"], 7),
        (&["plan", "playbooks/a.rhai", "-o", "/nowhere/a.plan"], 7),
    ] {
        let (last, ended) = last_line(&root, arguments);
        assert_eq!(last["event"], "summary", "{arguments:?}");
        assert_eq!(
            (last["exit_status"].as_i64(), ended),
            (Some(status), i32::try_from(status).ok()),
            "{arguments:?}"
        );
    }
    assert!(!root.path().join("report.xml").exists());
}

#[test]
fn a_plan_for_which_there_is_no_room_leaves_no_file() {
    let root = project();
    let limited =
        r#"trap '' XFSZ; ulimit -f 0; exec "$0" plan playbooks/a.rhai -i here.toml -o half.plan"#;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_converge")]).current_dir(root.path());
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(!root.path().join("half.plan").exists());
}

#[test]
fn what_cannot_be_written_is_known_before_anything_is_done() {
    let root = project();
    let target = root.path().join("made");
    let playbook = format!("on(hosts(\"all\"), |host| link({target:?}, #{{ to: \"/\" }}));");
    fs::write(root.path().join("playbooks/make.rhai"), playbook).unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["playbooks/make.rhai", "-i", "here.toml"], more].concat();
        converge(&root, &arguments).status.code()
    };
    assert_eq!((run(&["--junit", "/nowhere/report.xml"]), target.is_symlink()), (Some(7), false));
    fs::write(root.path().join(".converge"), "no folder").unwrap();
    assert_eq!((run(&[]), target.is_symlink()), (Some(7), false));
    fs::remove_file(root.path().join(".converge")).unwrap();
    assert_eq!((run(&["--junit", "/dev/full"]), target.is_symlink()), (Some(7), true));
    assert_eq!(run(&["--junit", "report.xml"]), Some(0));
    assert!(fs::read_to_string(root.path().join("report.xml")).unwrap().contains("<testsuite"));
}

#[test]
fn a_reader_of_events_that_goes_away_is_told_by_the_exit_status() {
    let root = project();
    let mut command = command(&root, &["plan", "playbooks/a.rhai", "--format", "json"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(command.stdout(writer).output().unwrap().status.code(), Some(7));
}

#[test]
fn a_list_of_runs_says_how_each_ended() {
    let root = project();
    let error = "on(hosts(\"all\"), |host| nothing());";
    fs::write(root.path().join("playbooks/error.rhai"), error).unwrap();
    let fails = "on(hosts(\"all\"), |host| command(\"false\"));";
    fs::write(root.path().join("playbooks/fails.rhai"), fails).unwrap();
    for name in ["a", "error", "fails"] {
        converge(&root, &[&format!("playbooks/{name}.rhai"), "-i", "here.toml"]);
    }
    let runs = root.path().join(".converge/runs");
    let first = |name: &str| {
        let began = r#"{"event":"run_started","version":1,"run":"x","command":"apply","playbook":"NAME","options":[],"approved":null,"hosts":1}"#;
        let folder = runs.join(name);
        fs::create_dir(&folder).unwrap();
        let path = folder.join("events.jsonl");
        fs::write(&path, format!("{}\n", began.replace("NAME", name))).unwrap();
        fs::File::open(path).unwrap()
    };
    let _cut_short = first("9-cut");
    let goes_on = first("9-on");
    goes_on.lock().unwrap();
    let history = String::from_utf8(converge(&root, &["history"]).stdout).unwrap();
    let ends: Vec<&str> = history.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(ends, ["ok", "error", "failed, 1 failed", "cut short", "running"]);
    let shown = converge(&root, &["show", &history.lines().nth(1).unwrap()[..20]]);
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), "");
    assert!(String::from_utf8(shown.stderr).unwrap().contains("there is no function `nothing`"));
}

#[test]
fn a_host_cannot_hide_what_follows_its_output() {
    let root = project();
    let script = r"printf '\033[8mhidden\n'";
    let output = converge(&root, &["exec", "-i", "here.toml", "here", "--", script]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "^[[8mhidden\n");
}

#[test]
fn a_command_is_told_as_it_goes() {
    let root = project();
    let fifo = root.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!(
        "echo one; read -r word <{}; echo \"$word\"; echo beside >&2; exit 3",
        fifo.display()
    );
    let mut running = command(&root, &["exec", "-i", "here.toml", "here", "--", &script]);
    let mut running = running.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    // It waits for this: the first line was told before.
    std::fs::write(&fifo, "two\n").unwrap();
    line.clear();
    stdout.read_to_string(&mut line).unwrap();
    let ended = running.wait_with_output().unwrap();
    assert_eq!((line.as_str(), ended.status.code()), ("two\n", Some(3)));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "beside\nhere  exit status 3\n");
}

#[test]
fn a_command_on_several_hosts_is_told_by_their_names() {
    let root = project();
    let hosts = "[hosts]\nb = { transport = \"local\" }\nlonger = { transport = \"local\" }\n";
    std::fs::write(root.path().join("two.toml"), hosts).unwrap();
    let output = converge(&root, &["exec", "-i", "two.toml", "all", "--", "echo x; printf y"]);
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["b      | x", "b      | y", "longer | x", "longer | y"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "b       exit status 0\nlonger  exit status 0\n"
    );
}

#[test]
fn what_templates_can_do_is_looked_up_too() {
    let page = |name: &str| String::from_utf8(converge(&project(), &["doc", name]).stdout).unwrap();
    assert!(page("regex_replace").starts_with("the filter `regex_replace` of templates\n  "));
    assert!(page("defined").starts_with("the test `defined` of templates\n  "));
}

#[test]
fn several_playbooks_are_one_run() {
    let root = project();
    let playbook = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
    let file = |name: &str| root.path().join(name).display().to_string();
    playbook(
        "one.rhai",
        &format!("on(hosts(\"here\"), |h| file({:?}, #{{ content: \"1\\n\" }}));", file("f1")),
    );
    playbook(
        "two.rhai",
        &format!("on(hosts(\"here\"), |h| file({:?}, #{{ content: \"2\\n\" }}));", file("f2")),
    );
    let both = |args: &[&str]| {
        let output =
            converge(&root, &[args, &["one.rhai", "two.rhai", "-i", "here.toml"]].concat());
        (
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
            output.status.code(),
        )
    };
    let (checked, status) = both(&["check"]);
    assert_eq!(
        (checked.as_str(), status),
        ("one.rhai two.rhai: 2 resources, no errors found\n", Some(0))
    );
    let (drawn, _) = both(&["graph"]);
    assert_eq!(drawn.matches(" -> ").count(), 1, "{drawn}");
    let (planned, status) = both(&["plan", "-o", "both.plan"]);
    assert!(planned.contains("Plan: 2 to create") && status == Some(0), "{planned}");
    let applied = converge(&root, &["apply", "both.plan"]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    assert_eq!(
        ["f1", "f2"].map(|name| std::fs::read_to_string(file(name)).unwrap()),
        ["1\n", "2\n"]
    );
    let (again, status) = both(&[]);
    assert!(again.contains("2 unchanged") || again.contains("No changes"), "{again}");
    assert_eq!(status, Some(0));
    let wrong = converge(&root, &["one.rhai", "both.plan", "-i", "here.toml"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("an approved plan is applied alone"));
}

/// A command line for each subcommand, the help and the version: all that prints.
const PRINTING: &[&[&str]] = &[
    &["plan", "playbooks/link.rhai"],
    &["apply", "playbooks/link.rhai"],
    &["sign", "text.plan", "--key", "key"],
    &["check", "playbooks/a.rhai"],
    &["hosts"],
    &["facts", "all"],
    &["exec", "all", "--", "echo", "said"],
    &["graph", "playbooks/link.rhai"],
    &["unlock", "all"],
    &["resume"],
    &["undo", "last"],
    &["why", "web-1", "port", "-i", "inventory/lab.toml"],
    &["doc", "file"],
    &["history"],
    &["show", "last"],
    &["completions", "bash"],
    &["help", "plan"],
    &["plan", "--help"],
    &["--help"],
    &["--version"],
];

#[test]
fn what_cannot_be_told_is_no_success_for_any_subcommand() {
    let program = <converge::commands::cli::Cli as clap::CommandFactory>::command();
    for subcommand in program.get_subcommands().map(clap::Command::get_name) {
        assert!(PRINTING.iter().any(|line| line[0] == subcommand), "{subcommand} is not tried");
    }
    let root = project();
    let link = root.path().join("link");
    let playbook = format!("on(hosts(\"all\"), |host| link({link:?}, #{{ to: \"/\" }}));");
    fs::write(root.path().join("playbooks/link.rhai"), playbook).unwrap();
    let run = |line: &[&str], stdout: Stdio| {
        let mut command = command(&root, line);
        let output = command.env("CONVERGE_INVENTORY", "here.toml").stdout(stdout).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let key = root.path().join("key");
    let mut keygen = Command::new("ssh-keygen");
    let keygen = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    let has_key = keygen.is_ok_and(|status| status.success());
    for line in PRINTING.iter().filter(|line| has_key || line[0] != "sign") {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (status, said) = run(line, full.into());
        assert_eq!(status, Some(7), "{line:?}: {said}");
        let why = "cannot write to standard output: No space left";
        assert!(said.contains(why), "{line:?}: {said}");
        // Whoever has read enough closes the pipe.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (status, said) = run(line, writer.into());
        assert_eq!(status, Some(0), "{line:?}: {said}");
        assert!(!said.contains("could not be written"), "{line:?}: {said}");
    }
}

#[test]
fn no_program_sees_the_secrets_of_the_environment() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = project();
    let path = |name: &str| root.path().join(name);
    let seen = |name: &str| format!("env >>{}.seen", path(name).display());
    let providers = format!(
        "{{ environment = \"APP_\" }}, {{ command = [\"sh\", \"-c\", \"{}; echo x\"] }}",
        seen("provider")
    );
    fs::write(path("converge.toml"), format!("[secrets]\nproviders = [{providers}]\n")).unwrap();
    let here = "{ \"all\": { \"hosts\": [\"here\"] }, \"_meta\": { \"hostvars\": { \"here\": { \"ansible_connection\": \"local\" }, \"far\": { \"ansible_host\": \"127.0.0.1\", \"ansible_port\": 9 } } }, \"g\": [\"far\"] }";
    fs::write(path("hosts"), format!("#!/bin/sh\n{}\necho '{here}'\n", seen("inventory"))).unwrap();
    fs::set_permissions(path("hosts"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(path(".ssh")).unwrap();
    let ssh = format!("Match exec \"{}\"\nHost *\nProxyCommand {}\n", seen("match"), seen("proxy"));
    fs::write(path(".ssh/config"), ssh).unwrap();
    let playbook = "on(hosts(\"here\"), |host| { secret(\"other\"); probe(\"env\").stdout; command(\"env; false\"); });\n";
    fs::write(path("playbooks/env.rhai"), playbook).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = command(&root, &[&["-i", "hosts"], arguments].concat());
        command.env("PATH", "/usr/bin:/bin").env("CONVERGE_SECRET_OTHER", "canary-of-the-usual");
        let output = command.env("APP_KEY", "canary-of-the-project").output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    let mut told = run(&["-v", "playbooks/env.rhai"]);
    told.extend(run(&["exec", "far", "--", "true"]));
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("LC_ALL=C"), "the environment of a command is shown: {told}");
    let mut all = vec![told];
    for name in ["provider", "inventory", "match", "proxy"] {
        let text = fs::read_to_string(path(&format!("{name}.seen"))).unwrap_or_default();
        assert!(text.contains("PATH="), "{name} ran: {}", all[0]);
        all.push(text);
    }
    for text in all {
        assert!(!text.contains("canary"), "{text}");
    }
}
