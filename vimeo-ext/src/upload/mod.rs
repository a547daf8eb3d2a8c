//! Everything with files: uploads of videos and what belongs to them.
//!
//! [`Vimeo::upload`](crate::Vimeo::upload) and its siblings are whole flows. Underneath, an upload has two halves. Creating
//! the video takes the access token and gives an [`UploadTicket`]; sending the bytes over tus takes the ticket and nothing
//! else. [`Upload`] is the second half: it makes HEAD and PATCH requests to the ticket's link and to no other place, and the
//! token never goes there.
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
//! Inside: `api` has the flows, one per file; `assets` has pictures, text tracks and the wait for transcoding; `tus` has the
//! protocol; `source` has where bytes come from; `journal` has what outlives the process.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod api;
mod assets;
mod journal;
mod settings;
mod source;
mod tus;

pub use api::{
    CreateVideo, DelegatedUpload, FormBacked, FormUpload, FromUrl, NewVideo, PendingUploads, PullUpload,
    Reconciliation, Replace, ReplacedVersion, SourceBacked, UnclaimedVideo, UploadMany, UploadVideo,
    VideoRef, Warning,
};
pub use assets::{
    AnimatedThumbnail, PictureTarget, ThumbnailAt, TranscodeState, Transcoded, UploadPicture,
    UploadTextTrack, UploadedFile, WaitTranscoded,
};
pub(crate) use journal::{Identity, JournalMarker, Owner};
pub use journal::{Journal, JournalLock, PendingUpload, Purpose, ResumeState};
pub(crate) use settings::JournalLocation;
pub use source::{
    BoxFuture, BytesSource, DEFAULT_REPLAY_BUFFER, FileSource, IntoSource, Pieces, SeekSource, Source,
    StreamSource,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use tus::fuzzing;
pub use tus::{
    Bandwidth, Chunking, Progress, QueueHandle, QueueResult, SUGGESTED_CHUNK, Upload, UploadClient,
    UploadHandle, UploadOptions, UploadQueue, Uploaded,
};
pub(crate) use tus::{Put, PutFailure, put};

pub use crate::error::{MediaError, SizeSource, TransientError, UploadError};
pub use crate::retry::Backoff;
pub use crate::upload_ticket::{Fingerprint, InvalidTicket, SourceChange, UploadTicket};
