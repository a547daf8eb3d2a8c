//! What belongs to a video besides its file: pictures, text tracks, thumbnails, and the wait until it can be watched.
//!
//! `signed_file` takes a small file through a signed link.

mod picture;
mod picture_target;
mod poll;
mod signed_file;
mod text_track;
mod thumbnail;
mod transcode;

pub use picture::UploadPicture;
pub use picture_target::PictureTarget;
pub use signed_file::UploadedFile;
pub use text_track::UploadTextTrack;
pub use thumbnail::{AnimatedThumbnail, ThumbnailAt};
pub use transcode::{TranscodeState, Transcoded, WaitTranscoded};
