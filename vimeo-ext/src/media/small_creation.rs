//! Creating what does no harm when it is there twice: a picture, a text track, a thumbnail.

use http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use vimeo_api::{Call, Error, Response};

use crate::Vimeo;
use crate::retry::backoff;

/// Vimeo's number for trouble in which nothing was made, and after which it asks to be called again.
const CALL_AGAIN: i64 = 7001;

/// Sends a call, and again while Vimeo itself asks for that.
///
/// Only for what leaves at worst something unused behind: a `POST` is else never repeated.
pub(crate) async fn send<T>(vimeo: &Vimeo, call: Call<T>) -> Result<Response<T>, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    let policy = vimeo.retry_policy();
    let mut number: u32 = 1;
    loop {
        match call.clone().send().await {
            Err(error) if asks_to_call_again(&error) && number < policy.attempts => {
                let wait = backoff(policy.base, policy.cap, number, policy.random());
                tracing::debug!(attempt = number, %error, ?wait, "Vimeo asks to be called again");
                sleep(wait).await;
                number = number.saturating_add(1);
            }
            result => return result,
        }
    }
}

fn asks_to_call_again(error: &Error) -> bool {
    error.status() == Some(StatusCode::SERVICE_UNAVAILABLE) && error.error_code() == Some(CALL_AGAIN)
}
