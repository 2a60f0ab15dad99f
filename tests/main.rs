//! What the engine does to the world around it.

mod remote;
