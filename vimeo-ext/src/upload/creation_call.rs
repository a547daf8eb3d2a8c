//! Sends a creation call, and tells whether a call that failed may have created something.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use vimeo_api::{Call, ResponseOrigin};

use super::request_time::wall_clock;
use crate::Error;
use crate::pipeline::BeforeSend;
use crate::retry::{Effect, effect_of_error};
use crate::upload::{JournalMarker, UploadError};

/// Creates a video whose file is not sent from here.
pub(crate) async fn create_only<T>(call: Call<T>, what: &str) -> Result<T, Error>
where
    T: DeserializeOwned + Send + 'static,
{
    send_creation(call, what.to_owned(), None).await.map_err(|error| match error {
        CreateError::NotCreated(error) => error,
        CreateError::OutcomeUnknown(unknown) => unknown.into(),
    })
}

/// Why a creation failed.
pub(super) enum CreateError {
    /// Nothing was created.
    NotCreated(Error),
    /// Something may have been created.
    OutcomeUnknown(UnknownOutcome),
}

pub(super) struct UnknownOutcome {
    what: String,
    requested_at: DateTime<Utc>,
    pub(super) entry: Option<String>,
    pub(super) source: vimeo_api::Error,
}

impl From<UnknownOutcome> for Error {
    fn from(unknown: UnknownOutcome) -> Self {
        let UnknownOutcome { what, requested_at, entry, source } = unknown;
        UploadError::OutcomeUnknown { what, requested_at, entry, source: Some(Box::new(source)) }.into()
    }
}

/// Sends a creation call, and writes `marker` to the journal right before the request goes out.
pub(super) async fn send_creation<T>(
    call: Call<T>,
    what: String,
    marker: Option<Arc<JournalMarker>>,
) -> Result<T, CreateError>
where
    T: DeserializeOwned + Send + 'static,
{
    // If the marker cannot be written, the call is not sent, and the journal's error is the one to return.
    let journal_error = Arc::new(Mutex::new(None::<UploadError>));
    let slot = Arc::clone(&journal_error);
    let before = BeforeSend::new(move || {
        let (marker, slot) = (marker.clone(), Arc::clone(&slot));
        async move {
            let Some(marker) = marker else { return Ok(()) };
            marker.write().await.map_err(|error| {
                let refused = vimeo_api::Error::Middleware(error.to_string().into());
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                refused
            })
        }
    });
    let requested_at = wall_clock();
    match call.extension(before.clone()).send().await {
        Ok(created) => Ok(created.into_inner()),
        Err(error) if !before.is_done() => {
            let journal_error = journal_error.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(CreateError::NotCreated(journal_error.map_or_else(|| error.into(), Error::from)))
        }
        Err(error) if certainly_not_created(&error) => Err(CreateError::NotCreated(error.into())),
        Err(source) => {
            Err(CreateError::OutcomeUnknown(UnknownOutcome { what, requested_at, entry: None, source }))
        }
    }
}

/// Whether a call that was sent and failed certainly created nothing.
fn certainly_not_created(error: &vimeo_api::Error) -> bool {
    // Vimeo's own server errors have an error code; with any other 5xx the request may have reached Vimeo.
    let is_api_error = error.api().is_some_and(|response| {
        response.status().is_server_error()
            && response.origin() == ResponseOrigin::Api
            && response.error_code().is_some()
    });
    is_api_error || effect_of_error(error) == Effect::Nothing
}
