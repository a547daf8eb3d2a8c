//! Uploads whose creation was never answered: what became of them is found out before anything is created again.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::{Category, ToolError};
use super::shapes::last_segment;
use crate::upload::{Entry, UploadError};
use crate::{Error, Vimeo};

/// So long after a question was asked it may still bring about a video.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);

/// How an open question stands now.
pub(super) enum Settled {
    /// It is known what became of it: the same upload can be asked for again, and goes on with what was found.
    Known,
    /// Nothing is there, but may come still.
    NotYet,
    /// These wait for such a file; which of them it is nobody knows.
    Several(Vec<String>),
}

/// The journal's entry of an upload that an earlier call asked to be created, if the error says that it was not answered.
pub(super) fn open_question(error: &Error) -> Option<&str> {
    match error {
        Error::Upload { source, .. } => match &**source {
            UploadError::Unanswered { entry: Some(entry), source: None, .. } => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// Looks among what waits for a file of that size, and of that title where there is one.
pub(super) async fn settle(vimeo: &Vimeo, entry: &str, title: Option<&str>) -> Result<Settled, Error> {
    let unfinished = vimeo.unfinished()?;
    let entries = unfinished.list().await?;
    let taken: Vec<&str> =
        entries.iter().flatten().filter_map(|entry| Some(entry.ticket.as_ref()?.video_uri())).collect();
    let Some(entry) = entries.iter().flatten().find(|known: &&Entry| known.id() == entry) else {
        return Ok(Settled::Known);
    };
    let mut found = unfinished.candidates(entry).await?;
    found.retain(|video| {
        !taken.contains(&video.uri.as_str()) && (title.is_none() || video.name.as_deref() == title)
    });
    match found.as_slice() {
        [] if DateTime::<Utc>::from(SystemTime::now()) < entry.asked.unwrap_or(entry.begun) + ON_ITS_WAY => {
            Ok(Settled::NotYet)
        }
        [] => {
            unfinished.discard(&entry.id()).await?;
            Ok(Settled::Known)
        }
        [video] => {
            // It is in the journal now, where the next call finds it.
            unfinished.adopt(entry, &video.uri).await?;
            Ok(Settled::Known)
        }
        several => Ok(Settled::Several(several.iter().map(|video| video.uri.clone()).collect())),
    }
}

/// What an agent is told of several.
pub(super) fn several(uris: &[String]) -> ToolError {
    let ids: Vec<String> = uris.iter().filter_map(|uri| last_segment(Some(uri))).collect();
    let message = format!(
        "An earlier call asked for this upload and got no answer; {} wait for a file of that size.",
        ids.join(", ")
    );
    let next = "Ask the person which of them may be deleted, delete those, and call again.";
    ToolError::new(Category::UnknownOutcome, message, next)
}
