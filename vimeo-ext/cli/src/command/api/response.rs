//! Prints the response to a single call.

use http::HeaderMap;
use serde_json::Value;
use vimeo_ext::api::{Call, Error};

use super::ApiArgs;
use crate::api::redact;
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::output::{Filter, escape_controls};

/// Sends the call and prints the response.
pub(super) async fn single(
    context: &Context<'_>,
    args: &ApiArgs,
    call: Call<Value>,
    filter: Option<&Filter>,
) -> Result<ExitCode> {
    match call.send().await {
        Ok(response) => {
            if args.verbose {
                log_head(context, &response.status().to_string(), response.headers());
            }
            if args.include {
                print_head(context, &response.status().to_string(), response.headers())?;
            }
            if !args.silent {
                print(context, response.bytes(), filter).await?;
            }
            Ok(ExitCode::Done)
        }
        Err(error) => {
            // The error response is data too: programs find it where the response would have been.
            let response = match &error {
                Error::Decode(response) => Some((response.status(), response.headers(), response.bytes())),
                error => {
                    error.api().map(|response| (response.status(), response.headers(), response.bytes()))
                }
            };
            if let Some((status, headers, body)) = response {
                if args.verbose {
                    log_head(context, &status.to_string(), headers);
                }
                if args.include {
                    print_head(context, &status.to_string(), headers)?;
                }
                if !args.silent {
                    print(context, body, None).await?;
                }
            }
            Err(error.into())
        }
    }
}

async fn print(context: &Context<'_>, bytes: &[u8], filter: Option<&Filter>) -> Result<()> {
    let streams = context.streams;
    if bytes.is_empty() {
        return Ok(());
    }
    let value = serde_json::from_slice::<Value>(bytes).ok();
    match (value, filter) {
        (Some(_), Some(filter)) => filter.print(bytes.to_vec(), streams).await?,
        (Some(value), None) if streams.out_is_terminal() => streams.json(&value)?,
        _ => {
            streams.data(bytes)?;
            streams.line("")?;
        }
    }
    Ok(())
}

fn print_head(context: &Context<'_>, status: &str, headers: &HeaderMap) -> Result<()> {
    context.streams.data_line(&format!("HTTP {status}"))?;
    for (name, value) in headers {
        context.streams.data_line(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))?;
    }
    Ok(context.streams.line("")?)
}

/// Logs status and headers on standard error, with secrets redacted.
fn log_head(context: &Context<'_>, status: &str, headers: &HeaderMap) {
    context.streams.note(&format!("< HTTP {status}"));
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let line = format!("< {name}: {}", redact::header(name.as_str(), &value));
        context.streams.note(&escape_controls(&line));
    }
}
