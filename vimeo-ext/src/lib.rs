//! The Vimeo client for Rust. (Being written.)

pub mod upload;
