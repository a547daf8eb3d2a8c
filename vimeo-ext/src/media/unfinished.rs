//! Uploads that an earlier run left unfinished.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use vimeo_api::ResourceUri;

use super::begin::{Created, Journalling};
use crate::upload::{
    Claim, Entry, FileSource, Journal, SizeFoundBy, Source, Standing, Upload, UploadError, UploadTicket,
};
use crate::{Error, List, Vimeo};

/// How far Vimeo's clock may be from ours.
const SKEW: Duration = Duration::from_secs(15 * 60);

/// The uploads that the client's journal holds; from [`Vimeo::unfinished`].
///
/// Most need nothing of this: the same call that began them goes on with them. It is for those that nobody will call for
/// again, and for those of which it is not known whether their video was created.
///
/// ```no_run
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let unfinished = vimeo.unfinished()?;
/// for entry in unfinished.list().await? {
///     let entry = entry?;
///     if entry.ticket.is_some() {
///         unfinished.resume(&entry).await?.run().await?;
///     } else if let [video] = &unfinished.candidates(&entry).await?[..] {
///         unfinished.adopt(&entry, &video.uri).await?.run().await?;
///     } else {
///         unfinished.discard(&entry.id()).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Unfinished {
    vimeo: Vimeo,
    journal: Journal,
}

/// A video without a file that may be what an unanswered call created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its URI.
    pub uri: String,
    /// Its title.
    pub name: Option<String>,
    /// When it was created, by Vimeo's clock.
    pub created: Option<DateTime<Utc>>,
}

/// What of a video tells whether it waits for a file.
#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    created_time: Option<DateTime<Utc>>,
    #[serde(default)]
    upload: Option<WaitingUpload>,
}

#[derive(Deserialize)]
struct WaitingUpload {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    size: Option<u64>,
}

impl Unfinished {
    pub(crate) fn of(vimeo: Vimeo) -> Result<Self, Error> {
        let journal = match vimeo.journalling() {
            Journalling::In(journal) => journal.clone(),
            Journalling::StateFolder | Journalling::Off => Journal::in_state_folder()?,
        };
        Ok(Self { vimeo, journal })
    }

    /// The journal that is looked into.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// All of them, of all accounts, the oldest first; a damaged entry is an error in its place.
    ///
    /// # Errors
    ///
    /// When the journal's folder cannot be read.
    pub async fn list(&self) -> Result<Vec<Result<Entry, UploadError>>, Error> {
        Ok(self.journal.list().await?)
    }

    /// The upload, ready to go on where the server stands. Needs no token.
    ///
    /// # Errors
    ///
    /// When the file is not there or not the same, when another process is at it, and
    /// [`UploadError::Unanswered`] when no video is known for it.
    pub async fn resume(&self, entry: &Entry) -> Result<Upload, Error> {
        let (source, claim) = self.claim(entry).await?;
        match claim.standing() {
            Standing::Resumable(ticket) => {
                let ticket = ticket.clone();
                self.upload(ticket, source, claim)
            }
            Standing::New | Standing::Uncertain => Err(UploadError::Unanswered {
                what: format!("a video for {}", entry.path.display()),
                asked: entry.begun,
                entry: Some(entry.id()),
                source: None,
            }
            .into()),
        }
    }

    /// The account's videos that wait for a file of this size and were created since the upload began, the newest first. Of
    /// an upload whose creation was never answered, the video is among these, if it came to be.
    ///
    /// Needs the scope `private`.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when the list cannot be read.
    pub async fn candidates(&self, entry: &Entry) -> Result<Vec<Candidate>, Error> {
        self.same_account(entry)?;
        let list = self.vimeo.api().videos().list_my_videos();
        let list =
            list.sort("date").direction("desc").fields("uri,name,created_time,upload.status,upload.size");
        let mut videos = list.items_as::<Waiting>();
        let mut found = Vec::new();
        while let Some(video) = videos.next().await {
            let video = video?;
            if video.created_time.is_some_and(|created| created + SKEW < entry.begun) {
                break;
            }
            let waits = video.upload.is_some_and(|upload| {
                upload.status.as_deref() == Some("in_progress")
                    && upload.size.is_none_or(|size| size == entry.fingerprint.size)
            });
            if let (Some(uri), true) = (video.uri, waits) {
                found.push(Candidate { uri, name: video.name, created: video.created_time });
            }
        }
        Ok(found)
    }

    /// Makes a video, or a version of one, that waits for a file the one that this upload goes to; gives the upload, ready
    /// to run. The video's upload link comes from Vimeo.
    ///
    /// # Errors
    ///
    /// [`UploadError::NoUploadLink`] when Vimeo names no link for it, [`UploadError::SizeMismatch`] when it waits for
    /// another size, [`UploadError::Journal`] when the upload belongs to another account; and as [`resume`](Self::resume).
    pub async fn adopt(&self, entry: &Entry, uri: &str) -> Result<Upload, Error> {
        self.same_account(entry)?;
        let (source, mut claim) = self.claim(entry).await?;
        let parsed = uri.parse::<ResourceUri>();
        let video = parsed.as_ref().ok().and_then(|parsed| parsed.id_of("videos"));
        let Some(video) = video else {
            let reason = "give a video or a version, such as /videos/1 or /videos/1/versions/2";
            return Err(vimeo_api::Error::invalid("adopt", reason).into());
        };
        let call = self.vimeo.get(uri).fields("uri,link,upload.upload_link,upload.size");
        let answer = call.read_as::<Created>().send().await?.into_inner();
        let video_uri = format!("/videos/{video}");
        if let Some(found) = answer.upload.as_ref().and_then(|upload| upload.size)
            && found != source.size()
        {
            let by = SizeFoundBy::Server;
            return Err(UploadError::SizeMismatch { promised: source.size(), found, by }.into());
        }
        let Some(link) = answer.upload_link().map(|link| link.expose().to_owned()) else {
            return Err(UploadError::NoUploadLink { video_uri }.into());
        };
        let fingerprint = claim.entry().fingerprint.clone();
        let ticket = UploadTicket::new(video_uri, link, source.size())?.with_fingerprint(fingerprint);
        let version = parsed.ok().filter(|parsed| parsed.id_of("versions").is_some());
        claim.note(answer.link, version.map(|version| version.to_string()));
        claim.record(&ticket).await?;
        self.upload(ticket, source, claim)
    }

    /// Forgets an upload by its [`id`](Entry::id), or by the name of a damaged journal file; `false` when there was none.
    /// The video, if there is one, stays as it is: delete it too when nobody will fill it.
    ///
    /// # Errors
    ///
    /// [`UploadError::InUse`] while it is running.
    pub async fn discard(&self, id: &str) -> Result<bool, Error> {
        Ok(self.journal.discard(id).await?)
    }

    async fn claim(&self, entry: &Entry) -> Result<(FileSource, Claim), UploadError> {
        let mut source = FileSource::open(&entry.path).await?;
        let claim = self.journal.claim_with(&mut source, &*entry.purpose, entry.settings.clone()).await?;
        Ok((source, claim))
    }

    fn upload(&self, ticket: UploadTicket, source: FileSource, claim: Claim) -> Result<Upload, Error> {
        Ok(Upload::new(ticket, source).client(self.vimeo.links()?).journal(claim))
    }

    fn same_account(&self, entry: &Entry) -> Result<(), UploadError> {
        if self.vimeo.who().is_some_and(|who| entry.purpose.ends_with(&who)) {
            return Ok(());
        }
        Err(UploadError::Journal {
            name: entry.id(),
            reason: format!("it is a {}, which is not this client's account", entry.purpose),
        })
    }
}
