//! The upload protocol tus: the state machine that decides, and what carries it out.
//!
//! `machine` is told what happened and says what is next, without I/O or clock; `driver` carries it out; `wire` knows the two
//! requests; `body` takes a source's pieces to the HTTP client in portions that fit the line.

mod bandwidth;
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

pub use bandwidth::Bandwidth;
pub use control::UploadHandle;
pub use driver::Uploaded;
pub use engine::Upload;
pub use options::UploadOptions;
pub use plan::{Chunking, SUGGESTED_CHUNK};
pub use progress::Progress;
pub(crate) use put::{PutError, PutOutcome, put};
pub use queue::{QueueHandle, QueueResult, UploadQueue};
pub use wire::UploadClient;
