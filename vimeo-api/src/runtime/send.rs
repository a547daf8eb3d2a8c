//! Sends a call and decodes its response.

use std::borrow::Cow;
use std::pin::Pin;

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::response_origin::is_file;
use super::{
    ApiError, Call, DecodeError, DecodeMode, Error, Operation, RawResponse, Request, Response, decode,
};

/// The future of a response.
pub type ResponseFuture<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Error>> + Send>>;

pub(super) async fn send<T: DeserializeOwned>(call: Call<T>) -> Result<Response<T>, Error> {
    let client = call.client().clone();
    let request = call.into_request()?;
    let operation = request.operation;
    // Used only in errors, so it is not allocated for known operations.
    let name = match operation {
        Some(operation) => Cow::Borrowed(operation.id),
        None => Cow::Owned(request.name()),
    };
    let could_set_fields = could_set_fields(&request);
    let response = client.transport().send(request).await;
    match response.and_then(|response| read(operation, &name, response, client.decode_mode())) {
        Err(Error::RateLimited(limited)) => {
            Err(Error::RateLimited(Box::new(limited.advise_fields(could_set_fields))))
        }
        other => other,
    }
}

/// Whether the call could have set `fields` but did not. Vimeo has a higher rate limit for calls with `fields`.
fn could_set_fields(request: &Request) -> bool {
    request.method == Method::GET
        && !request.url.query_pairs().any(|(name, value)| name == "fields" && !value.is_empty())
}

fn read<T: DeserializeOwned>(
    operation: Option<&'static Operation>,
    name: &str,
    response: RawResponse,
    decode_mode: DecodeMode,
) -> Result<Response<T>, Error> {
    if response.status == StatusCode::NOT_MODIFIED {
        return Err(Error::NotModified { operation: name.to_owned(), headers: Box::new(response.headers) });
    }
    if !response.status.is_success() {
        return Err(Error::from_api_error(ApiError::read(operation, name, response)));
    }
    // An empty body is read as `null`. That is right for types that can be empty; for others it is detected below.
    let bytes: &[u8] = if response.body.is_empty() { b"null" } else { &response.body };
    let mut decoded = decode(bytes, decode_mode);
    if decoded.is_err() && is_file(&response.headers) {
        // The caller of a file operation reads the bytes, so a response type without content must not fail on them.
        decoded = decode(b"null", decode_mode).or(decoded);
    }
    match decoded {
        Ok(decoded) => Ok(Response::new(decoded.value, response, decoded.mismatches)),
        Err(_) if response.body.is_empty() => {
            let headers = Box::new(response.headers);
            Err(Error::NoContent { operation: name.to_owned(), status: response.status, headers })
        }
        Err(failure) => Err(Error::Decode(Box::new(DecodeError::new(name, response, failure)))),
    }
}
