//! Finds the result of a creation whose response is missing.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use vimeo_api::ResourceUri;
use vimeo_api::types::UploadStatus;

use super::creation_response::Created;
use super::request_time::{earliest_request_time, server_clock_ahead, time_since_request, wall_clock};
use super::video_fields::{PrivacyFields, UploadFields};
use crate::Error;
use crate::timeouts::after;
use crate::upload::{
    FileSource, JournalEntries, JournalLock, PendingUpload, PendingUploads, Purpose, ResumeState, SizeSource,
    Source, Upload, UploadError, UploadTicket,
};

/// For how long after a creation request its video may still appear.
const SETTLE_WINDOW: Duration = Duration::from_secs(10);

/// The interval between two searches for such a video; doubles up to the maximum.
const INITIAL_SEARCH_INTERVAL: Duration = Duration::from_millis(500);
const MAX_SEARCH_INTERVAL: Duration = Duration::from_secs(4);

/// A video, or a version of one, that waits for a file and may be the result of a creation without a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnclaimedVideo {
    /// The URI of the video or version.
    pub uri: String,
    /// The title of the video, or the file name of the version.
    pub name: Option<String>,
    /// The creation time, by Vimeo's clock.
    pub created: Option<DateTime<Utc>>,
}

/// The result of a creation whose response is missing; from [`PendingUploads::reconcile`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconciliation {
    /// The video was found, or is known by now. The journal has its upload link, and the same upload resumes with it.
    Found {
        /// The URI of the video or version.
        uri: String,
    },
    /// Nothing was created. The journal entry is removed, and the same upload creates a video.
    NotCreated,
    /// Several videos match. Pass the right one to [`PendingUploads::adopt`].
    Ambiguous(Vec<UnclaimedVideo>),
}

/// Returns the number of the video whose file the upload replaces.
fn replaced_video(entry: &PendingUpload) -> Option<u64> {
    match entry.purpose() {
        Purpose::NewVersion { video } => Some(*video),
        _ => None,
    }
}

/// The part of a video or version that tells whether it waits for a file.
#[derive(Deserialize)]
struct VideoSummary {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    created_time: Option<DateTime<Utc>>,
    #[serde(default)]
    upload: Option<UploadFields>,
    #[serde(default)]
    privacy: Option<PrivacyFields>,
}

impl VideoSummary {
    /// Whether it waits for the file of this upload and has the requested privacy.
    fn matches(&self, entry: &PendingUpload) -> bool {
        let waits = self.upload.as_ref().is_some_and(|upload| {
            upload.status == Some(UploadStatus::InProgress)
                && upload.size.is_none_or(|size| size == entry.fingerprint.size)
        });
        // Compared only if both sides have it; Vimeo shortens or cleans up longer texts.
        let requested = entry.settings.pointer("/privacy/view");
        let view = self.privacy.as_ref().and_then(|privacy| privacy.view.as_ref());
        waits && requested.zip(view).is_none_or(|(requested, view)| requested == view)
    }
}

/// Finding the result of a creation.
impl PendingUploads {
    /// Returns the account's videos that wait for a file of this size and were created since the creation request, newest
    /// first; for a replacement, the versions of the video. If the response to the creation is missing, its result is among
    /// them.
    ///
    /// Requires the `private` scope.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] if the list cannot be read; [`UploadError::Journal`] if the upload belongs to another account.
    pub async fn candidates(&self, upload: &PendingUpload) -> Result<Vec<UnclaimedVideo>, Error> {
        self.ensure_own(upload)?;
        Ok(self.search(upload).await?.0)
    }

    /// Returns the candidates, and the time by the responding server's clock.
    async fn search(
        &self,
        entry: &PendingUpload,
    ) -> Result<(Vec<UnclaimedVideo>, Option<DateTime<Utc>>), Error> {
        let list = match replaced_video(entry) {
            Some(video) => self.vimeo.get(&format!("/videos/{video}/versions")),
            None => self.vimeo.get("/me/videos").query("sort", "date").query("direction", "desc"),
        };
        let fields = match replaced_video(entry) {
            Some(_) => "uri,name,filename,created_time,upload.status,upload.size",
            None => "uri,name,filename,created_time,upload.status,upload.size,privacy.view",
        };
        let mut pages = list.fields(fields).pages::<VideoSummary>();
        let mut found = Vec::new();
        let mut server_now = None;
        while let Some(page) = pages.next().await {
            let page = page?;
            let now = wall_clock();
            if server_now.is_none() {
                server_now =
                    server_clock_ahead(page.headers(), now).and_then(|ahead| now.checked_add_signed(ahead));
            }
            let earliest = earliest_request_time(entry, now, server_now);
            for video in page.into_inner().data.unwrap_or_default() {
                let is_older = video.created_time.zip(earliest).is_some_and(|(created, at)| created < at);
                if is_older {
                    return Ok((found, server_now));
                }
                if video.matches(entry)
                    && let Some(uri) = video.uri
                {
                    found.push(UnclaimedVideo {
                        uri,
                        name: video.name.or(video.filename),
                        created: video.created_time,
                    });
                }
            }
        }
        Ok((found, server_now))
    }

    /// Finds the result of a creation whose response is missing, by the upload's [`id`](PendingUpload::id). Afterwards the
    /// same upload can be called again without creating a second video.
    ///
    /// Searches for what waits for a file of that size, was created since the request, has the requested title and privacy,
    /// and is not the target of another upload in the journal. Within 10 s of the request the video may still appear; then
    /// the search is repeated until the 10 s are over, by a monotonic clock.
    ///
    /// Requires the `private` scope.
    ///
    /// # Errors
    ///
    /// - [`Error::Call`] if the list cannot be read.
    /// - [`UploadError::Journal`] if the upload belongs to another account, or its entry is [damaged](Self::damaged).
    /// - [`UploadError::InUse`] if another process is working on the upload.
    /// - Those of [`adopt`](Self::adopt).
    pub async fn reconcile(&self, id: &str) -> Result<Reconciliation, Error> {
        let JournalEntries { pending: uploads, damaged } = self.journal.entries().await?;
        let taken: HashSet<&str> = uploads
            .iter()
            .filter(|upload| upload.id() != id)
            .flat_map(|upload| {
                [upload.ticket.as_ref().map(UploadTicket::video_uri), upload.version_uri.as_deref()]
            })
            .flatten()
            .collect();
        let Some(upload) = uploads.iter().find(|upload| upload.id() == id) else {
            // A damaged entry does not tell whether a video was created.
            let damaged = damaged.into_iter().find(|entry| entry.id == id);
            return damaged.map_or(Ok(Reconciliation::NotCreated), |entry| Err(entry.error.into()));
        };
        self.ensure_own(upload)?;
        let (source, mut lock) = match self.lock(upload).await {
            Ok(locked) => locked,
            // Finished or abandoned since it was listed.
            Err(UploadError::Journal { name, .. }) if name == id => return Ok(Reconciliation::NotCreated),
            Err(error) => return Err(error.into()),
        };
        if let ResumeState::Resumable(ticket) = lock.resume_state() {
            return Ok(Reconciliation::Found { uri: ticket.video_uri().to_owned() });
        }
        let now = wall_clock();
        if lock.entry().requested_at.is_some_and(|requested_at| requested_at > now) {
            // The clock was set back since. From now on the elapsed time can be computed.
            lock.correct_requested_at(now).await?;
        }
        let title = lock.entry().settings.get("name").and_then(Value::as_str).map(str::to_owned);
        let until = after(SETTLE_WINDOW);
        let mut interval = INITIAL_SEARCH_INTERVAL;
        let found = loop {
            let (mut found, server_now) = self.search(lock.entry()).await?;
            found.retain(|video| {
                !taken.contains(video.uri.as_str()) && (title.is_none() || video.name == title)
            });
            let settled = time_since_request(lock.entry(), wall_clock(), server_now) >= SETTLE_WINDOW;
            let left = until.saturating_duration_since(Instant::now());
            if !found.is_empty() || settled || left.is_zero() {
                break found;
            }
            sleep(interval.min(left)).await;
            interval = interval.saturating_mul(2).min(MAX_SEARCH_INTERVAL);
        };
        match <[UnclaimedVideo; 1]>::try_from(found) {
            Ok([video]) => {
                self.adopt_as(&source, &mut lock, &video.uri).await?;
                Ok(Reconciliation::Found { uri: video.uri })
            }
            Err(none) if none.is_empty() => {
                lock.remove_entry().await?;
                Ok(Reconciliation::NotCreated)
            }
            Err(several) => Ok(Reconciliation::Ambiguous(several)),
        }
    }

    /// Makes a video or version that waits for a file the target of this upload, and returns the upload, ready to run. The
    /// upload link comes from Vimeo.
    ///
    /// # Errors
    ///
    /// - [`UploadError::MissingUploadLink`] if Vimeo returns no link.
    /// - [`UploadError::SizeMismatch`] if the video waits for another size.
    /// - [`UploadError::Journal`] if the upload belongs to another account.
    /// - Those of [`resume`](Self::resume).
    pub async fn adopt(&self, upload: &PendingUpload, uri: &str) -> Result<Upload, Error> {
        self.ensure_own(upload)?;
        let (source, mut lock) = self.lock(upload).await?;
        let ticket = self.adopt_as(&source, &mut lock, uri).await?;
        self.upload(ticket, source, lock)
    }

    async fn adopt_as(
        &self,
        source: &FileSource,
        lock: &mut JournalLock,
        uri: &str,
    ) -> Result<UploadTicket, Error> {
        let parsed = uri.parse::<ResourceUri>();
        let video_uri = parsed.as_ref().ok().and_then(|parsed| {
            let number = parsed.id_of("videos")?;
            Some(match parsed.hash_of("videos") {
                Some(hash) => format!("/videos/{number}:{hash}"),
                None => format!("/videos/{number}"),
            })
        });
        let Some(video_uri) = video_uri else {
            let reason = "expected the URI of a video or version, such as /videos/1 or /videos/1/versions/2";
            return Err(vimeo_api::Error::invalid("adopt", reason).into());
        };
        let call = self.vimeo.get(uri).fields("uri,link,upload.approach,upload.upload_link,upload.size");
        let created = call.with_response_type::<Created>().send().await?.into_inner();
        if let Some(found) = created.upload.as_ref().and_then(|upload| upload.size)
            && found != source.size()
        {
            let by = SizeSource::Server;
            return Err(UploadError::SizeMismatch { expected: source.size(), found, by }.into());
        }
        let ticket = created.ticket(&self.vimeo, video_uri, source.size())?;
        let ticket = ticket.with_fingerprint(lock.entry().fingerprint.clone());
        let version = parsed.ok().filter(|parsed| parsed.id_of("versions").is_some());
        lock.set_video_details(created.link, version.map(|version| version.to_string()));
        lock.record(&ticket).await?;
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry() -> PendingUpload {
        let entry = json!({
            "version": 1, "path": "/film.mp4", "purpose": "new video", "ticket": null,
            "fingerprint": {"size": 1000, "sample": ""}, "begun": "2026-03-01T12:00:00Z",
            "asked": "2026-03-01T12:00:00Z",
            "settings": {"name": "Surf", "privacy": {"view": "nobody"}},
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn only_matching_videos_are_candidates() {
        let matches = |video: Value| serde_json::from_value::<VideoSummary>(video).unwrap().matches(&entry());
        // (video, whether it matches)
        let table = [
            (json!({"upload": {"status": "in_progress", "size": 1000}}), true),
            (json!({"upload": {"status": "in_progress"}, "privacy": {"view": "nobody"}}), true),
            (
                json!({"upload": {"status": "in_progress", "size": 1000}, "privacy": {"view": "anybody"}}),
                false,
            ),
            (json!({"upload": {"status": "in_progress", "size": 1001}}), false),
            (json!({"upload": {"status": "complete", "size": 1000}}), false),
            (json!({"name": "Surf"}), false),
        ];
        for (video, expected) in table {
            assert_eq!(matches(video.clone()), expected, "{video}");
        }
    }
}
