//! What people do with files: each flow whole, from the call that creates to the last byte and what follows.
//!
//! One flow a file. What they share stands beside them: `create` has the settings that a new video is created with,
//! `begin` takes a file from the journal to a running upload, `signed_file` takes a small file through a signed link.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod awaitable;
mod begin;
mod create;
mod delegate;
mod entry;
mod form;
mod many;
mod media_type;
mod picture;
mod picture_target;
mod poll;
mod pull;
mod replace;
mod settings;
mod signed_file;
mod text_track;
mod thumbnail;
mod transcode;
mod unfinished;
mod upload;
mod video_ref;

pub use begin::Warning;
pub use create::CreateVideo;
pub use delegate::Delegated;
pub use form::{ByForm, FormUpload};
pub use many::UploadMany;
pub use picture::UploadPicture;
pub use picture_target::PictureTarget;
pub use pull::{FromUrl, PulledVideo};
pub use replace::{Replace, Replaced};
pub use signed_file::UploadedFile;
pub use text_track::UploadTextTrack;
pub use thumbnail::{AnimatedThumbnail, ThumbnailAt};
pub use transcode::{TranscodeState, Transcoded, WaitTranscoded};
pub use unfinished::{Candidate, Reconciliation, Unfinished};
pub use upload::{FromSource, NewVideo};
pub use video_ref::VideoRef;

/// An upload of a new video; from [`Vimeo::upload`](crate::Vimeo::upload).
pub type UploadVideo = CreateVideo<FromSource>;
