//! Uploads over tus.
