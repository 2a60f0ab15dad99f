//! Every kind, in the order of the manual.

use std::marker::PhantomData;

use crate::resources::{
    check::Checking,
    kind::{Kind, Typed},
};

pub mod file;
pub mod local_copy;
pub mod directory;
pub mod link;
pub mod absent;
pub mod line;
pub mod group;
pub mod user;
pub mod package;
pub mod repository;
pub mod service;
pub mod command;
pub mod action;
pub mod reboot;
pub mod custom;
pub mod http_check;
pub mod port_check;
pub mod command_check;
pub mod unit;
pub mod image;
pub mod container;

/// Every kind, in the order of the manual.
pub static KINDS: &[&dyn Kind] = &[
    &Typed::<file::File>(PhantomData),
    &Typed::<local_copy::LocalCopy>(PhantomData),
    &Typed::<directory::Directory>(PhantomData),
    &Typed::<link::Link>(PhantomData),
    &Typed::<absent::Absent>(PhantomData),
    &Typed::<line::Line>(PhantomData),
    &Typed::<user::User>(PhantomData),
    &Typed::<group::Group>(PhantomData),
    &Typed::<package::Package>(PhantomData),
    &Typed::<repository::Repository>(PhantomData),
    &Typed::<service::Service>(PhantomData),
    &Typed::<command::Command>(PhantomData),
    &Typed::<action::Action>(PhantomData),
    &Typed::<reboot::Reboot>(PhantomData),
    &Typed::<custom::Custom>(PhantomData),
    &Typed::<Checking<http_check::HttpCheck>>(PhantomData),
    &Typed::<Checking<port_check::PortCheck>>(PhantomData),
    &Typed::<Checking<command_check::CommandCheck>>(PhantomData),
    &Typed::<unit::Unit>(PhantomData),
    &Typed::<image::Image>(PhantomData),
    &Typed::<container::Container>(PhantomData),
];

/// The kind that roles call by `name`.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}
