//! Uploads over tus.

mod backoff;
mod machine;
mod plan;

pub use backoff::Backoff;
pub use machine::Trouble;
pub use plan::{Chunking, MAX_CHUNKS, SUGGESTED_CHUNK};
