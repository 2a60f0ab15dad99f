//! Ends what runs too long in a shell of a host, and leaves the shell itself alone: what it holds, such as the lock, goes in
//! order then.

use futures::future::BoxFuture;
use tokio::time::{sleep, timeout};

use super::{
    Captured, Exit, RemoteError,
    counters::Counters,
    identity::Identity,
    pipe::Commands,
    shell::{GRACE, Scope, Shell},
};
use crate::{base::script::Script, resources::prelude, sh};

/// One signal after the other.
pub(super) async fn end(
    commands: &dyn Commands,
    identity: &Identity,
    process: u32,
    signals: &[&str],
) {
    for signal in signals {
        let sent = timeout(GRACE, send(commands, identity, process, signal)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
        sleep(GRACE).await;
    }
}

/// Sends a signal to what runs in a shell, over a shell of its own.
pub(super) async fn send(
    commands: &dyn Commands,
    identity: &Identity,
    process: u32,
    signal: &str,
) -> Result<(), RemoteError> {
    beside(commands, identity, &script(process, signal)).await.map(drop)
}

/// Runs a script in a shell of its own.
pub(super) async fn beside(
    commands: &dyn Commands,
    identity: &Identity,
    script: &Script,
) -> Result<Exit, RemoteError> {
    let mut shell = Shell::open(identity.clone(), commands).await?;
    let mut output = Captured::default();
    let nothing = |_, _: &_| -> BoxFuture<'_, ()> { Box::pin(async {}) };
    shell.run(script, Scope::Subshell, &mut output, &Counters::default(), &nothing).await
}

/// Signals all that runs in a shell.
fn script(process: u32, signal: &str) -> Script {
    prelude::reading().then(prelude::signal()).then(sh!("signal_below {} {}", process, signal))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_script_is_one_for_every_shell() {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]).args(["-nc", &script(1, "TERM").whole()]);
            let Ok(output) = command.output() else { continue };
            assert!(output.status.success(), "{shell:?}: {output:?}");
        }
    }
}
