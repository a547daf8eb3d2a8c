//! A request that is shown and not sent.

use serde_json::Value;
use vimeo_ext::api::{Operation, Request};

use crate::context::Context;
use crate::exit::Result;

/// Prints the request, its secrets blacked out.
pub(super) fn show(context: &Context<'_>, request: &Request, operation: Option<&Operation>) -> Result<()> {
    let streams = context.streams;
    streams.line(&format!("{} {}", request.method, request.url))?;
    for (name, value) in &request.headers {
        streams.line(&format!("{name}: {}", value.to_str().unwrap_or("(not text)")))?;
    }
    streams.line("authorization: [REDACTED]")?;
    if !request.body.is_empty() {
        streams.line("")?;
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(mut body) => {
                redact(&mut body);
                let text = serde_json::to_string_pretty(&body).unwrap_or_default();
                streams.line(&text)?;
            }
            Err(_) => streams.line("(a body that is no JSON)")?,
        }
    }
    if let Some(operation) = operation {
        let scopes =
            if operation.scopes.is_empty() { "none".to_owned() } else { operation.scopes.join(", ") };
        streams.note(&format!("{operation}; scopes needed: {scopes}; nothing was sent"));
    }
    Ok(())
}

/// Blacks out what is a secret by its name.
fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let secret = ["password", "secret", "token"].iter().any(|word| name.contains(word));
                if secret && !value.is_null() {
                    *value = Value::from("[REDACTED]");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_blacked_out_at_any_depth() {
        let mut body = json!({"name": "x", "password": "p", "a": [{"client_secret": "s", "token": null}]});
        redact(&mut body);
        assert_eq!(
            body,
            json!({"name": "x", "password": "[REDACTED]", "a": [{"client_secret": "[REDACTED]", "token": null}]})
        );
    }
}
