//! Puts content that no script can bring into a private folder on the host, as a tar stream over a command of its own.
//!
//! The folder belongs to the login user, mode 0700, and its files have mode 0600. Scripts run as the login user or, by
//! sudo, doas or su, as root: both can read them. A step that acts as somebody else reads the content as root first.

use std::{collections::HashSet, io, time::Duration};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt, BufWriter},
    time::{Instant, sleep_until, timeout},
};

use super::{
    RemoteError,
    frame::find,
    piece::{End, Piece},
    pipe::{Commands, Pipe, one_line},
};
use crate::{
    base::{content::Content, script::Quoted},
    io::nonce::nonce,
    resources::prelude,
};

/// What lies on the host already.
#[derive(Default)]
pub(super) struct Staging {
    /// The folder, once there is one.
    pub(super) folder: Option<String>,
    names: HashSet<String>,
}

impl Staging {
    /// Those of `contents` that are not on the host yet, each once.
    pub(super) fn missing<'a>(&self, contents: &'a [Content]) -> Vec<&'a Content> {
        let mut seen = HashSet::new();
        let mut new = |content: &'a Content| {
            !self.names.contains(content.name()) && seen.insert(content.name())
        };
        let mut missing: Vec<&'a Content> = contents.iter().collect();
        missing.retain(|content| new(content));
        missing
    }

    /// Sends `contents`; gives the folder.
    pub(super) async fn send(
        &mut self,
        commands: &dyn Commands,
        contents: &[&Content],
    ) -> Result<String, RemoteError> {
        let nonce = nonce();
        let pipe = commands.start(&command(&nonce, self.folder.as_deref())).await?;
        let folder = transfer(pipe, &nonce, contents).await?;
        self.names.extend(contents.iter().map(|content| content.name().to_owned()));
        self.folder = Some(folder.clone());
        Ok(folder)
    }
}

/// The command that makes the folder if there is none yet, names it, and unpacks what comes.
///
/// It is free of backslashes, `!` and inner single quotes, so that csh and fish pass it on unharmed as well.
/// A folder that was made in vain is removed, so that an abandoned transfer leaves nothing behind.
fn command(nonce: &str, folder: Option<&str>) -> String {
    let folder = Quoted(folder.unwrap_or_default());
    let leftovers = prelude::LEFTOVERS.text().replace('\n', " ");
    format!(
        "exec sh -c 'umask 077; {leftovers}; d=$1; test -n \"$d\" || {{ leftovers; d=$(mktemp -d \"${{TMPDIR:-/tmp}}/converge.XXXXXXXXXX\"); }} || exit; \
         echo \"{nonce} $d\"; tar -xmf - -C \"$d\" && exit; test -n \"$1\" || rm -rf -- \"$d\"; exit 1' sh {folder}"
    )
}

/// How much a host may say while it takes content, in bytes.
const SAID_MAX: usize = 64 * 1024;

/// How long a host may take nothing of what it is sent.
const SILENCE: Duration = Duration::from_secs(60);

async fn transfer(pipe: Pipe, nonce: &str, contents: &[&Content]) -> Result<String, RemoteError> {
    let Pipe { stdin, mut pieces } = pipe;
    let mut write = std::pin::pin!(write_tar(stdin, contents));
    let mut written = None;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let end = loop {
        let over = written.unwrap_or_else(Instant::now) + SILENCE;
        let piece = tokio::select! {
            result = &mut write, if written.is_none() => {
                // When it fails, the command has ended, and tells better why.
                if result.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
                    return Err(silent());
                }
                written = Some(Instant::now());
                continue;
            }
            () = sleep_until(over), if written.is_some() => return Err(silent()),
            piece = pieces.next() => piece,
        };
        match piece {
            Piece::Stdout(bytes) => stdout.extend(bytes),
            Piece::Stderr(bytes) => stderr.extend(bytes),
            Piece::Ended(end) => break end,
        }
        if stdout.len() + stderr.len() > SAID_MAX {
            return Err(RemoteError::said_more("while content was sent", SAID_MAX));
        }
    };
    let said = one_line(&stderr);
    match end {
        End::Exit(0) => folder(&stdout, nonce).ok_or_else(|| {
            RemoteError::Refused(format!("the host gave no directory for content: {said}"))
        }),
        End::Exit(status) => Err(RemoteError::Refused(format!(
            "the host did not take {} files (status {status}): {said}",
            contents.len()
        ))),
        end => Err(RemoteError::Lost(format!("while content was sent: {end}"))),
    }
}

fn silent() -> RemoteError {
    let seconds = SILENCE.as_secs();
    RemoteError::Left(format!("the host accepted no content for {seconds} s"))
}

/// The folder's name. The login shell's start-up files may have printed something before it.
fn folder(stdout: &[u8], nonce: &str) -> Option<String> {
    let start = find(stdout, nonce.as_bytes())? + nonce.len() + 1;
    let rest = stdout.get(start..)?;
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let path = std::str::from_utf8(&rest[..end]).ok()?;
    path.starts_with('/').then(|| path.to_owned())
}

/// Writes the archive; its end is the end of the stream, which is closed.
async fn write_tar(to: impl AsyncWrite + Unpin, contents: &[&Content]) -> io::Result<()> {
    const BLOCK: usize = 512;
    const PART: usize = 64 * 1024;
    // Small files share a packet.
    let mut to = BufWriter::with_capacity(PART, to);
    for content in contents {
        let mut header = tar::Header::new_ustar();
        header.set_path(content.name())?;
        header.set_size(content.bytes().len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        timeout(SILENCE, to.write_all(header.as_bytes())).await??;
        // Each part in its time: a large file may take long, and a host that takes nothing may not.
        for part in content.bytes().chunks(PART) {
            timeout(SILENCE, to.write_all(part)).await??;
        }
        let padding = content.bytes().len().next_multiple_of(BLOCK) - content.bytes().len();
        to.write_all(&[0; BLOCK][..padding]).await?;
    }
    timeout(SILENCE, to.write_all(&[0; 2 * BLOCK])).await??;
    timeout(SILENCE, to.shutdown()).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_found_behind_noise() {
        assert_eq!(folder(b"Welcome!\nabc /tmp/x y\n", "abc").as_deref(), Some("/tmp/x y"));
        assert_eq!(folder(b"abc /tmp/x", "abc"), None);
        assert_eq!(folder(b"abc tmp\n", "abc"), None);
    }

    #[test]
    fn what_was_sent_is_not_missing() {
        let (one, two) = (Content::new(*b"1"), Content::new(*b"2"));
        let mut staging = Staging::default();
        staging.names.insert(one.name().to_owned());
        assert_eq!(staging.missing(&[one, two.clone(), two.clone()]), [&two]);
    }
}
