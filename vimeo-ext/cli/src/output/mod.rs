//! Output for people and programs.

mod color;
mod field_usage;
mod fields;
mod jq;
mod pager;
mod streams;
mod table;

pub(crate) use color::{ColorChoice, Paint};
pub(crate) use fields::{FieldList, known_fields};
pub(crate) use jq::Filter;
pub(crate) use streams::IoStreams;
pub(crate) use table::{Table, sanitize};

pub(crate) use crate::text::{
    bytes, duration, escape_controls, escape_controls_except_colors, parse_bytes, parse_duration,
};
