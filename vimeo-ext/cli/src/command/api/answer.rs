//! The answer to a call that is no list.

use http::HeaderMap;
use serde_json::Value;
use vimeo_ext::api::{Call, Error};

use super::ApiArgs;
use crate::api::redact;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{Filter, escaped};

/// Makes the call and prints what comes.
pub(super) async fn single(
    context: &Context<'_>,
    args: &ApiArgs,
    call: Call<Value>,
    filter: Option<&Filter>,
) -> Result<Exit> {
    match call.send().await {
        Ok(answer) => {
            if args.verbose {
                trace(context, &answer.status().to_string(), answer.headers());
            }
            if args.include {
                head(context, &answer.status().to_string(), answer.headers())?;
            }
            if !args.silent {
                print(context, answer.bytes(), filter).await?;
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            // What was answered is data too: programs read it where they would have read the answer.
            let answered = match &error {
                Error::Decode(said) => Some((said.status(), said.headers(), said.bytes())),
                error => error.api().map(|said| (said.status(), said.headers(), said.bytes())),
            };
            if let Some((status, headers, body)) = answered {
                if args.verbose {
                    trace(context, &status.to_string(), headers);
                }
                if args.include {
                    head(context, &status.to_string(), headers)?;
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

fn head(context: &Context<'_>, status: &str, headers: &HeaderMap) -> Result<()> {
    context.streams.data_line(&format!("HTTP {status}"))?;
    for (name, value) in headers {
        context.streams.data_line(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))?;
    }
    Ok(context.streams.line("")?)
}

/// Says on standard error what came, without secrets.
fn trace(context: &Context<'_>, status: &str, headers: &HeaderMap) {
    context.streams.note(&format!("< HTTP {status}"));
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let line = format!("< {name}: {}", redact::header(name.as_str(), &value));
        context.streams.note(&escaped(&line));
    }
}
