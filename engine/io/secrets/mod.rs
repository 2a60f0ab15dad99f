//! Where secrets come from: the environment, files, commands, and files that are encrypted with age.

mod found;
mod environment;
mod files;
mod command;
mod encrypted;
mod provider;
mod lookup;

pub use self::lookup::Secrets;
