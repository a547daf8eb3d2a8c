//! From a call to its decoded answer.

use std::borrow::Cow;
use std::pin::Pin;

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::response_origin::is_file;
use super::{
    ApiError, Call, DecodeError, DecodeMode, Error, Operation, RawResponse, Request, Response, decode,
};

/// The answer of a call that is under way.
pub type ResponseFuture<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Error>> + Send>>;

pub(super) async fn send<T: DeserializeOwned>(call: Call<T>) -> Result<Response<T>, Error> {
    let client = call.client().clone();
    let request = call.into_request()?;
    let operation = request.operation;
    // Said only when something is wrong, so nothing is put together for it that need not be.
    let name = match operation {
        Some(operation) => Cow::Borrowed(operation.id),
        None => Cow::Owned(request.name()),
    };
    let can_name_fields = can_name_fields(&request);
    let response = client.transport().send(request).await;
    match response.and_then(|response| read(operation, &name, response, client.decode_mode())) {
        Err(Error::RateLimited(limited)) => {
            Err(Error::RateLimited(Box::new(limited.advise_fields(can_name_fields))))
        }
        other => other,
    }
}

/// Whether naming `fields` would have made the call cheaper: the API allows more calls with it.
fn can_name_fields(request: &Request) -> bool {
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
    // An answer without a body reads as JSON's null: right for types that may be empty, and told apart below.
    let bytes: &[u8] = if response.body.is_empty() { b"null" } else { &response.body };
    let mut decoded = decode(bytes, decode_mode);
    if decoded.is_err() && is_file(&response.headers) {
        // A file is for whoever asks for the bytes; a type that wants nothing of it must not fail on it.
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
