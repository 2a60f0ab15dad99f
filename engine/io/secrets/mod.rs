//! Where secrets come from: the environment, files, commands, and files that are encrypted with age.

mod encrypted;
mod lookup;
mod provider;

pub use self::lookup::Secrets;
