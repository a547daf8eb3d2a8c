//! The tool that finds operations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_ext::{Scope, ScopeSet};

use super::super::error::invalid;
use super::super::outputs::output;
use super::super::tool::tool;
use super::super::{Toolset, untrusted::clean};
use super::catalogue::{self, KnownOperation};
use super::search;

/// Arguments of [`OperationsSearch`].
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationsSearchInput {
    /// Words for what to do, at most 300 characters.
    #[schemars(length(max = 300))]
    pub query: Option<String>,
    /// Only this area, such as videos.
    pub area: Option<String>,
    /// Only operations that need this scope.
    pub scope: Option<String>,
    /// How many to return, 1 to 50; default 8.
    #[schemars(range(min = 1, max = 50))]
    pub limit: Option<u32>,
}

output! {
    /// The operations that were found.
    pub struct FoundOperations {
        /// The best first, each in one line: name, what it does, method, path, scopes.
        pub operations: Vec<String>,
        /// How many were found in total.
        pub total: u64,
    }
}

const MAX_QUERY_CHARS: usize = 300;
const DEFAULT_LIMIT: u32 = 8;

tool! {
    "vimeo_operations_search" OperationsSearch(OperationsSearchInput) -> FoundOperations {
        title: "Search the API's operations",
        description: "Finds operations of the Vimeo API by words, area or scope, one line each. Then use \
                      vimeo_operation_get.",
        scopes: &["public"],
        toolset: Toolset::Api,
    }
    run |context, input| {
        let query = input.query.as_deref().unwrap_or_default();
        if query.chars().count() > MAX_QUERY_CHARS {
            return invalid("query", "query is longer than 300 characters.", "Shorten it.");
        }
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=50).contains(&limit) {
            return invalid("limit", "limit is out of range.", "Give 1 to 50.");
        }
        let area = match &input.area {
            Some(name) => match find_area(name) {
                Some(area) => Some(area),
                None => {
                    let message = format!("There is no area `{}`.", clean(name, 40));
                    return invalid("area", message, format!("Give one of {}.", areas().join(", ")));
                }
            },
            None => None,
        };
        let scope = input.scope.as_deref().map(str::trim);
        if let Some(name) = scope
            && !catalogue::all().iter().any(|known| known.operation.scopes.iter().any(|scope| scope.as_str() == name))
        {
            let message = format!("No operation needs the scope `{}`.", clean(name, 40));
            return invalid("scope", message, "Give one such as public, private, edit or delete.");
        }
        if query.trim().is_empty() && area.is_none() && scope.is_none() {
            return invalid("query", "Nothing says what to look for.", "Give query, area or scope.");
        }
        let accepts = |known: &KnownOperation| {
            area.is_none_or(|area| known.operation.area == area)
                && scope.is_none_or(|name| known.operation.scopes.iter().any(|scope| scope.as_str() == name))
        };
        let found = search::search(query, accepts);
        let granted = context.client().scopes();
        let lines = found.iter().take(limit as usize).map(|known| line(known, granted.as_ref()));
        Ok(FoundOperations { operations: lines.collect(), total: found.len() as u64 })
    }
}

/// Formats an operation in one line. Scopes that were not granted are marked.
fn line(known: &KnownOperation, granted: Option<&ScopeSet>) -> String {
    let operation = known.operation;
    let scopes: Vec<&str> = operation.scopes.iter().map(Scope::as_str).collect();
    let missing = match granted {
        Some(granted) if !granted.contains_all(operation.scopes) => " (not granted)",
        _ => "",
    };
    let scopes = if scopes.is_empty() { String::new() } else { format!(" [{}]{missing}", scopes.join(" ")) };
    format!("{}: {}. {} {}{scopes}", operation.id, operation.summary, operation.method, operation.path)
}

fn areas() -> Vec<&'static str> {
    let mut areas: Vec<&str> = catalogue::all().iter().map(|known| known.operation.area).collect();
    areas.dedup();
    areas
}

fn find_area(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase().replace(['-', ' '], "_");
    areas().into_iter().find(|area| *area == name)
}
