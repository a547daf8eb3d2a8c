//! `--dry-run`: prints a request without sending it.

use serde_json::Value;
use vimeo_ext::api::{Operation, Request, Scope};

use crate::api::redact;
use crate::context::Context;
use crate::exit::Result;

/// Prints the request with its secrets redacted.
pub(super) fn show(context: &Context<'_>, request: &Request, operation: Option<&Operation>) -> Result<()> {
    let streams = context.streams;
    streams.data_line(&format!("{} {}", request.method, redact::redacted_url(&request.url)))?;
    for (name, value) in &request.headers {
        let value = value.to_str().unwrap_or("(not text)");
        streams.data_line(&format!("{name}: {}", redact::header(name.as_str(), value)))?;
    }
    streams.line("authorization: [REDACTED]")?;
    if !request.body.is_empty() {
        streams.line("")?;
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(mut body) => {
                redact::redact(&mut body);
                let text = serde_json::to_string_pretty(&body).unwrap_or_default();
                streams.data_line(&text)?;
            }
            Err(_) => streams.line("(body is not JSON)")?,
        }
    }
    if let Some(operation) = operation {
        let scopes: Vec<&str> = operation.scopes.iter().map(Scope::as_str).collect();
        let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
        streams.note(&format!("{operation}; required scopes: {scopes}; nothing was sent"));
    }
    Ok(())
}
