//! Uploads over tus.

mod backoff;
mod bandwidth;
mod body;
mod control;
mod driver;
mod engine;
mod error;
mod fingerprint;
mod journal;
mod machine;
mod options;
mod plan;
mod progress;
mod queue;
mod source;
mod ticket;
mod wire;

pub use backoff::Backoff;
pub use bandwidth::Bandwidth;
pub use control::UploadHandle;
pub use driver::Uploaded;
pub use engine::Upload;
pub use error::{Change, SizeFoundBy, UploadError};
pub use fingerprint::Fingerprint;
pub use journal::{Claim, Entry, Journal, Standing};
pub use machine::Trouble;
pub use options::UploadOptions;
pub use plan::{Chunking, MAX_CHUNKS, SUGGESTED_CHUNK};
pub use progress::Progress;
pub use queue::{QueueHandle, QueueResult, UploadQueue};
pub use source::{
    BoxFuture, BytesSource, DEFAULT_REPLAY_BUFFER, FileSource, IntoSource, Pieces, SeekSource, Source,
    StreamSource,
};
pub use ticket::UploadTicket;
pub use wire::LinkClient;
