//! The tus upload protocol: a state machine that decides, and a driver that executes.
//!
//! `machine` takes events and returns commands, without I/O or clock; `driver` executes them; `wire` sends the two
//! kinds of requests; `body` passes the pieces of a source to the HTTP client in frames; `engine` has the public
//! `Upload`.

mod body;
mod control;
mod driver;
mod engine;
#[cfg(fuzzing)]
pub mod fuzzing;
mod link_redaction;
mod machine;
mod options;
mod plan;
mod progress;
mod put;
mod queue;
mod wire;

pub use crate::bandwidth::Bandwidth;
pub use control::UploadHandle;
pub use driver::Uploaded;
pub use engine::Upload;
pub use options::UploadOptions;
pub use plan::{Chunking, SUGGESTED_CHUNK};
pub use progress::Progress;
pub(crate) use put::{PutError, PutOutcome, put};
pub use queue::{QueueHandle, QueueResult, UploadQueue};
pub use wire::UploadClient;
