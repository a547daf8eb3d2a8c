//! What requests and answers are made of, whatever they are about: errors in Vimeo's shape, pages, fields, queries, bodies,
//! signed links, ids, and the names of hosts.

pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod html;
pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod links;
pub(crate) mod names;
pub(crate) mod paging;
pub(crate) mod query;
