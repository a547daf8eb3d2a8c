//! Progressive uploads: a client sends parts of a file whose size is not known yet, in any order. The service stores them on
//! disk, and sends the complete file to Vimeo.
//!
//! [`ranges`] has the decisions, [`record`] what is stored about an upload, [`spool`] the files on disk, and [`sender`] sends
//! complete files.
//!
//! Every change of a record is written with `fsync` before it is acknowledged, and replaces the record as a whole. So a process
//! that is killed at any moment loses no acknowledged part.

pub(crate) mod ranges;
pub(crate) mod record;
pub(crate) mod sender;
pub(crate) mod spool;
