//! What a package manager is to the kind.

use super::{ObservedPackage, Package};
use crate::{base::script::Script, resources::resource::Looked};

/// How packages of a host are looked at and changed.
pub(super) trait PackageManager: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The program that is there where it is used.
    fn program(&self) -> &'static str;
    /// A part of a probe that says what is known of the packages.
    fn probe(&self, batch: &[&Package]) -> Script;
    /// What that said of each package.
    fn observe(&self, batch: &[&Package], output: &str) -> Vec<Looked<ObservedPackage>>;
    /// Brings the package index up to date, or fails.
    fn refresh(&self) -> Script;
    /// Makes all packages as wanted, in one transaction where that is possible.
    fn apply(&self, batch: &[&Package]) -> Script;
}
