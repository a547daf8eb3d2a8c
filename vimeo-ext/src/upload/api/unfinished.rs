//! Uploads that an earlier run left unfinished.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use vimeo_api::ResourceUri;

use super::begin::{Created, abandon, clock_ahead, wall_clock};
use crate::timeouts::after;
use crate::upload::{
    FileSource, Journal, JournalLocation, JournalLock, PendingUpload, Purpose, ResumeState, SizeSource,
    Source, Upload, UploadError, UploadTicket,
};
use crate::{Error, Vimeo};

/// How far Vimeo's clock may still be from ours when the difference was measured.
const SKEW: TimeDelta = TimeDelta::minutes(15);

/// How far it may be when it was not: a clock that keeps another zone's time, or yesterday's date, is not rare.
const UNMEASURED_SKEW: TimeDelta = TimeDelta::hours(26);

/// So long after Vimeo was asked for a video, the request may still bring it about.
const SETTLE_WINDOW: Duration = Duration::from_secs(10);

/// The first pause between two looks for such a video, and the longest; each is twice the one before.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(4);

/// The uploads that the client's journal holds; from [`Vimeo::pending_uploads`].
///
/// Most need nothing of this: the same call that began them goes on with them. It is for those that nobody will call for
/// again, and for those of which it is not known whether their video was created.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let unfinished = vimeo.pending_uploads()?;
/// for entry in unfinished.list().await? {
///     let entry = entry?;
///     if !unfinished.is_own(&entry) {
///         continue;
///     }
///     if entry.ticket.is_some() {
///         unfinished.resume(&entry).await?.run().await?;
///     } else {
///         unfinished.reconcile(&entry.id()).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PendingUploads {
    vimeo: Vimeo,
    journal: Journal,
}

/// A video, or a version of one, without a file that may be what an unanswered call created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnclaimedVideo {
    /// Its URI.
    pub uri: String,
    /// Its title, or the version's file name.
    pub name: Option<String>,
    /// When it was created, by Vimeo's clock.
    pub created: Option<DateTime<Utc>>,
}

/// What became of a creation that was not answered; from [`PendingUploads::reconcile`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconciliation {
    /// It was found, or is known by now: the journal holds its upload link, and the same upload goes on with it.
    Found {
        /// The video, or the version of one.
        uri: String,
    },
    /// Nothing came of it; the journal's entry is gone, and the same upload creates it anew.
    NotCreated,
    /// Any of these may be it. [`PendingUploads::adopt`] takes the right one.
    Ambiguous(Vec<UnclaimedVideo>),
}

/// The video whose file an upload replaces.
fn replaced(entry: &PendingUpload) -> Option<u64> {
    match entry.purpose() {
        Purpose::NewVersion { video } => Some(*video),
        _ => None,
    }
}

/// What of a video tells whether it waits for a file.
#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    created_time: Option<DateTime<Utc>>,
    #[serde(default)]
    upload: Option<WaitingUpload>,
    #[serde(default)]
    privacy: Option<WaitingPrivacy>,
}

#[derive(Deserialize)]
struct WaitingPrivacy {
    #[serde(default)]
    view: Option<Value>,
}

#[derive(Deserialize)]
struct WaitingUpload {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    size: Option<u64>,
}

impl Waiting {
    /// Whether it waits for the file of this upload, and is what it was to be.
    fn fits(&self, entry: &PendingUpload) -> bool {
        let waits = self.upload.as_ref().is_some_and(|upload| {
            upload.status.as_deref() == Some("in_progress")
                && upload.size.is_none_or(|size| size == entry.fingerprint.size)
        });
        // Only what both sides name can differ; Vimeo shortens or cleans up longer texts.
        let asked = entry.settings.pointer("/privacy/view");
        let view = self.privacy.as_ref().and_then(|privacy| privacy.view.as_ref());
        waits && asked.zip(view).is_none_or(|(asked, view)| asked == view)
    }
}

/// When the entry's creation was asked for at the earliest, by Vimeo's clock.
///
/// The local clock may have been wrong then, be wrong now, or have been set between.
fn asked_at_the_earliest(
    entry: &PendingUpload,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let ahead = measured.or_else(|| server_now.map(|server| server.signed_duration_since(now)));
    let asked = entry.requested_at.unwrap_or(entry.started_at);
    let by_server = asked.checked_add_signed(ahead.unwrap_or_default()).unwrap_or(asked);
    // Nothing was asked in the time to come.
    let by_server = by_server.min(server_now.unwrap_or(now));
    by_server.checked_sub_signed(if measured.is_some() { SKEW } else { UNMEASURED_SKEW })
}

/// How long ago it was asked for, as far as both clocks agree; nothing when that lies ahead of either.
fn asked_since(entry: &PendingUpload, now: DateTime<Utc>, server_now: Option<DateTime<Utc>>) -> Duration {
    let asked = entry.requested_at.unwrap_or(entry.started_at);
    let local = now.signed_duration_since(asked);
    let measured = entry.server_clock_ahead.and_then(TimeDelta::try_seconds);
    let server = measured.zip(server_now).and_then(|(ahead, server_now)| {
        Some(server_now.signed_duration_since(asked.checked_add_signed(ahead)?))
    });
    server.map_or(local, |server| server.min(local)).to_std().unwrap_or_default()
}

impl PendingUploads {
    pub(crate) fn of(vimeo: Vimeo) -> Result<Self, Error> {
        let journal = match vimeo.journal_location() {
            JournalLocation::In(journal) => journal,
            JournalLocation::StateFolder | JournalLocation::Off => Journal::in_state_folder()?,
        };
        let journal = vimeo.part_of(journal);
        Ok(Self { vimeo, journal })
    }

    /// The journal that is looked into.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// All of them, the oldest first; a damaged entry is an error in its place, which names it with
    /// [`UploadError::journal_entry`].
    ///
    /// They are of all accounts that share the journal, and [`is_own`](Self::is_own) tells which are this client's. Each
    /// client of `Accounts` sees its own alone.
    ///
    /// # Errors
    ///
    /// When the journal's folder cannot be read.
    pub async fn list(&self) -> Result<Vec<Result<PendingUpload, UploadError>>, Error> {
        Ok(self.journal.list().await?)
    }

    /// Whether an upload was begun by this client's account, or by its token where it has no account, at this API.
    pub fn is_own(&self, entry: &PendingUpload) -> bool {
        self.vimeo.owner().is_some_and(|owner| entry.identity.owner.as_ref() == Some(&owner))
    }

    /// The upload, ready to go on where the server stands. Needs no token, and takes the uploads of others as well.
    ///
    /// # Errors
    ///
    /// When the file is not there or not the same, when another process is at it, and
    /// [`UploadError::OutcomeUnknown`] when no video is known for it.
    pub async fn resume(&self, entry: &PendingUpload) -> Result<Upload, Error> {
        let (source, claim) = self.claim(entry).await?;
        match claim.resume_state() {
            ResumeState::Resumable(ticket) => {
                let ticket = ticket.clone();
                self.upload(ticket, source, claim)
            }
            ResumeState::New | ResumeState::OutcomeUnknown => Err(UploadError::OutcomeUnknown {
                what: format!("a video for {}", entry.path.display()),
                requested_at: entry.requested_at.unwrap_or(entry.started_at),
                entry: Some(entry.id()),
                source: None,
            }
            .into()),
        }
    }

    /// The account's videos that wait for a file of this size and were created since Vimeo was asked; for a replacement, the
    /// video's versions. The newest first. Of an upload whose creation was never answered, what came to be is among these.
    ///
    /// Needs the scope `private`.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the list cannot be read; [`UploadError::Journal`] when the upload belongs to another account.
    pub async fn candidates(&self, entry: &PendingUpload) -> Result<Vec<UnclaimedVideo>, Error> {
        self.same_account(entry)?;
        Ok(self.look(entry).await?.0)
    }

    /// The candidates, and what time it was by the clock of the one who answered.
    async fn look(
        &self,
        entry: &PendingUpload,
    ) -> Result<(Vec<UnclaimedVideo>, Option<DateTime<Utc>>), Error> {
        let list = match replaced(entry) {
            Some(video) => self.vimeo.get(&format!("/videos/{video}/versions")),
            None => self.vimeo.get("/me/videos").query("sort", "date").query("direction", "desc"),
        };
        let fields = match replaced(entry) {
            Some(_) => "uri,name,filename,created_time,upload.status,upload.size",
            None => "uri,name,filename,created_time,upload.status,upload.size,privacy.view",
        };
        let mut pages = list.fields(fields).pages::<Waiting>();
        let mut found = Vec::new();
        let mut server_now = None;
        while let Some(page) = pages.next().await {
            let page = page?;
            let now = wall_clock();
            if server_now.is_none() {
                server_now = clock_ahead(page.headers(), now).and_then(|ahead| now.checked_add_signed(ahead));
            }
            let earliest = asked_at_the_earliest(entry, now, server_now);
            for one in page.into_inner().data.unwrap_or_default() {
                let is_older = one.created_time.zip(earliest).is_some_and(|(created, at)| created < at);
                if is_older {
                    return Ok((found, server_now));
                }
                if one.fits(entry)
                    && let Some(uri) = one.uri
                {
                    found.push(UnclaimedVideo {
                        uri,
                        name: one.name.or(one.filename),
                        created: one.created_time,
                    });
                }
            }
        }
        Ok((found, server_now))
    }

    /// Finds out what became of an upload whose creation was not answered, by its [`id`](PendingUpload::id): the same upload can
    /// then be asked for again, and makes nothing twice.
    ///
    /// It looks among what waits for a file of that size, created since Vimeo was asked, with the title and the privacy that
    /// were asked for, and that no other upload of the journal goes to. Shortly after the question was asked, something may
    /// still come of it: then it looks again until 10 s are over, by a clock that nobody can set.
    ///
    /// Needs the scope `private`.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the list cannot be read, [`UploadError::Journal`] when the upload belongs to another account,
    /// [`UploadError::InUse`] when another process is at it; and as [`adopt`](Self::adopt).
    pub async fn reconcile(&self, id: &str) -> Result<Reconciliation, Error> {
        let entries = self.list().await?;
        let taken: HashSet<&str> = entries
            .iter()
            .flatten()
            .filter(|entry| entry.id() != id)
            .flat_map(|entry| {
                [entry.ticket.as_ref().map(|ticket| ticket.video_uri()), entry.version_uri.as_deref()]
            })
            .flatten()
            .collect();
        let Some(entry) = entries.iter().flatten().find(|entry| entry.id() == id) else {
            return Ok(Reconciliation::NotCreated);
        };
        self.same_account(entry)?;
        let (source, mut claim) = match self.claim(entry).await {
            Ok(claimed) => claimed,
            // Finished or given up since it was listed.
            Err(UploadError::Journal { name, .. }) if name == id => return Ok(Reconciliation::NotCreated),
            Err(error) => return Err(error.into()),
        };
        if let ResumeState::Resumable(ticket) = claim.resume_state() {
            return Ok(Reconciliation::Found { uri: ticket.video_uri().to_owned() });
        }
        let now = wall_clock();
        if claim.entry().requested_at.is_some_and(|asked| asked > now) {
            // The clock was set back: from now on its time can be told.
            claim.note_asked(now).await?;
        }
        let title = claim.entry().settings.get("name").and_then(Value::as_str).map(str::to_owned);
        let until = after(SETTLE_WINDOW);
        let mut pause = LOOK_PAUSE;
        let found = loop {
            let (mut found, server_now) = self.look(claim.entry()).await?;
            found.retain(|one| !taken.contains(one.uri.as_str()) && (title.is_none() || one.name == title));
            let settled = asked_since(claim.entry(), wall_clock(), server_now) >= SETTLE_WINDOW;
            let left = until.saturating_duration_since(Instant::now());
            if !found.is_empty() || settled || left.is_zero() {
                break found;
            }
            sleep(pause.min(left)).await;
            pause = pause.saturating_mul(2).min(LOOK_PAUSE_MAX);
        };
        match <[UnclaimedVideo; 1]>::try_from(found) {
            Ok([one]) => {
                self.adopt_as(&source, &mut claim, &one.uri).await?;
                Ok(Reconciliation::Found { uri: one.uri })
            }
            Err(none) if none.is_empty() => {
                claim.finish().await?;
                Ok(Reconciliation::NotCreated)
            }
            Err(several) => Ok(Reconciliation::Ambiguous(several)),
        }
    }

    /// Makes a video, or a version of one, that waits for a file the one that this upload goes to; gives the upload, ready
    /// to run. The video's upload link comes from Vimeo.
    ///
    /// # Errors
    ///
    /// [`UploadError::MissingUploadLink`] when Vimeo names no link for it, [`UploadError::SizeMismatch`] when it waits for
    /// another size, [`UploadError::Journal`] when the upload belongs to another account; and as [`resume`](Self::resume).
    pub async fn adopt(&self, entry: &PendingUpload, uri: &str) -> Result<Upload, Error> {
        self.same_account(entry)?;
        let (source, mut claim) = self.claim(entry).await?;
        let ticket = self.adopt_as(&source, &mut claim, uri).await?;
        self.upload(ticket, source, claim)
    }

    async fn adopt_as(
        &self,
        source: &FileSource,
        claim: &mut JournalLock,
        uri: &str,
    ) -> Result<UploadTicket, Error> {
        let parsed = uri.parse::<ResourceUri>();
        let video = parsed.as_ref().ok().and_then(|parsed| parsed.id_of("videos"));
        let Some(video) = video else {
            let reason = "give a video or a version, such as /videos/1 or /videos/1/versions/2";
            return Err(vimeo_api::Error::invalid("adopt", reason).into());
        };
        let call = self.vimeo.get(uri).fields("uri,link,upload.approach,upload.upload_link,upload.size");
        let answer = call.with_response_type::<Created>().send().await?.into_inner();
        if let Some(found) = answer.upload.as_ref().and_then(|upload| upload.size)
            && found != source.size()
        {
            let by = SizeSource::Server;
            return Err(UploadError::SizeMismatch { expected: source.size(), found, by }.into());
        }
        let ticket = answer.ticket(&self.vimeo, format!("/videos/{video}"), source.size())?;
        let ticket = ticket.with_fingerprint(claim.entry().fingerprint.clone());
        let version = parsed.ok().filter(|parsed| parsed.id_of("versions").is_some());
        claim.note(answer.link, version.map(|version| version.to_string()));
        claim.record(&ticket).await?;
        Ok(ticket)
    }

    /// Gives an upload up: deletes the video, or the version, that waits for its file, and forgets the upload. What has its
    /// file already stays. The file itself may be gone.
    ///
    /// Needs the scope `delete`.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when it cannot be deleted, and then nothing is forgotten; [`UploadError::Journal`] when the upload
    /// belongs to another account, [`UploadError::InUse`] while it is running, and [`UploadError::OutcomeUnknown`] when it is
    /// not known whether its video was created.
    pub async fn abandon(&self, entry: &PendingUpload) -> Result<(), Error> {
        self.same_account(entry)?;
        let Some(claim) = self.journal.lock_entry(&entry.id()).await? else { return Ok(()) };
        let entry = claim.entry();
        if let (None, Some(asked)) = (&entry.ticket, entry.requested_at) {
            let (what, entry) = (entry.purpose().to_string(), Some(entry.id()));
            return Err(UploadError::OutcomeUnknown { what, requested_at: asked, entry, source: None }.into());
        }
        abandon(&self.vimeo, claim).await
    }

    /// Forgets an upload by its [`id`](PendingUpload::id), or by the name of a damaged journal file; `false` when there was none.
    /// The video, if there is one, stays as it is: delete it too when nobody will fill it.
    ///
    /// # Errors
    ///
    /// [`UploadError::InUse`] while it is running.
    pub async fn discard(&self, id: &str) -> Result<bool, Error> {
        Ok(self.journal.discard(id).await?)
    }

    async fn claim(&self, entry: &PendingUpload) -> Result<(FileSource, JournalLock), UploadError> {
        let mut source = FileSource::open(&entry.path).await?;
        let (identity, settings) = (entry.identity.clone(), entry.settings.clone());
        let claim = self.journal.lock_unrequested(&mut source, identity, settings).await?;
        if matches!(claim.resume_state(), ResumeState::New) {
            // Finished or discarded since it was listed, or ended before anything was asked: nothing to go on with.
            claim.finish().await?;
            let reason = "nothing was created for it, or it has ended since".to_owned();
            return Err(UploadError::Journal { name: entry.id(), reason });
        }
        Ok((source, claim))
    }

    fn upload(&self, ticket: UploadTicket, source: FileSource, claim: JournalLock) -> Result<Upload, Error> {
        Ok(Upload::new(ticket, source).client(self.vimeo.link_client()?).journal(claim))
    }

    fn same_account(&self, entry: &PendingUpload) -> Result<(), UploadError> {
        if self.is_own(entry) {
            return Ok(());
        }
        Err(UploadError::Journal {
            name: entry.id(),
            reason: format!("it is {} of another than this client's account or API", entry.purpose()),
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
    fn what_a_wrong_clock_says_is_put_right_by_the_servers() {
        let (noon, one, eleven) = ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z");
        // (asked by our clock, measured then, our clock now, Vimeo's now, since when to look)
        let table = [
            (
                "the clock is right",
                noon,
                None,
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-02-28T10:00:00Z",
            ),
            (
                "and was measured",
                noon,
                Some(0),
                "2026-03-01T12:00:05Z",
                Some("2026-03-01T12:00:05Z"),
                "2026-03-01T11:45:00Z",
            ),
            ("an hour ahead all along", one, Some(-3600), one, Some(noon), "2026-03-01T11:45:00Z"),
            ("an hour ahead, not measured", one, None, one, Some(noon), "2026-02-28T10:00:00Z"),
            ("an hour behind all along", eleven, Some(3600), eleven, Some(noon), "2026-03-01T11:45:00Z"),
            (
                "a day ahead, set right since",
                "2026-03-02T12:00:00Z",
                None,
                noon,
                Some(noon),
                "2026-02-28T10:00:00Z",
            ),
            ("nobody tells the time", one, None, noon, None, "2026-02-28T10:00:00Z"),
        ];
        for (name, asked, ahead, now, server, since) in table {
            let found = asked_at_the_earliest(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(found, Some(at(since)), "{name}");
        }
    }

    #[test]
    fn how_long_ago_it_was_is_never_longer_than_either_clock_says() {
        // (asked, measured then, our clock now, Vimeo's now, seconds)
        let table = [
            ("2026-03-01T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 7),
            // The clock was set back since: nothing is known.
            ("2026-03-02T12:00:00Z", None, "2026-03-01T12:00:07Z", None, 0),
            // It was set ahead since: Vimeo's did not move.
            ("2026-03-01T12:00:00Z", Some(0), "2026-03-02T12:00:00Z", Some("2026-03-01T12:00:03Z"), 3),
            ("2026-03-01T13:00:00Z", Some(-3600), "2026-03-01T13:00:04Z", Some("2026-03-01T12:00:04Z"), 4),
        ];
        for (asked, ahead, now, server, seconds) in table {
            let since = asked_since(&entry(asked, ahead), at(now), server.map(at));
            assert_eq!(since, Duration::from_secs(seconds), "{asked} {now}");
        }
    }

    #[test]
    fn times_at_the_ends_of_time_are_taken() {
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for asked in ends {
            for now in ends {
                for server in [None, Some(ends[0]), Some(ends[1])] {
                    for ahead in [None, Some(i64::MAX), Some(i64::MIN)] {
                        let mut entry = entry("2026-03-01T12:00:00Z", ahead);
                        entry.requested_at = Some(asked);
                        let earliest = asked_at_the_earliest(&entry, now, server);
                        assert!(earliest.is_none_or(|earliest| earliest <= now.max(server.unwrap_or(now))));
                        asked_since(&entry, now, server);
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_was_asked_for_fits() {
        let fits = |video: Value| {
            serde_json::from_value::<Waiting>(video).unwrap().fits(&entry("2026-03-01T12:00:00Z", None))
        };
        // (video, whether it can be the one)
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
            assert_eq!(fits(video.clone()), expected, "{video}");
        }
    }
}
