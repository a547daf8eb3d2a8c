//! What people and programs get to see.

mod colour;
mod demand;
mod escape;
mod fields;
mod jq;
mod pager;
mod sizes;
mod streams;
mod table;

pub(crate) use colour::{ColourChoice, Paint};
pub(crate) use escape::{escaped, escaped_but_colours};
pub(crate) use fields::{FieldList, known_fields};
pub(crate) use jq::Filter;
pub(crate) use sizes::{bytes, duration, parse_bytes, parse_duration};
pub(crate) use streams::Streams;
pub(crate) use table::{Table, plain};
