//! Parts of `vimeo api`: parameters, checks, caching, redaction and paging.

mod cache;
mod check;
mod page_printer;
mod parameters;
pub(crate) mod redact;

pub(crate) use cache::Cache;
pub(crate) use check::{ApiCall, check};
pub(crate) use page_printer::{ListFormat, PagePrinter};
pub(crate) use parameters::{Parameters, query_pairs};
