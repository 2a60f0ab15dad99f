//! Every kind, in the order of the manual.

use std::marker::PhantomData;

use crate::resource::{Kind, Typed};

pub mod file;
pub mod directory;
pub mod link;
pub mod absent;
pub mod line;
pub mod user;
pub mod group;

/// Every kind, in the order of the manual. Nothing else knows a kind by its name.
pub static KINDS: &[&dyn Kind] = &[
    &Typed::<file::File>(PhantomData),
    &Typed::<directory::Directory>(PhantomData),
    &Typed::<link::Link>(PhantomData),
    &Typed::<absent::Absent>(PhantomData),
    &Typed::<line::Line>(PhantomData),
    &Typed::<user::User>(PhantomData),
    &Typed::<group::Group>(PhantomData),
];

/// The kind that roles call by `name`.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}
