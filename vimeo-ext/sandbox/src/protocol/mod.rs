//! Building blocks of requests and responses: errors in Vimeo's formats, paging, field selection, queries, bodies, signed
//! links, IDs and host names.

pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod html;
pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod links;
pub(crate) mod names;
pub(crate) mod paging;
pub(crate) mod query;
pub(crate) mod vimeo_link;
