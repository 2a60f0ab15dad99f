//! Random playbooks on real hosts, with real faults at random moments: nothing is lost, nothing that runs once runs twice, nothing is
//! left over. All that they declare, and what converge keeps, lies on a small disk, which some of the faults fill. Leaves nothing.
//!
//! `CHAOS_LAB=100` is how many are tried, `CHAOS_SEED=7` which one alone; what fails says its seed.

use std::{
    fmt::Write as _,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    chance::Chance,
    world::{Lab, Ran, Written, inventory, project, start, until},
};

const HOSTS: [&str; 3] = ["api-3", "balancer-2", "web-2"];

/// As many as take a minute or two.
const TRIED: u64 = 4;

const SECRET: &str = "hunter2 hunter2 hunter2";

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(300);

/// A disk of its own for all that is declared, and for what converge keeps; it is there again before anybody logs in after a start.
const DISK: &str = "umount /var/lib/converge /srv/chaos 2>/dev/null; userdel -f chaos 2>/dev/null
rm -rf /srv/chaos /var/lib/converge /chaos.img; mkdir -p /srv/chaos /var/lib/converge
truncate -s 24M /chaos.img; mkfs.ext4 -q -N 600 /chaos.img
cat >/usr/local/sbin/chaos-disk <<'END'
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in $(seq 0 63); do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; done
mount -o loop /chaos.img /srv/chaos; mkdir -p -m 700 /srv/chaos/state; mount --bind /srv/chaos/state /var/lib/converge
END
cat >/etc/systemd/system/chaos-disk.service <<'END'
[Unit]
Before=ssh.service chaos.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /usr/local/sbin/chaos-disk
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload; systemctl enable -q chaos-disk; systemctl restart chaos-disk; mountpoint -q /var/lib/converge";

/// Nothing of the scenario before.
const CLEAN: &str = "systemctl stop chaos 2>/dev/null; rm -f /etc/systemd/system/chaos.service; systemctl daemon-reload
find /srv/chaos -mindepth 1 -maxdepth 1 ! -name state ! -name lost+found -exec rm -rf {} +
find /var/lib/converge -mindepth 1 -delete; rm -f /run/chaos-seen; systemctl reset-failed";

/// What is left that should not be.
const LEFT: &str = "find /var/lib/converge/pending -type f -size +0 2>/dev/null
find /srv/chaos /etc/systemd/system /run /tmp -maxdepth 3 -name '.converge.*' 2>/dev/null
ls -d /run/converge.??????????/held.* /tmp/converge.??????????/held.* 2>/dev/null
find /var/lib/converge/segment/log -size +0 2>/dev/null
find /var/lib/converge/segment/stage -mindepth 1 2>/dev/null; :";

/// A playbook, and what has to come of it.
struct Site {
    text: String,
    /// Names of actions, with the hosts where they run.
    actions: Vec<(&'static str, String)>,
    once: Vec<(&'static str, String)>,
    /// The hosts with a service that shows what it read when it started.
    serves: Vec<&'static str>,
    version: usize,
}

/// Declares things of many sorts on each host, which cause each other across hosts too.
fn site(chance: &mut Chance, version: usize) -> Site {
    let (mut text, mut actions, mut once, mut serves) = (String::new(), vec![], vec![], vec![]);
    let mut causes: Vec<String> = Vec::new();
    for (at, host) in HOSTS.into_iter().enumerate() {
        let _ = writeln!(text, "on(hosts(\"{host}\"), |host| {{ let r = \"/srv/chaos\";");
        for n in 0..2 + chance.below(4) {
            let name = format!("h{at}n{n}");
            let more = if chance.one_in(4) { "x".repeat(70_000) } else { String::new() };
            let _ = match chance.below(9) {
                0 | 1 => {
                    causes.push(name.clone());
                    writeln!(
                        text,
                        "handles.{name} = file(`${{r}}/{name}`, #{{ content: \"{version} {more}\" }});"
                    )
                }
                2 => writeln!(
                    text,
                    "file(`${{r}}/{name}`, #{{ content: \"{SECRET} {version}\", sensitive: true }});"
                ),
                3 => writeln!(
                    text,
                    "line(`${{r}}/lines`, #{{ line: \"{name} = {version}\", match: \"^{name} = \", create: true }});"
                ),
                4 => writeln!(text, "link(`${{r}}/{name}`, #{{ to: \"{version}\" }});"),
                5 => writeln!(
                    text,
                    "directory(`${{r}}/{name}`); directory(`${{r}}/{name}/below`, #{{ mode: \"07{version}0\" }});"
                ),
                6 => writeln!(
                    text,
                    "file(`${{r}}/{name}`, #{{ content: \"{version}\", validate: `sleep 0.2; ! grep never ${{r}}/{name}` }});"
                ),
                7 => {
                    once.push((host, format!("{name}-{version}")));
                    writeln!(
                        text,
                        "command(\"{name}\", #{{ run: `sleep 0.{}; touch ${{r}}/{name}-{version}; echo once {name}-{version} >>${{r}}/log`, creates: `${{r}}/{name}-{version}` }});",
                        chance.below(9)
                    )
                }
                _ => writeln!(
                    text,
                    "user(\"chaos\", #{{ shell: \"/bin/{}\", home: \"/srv\", create_home: false }});",
                    ["sh", "bash"][version % 2]
                ),
            };
        }
        if chance.one_in(2) {
            serves.push(host);
            let _ = writeln!(
                text,
                "let it = file(\"/etc/systemd/system/chaos.service\", #{{ content: \"[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/cp /srv/chaos/read /run/chaos-seen\\n[Install]\\nWantedBy=multi-user.target\\n\" }});
let read = file(`${{r}}/read`, #{{ content: \"{version}\" }});
service(\"chaos\", #{{ restart_on: [it, read] }});"
            );
        }
        let _ = writeln!(text, "}});");
        // What reacts to files, of this host or of one before it.
        for n in 0..if causes.is_empty() { 0 } else { chance.below(3) } {
            let (cause, name) =
                (causes[chance.below(causes.len())].clone(), format!("act-{at}-{n}"));
            let _ = writeln!(
                text,
                "on(hosts(\"{host}\"), |host| action(\"{name}\", #{{ run: \"sleep 0.{}; echo acted {name} {version} >>/srv/chaos/log\", on: [handles.{cause}] }}));",
                chance.below(9)
            );
            actions.push((host, name));
        }
    }
    Site { text: format!("let handles = #{{}};\n{text}"), actions, once, serves, version }
}

/// Runs a program of this machine in the network of a host.
fn in_network(host: &str, arguments: &str) {
    let script = format!(
        "nsenter -n -t $(docker inspect -f '{{{{.State.Pid}}}}' converge-lab-{host}) {arguments}"
    );
    let _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
}

fn begin(playbook: &Written) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.args(playbook.arguments()).args(["--lock-wait", "90"]).env("NO_COLOR", "1");
    command.current_dir(project()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn ends(mut run: Child, fault: &str) -> Result<(), String> {
    let began = Instant::now();
    while run.try_wait().unwrap().is_none() {
        if began.elapsed() > LONGEST {
            let _ = run.kill();
            let _ = run.wait();
            return Err(format!("it hung: {fault}"));
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A playbook for these hosts, which no inventory of the project names alone.
fn written(site: &Site) -> Written {
    let three = "[hosts]\napi-3 = { address = \"10.77.0.13\" }\nbalancer-2 = { address = \"10.77.0.22\" }\nweb-2 = { address = \"10.77.0.32\" }\n";
    Written::for_hosts(&site.text, &inventory().replace("[hosts]\n", three))
}

/// Lets something go wrong in a run, or with its hosts, and mends it.
fn strike(lab: &Lab, chance: &mut Chance, playbook: &Written) -> Result<String, String> {
    let host = HOSTS[chance.below(HOSTS.len())];
    let moment = Duration::from_millis(chance.below(3000) as u64);
    let what = chance.below(12);
    match what {
        0 => _ = lab.by_hand(host, "dd if=/dev/zero of=/srv/chaos/fill bs=64k 2>/dev/null; dd if=/dev/zero of=/srv/chaos/fill2 bs=1 2>/dev/null; :"),
        1 => _ = lab.by_hand(host, "mkdir /srv/chaos/inodes; cd /srv/chaos/inodes; for i in $(seq 700); do touch $i || break; done 2>/dev/null; :"),
        _ => {}
    }
    let mut run = begin(playbook);
    let other = chance.one_in(6).then(|| begin(playbook));
    sleep(moment);
    let fault = format!(
        "fault {what} of {host} after {moment:?}{}",
        if other.is_some() { " with two controllers" } else { "" }
    );
    let signal = |name: &str, run: &Child| {
        let _ = Command::new("kill").args(["-s", name, &run.id().to_string()]).status().unwrap();
    };
    match what {
        0 | 1 => {}
        2 => {
            for verb in ["-I", "-D"] {
                in_network(host, &format!("iptables -w {verb} INPUT -p tcp --dport 22 -j DROP"));
                in_network(host, &format!("iptables -w {verb} OUTPUT -p tcp --sport 22 -j DROP"));
                sleep(Duration::from_secs(5));
            }
        }
        3 => in_network(
            host,
            "sh -c 'for port in $(ss -Htn state established \"( sport = :22 )\" | sed \"s/.*://; s/ .*//\"); do iptables -w -I INPUT -p tcp --dport 22 --sport $port -j DROP; iptables -w -I OUTPUT -p tcp --sport 22 --dport $port -j DROP; done'",
        ),
        4 => _ = lab.by_hand(host, "pkill -KILL sshd; :"),
        5 => {
            lab.machine("pause", host);
            sleep(Duration::from_secs(8));
            lab.machine("unpause", host);
        }
        6 => {
            lab.machine("kill", host);
            start(host);
        }
        7 => {
            lab.by_hand(host, "systemctl reboot; :");
            until("it went down", || lab.machine("top", host).status != 0);
            start(host);
        }
        8 => signal("KILL", &run),
        9 => signal("TERM", &run),
        10 => signal("INT", &run),
        _ => signal("HUP", &run),
    }
    if what == 8 {
        let _ = run.wait();
    }
    ends(run, &fault)?;
    other.map_or(Ok(()), |other| ends(other, &fault))?;
    for host in HOSTS {
        in_network(host, "iptables -w -F INPUT");
        in_network(host, "iptables -w -F OUTPUT");
    }
    lab.up(&HOSTS);
    lab.by_hand(host, "rm -rf /srv/chaos/fill /srv/chaos/fill2 /srv/chaos/inodes");
    Ok(fault)
}

fn said(ran: &Ran) -> String {
    format!("{}\n{}\n{}", ran.status, ran.stdout, ran.stderr)
}

/// What is wrong once nothing goes wrong any more.
fn fault_of(lab: &Lab, last: &Site, playbook: &Written) -> Result<(), String> {
    let mut arguments = playbook.arguments();
    arguments.extend(["--lock-wait", "90"]);
    let ran = lab.converge(&arguments);
    let mut plan = vec!["plan", "--exit-code"];
    plan.extend(playbook.arguments());
    if ran.status != 0 {
        return Err(said(&ran));
    }
    let again = lab.converge(&plan);
    if again.status != 0 {
        return Err(format!("the second plan is not empty: {}", said(&again)));
    }
    if said(&ran).contains(SECRET) || said(&again).contains(SECRET) {
        return Err("a secret was told".to_owned());
    }
    let log = |host: &str| lab.by_hand(host, "cat /srv/chaos/log 2>/dev/null; :");
    for (host, name) in &last.actions {
        let (log, starts) = (log(host), format!("acted {name} "));
        let its = log.lines().rfind(|line| line.starts_with(&starts));
        if its != Some(&format!("{starts}{}", last.version)) {
            return Err(format!("{name} was lost: {log}"));
        }
    }
    for (host, name) in &last.once {
        let told = format!("once {name}");
        if log(host).lines().filter(|line| *line == told).count() > 1 {
            return Err(format!("{name} ran more than once"));
        }
    }
    for host in &last.serves {
        let seen = lab.by_hand(host, "cat /run/chaos-seen; :");
        if seen != last.version.to_string() {
            return Err(format!("the service of {host} read {seen:?}"));
        }
    }
    // A shell whose run is gone without a word ends within a minute; what is left then the next run sweeps up.
    let mut left = String::new();
    for _ in 0..16 {
        left = HOSTS.iter().map(|host| lab.by_hand(host, LEFT)).collect();
        if left.is_empty() {
            return Ok(());
        }
        sleep(Duration::from_secs(5));
        lab.converge(&arguments);
    }
    Err(format!("left over: {left}"))
}

fn try_seed(lab: &Lab, seed: u64) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    HOSTS.iter().for_each(|host| _ = lab.by_hand(host, CLEAN));
    let mut strikes = Vec::new();
    let shape = seed.wrapping_add(1_000_000);
    let mut version = 0;
    let wrong = |why: &str, strikes: &[String], site: &Site| {
        let text = site.text.replace(&"x".repeat(70_000), "..");
        format!("seed {seed}: {why}\n{strikes:?}\n{text}")
    };
    let mut last = site(&mut Chance::new(shape), version);
    for _ in 0..1 + chance.below(3) {
        // The same things each time, in another version.
        version += 1;
        last = site(&mut Chance::new(shape), version);
        let playbook = written(&last);
        let struck = strike(lab, &mut chance, &playbook);
        strikes.push(struck.map_err(|why| wrong(&why, &strikes, &last))?);
    }
    let playbook = written(&last);
    fault_of(lab, &last, &playbook).map_err(|why| wrong(&why, &strikes, &last))
}

#[test]
fn whatever_goes_wrong_with_real_hosts_nothing_is_lost() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&HOSTS);
    HOSTS.iter().for_each(|host| _ = lab.by_hand(host, DISK));
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seeds: Vec<u64> = match number("CHAOS_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("CHAOS_LAB").unwrap_or(TRIED)).map(|n| now * 1000 + n).collect(),
    };
    let wrong: Vec<String> = seeds.iter().filter_map(|seed| try_seed(&lab, *seed).err()).collect();
    lab.without(&HOSTS);
    let count = seeds.len();
    assert!(wrong.is_empty(), "{} of {count} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    eprintln!("{count} scenarios on real hosts from seed {} on: nothing is lost", seeds[0]);
}

/// Twenty runs at once, each with something else for the same five hosts: one after the other, on all of them.
#[test]
fn twenty_runs_at_once_leave_five_hosts_alike() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&crate::world::HOSTS);
    let hosts = crate::world::HOSTS.join(" | ");
    let text = |n: usize| {
        format!(
            "on(hosts(\"{hosts}\"), |host| {{ let it = file(\"/root/of-run\", #{{ content: \"{n}\\n\" }}); action(\"told\", #{{ run: \"echo {n} >>/root/told\", on: [it] }}); }});"
        )
    };
    let of_all = |script: &str| -> Vec<String> {
        crate::world::HOSTS.iter().map(|host| lab.by_hand(host, script)).collect()
    };
    of_all("rm -f /root/told /root/of-run");
    let runs: Vec<(Written, Child)> = (0..20)
        .map(|n| {
            let playbook = Written::new(&text(n));
            let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
            command.args(playbook.arguments()).args(["--lock-wait", "300"]).current_dir(project());
            let run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            (playbook, run)
        })
        .collect();
    for (_playbook, mut run) in runs {
        assert_eq!(run.wait().unwrap().code(), Some(0));
    }
    let told = of_all("cat /root/told /root/of-run; rm /root/told /root/of-run");
    assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    assert_eq!(told[0].lines().count(), 21);
}
