//! How a command ends: a code by cause, a message, and what to do next.

mod cause;
mod code;
mod failure;

pub(crate) use code::Exit;
pub(crate) use failure::{Failure, Result, reason};
