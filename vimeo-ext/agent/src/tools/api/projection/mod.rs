//! Projections of responses: the part of jq that selects and reshapes, without what loops or recurses.
//!
//! A filter comes from a model, and a server runs it for many callers. Every step and every copied byte therefore counts
//! against a maximum, so that no filter can use much time or memory: jq itself can double a text forty times.

mod error;
mod evaluation;
mod lexer;
mod parser;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use serde_json::Value;

use self::error::{Result, fail};
use self::syntax::{Expression, Function};

/// The longest filter, in bytes.
const MAX_FILTER_BYTES: usize = 1_000;

/// A filter that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter(Expression);

/// What a filter can be made of, for errors.
pub(super) fn supported() -> String {
    let mut names = Function::NAMES.to_vec();
    names.dedup();
    format!(
        "Use paths (.a.b, .a[], .a[0], .a[1:3], ?), pipes, commas, //, comparisons, and, or, + - * /, lists, objects, and {}.",
        names.join(", ")
    )
}

impl Filter {
    /// Reads a filter.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_FILTER_BYTES {
            return fail(format!("it is longer than {MAX_FILTER_BYTES} bytes"));
        }
        parser::parse(text).map(Self)
    }

    /// Runs the filter over a value.
    pub(super) fn run(&self, input: &Value) -> Result<Vec<Value>> {
        evaluation::evaluate(&self.0, input)
    }
}
