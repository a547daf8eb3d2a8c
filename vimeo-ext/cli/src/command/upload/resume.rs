//! An upload whose creation was never answered: finds out what became of it.

use vimeo_ext::upload::UploadError;
use vimeo_ext::{Error, Reconciliation, Vimeo};

use crate::exit::{Exit, Failure, Result};

/// The entry of an upload whose creation was never answered, if that is what the error says.
pub(crate) fn unanswered(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::OutcomeUnknown { entry: Some(entry), .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// Finds out what became of it, so that the same upload can be asked for again. `error` is what to tell when that cannot
/// be found out.
pub(crate) async fn reconcile(vimeo: &Vimeo, id: &str, error: &Error) -> Result<()> {
    match vimeo.pending_uploads()?.reconcile(id).await {
        Ok(Reconciliation::Ambiguous(candidates)) => {
            let list: Vec<&str> = candidates.iter().map(|one| one.uri.as_str()).collect();
            let first = list.first().copied().unwrap_or_default();
            let message = format!(
                "an earlier run asked for this upload and got no answer; {} wait for such a file",
                list.join(", ")
            );
            Err(Failure::new(Exit::Other, message)
                .next(format!("vimeo uploads resume {id} --video {first}  (or whichever it is)")))
        }
        Ok(_) => Ok(()),
        Err(looking) => {
            let looking = Failure::from(looking);
            let message = format!("{error}. Looking for it failed as well: {looking}");
            let failure = Failure::new(looking.exit, message).answered(looking.status());
            Err(failure.next("run the same command again: it looks for the video before it creates one"))
        }
    }
}
