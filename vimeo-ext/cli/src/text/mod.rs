//! Text for people: escaping for terminals, sizes and durations, and descriptions of response bodies. Depends on no
//! other module of this crate.

mod body;
mod escape;
mod sizes;

pub(crate) use body::describe;
pub(crate) use escape::{escape_controls, escape_controls_except_colors, is_control};
pub(crate) use sizes::{bytes, duration, parse_bytes, parse_duration};
