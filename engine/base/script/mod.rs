//! A POSIX sh script. A value enters it as one word that means itself, as staged content, or not at all.

use std::{
    borrow::Borrow,
    fmt::{self, Display, Write as _},
};

use serde::{Serialize, Serializer};

mod library;

pub use self::library::{Library, functions};

/// A script for `sh` on a host. Only [`sh!`](crate::sh) makes one from text, and it quotes each value
/// that could mean something to a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    text: String,
    needs: Vec<&'static Library>,
}

impl Script {
    /// A script whose values are quoted already. For [`sh!`](crate::sh), and for text that the user wrote as a script.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self { text: text.into(), needs: Vec::new() }
    }

    /// This script, then `next` on a new line.
    #[must_use]
    pub fn then(mut self, next: Script) -> Self {
        self.push(next);
        self
    }

    /// Adds `next` on a new line.
    pub fn push(&mut self, next: impl Borrow<Script>) {
        let next = next.borrow();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&next.text);
        self.need(&next.needs);
    }

    /// The same script, which relies on these as well.
    #[must_use]
    pub fn needing(mut self, libraries: &[&'static Library]) -> Self {
        self.need(libraries);
        self
    }

    fn need(&mut self, libraries: &[&'static Library]) {
        for library in libraries {
            if !self.needs.contains(library) {
                self.needs.push(library);
            }
        }
    }

    /// The same script with another text.
    #[must_use]
    pub fn with_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text, for a shell that knows what it needs.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a shell must know that runs the text.
    pub fn needs(&self) -> &[&'static Library] {
        &self.needs
    }

    /// The text with all that it needs before it, for any shell.
    pub fn whole(&self) -> String {
        let mut whole = String::new();
        self.needs.iter().for_each(|library| library.define(&mut whole));
        whole + &self.text
    }
}

/// The whole.
impl Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole())
    }
}

/// The whole: who reads it need not be a shell of ours.
impl Serialize for Script {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.whole())
    }
}

/// A value as one word of `sh`, in quotes.
pub struct Quoted<'a, T: ?Sized>(pub &'a T);

impl<T: Display + ?Sized> Display for Quoted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = QuoteWriter(f);
        writer.0.write_char('\'')?;
        write!(writer, "{}", self.0)?;
        writer.0.write_char('\'')
    }
}

struct QuoteWriter<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for QuoteWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut parts = text.split('\'');
        self.0.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            self.0.write_str("'\\''")?;
            self.0.write_str(part)?;
        }
        Ok(())
    }
}

/// The room that one program has for a list of words: a host refuses one that is too long, which may be as little as 128 KiB
/// with the environment and the program's own words.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    most: usize,
    words: usize,
    bytes: usize,
}

impl Room {
    const BYTES: usize = 96 * 1024;

    /// Room for so many words.
    pub fn of(most: usize) -> Self {
        Self { most, words: 0, bytes: 0 }
    }

    /// Whether there is room for a word more, of so many bytes. If not, it is the first one in a list of its own.
    pub fn takes(&mut self, bytes: usize) -> bool {
        self.takes_all(1, bytes + 1)
    }

    /// The same of several words, of so many bytes with a space after each.
    pub fn takes_all(&mut self, words: usize, bytes: usize) -> bool {
        let fits = self.words + words <= self.most && self.bytes + bytes <= Self::BYTES;
        let fits = fits || self.words == 0;
        if !fits {
            (self.words, self.bytes) = (0, 0);
        }
        self.words += words;
        self.bytes += bytes;
        fits
    }
}

/// Several values, each as one word of `sh`, with spaces between them.
pub struct Words<'a, T>(pub &'a [T]);

/// A value that a script may hold: [`sh!`](crate::sh) asks it how it is written.
pub trait ShellValue {
    /// Writes the value so that the shell reads back exactly it.
    fn write(&self, to: &mut String);

    /// What a shell must know for that.
    fn needs(&self) -> &[&'static Library] {
        &[]
    }
}

macro_rules! quoted {
    ($($type:ty),*) => {$(
        impl ShellValue for $type {
            fn write(&self, to: &mut String) {
                write!(to, "{}", Quoted(self)).expect("a String takes all that is written");
            }
        }
    )*};
}
quoted!(u16, u32, u64, i32, i64, usize);

/// Whether a text is one word of `sh` as it is, wherever it stands: mostly a path. A number is not, which before `>` is a
/// file descriptor, nor what could be a reserved word (POSIX, XCU 2.4).
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.:_-".contains(&byte);
    text.bytes().all(is_plain) && text.contains(['/', '.'])
}

/// Texts are what scripts are made of, so they do not go through a formatter.
impl ShellValue for str {
    fn write(&self, to: &mut String) {
        if is_plain(self) {
            return to.push_str(self);
        }
        to.push('\'');
        let mut parts = self.split('\'');
        to.push_str(parts.next().unwrap_or_default());
        for part in parts {
            to.push_str("'\\''");
            to.push_str(part);
        }
        to.push('\'');
    }
}

impl ShellValue for String {
    fn write(&self, to: &mut String) {
        self.as_str().write(to);
    }
}

impl<T: ShellValue> ShellValue for Words<'_, T> {
    fn write(&self, to: &mut String) {
        for (index, word) in self.0.iter().enumerate() {
            if index > 0 {
                to.push(' ');
            }
            word.write(to);
        }
    }
}

/// A script is taken as it is, so that scripts can be put together.
impl ShellValue for Script {
    fn write(&self, to: &mut String) {
        to.push_str(&self.text);
    }

    fn needs(&self) -> &[&'static Library] {
        &self.needs
    }
}

impl<T: ShellValue + ?Sized> ShellValue for &T {
    fn write(&self, to: &mut String) {
        (**self).write(to);
    }

    fn needs(&self) -> &[&'static Library] {
        (**self).needs()
    }
}

/// How `value` is written in a script, which then needs what it needs. For [`sh!`](crate::sh).
pub fn written(value: &(impl ShellValue + ?Sized), needs: &mut Vec<&'static Library>) -> String {
    let mut text = String::new();
    value.write(&mut text);
    needs.extend(value.needs());
    text
}

/// Makes a `Script` from a literal; each `{}` takes a value as one word, in quotes where it needs
/// them.
///
/// `sh!("chmod {} -- {}", mode, path)`. A value that is itself a script is put in as it is.
#[macro_export]
macro_rules! sh {
    ($text:literal $(,)?) => {
        $crate::base::script::Script::trusted(format!($text))
    };
    ($text:literal $(, $value:expr)+ $(,)?) => {{
        let mut needs = Vec::new();
        let text = format!($text $(, $crate::base::script::written(&$value, &mut needs))+);
        $crate::base::script::Script::trusted(text).needing(&needs)
    }};
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_has_room_for_so_many_words_and_so_many_bytes() {
        let mut room = Room::of(2);
        assert_eq!([1, 1, 1, 1, 1].map(|it| room.takes(it)), [true, true, false, true, false]);
        let mut room = Room::of(100);
        let sizes = [Room::BYTES * 2, 1, 40_000, 40_000, 40_000];
        assert_eq!(sizes.map(|it| room.takes(it)), [true, false, true, true, false]);
    }

    #[test]
    fn scripts_are_put_together_by_line() {
        let script = sh!("cd {}", "/a b").then(sh!("echo {} {}", Words(&["x", "it's"]), 3_u32));
        assert_eq!(script.text(), "cd '/a b'\necho 'x' 'it'\\''s' '3'");
        assert_eq!(sh!("cd {}", "/a/b-1.2").text(), "cd /a/b-1.2");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_shell_reads_back_what_was_quoted(value in "[^\0]{0,40}") {
            let script = sh!("printf %s {}", value);
            let output = Command::new("sh").arg("-c").arg(script.text()).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }

        #[test]
        fn a_word_without_quotes_is_one_wherever_it_stands(value in "[a-z0-9/.:_~-]{0,6}|/?(if|do|2|~|-n)") {
            let v = &value;
            let script = sh!(
                "p={}; for q in {}; do case $q in {}) [ \"$p$q\" = {}{} ] && printf %s {}>&1;; esac; done",
                v, v, v, v, v, v
            );
            let output = Command::new("sh").arg("-c").arg(script.text()).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }
}
