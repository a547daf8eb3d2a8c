//! The shapes of resources in responses: the members that Vimeo sends, rendered from the state.

pub(crate) mod auth;
pub(crate) mod category;
pub(crate) mod channel;
pub(crate) mod comment;
pub(crate) mod folder;
pub(crate) mod group;
pub(crate) mod metadata;
pub(crate) mod picture;
pub(crate) mod showcase;
pub(crate) mod tag;
pub(crate) mod text_track;
pub(crate) mod user;
pub(crate) mod version;
pub(crate) mod video;
