//! An upload whose creation was never answered: finds out what became of it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use vimeo_ext::upload::{Entry, Upload, UploadError};
use vimeo_ext::{Error, Vimeo};

use crate::exit::{Exit, Failure, Result};

/// How long to wait before looking again for a video that a question may still bring about.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

/// What is to be done about an unanswered creation.
pub(crate) enum Answer {
    /// The video was found; this goes on with it.
    Found(Box<Upload>, String),
    /// No video came of it: it can be created.
    NeverWas,
}

/// The entry of an upload whose creation was never answered, if that is what the error says.
pub(crate) fn unanswered(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::Unanswered { entry: Some(entry), .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// Looks for the video among those that wait for a file of that size and title, and adopts it when there is exactly
/// one.
pub(crate) async fn settle(vimeo: &Vimeo, id: &str, title: Option<&str>) -> Result<Answer> {
    let unfinished = vimeo.unfinished()?;
    let entries = unfinished.list().await?;
    let others: Vec<&str> =
        entries.iter().filter_map(|entry| Some(entry.as_ref().ok()?.ticket.as_ref()?.video_uri())).collect();
    let Some(entry) = entries.iter().flatten().find(|entry: &&Entry| entry.id() == id) else {
        return Ok(Answer::NeverWas);
    };
    // The process that asked may have been killed a moment ago, and its question still be on its way.
    let mut pauses = PAUSES.iter().filter(|_| Utc::now() - entry.begun < TimeDelta::minutes(2));
    let candidates = loop {
        let mut candidates = unfinished.candidates(entry).await?;
        candidates.retain(|video| {
            !others.contains(&video.uri.as_str()) && (title.is_none() || video.name.as_deref() == title)
        });
        match pauses.next() {
            Some(pause) if candidates.is_empty() => tokio::time::sleep(*pause).await,
            _ => break candidates,
        }
    };
    match candidates.as_slice() {
        [] => {
            unfinished.discard(id).await?;
            Ok(Answer::NeverWas)
        }
        [video] => {
            let upload = unfinished.adopt(entry, &video.uri).await?;
            Ok(Answer::Found(Box::new(upload), video.uri.clone()))
        }
        several => {
            let list: Vec<&str> = several.iter().map(|video| video.uri.as_str()).collect();
            Err(Failure::new(
                Exit::Other,
                format!(
                    "an earlier run asked for a video for {} and ended before the answer; {} wait for such a file",
                    entry.path.display(),
                    list.join(", ")
                ),
            )
            .next(format!("vimeo uploads resume {id} --video {}  (or whichever it is)", list.first().unwrap_or(&""))))
        }
    }
}
