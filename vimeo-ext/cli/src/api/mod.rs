//! Any call of the API from words on a command line.

mod cache;
mod check;
mod parameters;
pub(crate) mod redact;
mod walk;

pub(crate) use cache::Cache;
pub(crate) use check::{Asked, check};
pub(crate) use parameters::{Parameters, query_pairs};
pub(crate) use walk::{Form, PagePrinter};
