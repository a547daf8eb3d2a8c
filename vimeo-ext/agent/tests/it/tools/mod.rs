//! The tools for agents, against the local Vimeo.

mod arguments;
mod consent;
mod definitions;
mod every_tool;
#[cfg(feature = "mcp")]
mod foreign;
mod ids;
mod lists;
mod more;
pub(crate) mod person;
#[cfg(feature = "mcp")]
mod recorded;
pub(crate) mod rows;
mod safety;
pub(crate) mod world;
