//! Uploads that an earlier run left unfinished.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use vimeo_api::ResourceUri;

use super::begin::{Created, Journalling};
use super::replace::NEW_FILE_OF;
use crate::upload::{
    Claim, Entry, FileSource, Journal, SizeFoundBy, Source, Standing, Upload, UploadError, UploadTicket,
};
use crate::{Error, ListCall, Vimeo};

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

/// A video, or a version of one, without a file that may be what an unanswered call created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its URI.
    pub uri: String,
    /// Its title, or the version's file name.
    pub name: Option<String>,
    /// When it was created, by Vimeo's clock.
    pub created: Option<DateTime<Utc>>,
}

/// The video whose file an upload replaces, by its purpose.
fn replaced(purpose: &str) -> Option<u64> {
    purpose.strip_prefix(NEW_FILE_OF)?.split(' ').next()?.parse().ok()
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
        let journal = vimeo.part_of(journal);
        Ok(Self { vimeo, journal })
    }

    /// The journal that is looked into.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// All of them, the oldest first, of all accounts but those of `Accounts`, each of whose clients sees its own alone; a damaged entry is an error in its place.
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
                asked: entry.asked.unwrap_or(entry.begun),
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
    pub async fn candidates(&self, entry: &Entry) -> Result<Vec<Candidate>, Error> {
        self.same_account(entry)?;
        let asked = entry.asked.unwrap_or(entry.begun);
        let list = match replaced(&entry.purpose) {
            Some(video) => self.vimeo.get(&format!("/videos/{video}/versions")),
            None => self.vimeo.get("/me/videos").query("sort", &"date").query("direction", &"desc"),
        };
        let fields = "uri,name,filename,created_time,upload.status,upload.size";
        let mut listed = list.fields(fields).pages::<Waiting>().items();
        let mut found = Vec::new();
        while let Some(one) = listed.next().await {
            let one = one?;
            if one.created_time.is_some_and(|created| created + SKEW < asked) {
                break;
            }
            let waits = one.upload.is_some_and(|upload| {
                upload.status.as_deref() == Some("in_progress")
                    && upload.size.is_none_or(|size| size == entry.fingerprint.size)
            });
            if let (Some(uri), true) = (one.uri, waits) {
                found.push(Candidate { uri, name: one.name.or(one.filename), created: one.created_time });
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
        let (purpose, settings) = (entry.purpose.clone(), entry.settings.clone());
        let claim = self.journal.claim_unasked(&mut source, purpose, settings).await?;
        if matches!(claim.standing(), Standing::New) {
            // Finished or discarded since it was listed, or ended before anything was asked: nothing to go on with.
            claim.finish().await?;
            let reason = "nothing was created for it, or it has ended since".to_owned();
            return Err(UploadError::Journal { name: entry.id(), reason });
        }
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
