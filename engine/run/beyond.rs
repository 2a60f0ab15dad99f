//! What hosts that a limit leaves out have written down for those that it leaves: they are asked for that, and for nothing else.

use std::sync::Arc;

use super::fleet::Fleet;
use crate::{evaluate::catalog::Catalog, plan::probe::Outstanding};

/// What is outstanding to resources of this run because of others that are not of it.
pub(super) async fn outstanding(catalog: &Catalog, fleet: &Arc<Fleet>) -> Vec<Outstanding> {
    let ask = async |fleet: Arc<Fleet>, host: Arc<str>| {
        let answer = fleet.run(&host, &Outstanding::script(), 0).await;
        let said = answer.map(|(_, said)| String::from_utf8_lossy(&said.stdout).into_owned());
        match said.ok().and_then(|said| Outstanding::read(&said, &host)) {
            Some(outstanding) => outstanding,
            None => {
                fleet.warn(format!(
                    "{host} is outside of the limit, and its outstanding work for hosts of this run could not be read"
                ));
                Vec::new()
            }
        }
    };
    fleet.ask_each(catalog.hosts_beyond(), ask).await.into_iter().flatten().collect()
}
