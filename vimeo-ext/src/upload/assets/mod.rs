//! The pictures, text tracks and thumbnails of a video, and the wait for its transcoding.
//!
//! `signed_file` sends a small file to a signed link.

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
