//! The answer to a call that is no list.

use std::io;

use http::HeaderMap;
use serde_json::Value;
use vimeo_ext::api::Call;

use super::ApiArgs;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::Filter;

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
                show_headers(&answer.status().to_string(), answer.headers(), |line| {
                    context.streams.note(&format!("< {line}"));
                    Ok(())
                })?;
            }
            if args.include {
                head(context, &answer.status().to_string(), answer.headers())?;
            }
            if !args.silent {
                print(context, answer.bytes(), filter)?;
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            // What Vimeo said is data too: programs read it where they would have read the answer.
            if let Some(said) = error.api() {
                if args.include {
                    head(context, &said.status().to_string(), said.headers())?;
                }
                if !args.silent {
                    print(context, said.bytes(), None)?;
                }
            }
            Err(error.into())
        }
    }
}

fn print(context: &Context<'_>, bytes: &[u8], filter: Option<&Filter>) -> Result<()> {
    let streams = context.streams;
    if bytes.is_empty() {
        return Ok(());
    }
    let value = serde_json::from_slice::<Value>(bytes).ok();
    match (value, filter) {
        (Some(value), Some(filter)) => {
            for value in filter.run(Filter::input(&value)?) {
                streams.filtered(&value?)?;
            }
        }
        (Some(value), None) if streams.out_is_terminal() => streams.json(&value)?,
        _ => {
            streams.write(bytes)?;
            streams.line("")?;
        }
    }
    Ok(())
}

fn head(context: &Context<'_>, status: &str, headers: &HeaderMap) -> Result<()> {
    show_headers(status, headers, |line| context.streams.line(line))?;
    Ok(context.streams.line("")?)
}

fn show_headers(
    status: &str,
    headers: &HeaderMap,
    mut line: impl FnMut(&str) -> io::Result<()>,
) -> Result<()> {
    line(&format!("HTTP {status}"))?;
    for (name, value) in headers {
        line(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))?;
    }
    Ok(())
}
