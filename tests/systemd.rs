//! What is done with units of systemd, in each of their states, with a stand-in for systemctl: `tests/systemd.sh`.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use converge::{
    base::{script::Script, value::Value},
    resources::{
        change::Shown,
        kind::{Desired, Kind},
        kinds,
        resource::Reaction,
    },
};

use crate::{
    cases::Folder,
    hosts::{Host, Outcome},
};

/// Puts the programs into a folder, where the units are kept too.
pub(crate) fn install(bin: &Path) {
    fs::create_dir_all(bin.join("units")).unwrap();
    for (name, text) in [
        ("systemctl", include_str!("systemd.sh")),
        ("journalctl", "#!/bin/sh\necho its last words\n"),
    ] {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Hosts with one unit of these properties.
fn hosts(unit: &str, properties: &str) -> Vec<Host> {
    let hosts = Host::all();
    for host in &hosts {
        install(&host.bin());
        write(host, unit, properties);
    }
    hosts
}

/// Makes a unit of these properties.
pub(crate) fn write(host: &Host, unit: &str, properties: &str) {
    let text = properties.split(' ').collect::<Vec<_>>().join("\n") + "\n";
    fs::write(host.bin().join("units").join(unit), text).unwrap();
}

fn calls(host: &Host) -> Vec<String> {
    let calls = host.bin().join("calls");
    let text = fs::read_to_string(&calls).unwrap_or_default();
    let _ = fs::remove_file(calls);
    text.lines().map(str::to_owned).collect()
}

fn kind() -> &'static dyn Kind {
    kinds::kind("service").unwrap()
}

fn service(arguments: &str) -> Desired {
    let arguments: Value = toml::from_str(arguments).unwrap();
    kind().declare(arguments, &Folder(&BTreeMap::new())).unwrap().desired
}

/// The step, in which no time goes by.
fn step(host: &Host, desired: &Desired) -> Outcome {
    let mut step = kind().apply(desired, None);
    step.script = Script::trusted("sleep() { :; }").then(step.script);
    host.step(&step)
}

/// What differs, in words; or why that is not known.
fn differences(host: &Host, desired: &[&Desired]) -> Vec<String> {
    let probe = host.probe(&kind().probe(desired).whole());
    assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
    told(desired, &probe.stdout)
}

fn told(desired: &[&Desired], output: &str) -> Vec<String> {
    let shown = |side: &Shown| match side {
        Shown::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let assessed = kind().assess(desired, output).unwrap();
    let words = |assessed: &converge::resources::kind::Assessed| match assessed {
        Err(unknown) => format!("unknown: {unknown}"),
        Ok(None) => String::new(),
        Ok(Some(difference)) => {
            let fields = difference.change.fields.iter();
            let field = fields
                .map(|it| format!("{}: {} -> {}", it.name, shown(&it.before), shown(&it.after)));
            field.collect::<Vec<_>>().join(", ")
        }
    };
    assessed.iter().map(words).collect()
}

/// What a probe prints of a unit.
fn paragraph(load: &str, active: &str, file: &str) -> String {
    format!(
        "Names=a.service\nLoadState={load}\nActiveState={active}\nSubState=x\nUnitFileState={file}\nNeedDaemonReload=no\n"
    )
}

#[test]
fn nothing_runs_only_where_systemd_says_inactive_or_failed() {
    let (off, on) = (service("name = 'a'\nrunning = false"), service("name = 'a'\nrunning = true"));
    for (active, stopped, runs) in [
        ("active", false, true),
        ("reloading", false, true),
        ("refreshing", false, true),
        ("activating", false, false),
        ("deactivating", false, false),
        ("maintenance", false, false),
        ("failed", true, false),
        ("inactive", true, false),
    ] {
        for load in ["loaded", "not-found", "masked", "merged", "stub", "error", "bad-setting"] {
            let output =
                paragraph(load, active, if load == "masked" { "masked" } else { "enabled" });
            let differs = |desired| told(&[desired], &output)[0].contains("running: ");
            assert_eq!((differs(&off), differs(&on)), (!stopped, !runs), "{load} {active}");
        }
    }
}

#[test]
fn a_state_that_nobody_knows_is_unknown() {
    let off = service("name = 'a'\nrunning = false\nenabled = false");
    for (load, active, file) in [
        ("loaded", "frozen", "disabled"),
        ("new", "inactive", "disabled"),
        ("loaded", "inactive", "new"),
        ("", "inactive", "disabled"),
    ] {
        let told = told(&[&off], &paragraph(load, active, file)).remove(0);
        assert!(told.starts_with("unknown: ") && told.contains("unknown state"), "{told}");
    }
    let whole = paragraph("loaded", "inactive", "disabled");
    assert_eq!(told(&[&off], &whole), [""]);
    for end in 0..whole.len() - 2 {
        if whole.is_char_boundary(end) {
            let told = told(&[&off], &whole[..end]).remove(0);
            assert!(told.starts_with("unknown: "), "{:?}: {told}", &whole[..end]);
        }
    }
}

#[test]
fn what_starts_at_boot_is_told_in_every_state_of_its_file() {
    let (on, off, left) = (
        service("name = 'a'\nrunning = true\nenabled = true"),
        service("name = 'a'\nrunning = true\nenabled = false"),
        service("name = 'a'\nrunning = true"),
    );
    for (file, on_differs, off_differs, left_differs) in [
        ("enabled", false, true, false),
        ("enabled-runtime", true, true, true),
        ("linked", true, false, true),
        ("linked-runtime", true, false, true),
        ("disabled", true, false, true),
        ("bad", true, false, true),
        ("static", true, false, false),
        ("indirect", true, false, false),
        ("alias", true, false, false),
        ("transient", true, false, false),
        ("generated", true, true, false),
        ("", true, false, false),
    ] {
        let output = paragraph("loaded", "active", file);
        let differs = |desired| told(&[desired], &output)[0].contains("enabled: ");
        let all = (differs(&on), differs(&off), differs(&left));
        assert_eq!(all, (on_differs, off_differs, left_differs), "{file}");
    }
}

#[test]
fn a_script_for_init_is_enabled_by_its_link() {
    let on = service("name = 'oldd'");
    let of = |links: &str| {
        let output =
            paragraph("loaded", "active", "generated").replace("a.service", "oldd.service");
        told(&[&on], &format!("{output}SourcePath=/etc/init.d/oldd\n\n{links}")).remove(0)
    };
    assert_eq!(of("+links /etc/rc5.d/S01older /etc/rc5.d/S01oldd\n"), "");
    assert_eq!(of("+links /etc/rc5.d/S01older /etc/rc5.d/K01oldd\n"), "enabled: false -> true");
    for host in hosts(
        "oldd.service",
        "LoadState=loaded ActiveState=active UnitFileState=generated SourcePath=/etc/init.d/oldd",
    ) {
        assert!(step(&host, &on).ok);
        assert_eq!(calls(&host), ["enable -q -- oldd.service"], "{}", host.name());
    }
}

#[test]
fn what_cannot_be_enabled_fails_only_if_a_role_asks_for_it() {
    for host in hosts("a.service", "LoadState=loaded ActiveState=active UnitFileState=static") {
        let asked = service("name = 'a'\nenabled = true");
        assert_eq!(differences(&host, &[&asked]), ["enabled: false (static) -> true"]);
        let outcome = step(&host, &asked);
        assert!(!outcome.ok && outcome.stderr.contains("no [Install] section"), "{outcome:?}");
        let left = service("name = 'a'");
        assert_eq!(differences(&host, &[&left]), [""]);
        assert!(step(&host, &left).ok && calls(&host).is_empty(), "{}", host.name());
    }
}

#[test]
fn what_runs_is_stopped_though_nothing_of_it_is_left() {
    let off = service("name = 'a'\nrunning = false\nenabled = false");
    for (active, sub) in
        [("active", "running"), ("activating", "auto-restart"), ("deactivating", "stop")]
    {
        for host in hosts(
            "a.service",
            &format!("LoadState=not-found ActiveState={active} SubState={sub} UnitFileState="),
        ) {
            assert!(differences(&host, &[&off])[0].starts_with("running: "));
            assert!(step(&host, &off).ok);
            assert_eq!(calls(&host).last().unwrap(), "stop -- a.service", "{}", host.name());
            assert_eq!(differences(&host, &[&off]), [""]);
        }
    }
}

#[test]
fn a_unit_that_is_about_to_be_started_again_is_not_waited_for() {
    let on = service("name = 'a'");
    for host in hosts(
        "a.service",
        "LoadState=loaded ActiveState=activating SubState=auto-restart UnitFileState=enabled",
    ) {
        assert!(step(&host, &on).ok);
        assert_eq!(calls(&host), ["restart -- a.service"], "{}", host.name());
    }
}

#[test]
fn a_mask_goes_that_is_gone_after_the_next_boot_anyway() {
    let on = service("name = 'a'");
    for host in
        hosts("a.service", "LoadState=masked ActiveState=inactive UnitFileState=masked-runtime")
    {
        assert!(
            differences(&host, &[&on])[0]
                .starts_with("masked: true (until the next boot) -> false")
        );
        let outcome = step(&host, &on);
        assert!(outcome.ok, "{}: {outcome:?}", host.name());
        assert_eq!(differences(&host, &[&on]), [""]);
        write(
            &host,
            "a.service",
            "LoadState=masked ActiveState=inactive UnitFileState=masked-runtime",
        );
        let masked = service("name = 'a'\nmasked = true");
        assert_eq!(differences(&host, &[&masked]), ["masked: true (until the next boot) -> true"]);
    }
}

#[test]
fn a_start_that_systemd_refuses_for_coming_too_soon_is_made_all_the_same() {
    let on = service("name = 'a'");
    for host in
        hosts("a.service", "LoadState=loaded ActiveState=failed UnitFileState=enabled Limited=yes")
    {
        assert!(step(&host, &on).ok);
        assert_eq!(
            calls(&host),
            ["start -- a.service", "reset-failed -- a.service", "start -- a.service"]
        );
    }
}

#[test]
fn what_dies_at_its_start_fails_with_its_last_words() {
    let on = service("name = 'a'");
    for (kind, ends) in [
        ("simple", "failed"),
        ("forking", "failed"),
        ("simple", "activating"),
        ("simple", "inactive"),
    ] {
        for host in hosts(
            "a.service",
            &format!(
                "LoadState=loaded ActiveState=inactive UnitFileState=enabled Type={kind} Result=success WhenStarted={ends}"
            ),
        ) {
            let outcome = step(&host, &on);
            let told = format!("its last words\na.service is {ends} after start\n");
            assert!(!outcome.ok && outcome.stderr.ends_with(&told), "{}: {outcome:?}", host.name());
        }
    }
}

/// systemd is asked once more only where the processes of the unit do not show already that its start went well.
#[test]
fn what_says_when_it_is_ready_and_runs_is_not_looked_at_again() {
    let on = service("name = 'a'");
    let is_well = |host: &Host, kind_of: &str, group: &str| {
        let unit = format!(
            "LoadState=loaded ActiveState=active SubState=running UnitFileState=enabled Type={kind_of} Result=success ControlGroup={group} WhenStarted=failed"
        );
        write(host, "a.service", &unit);
        let mut step = kind().react(&on, Reaction::Restart);
        let before = format!("sleep() {{ :; }}\ngroups_at='{}'", host.bin().display());
        step.script = Script::trusted(before).then(step.script);
        host.step(&step).ok
    };
    for host in hosts("a.service", "LoadState=loaded") {
        for (folder, processes) in
            [("one", "7\n8\n"), ("systemd/two", "7\n"), ("none", ""), ("hidden", "0\n")]
        {
            let folder = host.bin().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cgroup.procs"), processes).unwrap();
        }
        for kind_of in ["forking", "notify", "notify-reload", "dbus"] {
            for (group, well) in
                [("/one", true), ("/two", true), ("/none", false), ("/hidden", false), ("", false)]
            {
                assert_eq!(is_well(&host, kind_of, group), well, "{kind_of} {group}");
            }
        }
        for kind_of in ["simple", "exec", "idle", "oneshot"] {
            assert!(!is_well(&host, kind_of, "/one"), "{kind_of}");
        }
    }
}

#[test]
fn one_unit_that_is_refused_leaves_the_others_known() {
    for host in hosts("a.service", "LoadState=loaded ActiveState=active UnitFileState=enabled") {
        write(&host, "x@a.mount", "Refused=Unknown");
        let units = [service("name = 'x@a.mount'"), service("name = 'a'"), service("name = 'b'")];
        let told = differences(&host, &units.iter().collect::<Vec<_>>());
        let [refused, known, missing] = &told[..] else { panic!("{told:?}") };
        assert!(
            refused.contains(
                "unknown: systemctl says of x@a.mount: Failed to get properties: Unknown"
            ),
            "{refused}"
        );
        assert_eq!(
            (known.as_str(), missing.as_str()),
            ("", "enabled: false -> true, running: false -> true")
        );
    }
}

#[test]
fn a_systemd_that_does_not_answer_is_told_in_its_words() {
    for host in hosts("a.service", "LoadState=loaded ActiveState=inactive UnitFileState=disabled") {
        fs::write(host.bin().join("down"), "").unwrap();
        let off = service("name = 'a'\nrunning = false\nenabled = false");
        let probe = host.probe(&kind().probe(&[&off]).whole());
        assert!(!probe.ok && probe.stderr.contains("Failed to connect to bus"), "{probe:?}");
        // The others find what this machine has.
        if !host.name().ends_with("/sh") {
            continue;
        }
        fs::remove_file(host.bin().join("systemctl")).unwrap();
        let probe = host.probe(&kind().probe(&[&off]).whole());
        assert!(!probe.ok && probe.stderr.contains("no systemctl"), "{probe:?}");
    }
}

#[test]
fn names_that_systemd_writes_in_quotes_are_names() {
    let mount = r"mnt-my\x2ddata.mount";
    let on = service(&format!("name = '{mount}'"));
    let quoted = r#"Names="mnt-my\\x2ddata.mount""#;
    let output = paragraph("loaded", "active", "enabled").replace("Names=a.service", quoted);
    assert_eq!(told(&[&on], &output), [""]);
    let root = service("name = '-.mount'");
    let output = paragraph("loaded", "active", "").replace("a.service", "-.mount");
    assert_eq!(told(&[&root], &output), [""]);
}

#[test]
fn a_drop_in_that_lies_there_unread_is_a_difference() {
    let on = service("name = 'a-b'\nenabled = ()".replace("()", "true").as_str());
    let of = |read: &str, unread: &str| {
        let output = paragraph("loaded", "active", "enabled").replace("a.service", "a-b.service");
        let output = format!(
            "{output}FragmentPath=/lib/systemd/system/a-b.service\nDropInPaths={read}\n\n+unread {unread}\n"
        );
        told(&[&on], &output).remove(0)
    };
    let stale = "definition: changed on disk -> loaded";
    let etc = "/etc/systemd/system";
    for unread in ["a-b.service.d/x.conf", "a-.service.d/x.conf", "service.d/x.conf", "a-b.service"]
    {
        assert_eq!(of("", &format!("{etc}/{unread}")), stale, "{unread}");
    }
    assert_eq!(
        of("/lib/systemd/system/a-b.service.d/x.conf", &format!("{etc}/a-b.service.d/x.conf")),
        stale
    );
    for (read, unread) in [
        ("", "/etc/systemd/system/b.service.d/x.conf"),
        ("", "/etc/systemd/system/a.service"),
        ("/etc/systemd/system/a-b.service.d/x.conf", "/etc/systemd/system/service.d/x.conf"),
        ("/etc/systemd/system/a-b.service.d/x.conf", "/run/systemd/system/a-b.service.d/x.conf"),
        (
            r#""/etc/systemd/system/a-b.service.d/x y.conf""#,
            "/etc/systemd/system/a-b.service.d/x y.conf",
        ),
    ] {
        assert_eq!(of(read, unread), "", "{read} {unread}");
    }
}

/// How long the hosts of a test have been up, in seconds. It stands still: however slow the machine is, what began half a
/// second ago did.
const UPTIME: f64 = 1000.0;

/// A moment so many seconds ago, in millionths of a second since the host came up.
fn ago(seconds: f64) -> u64 {
    format!("{:.0}", (UPTIME - seconds) * 1e6).parse().unwrap()
}

#[test]
fn a_look_waits_for_what_was_started_moments_ago_once_for_all() {
    let young_since = |seconds: f64, more: &str| {
        let (began, ended) = (ago(seconds), ago(seconds) - 20_000);
        format!(
            "LoadState=loaded ActiveState=active SubState=running UnitFileState=enabled ActiveEnterTimestampMonotonic={began} StateChangeTimestampMonotonic={began} InactiveExitTimestampMonotonic={began} {}",
            more.replace("ENDED", &ended.to_string())
        )
    };
    let young = |more: &str| young_since(0.5, more);
    for host in hosts("a.service", &young("NRestarts=0")) {
        write(&host, "b.service", &young_since(0.6, "NRestarts=0"));
        host.write("uptime", &format!("{UPTIME:.2} 0.00\n"));
        let both = [service("name = 'a'"), service("name = 'b'")];
        // What becomes of them meanwhile.
        let look = |meanwhile: &str| {
            let sleep = format!(
                "sleep() {{ printf 'slept\\n' >>\"${{PATH%%:*}}/calls\"; cd \"${{PATH%%:*}}/units\"; {meanwhile}; }}"
            );
            let probe = kind().probe(&both.iter().collect::<Vec<_>>());
            let probe = Script::trusted(sleep).then(probe);
            let probe = probe.whole().replace("/proc/uptime", &host.at("uptime"));
            let probe = host.probe(&probe);
            assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
            (told(&both.iter().collect::<Vec<_>>(), &probe.stdout), calls(&host).len())
        };
        assert_eq!(look(":"), (vec![String::new(), String::new()], 1), "{}", host.name());
        let fails = "sed -i -e s/=active/=failed/ -e s/=running/=failed/ a.service; echo Result=exit-code >>a.service; echo ExecMainStatus=3 >>a.service; echo InactiveEnterTimestampMonotonic=99999999999999 >>a.service";
        let (told, slept) = look(&fails.replace("99999999999999", &ago(-0.5).to_string()));
        assert_eq!(
            told,
            [
                "running: false (failed: exit status 3) -> true, stay: failed: exit status 3 -> 3 seconds",
                ""
            ]
        );
        assert_eq!(slept, 1, "{}", host.name());
        write(&host, "a.service", &young("NRestarts=0"));
        let again =
            "sed -i s/^ActiveEnterTimestampMonotonic=.*/ActiveEnterTimestampMonotonic=7/ a.service";
        assert_eq!(look(again).0, ["stay: it was restarted -> 3 seconds", ""], "{}", host.name());
        // A restart of what ran before, or a reload. Who says itself that it is ready said all there is to say, unless it is
        // systemd that starts it.
        write(&host, "b.service", &young_since(500.0, "NRestarts=0"));
        let restarted = young("InactiveEnterTimestampMonotonic=ENDED");
        let reloaded = young_since(500.0, "NRestarts=1").replace(
            &format!("StateChangeTimestampMonotonic={}", ago(500.0)),
            &format!("StateChangeTimestampMonotonic={}", ago(0.5)),
        );
        for (slept, kind, unit) in [
            (1, "Type=simple PIDFile=", &restarted),
            (1, "Type=forking PIDFile=", &restarted),
            (0, "Type=forking PIDFile=/run/a.pid", &restarted),
            (0, "Type=notify PIDFile=", &restarted),
            (0, "Type=notify-reload PIDFile=", &restarted),
            (0, "Type=dbus PIDFile=", &restarted),
            (1, "Type=dbus NRestarts=4", &restarted),
            (1, "Type=simple PIDFile=", &reloaded),
            (0, "Type=notify PIDFile=", &reloaded),
        ] {
            write(&host, "a.service", &format!("{unit} {kind}"));
            assert_eq!(look(":").1, slept, "{}: {kind}", host.name());
        }
        write(&host, "a.service", &format!("{restarted} SourcePath=/etc/init.d/a Type=forking"));
        let (told, _) = look("sed -i s/=running/=exited/ a.service");
        assert_eq!(
            told[0],
            "running: false (no process of it is left) -> true, stay: no process of it is left -> 3 seconds"
        );
    }
}

#[test]
fn a_script_for_init_whose_daemon_is_gone_does_not_run() {
    let on = service("name = 'oldd'");
    for host in hosts(
        "oldd.service",
        "LoadState=loaded ActiveState=active SubState=exited UnitFileState=generated SourcePath=/etc/init.d/oldd",
    ) {
        let scripts = |script: &str| script.replace("/etc/init.d/*", &host.at("init.d/*"));
        let probe = || {
            let probe = host.probe(&scripts(&kind().probe(&[&on]).whole()));
            assert!(probe.ok && probe.stderr.is_empty(), "{}: {probe:?}", host.name());
            let told = told(&[&on], &probe.stdout.replace(&host.at("init.d"), "/etc/init.d"));
            told[0].contains("running: false (no process of it is left) -> true")
        };
        host.write("init.d/oldd", "#!/bin/sh\nstart-stop-daemon --start --exec /usr/bin/oldd\n");
        assert!(probe(), "{}", host.name());
        host.write("init.d/oldd", "#!/bin/sh\nsysctl -q --system\n");
        assert!(!probe(), "{}", host.name());
    }
}

#[test]
fn a_link_to_a_unit_that_is_gone_is_not_disabled() {
    let off = service("name = 'a'\nrunning = false\nenabled = false");
    let output = paragraph("not-found", "inactive", "");
    assert_eq!(told(&[&off], &output), [""]);
    let lost = format!("{output}\n+lost a.service\n");
    assert_eq!(told(&[&off], &lost), ["enabled: true -> false"]);
    for host in hosts("a.service", "LoadState=not-found ActiveState=inactive UnitFileState=") {
        assert!(step(&host, &off).ok);
        assert_eq!(calls(&host).last().unwrap(), "disable -q -- a.service", "{}", host.name());
    }
}

#[test]
fn a_restart_that_cut_its_own_connection_is_not_made_once_more() {
    let on = service("name = 'a'");
    for host in hosts(
        "a.service",
        "LoadState=loaded ActiveState=active UnitFileState=enabled Type=notify InvocationID=first",
    ) {
        let restarts = |before: &str| {
            let mut step = kind().react(&on, Reaction::Restart);
            step.script =
                Script::trusted(format!("outstanding=marker\n{before}")).then(step.script);
            let outcome = host.step(&step);
            assert!(outcome.ok, "{}: {outcome:?}", host.name());
            calls(&host).iter().filter(|call| call.starts_with("restart ")).count()
        };
        assert_eq!(restarts("mark marker 'restart run file:/a service:a'"), 1, "{}", host.name());
        // Nothing has come of it: it has to be made.
        assert_eq!(restarts(""), 1, "{}", host.name());
        write(
            &host,
            "a.service",
            "LoadState=loaded ActiveState=active UnitFileState=enabled Type=notify InvocationID=second",
        );
        assert_eq!(restarts(""), 0, "{}", host.name());
        // What changed since is another reason.
        assert_eq!(restarts("mark marker 'restart run file:/b service:a'"), 1, "{}", host.name());
    }
}

#[test]
fn every_reaction_reads_the_disk_first() {
    for reaction in [Reaction::Restart, Reaction::Reload] {
        for host in hosts(
            "a.service",
            "LoadState=loaded ActiveState=active UnitFileState=enabled NeedDaemonReload=yes",
        ) {
            let outcome = host.step(&kind().react(&service("name = 'a'"), reaction));
            assert!(outcome.ok, "{outcome:?}");
            assert_eq!(calls(&host)[0], "daemon-reload ", "{}", host.name());
        }
    }
}
