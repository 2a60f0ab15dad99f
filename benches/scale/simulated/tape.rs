//! What a shell said to what it was asked: recorded once, and played for any number of hosts.
//!
//! Two conversations of converge about the same thing differ only in words that stand for something unique, such as a
//! mark that ends a script or the digest of a file. They have the same length, and an answer repeats them from the
//! question. So the n-th answer to a question is the recorded one, with each such word taken from where it stands in
//! this question.

use std::{ops::Range, sync::Arc};

/// One of the two streams that a shell prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// The number that SSH has for it; none for the one that needs none.
    pub(crate) fn code(self) -> Option<u32> {
        match self {
            Stream::Out => None,
            Stream::Err => Some(1),
        }
    }
}

/// A recorded command: its text and its standard input make the question, what it printed are the answers.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    said: Vec<Saying>,
}

#[derive(Debug)]
struct Saying {
    /// How much of the question was known when this was said.
    after: usize,
    stream: Stream,
    bytes: Vec<u8>,
    /// Parts of `bytes`, and where each begins in the question.
    copies: Vec<(Range<usize>, usize)>,
}

/// A conversation while it is recorded.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    question: Vec<u8>,
    said: Vec<Saying>,
}

impl Recording {
    /// More of the question.
    pub(crate) fn asked(&mut self, bytes: &[u8]) {
        self.question.extend_from_slice(bytes);
    }

    /// More of the answer. What is said in a row on one stream is one saying: a word may be cut by a read.
    pub(crate) fn said(&mut self, stream: Stream, bytes: &[u8]) {
        let after = self.question.len();
        let mut same = self.said.iter_mut().rev().take_while(|saying| saying.after == after);
        match same.find(|saying| saying.stream == stream) {
            Some(saying) => saying.bytes.extend_from_slice(bytes),
            None => {
                self.said.push(Saying { after, stream, bytes: bytes.to_vec(), copies: Vec::new() });
            }
        }
    }

    /// The end of the recording.
    pub(crate) fn tape(self) -> Tape {
        let Self { question, mut said } = self;
        for saying in &mut said {
            let known = &question[..saying.after];
            let copy = |word: Range<usize>| Some((word.clone(), find(known, &saying.bytes[word])?));
            saying.copies = long_words(&saying.bytes).into_iter().filter_map(copy).collect();
        }
        Tape { said }
    }
}

/// Words too long to be there by chance.
fn long_words(text: &[u8]) -> Vec<Range<usize>> {
    const LONG: usize = 20;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut words = Vec::new();
    let mut start = 0;
    for piece in text.split(|byte| !is_word(byte)) {
        if piece.len() >= LONG {
            words.push(start..start + piece.len());
        }
        start += piece.len() + 1;
    }
    words
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

/// A tape that is played to one host's client.
pub(crate) struct Player {
    tape: Arc<Tape>,
    question: Vec<u8>,
    next: usize,
}

impl Tape {
    /// Plays it to one client.
    pub(crate) fn play(self: Arc<Self>) -> Player {
        Player { tape: self, question: Vec::new(), next: 0 }
    }
}

impl Player {
    /// Takes more of the question; gives what is said to it.
    pub(crate) fn asked(&mut self, bytes: &[u8]) -> Vec<(Stream, Vec<u8>)> {
        self.question.extend_from_slice(bytes);
        let rest = self.tape.said[self.next..].iter();
        let due = rest.take_while(|saying| saying.after <= self.question.len());
        let answers: Vec<_> =
            due.map(|saying| (saying.stream, saying.about(&self.question))).collect();
        self.next += answers.len();
        answers
    }

    /// Whether all was said.
    pub(crate) fn is_over(&self) -> bool {
        self.next == self.tape.said.len()
    }
}

impl Saying {
    fn about(&self, question: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (to, from) in &self.copies {
            bytes[to.clone()].copy_from_slice(&question[*from..from + to.len()]);
        }
        bytes
    }
}
