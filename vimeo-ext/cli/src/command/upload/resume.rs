//! An upload whose creation was never answered: finds out what became of it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use vimeo_ext::upload::{Entry, Upload, UploadError};
use vimeo_ext::{Error, Vimeo};

use crate::exit::{Exit, Failure, Result};

/// So long after a question was asked it may still bring about a video, though who asked is gone.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);

/// Between two looks for that video.
const PAUSE: Duration = Duration::from_millis(500);

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
    // It may have waited for the rate limit since it was begun: what counts is when Vimeo was asked.
    let settled = entry.asked.unwrap_or(entry.begun) + ON_ITS_WAY;
    let candidates = loop {
        let mut candidates = unfinished.candidates(entry).await?;
        candidates.retain(|video| {
            !others.contains(&video.uri.as_str()) && (title.is_none() || video.name.as_deref() == title)
        });
        if !candidates.is_empty() || Utc::now() >= settled {
            break candidates;
        }
        tokio::time::sleep(PAUSE).await;
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
