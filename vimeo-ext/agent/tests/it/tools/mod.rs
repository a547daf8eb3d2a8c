//! The tools for agents, against the sandbox.

mod approval;
mod arguments;
pub(crate) mod connector_calls;
mod connector_inputs;
mod definitions;
mod editing;
mod every_tool;
pub(crate) mod fake_person;
mod ids;
mod jobs;
mod lists;
mod operation_tasks;
mod operations;
mod optional_toolsets;
#[cfg(feature = "mcp")]
mod other_hosts;
mod player;
#[cfg(feature = "mcp")]
mod recorded;
mod safety;
pub(crate) mod tool_cases;
pub(crate) mod world;
