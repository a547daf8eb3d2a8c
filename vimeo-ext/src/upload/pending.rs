//! Uploads that earlier runs did not finish.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use vimeo_api::ResourceUri;

use super::start::{Created, abandon, server_clock_ahead, wall_clock};
use crate::timeouts::after;
use crate::upload::{
    DamagedEntry, FileSource, Journal, JournalLocation, JournalLock, PendingUpload, Purpose, ResumeState,
    SizeSource, Source, Upload, UploadError, UploadTicket,
};
use crate::{Error, Vimeo};

/// The tolerance between Vimeo's clock and the local clock if their difference was measured.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(15);

/// The tolerance if it was not measured: clocks with the wrong time zone, or yesterday's date, are not rare.
const UNMEASURED_CLOCK_SKEW: TimeDelta = TimeDelta::hours(26);

/// For how long after a creation request its video may still appear.
const SETTLE_WINDOW: Duration = Duration::from_secs(10);

/// The interval between two searches for such a video; doubles up to the maximum.
const INITIAL_SEARCH_INTERVAL: Duration = Duration::from_millis(500);
const MAX_SEARCH_INTERVAL: Duration = Duration::from_secs(4);

/// The unfinished uploads in the client's journal; from [`Vimeo::pending_uploads`].
///
/// Most uploads do not need this: the call that started an upload also resumes it. It is for uploads that no call will
/// resume, and for uploads of which it is unknown whether their video was created.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let pending = vimeo.pending_uploads()?;
/// for upload in pending.list().await? {
///     if !pending.is_own(&upload) {
///         continue;
///     }
///     if upload.ticket.is_some() {
///         pending.resume(&upload).await?.run().await?;
///     } else {
///         pending.reconcile(&upload.id()).await?;
///     }
/// }
/// for entry in pending.damaged().await? {
///     tracing::warn!(id = entry.id, error = %entry.error, "not readable");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PendingUploads {
    vimeo: Vimeo,
    journal: Journal,
}

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
    upload: Option<UploadSummary>,
    #[serde(default)]
    privacy: Option<PrivacySummary>,
}

#[derive(Deserialize)]
struct PrivacySummary {
    #[serde(default)]
    view: Option<Value>,
}

#[derive(Deserialize)]
struct UploadSummary {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    size: Option<u64>,
}

impl VideoSummary {
    /// Whether it waits for the file of this upload and has the requested privacy.
    fn matches(&self, entry: &PendingUpload) -> bool {
        let waits = self.upload.as_ref().is_some_and(|upload| {
            upload.status.as_deref() == Some("in_progress")
                && upload.size.is_none_or(|size| size == entry.fingerprint.size)
        });
        // Compared only if both sides have it; Vimeo shortens or cleans up longer texts.
        let requested = entry.settings.pointer("/privacy/view");
        let view = self.privacy.as_ref().and_then(|privacy| privacy.view.as_ref());
        waits && requested.zip(view).is_none_or(|(requested, view)| requested == view)
    }
}

/// Returns the earliest possible time of the creation request, by Vimeo's clock.
///
/// The local clock may have been wrong then, may be wrong now, or may have been set in between.
fn earliest_request_time(
    entry: &PendingUpload,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let ahead = measured.or_else(|| server_now.map(|server| server.signed_duration_since(now)));
    let requested_at = entry.requested_at.unwrap_or(entry.started_at);
    let by_server = requested_at.checked_add_signed(ahead.unwrap_or_default()).unwrap_or(requested_at);
    // The request was not sent in the future.
    let by_server = by_server.min(server_now.unwrap_or(now));
    by_server.checked_sub_signed(if measured.is_some() { CLOCK_SKEW } else { UNMEASURED_CLOCK_SKEW })
}

/// Returns the time since the creation request on which both clocks agree; zero if either clock puts it in the future.
fn time_since_request(
    entry: &PendingUpload,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
) -> Duration {
    let requested_at = entry.requested_at.unwrap_or(entry.started_at);
    let local = now.signed_duration_since(requested_at);
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let server = measured.zip(server_now).and_then(|(ahead, server_now)| {
        Some(server_now.signed_duration_since(requested_at.checked_add_signed(ahead)?))
    });
    server.map_or(local, |server| server.min(local)).to_std().unwrap_or_default()
}

/// Uploads that earlier runs did not finish.
impl Vimeo {
    /// Returns the unfinished uploads in the client's journal, to resume, adopt, abandon or discard.
    ///
    /// # Errors
    ///
    /// If the journal is in the platform's state folder and the platform has none.
    pub fn pending_uploads(&self) -> Result<PendingUploads, Error> {
        let journal = match self.journal_location() {
            JournalLocation::In(journal) => journal,
            JournalLocation::StateFolder | JournalLocation::Off => Journal::in_state_folder()?,
        };
        Ok(PendingUploads { vimeo: self.clone(), journal: self.scoped_to_client(journal) })
    }
}

impl PendingUploads {
    /// Returns the journal that the uploads are in.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns all unfinished uploads, oldest first. Entries that cannot be read are in [`damaged`](Self::damaged).
    ///
    /// The list has the uploads of all accounts that share the journal; [`is_own`](Self::is_own) tells which belong to this
    /// client. Clients of `Accounts` see only their own.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// for upload in vimeo.pending_uploads()?.list().await? {
    ///     tracing::info!(file = %upload.path.display(), started = %upload.started_at, "unfinished");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the journal's folder cannot be read.
    pub async fn list(&self) -> Result<Vec<PendingUpload>, Error> {
        Ok(self.journal.list().await?)
    }

    /// Returns the entries that cannot be read. [`discard`](Self::discard) removes one by its ID.
    ///
    /// # Errors
    ///
    /// If the journal's folder cannot be read.
    pub async fn damaged(&self) -> Result<Vec<DamagedEntry>, Error> {
        Ok(self.journal.damaged().await?)
    }

    /// Whether this client's account started the upload at this API. For a client without an account, its token counts.
    pub fn is_own(&self, upload: &PendingUpload) -> bool {
        self.vimeo.owner().is_some_and(|owner| upload.identity.owner.as_ref() == Some(&owner))
    }

    /// Returns the upload, ready to continue from the server's offset. Needs no token, and also resumes uploads of other
    /// accounts.
    ///
    /// # Errors
    ///
    /// If the file is missing or has changed, or another process is working on the upload; [`UploadError::OutcomeUnknown`]
    /// if no video is known for it.
    pub async fn resume(&self, upload: &PendingUpload) -> Result<Upload, Error> {
        let (source, lock) = self.lock(upload).await?;
        match lock.resume_state() {
            ResumeState::Resumable(ticket) => {
                let ticket = ticket.clone();
                self.upload(ticket, source, lock)
            }
            ResumeState::New | ResumeState::OutcomeUnknown => Err(UploadError::OutcomeUnknown {
                what: format!("a video for {}", upload.path.display()),
                requested_at: upload.requested_at.unwrap_or(upload.started_at),
                entry: Some(upload.id()),
                source: None,
            }
            .into()),
        }
    }

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
        let uploads = self.list().await?;
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
            let damaged = self.damaged().await?.into_iter().find(|entry| entry.id == id);
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
                lock.finish().await?;
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

    /// Abandons an upload: deletes the video or version that waits for its file, and removes the journal entry. A video that
    /// has its file is kept. The file itself can be missing.
    ///
    /// Requires the `delete` scope.
    ///
    /// # Errors
    ///
    /// - [`Error::Call`] if the video cannot be deleted; the entry then stays.
    /// - [`UploadError::Journal`] if the upload belongs to another account.
    /// - [`UploadError::InUse`] while the upload runs.
    /// - [`UploadError::OutcomeUnknown`] if it is unknown whether its video was created.
    /// - [`UploadError::UnknownStatus`] if it is unknown whether the video has its file; nothing is deleted, and the entry stays.
    pub async fn abandon(&self, upload: &PendingUpload) -> Result<(), Error> {
        self.ensure_own(upload)?;
        let Some(lock) = self.journal.lock_entry(&upload.id()).await? else { return Ok(()) };
        let entry = lock.entry();
        if let (None, Some(requested_at)) = (&entry.ticket, entry.requested_at) {
            let (what, entry) = (entry.purpose().to_string(), Some(entry.id()));
            return Err(UploadError::OutcomeUnknown { what, requested_at, entry, source: None }.into());
        }
        abandon(&self.vimeo, lock).await
    }

    /// Removes a journal entry by its [`id`](PendingUpload::id), or by the file name of a damaged entry. Returns `false` if
    /// there is none. The video is not changed: delete it too if nothing will fill it.
    ///
    /// # Errors
    ///
    /// [`UploadError::InUse`] while the upload runs.
    pub async fn discard(&self, id: &str) -> Result<bool, Error> {
        Ok(self.journal.discard(id).await?)
    }

    async fn lock(&self, upload: &PendingUpload) -> Result<(FileSource, JournalLock), UploadError> {
        let mut source = FileSource::open(&upload.path).await?;
        let (identity, settings) = (upload.identity.clone(), upload.settings.clone());
        let lock = self.journal.lock_unrequested(&mut source, identity, settings).await?;
        if matches!(lock.resume_state(), ResumeState::New) {
            // Finished or discarded since it was listed, or ended before the creation request.
            lock.finish().await?;
            let reason = "nothing was created for it, or it has ended since".to_owned();
            return Err(UploadError::Journal { name: upload.id(), reason });
        }
        Ok((source, lock))
    }

    fn upload(&self, ticket: UploadTicket, source: FileSource, lock: JournalLock) -> Result<Upload, Error> {
        Ok(Upload::new(ticket, source).client(self.vimeo.link_client()?).journal(lock))
    }

    fn ensure_own(&self, upload: &PendingUpload) -> Result<(), UploadError> {
        if self.is_own(upload) {
            return Ok(());
        }
        Err(UploadError::Journal {
            name: upload.id(),
            reason: format!("it is {} by another account or at another API", upload.purpose()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry(asked: &str, ahead: Option<i64>) -> PendingUpload {
        let mut entry = json!({
            "version": 1, "path": "/film.mp4", "purpose": "new video", "ticket": null,
            "fingerprint": {"size": 1000, "sample": ""}, "begun": asked, "asked": asked,
            "settings": {"name": "Surf", "privacy": {"view": "nobody"}},
        });
        if let Some(ahead) = ahead {
            entry["server_clock_ahead"] = ahead.into();
        }
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn wrong_local_clock_is_corrected() {
        let (noon, one, eleven) = ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z");
        // (name, requested at by the local clock, measured difference, local clock now, Vimeo's clock now, earliest time)
        let table = [
            (
                "correct clock",
                noon,
                None,
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-02-28T10:00:00Z",
            ),
            (
                "correct clock, measured",
                noon,
                Some(0),
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-03-01T11:45:00Z",
            ),
            ("an hour ahead", one, Some(-3600), one, Some(noon), "2026-03-01T11:45:00Z"),
            ("an hour ahead, not measured", one, None, one, Some(noon), "2026-02-28T10:00:00Z"),
            ("an hour behind", eleven, Some(3600), eleven, Some(noon), "2026-03-01T11:45:00Z"),
            (
                "a day ahead, corrected since",
                "2026-03-02T12:00:00Z",
                None,
                noon,
                Some(noon),
                "2026-02-28T10:00:00Z",
            ),
            ("no server time", one, None, noon, None, "2026-02-28T10:00:00Z"),
        ];
        for (name, asked, ahead, now, server, since) in table {
            let found = earliest_request_time(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(found, Some(at(since)), "{name}");
        }
    }

    #[test]
    fn elapsed_time_is_the_shorter_of_both_clocks() {
        // (requested at, measured difference, local clock now, Vimeo's clock now, seconds)
        let table = [
            ("2026-03-01T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 7),
            // The local clock was set back since: the elapsed time is unknown.
            ("2026-03-02T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 0),
            // The local clock was set ahead since; Vimeo's was not.
            ("2026-03-01T12:00:00Z", Some(0), "2026-03-02T12:00:00Z", Some("2026-03-01T12:00:03Z"), 3),
            ("2026-03-01T13:00:00Z", Some(-3600), "2026-03-01T13:00:04Z", Some("2026-03-01T12:00:04Z"), 4),
        ];
        for (asked, ahead, now, server, seconds) in table {
            let since = time_since_request(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(since, Duration::from_secs(seconds), "{asked} {now}");
        }
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for asked in ends {
            for now in ends {
                for server in [None, Some(ends[0]), Some(ends[1])] {
                    for ahead in [None, Some(i64::MAX), Some(i64::MIN)] {
                        let mut entry = entry("2026-03-01T12:00:00Z", ahead);
                        entry.requested_at = Some(asked);
                        let earliest = earliest_request_time(&entry, now, server);
                        assert!(earliest.is_none_or(|earliest| earliest <= now.max(server.unwrap_or(now))));
                        time_since_request(&entry, now, server);
                    }
                }
            }
        }
    }

    #[test]
    fn only_matching_videos_are_candidates() {
        let matches = |video: Value| {
            serde_json::from_value::<VideoSummary>(video)
                .unwrap()
                .matches(&entry("2026-03-01T12:00:00Z", None))
        };
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
