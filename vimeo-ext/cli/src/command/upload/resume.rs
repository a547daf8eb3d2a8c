//! Reconciles an upload whose creation got no response.

use vimeo_ext::upload::{Journal, UploadError};
use vimeo_ext::{Error, Reconciliation, Vimeo};

use super::quota;
use crate::exit::{CliError, ExitCode, Result};

/// Runs an upload. If it is unknown whether Vimeo created the video, finds out and retries once.
///
/// `on_unknown` is called before Vimeo is asked.
pub(crate) async fn with_reconciliation<T>(
    vimeo: &Vimeo,
    journal: Option<&Journal>,
    on_unknown: impl Fn(),
    attempt: impl AsyncFn() -> Result<T, Error>,
) -> Result<T> {
    let mut reconciled = false;
    loop {
        let error = match attempt().await {
            Ok(uploaded) => return Ok(uploaded),
            Err(error) => error,
        };
        match unknown_outcome_entry(&error) {
            Some(id) if !reconciled => {
                reconciled = true;
                on_unknown();
                reconcile(vimeo, id, &error).await?;
            }
            _ => {
                let usage = quota::usage(vimeo, &error).await;
                return Err(super::upload_error(error, journal).append(&usage));
            }
        }
    }
}

/// Returns the journal entry if the error means that it is unknown whether a video was created.
fn unknown_outcome_entry(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::OutcomeUnknown { entry: Some(entry), .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// Finds out whether a video was created, so that the upload can be retried. `error` is the original error, reported if
/// that fails.
async fn reconcile(vimeo: &Vimeo, id: &str, error: &Error) -> Result<()> {
    match vimeo.pending_uploads()?.reconcile(id).await {
        Ok(Reconciliation::Ambiguous(candidates)) => {
            let list: Vec<&str> = candidates.iter().map(|candidate| candidate.uri.as_str()).collect();
            let first = list.first().copied().unwrap_or_default();
            let message = format!(
                "an earlier run got no response when it created the video; these videos match: {}",
                list.join(", ")
            );
            Err(CliError::new(ExitCode::Other, message).with_next_step(format!(
                "vimeo uploads resume {id} --video {first}  (or the one that applies)"
            )))
        }
        Ok(_) => Ok(()),
        Err(lookup) => {
            let lookup = CliError::from(lookup);
            let message = format!("{error}. Looking for the video failed as well: {lookup}");
            let failure = CliError::new(lookup.exit, message).with_status(lookup.status());
            Err(failure
                .with_next_step("run the same command again: it looks for the video before creating one"))
        }
    }
}
