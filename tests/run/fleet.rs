//! Hosts that are folders: scripts run for real, in a shell of this machine, and what goes wrong is asked for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use converge::{
    base::{
        content::Content,
        diagnostic::{Diagnostic, Source},
        script::Script,
        secret::Secret,
        traffic::Traffic,
    },
    evaluate::language::{Input, Known},
    input::{
        config::Limits,
        inventory::{Given, Host, Inventory, InventoryFormat},
    },
    io::remote::{
        Captured, Connector, Exit, LocalConnector, Output, Remote, RemoteError, Timeouts,
    },
    plan::{
        event::{AsDeclared, Event, Events, HostSummary, Outcome, Planned},
        exit_status::ExitStatus,
    },
    run::{Interrupt, PlanFile, Purpose, Run},
    sh,
};
use tempfile::TempDir;
use tokio::sync::Notify;

/// What goes wrong on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no way to it.
    Unreachable,
    /// The connection ends in place of the n-th script.
    LostBefore(usize),
    /// The connection ends right after the n-th script ended.
    LostAfter(usize),
    /// There is no way to it as long as its file `door` says `closed`.
    Door,
    /// It takes no content.
    Refuses,
    /// The connection ends before the first segment, and nobody tells the host.
    Idle,
    /// So it does, and the segment comes to the host so much later.
    Late(Duration),
    /// So it does, and the segment comes and ends just before the next connection begins so many more scripts.
    Between(usize),
    /// The connection ends, and nobody tells the host, once so many bytes were read of a segment that goes on.
    Silent(usize),
}

/// What a step runs to die with its host once the run has [heard](Fleet::hears) all that was printed before, as a text of Rhai.
pub(crate) const CUT: &str =
    r#"`until [ -e ${host.vars.root}/heard ]; do sleep 0.02; done; eval "$CUT"`"#;

/// Sees events.
pub(crate) type Watch = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

/// Some hosts, each with a folder `host.vars.root`; `host.vars.log` is a file that all of them share.
///
/// A script that runs `eval "$CUT"` kills its shell with all that runs in it, as a host that loses its power would. Which start of
/// the host it is says its file `boot`, if there is one; then `systemctl` does what its file `reboot` says.
pub(crate) struct Fleet {
    folder: TempDir,
    inventory: Arc<Inventory>,
    connector: Arc<FakeConnector>,
    /// How many runs there were: their names stand in what hosts are asked.
    pub(crate) runs: AtomicU32,
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) limit: Option<BTreeSet<Arc<str>>>,
    pub(crate) concurrency: usize,
    /// Sees every event, and sets the interrupt when it says so.
    pub(crate) interrupt_at: Option<Watch>,
    pub(crate) lock_wait: Duration,
    pub(crate) limits: Limits,
    /// How long a run may take.
    pub(crate) timeout: Option<Duration>,
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) events: Vec<Event>,
    pub(crate) plan: PlanFile,
}

impl Fleet {
    pub(crate) fn new(hosts: &[&str]) -> Self {
        Self::within(tempfile::tempdir().unwrap(), hosts)
    }

    /// Hosts whose folders are within this one.
    pub(crate) fn within(folder: TempDir, hosts: &[&str]) -> Self {
        let mut text = String::new();
        for host in hosts {
            let root = folder.path().join(host);
            std::fs::create_dir(&root).unwrap();
            let log = folder.path().join("log");
            text += &format!("[hosts.{host}.vars]\nroot = {root:?}\nlog = {log:?}\n");
        }
        let given = Given {
            source: Source::new("inventory.toml", text),
            format: InventoryFormat::Toml,
            folder: "/".into(),
            home: "/".into(),
        };
        let inventory = Arc::new(Inventory::parse(&[given], &[]).unwrap());
        let connector = Arc::new(FakeConnector {
            folder: folder.path().to_owned(),
            faults: Arc::default(),
            silent: Arc::default(),
            between: Arc::default(),
            local: LocalConnector::new(Arc::new(|_: &str| Err(String::new())), Timeouts::default()),
        });
        Self {
            folder,
            inventory,
            connector,
            runs: AtomicU32::new(0),
            roles: BTreeMap::new(),
            limit: None,
            concurrency: 10,
            interrupt_at: None,
            lock_wait: Duration::ZERO,
            // What is lost stays so, but where a test says otherwise.
            limits: Limits { reconnect: Duration::ZERO, ..Limits::default() },
            timeout: None,
        }
    }

    /// Lets something go wrong on a host, from the next connection on.
    pub(crate) fn breaks(&self, host: &str, fault: Fault) {
        self.connector.faults.lock().unwrap().insert(host.to_owned(), fault);
    }

    /// What a host says to a script.
    pub(crate) async fn ask(&self, host: &str, script: &Script) -> String {
        let host = self.inventory.host(host).unwrap();
        let remote = self.connector.connect(&host).await.unwrap();
        let mut said = Captured::default();
        assert_eq!(remote.run(script, &mut said).await.unwrap(), Exit(0), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    }

    /// All that runs on a host is gone, and it starts anew.
    pub(crate) fn loses_power(&self, host: &str) {
        for shell in self.read(host, "state.shells").unwrap_or_default().lines() {
            // Its number may be another one's by now.
            let name = std::fs::read_to_string(format!("/proc/{shell}/comm"));
            if name.is_ok_and(|name| name != "sh\n") {
                continue;
            }
            let Some(shell) = shell.parse().ok().and_then(rustix::process::Pid::from_raw) else {
                continue;
            };
            // One that is gone is no process group any more.
            let _ = rustix::process::kill_process_group(shell, rustix::process::Signal::KILL);
        }
        self.write(host, "boot", &format!("{:?}\n", std::time::Instant::now()));
    }

    /// What goes wrong, for who sees events.
    pub(crate) fn faults(&self) -> Arc<Mutex<HashMap<String, Fault>>> {
        self.connector.faults.clone()
    }

    pub(crate) fn mend(&self, host: &str) {
        self.connector.faults.lock().unwrap().remove(host);
    }

    /// A path on a host.
    pub(crate) fn at(&self, host: &str, path: &str) -> PathBuf {
        self.folder.path().join(host).join(path)
    }

    pub(crate) fn write(&self, host: &str, path: &str, text: &str) {
        std::fs::write(self.at(host, path), text).unwrap();
    }

    pub(crate) fn read(&self, host: &str, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(host, path)).ok()
    }

    /// What was written to the log of all hosts, line by line.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How many reactions are outstanding on a host. A marker that is empty was paid, by a run that was cut off before its end.
    pub(crate) fn markers(&self, host: &str) -> usize {
        let says = |marker: &std::io::Result<std::fs::DirEntry>| {
            marker.as_ref().is_ok_and(|it| it.metadata().is_ok_and(|it| it.len() > 0))
        };
        let pending = self.at(host, "state/pending").read_dir();
        pending.map_or(0, |markers| markers.filter(says).count())
    }

    pub(crate) async fn plan(&self, playbook: &str) -> Ran {
        self.run(playbook, Purpose::Plan).await.unwrap()
    }

    pub(crate) async fn apply(&self, playbook: &str) -> Ran {
        self.run(playbook, Purpose::Apply { approved: None }).await.unwrap()
    }

    pub(crate) async fn run(&self, playbook: &str, purpose: Purpose) -> Result<Ran, Diagnostic> {
        let connector: Arc<dyn Connector> = self.connector.clone();
        self.run_over(connector, playbook, purpose).await
    }

    /// Lets the file `heard` of the host `a` appear once a run has heard all that was printed before a node began.
    pub(crate) fn hears(&mut self, node: &'static str) {
        let heard = self.at("a", "heard");
        self.interrupt_at = Some(Arc::new(move |event: &Event| {
            if matches!(event, Event::Started { node: it } if it.node.ends_with(node)) {
                std::fs::write(&heard, "").unwrap();
            }
            false
        }));
    }

    /// A run with other ways to the hosts.
    pub(crate) async fn run_over(
        &self,
        connector: Arc<dyn Connector>,
        playbook: &str,
        purpose: Purpose,
    ) -> Result<Ran, Diagnostic> {
        let (sender, interrupt) = Interrupt::new();
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let told = Arc::new(Told {
            events: Mutex::default(),
            interrupt: sender,
            interrupt_at: self.interrupt_at.clone(),
        });
        let run = Run {
            id: format!("run-{number}"),
            who: "somebody".to_owned(),
            connector,
            events: told.clone(),
            lookup: Arc::new(|name| Ok(Secret::new(name, "hunter2"))),
            concurrency: self.concurrency,
            limit: self.limit.clone(),
            lock_wait: self.lock_wait,
            limits: self.limits,
            interrupt: interrupt.after(self.timeout),
        };
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        files.insert("site.rhai".to_owned(), playbook.into());
        for (path, text) in &self.roles {
            files.insert(format!("roles/{path}"), text.clone().into());
        }
        let sources = Arc::new(files);
        let input = |known: Known| Input {
            playbooks: vec!["site.rhai".to_owned()],
            sources: sources.clone(),
            roles: vec!["roles".to_owned()],
            inventory: self.inventory.clone(),
            known,
            reuse: Default::default(),
        };
        let ended = run.playbook(input, purpose).await?;
        told.send(ended.summary(ended.status));
        let events = std::mem::take(&mut *told.events.lock().unwrap());
        Ok(Ran { status: ended.status, events, plan: ended.plan })
    }
}

impl Ran {
    /// The last thing that was told of a resource: `changed`, `failed`, `skipped (web-1/file:/x)`.
    pub(crate) fn outcome(&self, node: &str) -> String {
        let of = |event: &Event| match event {
            Event::Finished { node: name, outcome, .. } if name.node.ends_with(node) => {
                Some(word(outcome))
            }
            Event::Unchanged { host, resources } if names(host, resources, node) => {
                Some(word(&Outcome::Unchanged))
            }
            _ => None,
        };
        self.events.iter().rev().find_map(of).unwrap_or_else(|| "nothing".to_owned())
    }

    /// What the steps printed, line by line.
    pub(crate) fn outputs(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::Output { line, .. } => Some(line.clone()),
            _ => None,
        };
        self.events.iter().filter_map(line).collect()
    }

    /// What was warned of.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warning = |event: &Event| match event {
            Event::Warning { message, .. } => Some(message.clone()),
            _ => None,
        };
        self.events.iter().filter_map(warning).collect()
    }

    /// How often a resource was worked on.
    /// Within how many seconds somebody has to log in, of all that is planned.
    pub(crate) fn guarded(&self) -> Vec<Option<u32>> {
        let guarded = |event: &Event| match event {
            Event::Planned { guarded, .. } => Some(*guarded),
            _ => None,
        };
        self.events.iter().filter_map(guarded).collect()
    }

    pub(crate) fn started(&self, node: &str) -> usize {
        let started = |event: &&Event| matches!(event, Event::Started { node: name } if name.node.ends_with(node));
        self.events.iter().filter(started).count()
    }

    /// What is planned for a resource.
    pub(crate) fn planned(&self, node: &str) -> Option<Planned> {
        self.events.iter().find_map(|event| match event {
            Event::Planned { node: name, plan, .. } if name.node.ends_with(node) => {
                Some(plan.clone())
            }
            Event::Unchanged { host, resources } if names(host, resources, node) => {
                Some(Planned::Unchanged)
            }
            _ => None,
        })
    }

    /// The rounds of verification that were told of a host.
    pub(crate) fn rounds(&self, host: &str) -> Vec<u32> {
        let round = |event: &Event| match event {
            Event::Verifying { host: name, round } if **name == *host => Some(*round),
            _ => None,
        };
        self.events.iter().filter_map(round).collect()
    }

    /// What the last event says of a host.
    pub(crate) fn host(&self, host: &str) -> HostSummary {
        let Some(Event::Summary { hosts, exit_status, .. }) = self.events.last() else {
            panic!("the last event is a summary: {:?}", self.events.last())
        };
        assert_eq!(*exit_status, self.status.code());
        hosts.get(host).cloned().unwrap_or_default()
    }

    /// Unchanged, changed, pending, failed, skipped, refused and unknown.
    pub(crate) fn counts(&self, host: &str) -> [usize; 7] {
        let host = self.host(host);
        [
            host.unchanged,
            host.changed,
            host.pending,
            host.failed,
            host.skipped,
            host.refused,
            host.unknown,
        ]
    }

    pub(crate) fn round_trips(&self, host: &str) -> u64 {
        self.host(host).traffic.round_trips
    }
}

/// Whether one of the resources of a host is the one that a test means.
fn names(host: &str, resources: &[AsDeclared], node: &str) -> bool {
    let name = |it: &AsDeclared| format!("{host}/{}:{}", it.kind, it.key);
    resources.iter().any(|it| name(it).ends_with(node))
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unchanged => "unchanged".to_owned(),
        Outcome::Changed => "changed".to_owned(),
        Outcome::Failed(failure) => format!("failed: {}", failure.message),
        Outcome::Reverted(failure) => format!("reverted: {}", failure.message),
        Outcome::Skipped { because } => format!("skipped: {because}"),
        Outcome::Refused { reason } => format!("refused: {reason}"),
        Outcome::Unknown { .. } => "unknown".to_owned(),
    }
}

struct Told {
    events: Mutex<Vec<Event>>,
    interrupt: tokio::sync::watch::Sender<bool>,
    interrupt_at: Option<Watch>,
}

impl Events for Told {
    fn send(&self, event: Event) {
        if self.interrupt_at.as_ref().is_some_and(|when| when(&event)) {
            self.interrupt.send_replace(true);
        }
        self.events.lock().unwrap().push(event);
    }
}

struct FakeConnector {
    folder: PathBuf,
    faults: Arc<Mutex<HashMap<String, Fault>>>,
    /// Connections that the hosts believe to be there still.
    silent: Arc<Mutex<Vec<Arc<dyn Remote>>>>,
    between: Arc<Mutex<Option<(usize, Between)>>>,
    local: LocalConnector,
}

#[async_trait]
impl Connector for FakeConnector {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        let fault = self.faults.lock().unwrap().get(&*host.name).copied();
        let door = self.folder.join(&*host.name).join("door");
        let is_closed = || std::fs::read_to_string(&door).is_ok_and(|door| door == "closed");
        if fault == Some(Fault::Unreachable) || fault == Some(Fault::Door) && is_closed() {
            let message = "nobody answers".to_owned();
            return Err(RemoteError::Unreachable { message, hint: None });
        }
        let remote = self.local.connect(host).await?;
        let at = |path| self.folder.join(&*host.name).join(path).display().to_string();
        let login = sh!(
            "export CONVERGE_STATE={} PATH={}:$PATH CUT=\"kill -9 -$$\"",
            at("state"),
            at("bin")
        );
        remote.keep(&login, &mut Captured::default()).await?;
        let own = sh!(
            "mkdir -p {} {}; echo $$ >>{}; export TMPDIR={} XDG_RUNTIME_DIR={}",
            at("state.tmp"),
            at("state.run"),
            at("state.shells"),
            at("state.tmp"),
            at("state.run")
        );
        remote.keep(&own, &mut Captured::default()).await?;
        let (state, boot) = (at("state"), at("boot"));
        let (faults, silent, host) = (self.faults.clone(), self.silent.clone(), host.name.clone());
        let (scripts, between) = (Mutex::new(0), self.between.clone());
        Ok(Arc::new(FakeRemote {
            remote,
            state,
            boot,
            fault,
            scripts,
            host,
            faults,
            silent,
            between,
        }))
    }
}

/// A segment that is under way to a host, and what the shell keeps of it.
type Between = (Arc<dyn Remote>, Script, Option<Script>);

struct FakeRemote {
    remote: Arc<dyn Remote>,
    state: String,
    boot: String,
    fault: Option<Fault>,
    scripts: Mutex<usize>,
    host: Arc<str>,
    faults: Arc<Mutex<HashMap<String, Fault>>>,
    silent: Arc<Mutex<Vec<Arc<dyn Remote>>>>,
    between: Arc<Mutex<Option<(usize, Between)>>>,
}

/// Hands some bytes on, and says when there were more.
struct Cut<'a> {
    output: &'a mut dyn Output,
    left: usize,
    is_cut: bool,
    over: Arc<Notify>,
}

impl Output for Cut<'_> {
    fn stdout(&mut self, bytes: &[u8]) {
        let heard = bytes.len().min(self.left);
        self.output.stdout(&bytes[..heard]);
        self.left -= heard;
        if heard < bytes.len() {
            self.is_cut = true;
            self.over.notify_one();
        }
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.output.stderr(bytes);
    }
}

#[async_trait]
impl Remote for FakeRemote {
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        self.comes_in_between().await;
        self.counted(&self.here(script), None, output).await
    }

    async fn work(
        &self,
        script: &Script,
        kept: Option<&Script>,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        self.comes_in_between().await;
        let script = &self.here(script);
        let kept = kept.map(|kept| self.here(kept));
        match self.fault {
            Some(Fault::Idle) => return self.is_silent(),
            Some(Fault::Late(late)) => {
                let (remote, script) = (self.remote.clone(), script.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    let _ = remote.work(&script, kept.as_ref(), &mut Captured::default()).await;
                });
                return self.is_silent();
            }
            Some(Fault::Between(scripts)) => {
                let work = (self.remote.clone(), script.clone(), kept);
                *self.between.lock().unwrap() = Some((scripts, work));
                return self.is_silent();
            }
            _ => {}
        }
        let Some(Fault::Silent(left)) = self.fault else {
            return self.counted(script, Some(kept.as_ref()), output).await;
        };
        let over = Arc::new(Notify::new());
        let mut cut = Cut { output, left, is_cut: false, over: over.clone() };
        tokio::select! {
            () = over.notified() => {}
            exit = self.remote.work(script, kept.as_ref(), &mut cut) => match cut.is_cut {
                true => {}
                false => return exit,
            },
        }
        self.is_silent()
    }

    async fn later(&self, script: &Script) {
        self.remote.later(script).await;
    }

    async fn keep(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        self.comes_in_between().await;
        self.remote.keep(&self.here(script), output).await
    }

    async fn beside(&self, script: &Script) -> Result<Exit, RemoteError> {
        let login = sh!("export CONVERGE_STATE={}", self.state);
        self.remote.beside(&login.then(self.here(script))).await
    }

    async fn send(&self, contents: &[Content]) -> Result<String, RemoteError> {
        match self.fault {
            Some(Fault::Refuses) => Err(RemoteError::Refused("the disk is full".to_owned())),
            _ => self.remote.send(contents).await,
        }
    }

    fn traffic(&self) -> Traffic {
        let traffic = self.remote.traffic();
        // The login of the fake takes two round trips that a real one does not have.
        Traffic { round_trips: traffic.round_trips - 2, ..traffic }
    }

    async fn close(&self) {
        self.remote.close().await;
    }
}

impl FakeRemote {
    /// Lets what is under way come, once enough scripts have begun since.
    async fn comes_in_between(&self) {
        let comes = {
            let mut between = self.between.lock().unwrap();
            match &mut *between {
                Some((0, _)) => between.take(),
                Some((scripts, _)) => {
                    *scripts -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, (remote, script, kept))) = comes {
            // One that was given up, or finds no lock, ends early.
            let _ = remote.work(&script, kept.as_ref(), &mut Captured::default()).await;
            remote.close().await;
        }
    }

    /// A script for this host.
    fn here(&self, script: &Script) -> Script {
        if !std::path::Path::new(&self.boot).exists() {
            return script.clone();
        }
        let root = self.boot.trim_end_matches("/boot");
        let systemctl = sh!("systemctl() {{ . {}; }}", format!("{root}/reboot"));
        let script = script.whole().replace("/proc/sys/kernel/random/boot_id", &self.boot);
        let asks = " /run/reboot-required";
        let script = script.replace(asks, &format!(" {root}{}", asks.trim_start()));
        systemctl.then(Script::trusted(script))
    }

    /// The next connection is a good one.
    fn is_silent(&self) -> Result<Exit, RemoteError> {
        self.faults.lock().unwrap().remove(&*self.host);
        self.silent.lock().unwrap().push(self.remote.clone());
        Err(RemoteError::Lost("keepalive timeout".to_owned()))
    }

    /// Runs a script that counts for the faults.
    async fn counted(
        &self,
        script: &Script,
        works: Option<Option<&Script>>,
        output: &mut dyn Output,
    ) -> Result<Exit, RemoteError> {
        let number = {
            let mut scripts = self.scripts.lock().unwrap();
            *scripts += 1;
            *scripts
        };
        let lost = || Err(RemoteError::Lost("the line is cut".to_owned()));
        if self.fault == Some(Fault::LostBefore(number)) {
            return lost();
        }
        let exit = match works {
            Some(kept) => self.remote.work(script, kept, output).await?,
            None => self.remote.run(script, output).await?,
        };
        if self.fault == Some(Fault::LostAfter(number)) { lost() } else { Ok(exit) }
    }
}
