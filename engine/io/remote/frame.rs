//! How one script is handed to a `sh` that goes on, and how its end is found in what the shell prints.

use super::RemoteError;
use crate::base::script::{Quoted, Script, ShellValue as _};

/// Adds the text that runs `script` and prints `mark` on both streams after it.
///
/// It is one compound command around one quoted word, so a shell that gets only the beginning of it runs nothing.
/// The subshell keeps `cd`, `exit`, traps and variables of the script to itself, and what the shell holds open from
/// what the script starts.
pub(super) fn frame(script: &Script, mark: &str, to: &mut String) {
    with_mark("(eval ", script, &format!(") </dev/null {KEPT_OPEN}>&-"), mark, to);
}

/// Adds the text that runs `script` likewise, with what the shell holds open, once the shell itself has run what is `kept`.
pub(super) fn frame_work(script: &Script, kept: Option<&Script>, mark: &str, to: &mut String) {
    let first = kept.map(|it| format!("eval {} </dev/null >/dev/null 2>&1; ", Quoted(it.text())));
    let before = format!("{}(eval ", first.unwrap_or_default());
    with_mark(&before, script, ") </dev/null", mark, to);
}

/// Adds the text that runs `script` in the shell itself, which goes on with what the script set and opened.
pub(super) fn frame_kept(script: &Script, mark: &str, to: &mut String) {
    with_mark("eval ", script, " </dev/null", mark, to);
}

/// The file descriptor of what a shell keeps open, such as a lock.
pub(super) const KEPT_OPEN: u8 = 9;

fn with_mark(before: &str, script: &Script, after: &str, mark: &str, to: &mut String) {
    // Room for the quotes, each of which takes four bytes in the word: a large fleet has many scripts.
    to.reserve(script.text().len() * 5 / 4);
    to.push_str("{ ");
    to.push_str(before);
    script.text().write(to);
    to.push_str(after);
    let marks = format!("; printf '\\000%s %d\\n' {mark} $?; printf '\\000%s\\n' {mark} >&2; }}\n");
    to.push_str(&marks);
}

/// Finds the mark in a stream. All that comes before it is handed on at once, but for bytes that may begin it: so each byte
/// is looked at once, however long the stream is.
pub(super) struct Scan {
    mark: Vec<u8>,
    held: Vec<u8>,
    found: bool,
}

/// How long the line of a mark may be: a number stands on it.
const MARK_LINE_MAX: usize = 64;

impl Scan {
    /// Looks for the mark that a frame prints.
    pub(super) fn new(mark: &str) -> Self {
        Self::of([b"\0", mark.as_bytes()].concat())
    }

    /// Looks for any mark.
    pub(super) fn of(mark: Vec<u8>) -> Self {
        Self { mark, held: Vec::new(), found: false }
    }

    /// Takes the next bytes. Once the line of the mark is whole, gives what stands on it after the mark.
    ///
    /// # Errors
    /// The line does not end.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut before: impl FnMut(&[u8]),
    ) -> Result<Option<String>, RemoteError> {
        self.held.extend_from_slice(bytes);
        if !self.found {
            let clear = match find(&self.held, &self.mark) {
                Some(at) => {
                    self.found = true;
                    at
                }
                None => self.held.len() - self.beginning(),
            };
            if clear > 0 {
                before(&self.held[..clear]);
            }
            self.held.drain(..clear + if self.found { self.mark.len() } else { 0 });
        }
        if !self.found {
            return Ok(None);
        }
        let line = &self.held[..self.held.len().min(MARK_LINE_MAX)];
        match line.iter().position(|&byte| byte == b'\n') {
            Some(end) => Ok(Some(String::from_utf8_lossy(&line[..end]).trim().to_owned())),
            None if line.len() < MARK_LINE_MAX => Ok(None),
            None => Err(RemoteError::said_more("behind the mark of a script", MARK_LINE_MAX)),
        }
    }

    /// What came behind the line of the mark.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let end = self.held.iter().position(|&byte| byte == b'\n');
        end.map_or_else(Vec::new, |end| self.held.split_off(end + 1))
    }

    /// How many of the last bytes may be the beginning of the mark.
    fn beginning(&self) -> usize {
        let longest = self.held.len().min(self.mark.len() - 1);
        (1..=longest).rev().find(|&n| self.held.ends_with(&self.mark[..n])).unwrap_or(0)
    }
}

/// Where `needle` begins in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    // Most places differ in the first byte already.
    bytes.windows(needle.len()).position(|window| window[0] == *first && window[1..] == *rest)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::sh;

    fn split(stream: &[u8], sizes: &[usize]) -> (Vec<u8>, Option<String>) {
        let mut scan = Scan::new("abc.1");
        let mut before = Vec::new();
        let mut rest = stream;
        let mut sizes = sizes.iter().copied().cycle();
        while !rest.is_empty() {
            let (piece, next) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
            rest = next;
            let line = scan.push(piece, |bytes| before.extend_from_slice(bytes)).unwrap();
            if let Some(line) = line {
                return (before, Some(line));
            }
        }
        (before, None)
    }

    proptest! {
        #[test]
        fn any_chunks_give_the_same_output(
            output in proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'a'), Just(b'b'), any::<u8>()], 0..80),
            sizes in proptest::collection::vec(1_usize..9, 1..6),
        ) {
            let stream = [&output[..], b"\0abc.1 7\n"].concat();
            prop_assert_eq!(split(&stream, &sizes), (output, Some("7".to_owned())));
        }
    }

    #[test]
    fn only_what_may_begin_the_mark_is_held_back() {
        let mut scan = Scan::new("abc.1");
        let mut seen = Vec::new();
        assert_eq!(scan.push(b"line\nhalf\0ab", |b| seen.extend_from_slice(b)), Ok(None));
        assert_eq!(seen, b"line\nhalf");
        assert_eq!(scan.push(b"x", |b| seen.extend_from_slice(b)), Ok(None));
        assert_eq!(seen, b"line\nhalf\0abx");
    }

    #[test]
    fn a_mark_without_an_end_is_kept_no_longer_than_a_number_is() {
        let mut scan = Scan::new("abc.1");
        assert_eq!(scan.push(b"\0abc.1 ", |_| ()), Ok(None));
        let mut pushed = 0;
        while scan.push(&[b'7'; 10], |_| ()).is_ok() {
            pushed += 1;
            assert!(scan.held.len() <= MARK_LINE_MAX && pushed < 10, "{}", scan.held.len());
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_runs_nothing() {
        let script = sh!("echo one; echo {}; (exit 3)", "it's two");
        let mut whole = String::new();
        frame(&script, "abc.1", &mut whole);
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let run = |text: &str| {
                let mut command = Command::new(shell[0]);
                command.args(&shell[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = command.stderr(Stdio::null()).spawn().ok()?;
                child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
                Some(child.wait_with_output().unwrap().stdout)
            };
            let Some(output) = run(&whole) else { continue };
            assert_eq!(output, b"one\nit's two\n\0abc.1 3\n", "{shell:?}");
            for cut in 0..whole.trim_end().len() {
                assert_eq!(run(&whole[..cut]).unwrap(), b"", "{shell:?}: {}", &whole[..cut]);
            }
        }
    }
}
