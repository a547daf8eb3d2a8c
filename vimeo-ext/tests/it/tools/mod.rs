//! The tools for agents, against the local Vimeo.

mod definitions;
pub(crate) mod every_tool;
mod ids;
mod lists;
mod more;
mod safety;
pub(crate) mod world;
