//! How a command ends: exit code, message and next step.

mod cause;
mod code;
mod error;

pub(crate) use code::ExitCode;
pub(crate) use error::{CliError, Result, reason};
