//! What happened in each run, kept on this machine: `.converge/runs/ID/events.jsonl`.
//!
//! An event is written before what it announces is changed, and without secrets.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, BufWriter, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use crate::{
    io::disk::{self, Unread},
    plan::event::{Event, Events},
    report::{Redactors, redacted},
};

/// The journal of one run, open for writing.
pub struct Journal {
    file: Mutex<BufWriter<File>>,
    failed: OnceLock<io::Error>,
    redactors: Redactors,
}

/// An earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// The run's id.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
}

const EVENTS: &str = "events.jsonl";

/// How much waits to be written, in bytes: what is told of a host may be ten of these in a thousand.
const BUFFER: usize = 64 * 1024;

impl Journal {
    /// Opens the journal of a new run, for nobody else to read.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn create(project: &Path, run: &str, redactors: Redactors) -> io::Result<Self> {
        ours(project)?;
        let folder = runs(project).join(run);
        // Whatever the umask is: who could write there could put another folder in its place.
        DirBuilder::new().recursive(true).mode(0o755).create(&folder)?;
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.create_new(true).append(true).open(folder.join(EVENTS))?;
        // As long as the run goes on: who lists runs sees by it that this one is not over.
        // Where files cannot be locked, it is not seen.
        let _ = file.try_lock();
        let file = Mutex::new(BufWriter::with_capacity(BUFFER, file));
        Ok(Self { file, failed: OnceLock::new(), redactors })
    }

    /// Why something that happened is not kept, if that is so.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failed.get()
    }
}

impl Events for Journal {
    /// A disk that is full does not stop a run on the hosts: what cannot be written is left out, and the run says so in the
    /// end.
    fn send(&self, event: Event) {
        // Live output is the bulk of a run, and of no use once a failure holds its last lines.
        if matches!(event, Event::Output { .. }) {
            return;
        }
        // Of a large fleet these are many lines; and none is the last before something is changed.
        let waits = matches!(
            event,
            Event::Connecting { .. }
                | Event::Connected { .. }
                | Event::Probing { .. }
                | Event::Unchanged { .. }
                | Event::Planned { .. }
        );
        let Ok(mut line) = serde_json::to_vec(&redacted(event, &(self.redactors)())) else {
            return;
        };
        line.push(b'\n');
        if let Ok(mut file) = self.file.lock() {
            let written = file.write_all(&line).and_then(|()| match waits {
                true => Ok(()),
                false => file.flush(),
            });
            if let Err(error) = written {
                // The first reason is the one that counts.
                let _ = self.failed.set(error);
            }
        }
    }
}

/// Checks that the folder of journals is nobody else's, if there is one.
fn ours(project: &Path) -> io::Result<()> {
    match disk::end(&runs(project)) {
        Err(unread) if unread.is_missing() => Ok(()),
        Err(Unread::Broken(error)) => Err(error),
        Err(Unread::Refused(error)) => Err(io::Error::other(error.in_one_line())),
        Ok(_) => Ok(()),
    }
}

/// Earlier runs, oldest first: ids begin with the time.
///
/// # Errors
/// When the folder that they are kept in cannot be read. Without one there was no run.
pub fn entries(project: &Path) -> io::Result<Vec<JournalEntry>> {
    ours(project)?;
    let folders = match fs::read_dir(runs(project)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        folders => folders?.collect::<io::Result<Vec<_>>>()?,
    };
    let entry = |folder: fs::DirEntry| {
        // What has another name is none of ours.
        let id = folder.file_name().into_string().ok()?;
        Some(JournalEntry { id, folder: folder.path() })
    };
    let mut entries: Vec<JournalEntry> = folders.into_iter().filter_map(entry).collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(entries)
}

impl JournalEntry {
    /// Whether the run goes on.
    pub fn goes_on(&self) -> bool {
        let file = File::open(self.folder.join(EVENTS));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// What happened in the run. A last line that was cut off is left out, as is all of a run that ended before its first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let text = match fs::read(self.folder.join(EVENTS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text?,
        };
        read(&text)
    }
}

/// The events of a journal, whose last line may be cut off.
pub(crate) fn read(text: &[u8]) -> io::Result<Vec<Event>> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate();
    let event = |(at, line)| {
        let wrong = |error| io::Error::other(format!("line {}: {error}", at + 1));
        serde_json::from_slice(line).map_err(wrong)
    };
    lines.map(event).collect()
}

fn runs(project: &Path) -> PathBuf {
    project.join(".converge/runs")
}

/// Tells several listeners.
pub struct Tee<A, B>(pub A, pub B);

impl<A: Events, B: Events> Events for Tee<A, B> {
    fn send(&self, event: Event) {
        self.0.send(event.clone());
        self.1.send(event);
    }
}

impl<E: Events + ?Sized> Events for std::sync::Arc<E> {
    fn send(&self, event: Event) {
        (**self).send(event);
    }
}
