//! Ways to hosts are opened while the playbook is still evaluated.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use converge::{
    diagnostic::{Diagnostic, Result as Checked},
    event::Event,
    exit_status::ExitStatus::Unreachable,
    inventory::Host,
    remote::{Connector, Remote, RemoteError},
    run::Purpose,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
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

/// A playbook that declares on all hosts, and then makes a mistake: nothing is asked after its evaluation.
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
