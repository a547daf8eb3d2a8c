//! Text for people: what steers a terminal, sizes and spans, and what a response body is. It rests on nothing else here.

mod body;
mod escape;
mod sizes;

pub(crate) use body::describe;
pub(crate) use escape::{escaped, escaped_but_colours, is_steering};
pub(crate) use sizes::{bytes, duration, parse_bytes, parse_duration};
