//! The tools for agents, against the local Vimeo.

mod definitions;
mod every_tool;
mod ids;
mod lists;
mod safety;
mod world;
