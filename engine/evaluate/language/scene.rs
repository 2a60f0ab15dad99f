//! Whose declarations a script makes, and how it got there.

use std::sync::Arc;

use crate::{
    evaluate::catalog::{BlockId, Frame},
    input::template::Values,
};

/// Where a script is, whatever host it is about.
#[derive(Clone, Default)]
pub(super) struct Scene {
    pub(super) frames: Arc<[Frame]>,
    pub(super) block: BlockId,
    pub(super) parameters: Arc<Values>,
}
