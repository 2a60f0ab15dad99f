//! Simulated hosts: SSH servers in this process, with what one real shell said behind each of them.

mod tape;
mod server;

pub(crate) use self::{
    server::{Answers, Recorder, Server},
    tape::Tape,
};
