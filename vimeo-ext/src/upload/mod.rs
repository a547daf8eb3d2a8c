//! Uploads of videos, and of the pictures and text tracks that belong to them.
//!
//! [`Vimeo::upload`](crate::Vimeo::upload) and the methods like it run a whole upload. Such an upload has two halves: creating
//! the video takes the access token and returns an [`UploadTicket`]; sending the bytes over tus takes only the ticket.
//! [`Upload`] is the second half: it sends HEAD and PATCH requests to the ticket's link and nowhere else, and never sends the
//! token.
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
//! - **Sources:** a path, an open file, bytes, a seekable reader, a reader of known size ([`StreamSource`]) or of unknown size
//!   ([`Spooled`]); any [`IntoSource`]. A few MiB are in memory, whatever the size.
//! - **Retries:** after a failure the upload continues from the server's offset. Attempts without progress are limited
//!   ([`UploadOptions`]), so an upload always ends.
//! - **Progress and control:** [`Progress`], through a callback or an [`UploadHandle`], which also pauses, resumes and
//!   cancels.
//! - **Resuming:** a ticket is enough to resume in another process; a [`Journal`] stores the tickets of files.
//! - **Many files:** an [`UploadQueue`], with a [`Bandwidth`] to share.
//! - **Errors:** an [`UploadError`] to match on; its message says what to do next.
//!
//! # Modules
//!
//! One file per kind of upload: `create_video` (the file is sent from here), `replace`, `pull`, `form`, `delegate`, `many`.
//! `start` creates the video or resumes an earlier upload: `creation_call` sends the request, `creation_response` reads the
//! response. `pending` lists unfinished uploads, `reconcile` finds the video of a lost response, `abandon` deletes the video of
//! an upload that is given up. `assets` has pictures, text
//! tracks and the wait for transcoding, `tus` the protocol, `source` the sources of bytes, `journal` the files that outlive
//! the process, `state_folder` where these are.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod abandon;
mod assets;
mod awaitable;
mod client_settings;
mod create_video;
mod creation_call;
mod creation_response;
mod delegate;
mod form;
mod journal;
mod many;
mod media_type;
mod pending;
mod pull;
mod reconcile;
mod replace;
mod request_time;
mod source;
mod start;
mod state_folder;
mod tus;
mod video_fields;
mod warning;

use vimeo_api::{InvalidId, VideoId};

pub use assets::{
    AnimatedThumbnail, PictureTarget, ThumbnailAt, TranscodeState, Transcoded, UploadPicture,
    UploadTextTrack, UploadedFile, WaitTranscoded,
};
pub(crate) use client_settings::JournalLocation;
pub use create_video::{CreateVideo, NewVideo, SourceBacked, UploadVideo};
pub use delegate::DelegatedUpload;
pub use form::{FormBacked, FormUpload};
pub use journal::{DamagedEntry, Journal, JournalEntries, JournalLock, PendingUpload, Purpose, ResumeState};
pub(crate) use journal::{Identity, JournalMarker, Owner};
pub use many::UploadMany;
pub use pending::PendingUploads;
pub use pull::{FromUrl, PullUpload};
pub use reconcile::{Reconciliation, UnclaimedVideo};
pub use replace::{Replace, ReplacedVersion};
pub use source::{
    BoxFuture, ByteStream, BytesSource, DEFAULT_REPLAY_BUFFER, DEFAULT_SPOOL_LIMIT, FileSource, IntoSource,
    SeekSource, Source, Spooled, SpooledSource, StreamSource,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use tus::fuzzing;
pub use tus::{
    Bandwidth, Chunking, Progress, QueueHandle, QueueResult, SUGGESTED_CHUNK, Upload, UploadClient,
    UploadHandle, UploadOptions, UploadQueue, Uploaded,
};
pub(crate) use tus::{PutError, PutOutcome, put};
pub use warning::Warning;

pub use crate::error::{MediaError, SizeSource, TransientError, UploadError};
pub use crate::retry::Backoff;
pub use crate::upload_ticket::{Fingerprint, InvalidTicket, SourceChange, UploadTicket};

/// Returns the video that a caller named, or the error of the operation that was called with it.
pub(crate) fn valid_id(
    operation: &str,
    video: Result<VideoId, InvalidId>,
) -> Result<VideoId, vimeo_api::Error> {
    video.map_err(|error| vimeo_api::Error::invalid(operation, error.to_string()))
}
