//! A client of the control API of a running sandbox.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::CliError;
use crate::control::access;
use crate::persistence::MAX_DOCUMENT_BYTES;
use crate::server::outbound::{self, ResponseLimits};

/// The limits of a transfer of all worlds.
const WORLD_TRANSFER: ResponseLimits =
    ResponseLimits { max_bytes: MAX_DOCUMENT_BYTES, timeout: Duration::from_secs(600) };

/// The credential for the control API.
#[derive(Debug, Clone, Args)]
pub struct ControlCredential {
    /// The sandbox's control token, if it was started with one
    #[arg(
        long = "control-token",
        value_name = "TOKEN",
        env = "VIMEO_SANDBOX_CONTROL_TOKEN",
        hide_env_values = true
    )]
    pub(super) token: Option<SecretString>,
}

impl ControlCredential {
    pub(super) fn at<'a>(&'a self, base: &'a Url) -> Control<'a> {
        Control { base, token: self.token.as_ref() }
    }
}

/// The control API of a sandbox.
#[derive(Clone, Copy)]
pub(super) struct Control<'a> {
    base: &'a Url,
    token: Option<&'a SecretString>,
}

/// Sends a JSON request to the control API and parses the response.
pub(super) async fn ask(
    control: Control<'_>,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, CliError> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let response = send(control, method, path, Bytes::from(body), ResponseLimits::CALLBACK).await?;
    Ok(serde_json::from_slice(&response).unwrap_or_default())
}

/// Sends and receives a document of all worlds.
pub(super) async fn exchange(
    control: Control<'_>,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Bytes, CliError> {
    send(control, method, path, body, WORLD_TRANSFER).await
}

async fn send(
    Control { base, token }: Control<'_>,
    method: Method,
    path: &str,
    body: Bytes,
    limits: ResponseLimits,
) -> Result<Bytes, CliError> {
    let failed =
        |reason: String| CliError::Remote(format!("the sandbox at {base} did not respond: {reason}"));
    let url = base.join(path).map_err(|error| failed(error.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        let token = HeaderValue::try_from(token.expose_secret()).map_err(|_| {
            CliError::Input("--control-token: the token cannot be sent in a header".to_owned())
        })?;
        headers.insert(access::TOKEN, token);
    }
    let sent = outbound::send(method, &url, headers, body, limits).await;
    let (status, response) = sent.map_err(|error| failed(error.to_string()))?;
    match status {
        200..=299 => Ok(response),
        _ => {
            let response: Value = serde_json::from_slice(&response).unwrap_or_default();
            Err(CliError::Remote(match response.get("error").and_then(Value::as_str) {
                Some(reason) => reason.to_owned(),
                None => format!("{base} responded with {status}; it is not a sandbox"),
            }))
        }
    }
}
