//! What people and programs get to see.

mod colour;
mod demand;
mod fields;
mod jq;
mod pager;
mod streams;
mod table;

pub(crate) use colour::{ColourChoice, Paint};
pub(crate) use fields::{FieldList, known_fields};
pub(crate) use jq::Filter;
pub(crate) use streams::IoStreams;
pub(crate) use table::{Table, plain};

pub(crate) use crate::text::{bytes, duration, escaped, escaped_but_colours, parse_bytes, parse_duration};
