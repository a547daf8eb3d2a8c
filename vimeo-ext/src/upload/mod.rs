//! Uploads over tus: resumable, bounded in memory, and never sent twice.
//!
//! An upload has two halves. Creating the video takes the access token and gives an
//! [`UploadTicket`]; sending the bytes takes the ticket and nothing else. This module is the second
//! half. It makes HEAD and PATCH requests to the ticket's link and to no other place, and the token
//! never goes there.
//!
//! ```no_run
//! # async fn demo(ticket: vimeo_ext::upload::UploadTicket) -> Result<(), vimeo_ext::upload::UploadError> {
//! use vimeo_ext::upload::Upload;
//! let uploaded = Upload::new(ticket, "film.mp4").run().await?;
//! assert_eq!(uploaded.size, 1_073_741_824);
//! # Ok(())
//! # }
//! ```
//!
//! - **What is uploaded:** a path, an open file, bytes, a reader that can seek, a reader of known
//!   size ([`IntoSource`], [`Source`]). Whatever the size, a few MiB are in memory.
//! - **When something breaks:** the server is asked where it stands, and the upload goes on from
//!   there. Tries without progress are limited, so it always ends ([`UploadOptions`]).
//! - **How far it is:** [`Progress`], through a callback or a [`UploadHandle`], which also pauses,
//!   resumes and cancels.
//! - **When the process ends:** the ticket is all that is needed to go on elsewhere; a [`Journal`]
//!   keeps it for files.
//! - **Many files:** an [`UploadQueue`], with a [`Bandwidth`] to share.
//! - **When it fails:** an [`UploadError`] to match on, which says what to do next.
//!
//! Inside, one module decides and the others do: `machine` is told what happened and says what is
//! next, without I/O or clock; `driver` carries it out; `wire` knows the two requests; `body` takes
//! a source's pieces to the HTTP client in portions that fit the line.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod bandwidth;
mod body;
mod control;
mod driver;
mod engine;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod link_redaction;
mod machine;
mod options;
mod plan;
mod progress;
mod put;
mod queue;
mod seconds;
mod settings;
mod source;
mod wire;

pub use bandwidth::Bandwidth;
pub use control::UploadHandle;
pub use driver::Uploaded;
pub use engine::Upload;
pub use journal::{Claim, Entry, Journal, Purpose, Standing};
pub(crate) use journal::{Identity, JournalLocation, Mark, Owner};
pub use options::UploadOptions;
pub use plan::{Chunking, SUGGESTED_CHUNK};
pub use progress::Progress;
pub(crate) use put::{Put, PutFailure, put};
pub use queue::{QueueHandle, QueueResult, UploadQueue};
pub use source::{
    BoxFuture, BytesSource, DEFAULT_REPLAY_BUFFER, FileSource, IntoSource, Pieces, SeekSource, Source,
    StreamSource,
};
pub use wire::LinkClient;

pub use crate::error::{SizeFoundBy, Trouble, UploadError};
pub use crate::retry::Backoff;
pub use crate::upload_ticket::{Change, Fingerprint, InvalidTicket, UploadTicket};
