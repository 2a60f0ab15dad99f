//! Ways to hosts are opened while the playbook is still evaluated.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use converge::{
    base::{
        content::Content,
        diagnostic::{Diagnostic, Result as Checked},
        script::Script,
        traffic::Traffic,
    },
    input::inventory::Host,
    io::remote::{Connector, Exit, Output, Remote, RemoteError},
    plan::{
        event::Event,
        exit_status::ExitStatus::{Interrupted, Unreachable},
    },
    run::Purpose,
};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::yield_now,
    time::timeout,
};

use super::{
    FILES,
    fleet::{Fault, Fleet},
};

/// Reaches nobody, and says whom it was asked for.
struct Asked {
    by_name: UnboundedSender<String>,
    /// How many hosts may be reached at once.
    most: usize,
}

impl Asked {
    fn at_most(most: usize) -> (Arc<Self>, UnboundedReceiver<String>) {
        let (by_name, names) = unbounded_channel();
        (Arc::new(Self { by_name, most }), names)
    }
}

#[async_trait]
impl Connector for Asked {
    fn reserve(&self, hosts: &[Arc<Host>]) -> Checked<()> {
        let too_many = || Diagnostic::new("machine::open-files", "too many");
        if hosts.len() > self.most { Err(too_many()) } else { Ok(()) }
    }

    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        self.by_name.send(host.name.to_string()).unwrap();
        Err(RemoteError::Lost("nobody answers".to_owned()))
    }
}

/// A playbook that declares on all hosts, and then makes an error: nothing is asked after its evaluation.
const MISTAKEN: &str =
    r#"on(hosts("all"), |host| file(host.vars.root + "/f", #{ content: "x" })); nonsense();"#;

async fn asked(names: &mut UnboundedReceiver<String>) -> Option<String> {
    timeout(Duration::from_secs(30), names.recv()).await.unwrap()
}

#[tokio::test]
async fn a_host_is_dialled_as_soon_as_something_is_declared_on_it_unless_a_limit_leaves_it_out() {
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.limit = Some(["b".into()].into());
    let (connector, mut names) = Asked::at_most(2);
    assert!(fleet.run_over(connector, MISTAKEN, Purpose::Plan).await.is_err());
    assert_eq!(asked(&mut names).await.as_deref(), Some("b"));
    assert_eq!(asked(&mut names).await, None, "nobody else is asked for");
}

#[tokio::test]
async fn nobody_is_dialled_early_where_the_whole_inventory_is_too_much_at_once() {
    let fleet = Fleet::new(&["a", "b"]);
    let (connector, mut names) = Asked::at_most(1);
    assert!(fleet.run_over(connector, MISTAKEN, Purpose::Plan).await.is_err());
    assert_eq!(asked(&mut names).await, None);
}

#[tokio::test]
async fn who_was_dialled_early_in_vain_is_told_once() {
    let fleet = Fleet::new(&["a", "b"]);
    fleet.breaks("a", Fault::Unreachable);
    let ran = fleet.plan(FILES).await;
    assert_eq!(ran.status, Unreachable);
    let told = ran.events.iter().filter(|event| match event {
        Event::Unreachable { host, .. } => &**host == "a",
        _ => false,
    });
    assert_eq!(told.count(), 1);
}

/// Reaches the host `far` only when it is told to, and ends connections slowly; nobody ever answers a script.
#[derive(Default)]
struct Late(Arc<Notify>);

#[async_trait]
impl Connector for Late {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        if &*host.name == "far" {
            self.0.notified().await;
        }
        Ok(Arc::new(Self(self.0.clone())))
    }
}

#[async_trait]
impl Remote for Late {
    async fn run(&self, _: &Script, _: &mut dyn Output) -> Result<Exit, RemoteError> {
        std::future::pending().await
    }

    async fn keep(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        self.run(script, output).await
    }

    async fn beside(&self, _: &Script) -> Result<Exit, RemoteError> {
        Err(RemoteError::Refused("there is nothing beside it".to_owned()))
    }

    async fn send(&self, _: &[Content]) -> Result<String, RemoteError> {
        std::future::pending().await
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn close(&self) {
        for _ in 0..100 {
            yield_now().await;
        }
    }
}

#[tokio::test]
async fn nothing_is_told_after_the_summary_though_a_host_answers_later() {
    let mut fleet = Fleet::new(&["near", "far"]);
    let connector = Arc::new(Late::default());
    let far = connector.0.clone();
    fleet.interrupt_at = Some(Arc::new(move |event: &Event| {
        if matches!(event, Event::Summary { .. }) {
            far.notify_one();
        }
        matches!(event, Event::Probing { .. })
    }));
    let ran = fleet.run_over(connector, FILES, Purpose::Plan).await.unwrap();
    assert_eq!(ran.status, Interrupted);
    assert!(matches!(ran.events.last(), Some(Event::Summary { .. })), "{:?}", ran.events.last());
}
