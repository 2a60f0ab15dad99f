//! A user of a managed host who may write to the directory of a declared path, or to one above it, and exchanges what lies there
//! all the time, while each kind reads and changes it as root.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use converge::{
    base::value::Value,
    resources::{kind::Desired, kinds},
    sh,
};
use rustix::{
    fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with},
    process::{Gid, Uid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::{
    cases::Folder,
    hosts::{Host, probe_of},
};

/// The account that nobody has.
const INTRUDER: u32 = 65534;

/// How often each is tried in each place.
const ROUNDS: usize = 100;

/// What only root may read.
const SECRET: &str = "root:secrethash";

/// What is declared at `PATH`, and by which kind.
const DECLARED: &[(&str, &str)] = &[
    ("file", "path = 'PATH'\ncontent = 'payload'\nowner = '65534'"),
    ("file", "path = 'PATH'\ncontent = 'payload'\nvalidate = 'cat %s'"),
    ("file", "path = 'PATH'\ncontent = 'payload'\nvalidate = 'false'"),
    ("file", "path = 'PATH'\nmode = '0666'\nowner = '65534'"),
    ("local_copy", "path = 'PATH'\nfrom = '/etc/passwd'\nowner = '65534'\nmode = '0644'"),
    ("local_copy", "path = 'PATH.copy'\nfrom = 'PATH'\nowner = '65534'\nmode = '0644'"),
    ("line", "path = 'PATH'\nline = 'payload'\ncreate = true"),
    ("link", "path = 'PATH'\nto = '/payload'\nforce = true"),
    ("absent", "path = 'PATH'\nrecursive = true"),
    ("directory", "path = 'PATH'\nmode = '0777'\nowner = '65534'"),
    ("directory", "path = 'PATH'\nowner = '65534'\nrecurse = true"),
    ("directory", "path = 'PATH'\nsource = 'tree'\npurge = true\nowner = '65534'\nmode = '0777'"),
];

/// Where the path is, below the directory of the intruder.
const PLACES: &[&str] = &["shadow", "above/shadow"];

#[test]
fn who_may_write_to_a_directory_gets_nothing_that_is_roots() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can be attacked: not tried");
        return;
    }
    for (kind, arguments) in DECLARED {
        for place in PLACES {
            attack(kind, arguments, place);
        }
    }
}

fn attack(kind: &str, arguments: &str, place: &str) {
    let host = Host::all().remove(0);
    let kind = kinds::kind(kind).unwrap();
    open(&host.root());
    let (victim, theirs) = (host.root().join("victim"), host.root().join("theirs"));
    prepare(&victim, &theirs);
    let arguments = arguments.replace("PATH", theirs.join(place).to_str().unwrap());
    let files = ["tree/deep/f1", "tree/shadow"].map(|it| (it.to_owned(), "payload".to_owned()));
    let declared =
        kind.declare(toml::from_str::<Value>(&arguments).unwrap(), &Folder(&files.into())).unwrap();
    let desired: &Desired = &declared.desired;
    let before = listed(&victim);

    let intruder = Intruder::begin(theirs.clone(), victim.clone());
    let step = kind.apply(desired, None);
    let probe = sh!("mkdir {} 2>/dev/null", theirs.join("above").to_str().unwrap())
        .then(probe_of(kind, &[desired]));
    let tried = host.rounds(ROUNDS, &probe, &step);
    let moves = intruder.end();

    let what = format!("{arguments}\nafter {moves} moves of the intruder: {tried:?}");
    assert!(tried.status.is_some_and(|status| status != TIMED_OUT), "it hangs: {what}");
    assert_eq!(listed(&victim), before, "{what}");
    assert!(!tried.stdout.contains(SECRET), "{what}");
    let told = readable(&theirs);
    assert!(!told.contains(SECRET), "{what}: {told}");
    assert!(moves > ROUNDS, "the intruder did nothing: {what}");
}

/// How `timeout` ends when time was up.
const TIMED_OUT: i32 = 124;

/// Lets everybody come to a folder.
fn open(folder: &Path) {
    for folder in folder.ancestors().take(2) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The files of root, with the names that are declared at the intruder's; and the intruder's directory.
fn prepare(victim: &Path, theirs: &Path) {
    fs::create_dir_all(victim.join("deep")).unwrap();
    for (name, mode) in [("shadow", 0o600), ("deep/f1", 0o644), ("x", 0o600)] {
        fs::write(victim.join(name), format!("{SECRET}\n")).unwrap();
        fs::set_permissions(victim.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir_all(theirs.join("above")).unwrap();
    chown(theirs, Some(INTRUDER), Some(INTRUDER)).unwrap();
}

/// All that lies below a folder: whose it is, its mode, what it holds.
fn listed(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, u32, String)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            let it = path.symlink_metadata().unwrap();
            if it.is_dir() {
                folders.push(path.clone());
            }
            let text =
                if it.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            found.insert(path, (it.uid(), it.gid(), it.mode(), text));
        }
    }
    found
}

/// What the intruder can read of the files in a folder.
fn readable(folder: &Path) -> String {
    let files = listed(folder).into_values();
    let open = files.filter(|(uid, _, mode, _)| *uid == INTRUDER || mode & 0o004 != 0);
    open.map(|(.., text)| text).collect()
}

/// Exchanges what lies in a directory, without end.
struct Intruder {
    goes_on: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Intruder {
    fn begin(theirs: PathBuf, victim: PathBuf) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let flag = goes_on.clone();
        let thread = thread::spawn(move || {
            become_the_intruder();
            let mut moves = 0;
            while flag.load(Ordering::Relaxed) {
                moves += intrude(&theirs, &victim, moves);
            }
            moves
        });
        Self { goes_on, thread }
    }

    fn end(self) -> usize {
        self.goes_on.store(false, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// On Linux, an account is that of a thread.
fn become_the_intruder() {
    let (uid, gid) = (Uid::from_raw(INTRUDER), Gid::from_raw(INTRUDER));
    set_thread_groups(&[]).unwrap();
    set_thread_res_gid(gid, gid, gid).unwrap();
    set_thread_res_uid(uid, uid, uid).unwrap();
}

/// One move against each name in the directory. What fails was in the way of another move.
fn intrude(theirs: &Path, victim: &Path, moves: usize) -> usize {
    let Ok(names) = theirs.read_dir() else { return 1 };
    let names = names.flatten().map(|entry| entry.file_name());
    let known = ["shadow", "above"].map(Into::into);
    let names: Vec<_> = names.filter(|name| name != "aside").chain(known).collect();
    for (index, name) in names.iter().enumerate() {
        let (path, aside) = (theirs.join(name), theirs.join("aside"));
        let bait = match (moves + index) % 5 {
            0 => symlink(victim, &aside),
            1 => symlink(victim.join("shadow"), &aside),
            2 => symlink(victim.join("deep"), &aside),
            3 => mknodat(CWD, &aside, FileType::Fifo, Mode::from_raw_mode(0o666), 0)
                .map_err(Into::into),
            _ => fs::create_dir(&aside).and_then(|()| symlink(victim, aside.join("shadow"))),
        };
        if bait.is_ok() {
            // There and back: what was there is there again, for the next look.
            let swapped = renameat_with(CWD, &path, CWD, &aside, RenameFlags::EXCHANGE);
            if swapped.is_err() {
                let _ = fs::rename(&aside, &path);
            }
            thread::yield_now();
            let _ = renameat_with(CWD, &path, CWD, &aside, RenameFlags::EXCHANGE);
        }
        let _ = fs::remove_file(&aside);
        let _ = fs::remove_dir_all(&aside);
    }
    names.len()
}
