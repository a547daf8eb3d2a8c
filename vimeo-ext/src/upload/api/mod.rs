//! Uploads of videos: each flow whole, from the call that creates to the last byte and what follows.
//!
//! One flow per file. What they share stands beside them: `create` has the settings that a new video is created with, `begin`
//! takes a file from the journal to a running upload.

mod awaitable;
mod begin;
mod create;
mod delegate;
mod form;
mod kept_settings;
mod many;
pub(super) mod media_type;
mod methods;
mod new_video;
mod pull;
mod replace;
mod unfinished;
mod video_ref;

pub use begin::Warning;
pub use create::CreateVideo;
pub use delegate::DelegatedUpload;
pub use form::{FormBacked, FormUpload};
pub use many::UploadMany;
pub use new_video::{NewVideo, SourceBacked, UploadVideo};
pub use pull::{FromUrl, PullUpload};
pub use replace::{Replace, ReplacedVersion};
pub use unfinished::{PendingUploads, Reconciliation, UnclaimedVideo};
pub use video_ref::VideoRef;
