//! A small file by a signed link: create, PUT, and once more when the link has expired.

use http::Uri;
use serde::Deserialize;
use vimeo_api::{Call, Secret};

use crate::error::MediaError;
use crate::loopback::is_loopback;
use crate::upload::Warning;
use crate::upload::api::media_type::{self, Expected};
use crate::upload::{BoxFuture, IntoSource, Put, PutFailure, Source, UploadError, UploadOptions, put};
use crate::upload_ticket::link_problem;
use crate::{Error, Vimeo};

/// A picture or text track whose file has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedFile {
    /// Its URI, such as `/videos/123/pictures/456`.
    pub uri: String,
    /// Whether it is the one that is shown.
    pub active: bool,
    /// What was created before, whose link had expired, and which could not be deleted: it waits for a file for good.
    pub orphaned_uri: Option<String>,
    /// What may be a mistake about the file.
    pub warnings: Vec<Warning>,
}

/// What the creation of a picture or text track answers with, as far as it matters. The link is the only copy, and secret.
#[derive(Deserialize)]
pub(crate) struct Waiting {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<Secret>,
}

/// The fields of [`Waiting`].
pub(crate) const PENDING_ASSET_FIELDS: &str = "uri,link";

/// A file that is small enough to be sent whole.
pub(crate) struct BufferedFile {
    source: Box<dyn Source>,
    media_type: String,
    pub(crate) warnings: Vec<Warning>,
}

/// The file before it is opened.
pub(crate) type LazySource = BoxFuture<'static, Result<Box<dyn Source>, UploadError>>;

pub(crate) fn unopened(file: impl IntoSource) -> LazySource {
    file.into_source()
}

impl BufferedFile {
    /// Opens it and looks what it is. `media_type` is the caller's word for it.
    pub(crate) async fn open(
        file: LazySource,
        expected: Expected,
        media_type: Option<String>,
    ) -> Result<Self, Error> {
        let mut source = file.await?;
        if source.size() == 0 {
            return Err(MediaError::EmptyFile { name: source.name().to_owned() }.into());
        }
        let (found, warning) = media_type::look(&mut *source, expected).await?;
        let found = found.unwrap_or("application/octet-stream").to_owned();
        let media_type = media_type.unwrap_or(found);
        Ok(Self { source, media_type, warnings: warning.into_iter().collect() })
    }

    /// The file's name: the last part of its path, if it has one.
    pub(crate) fn name(&self) -> Option<String> {
        Some(self.source.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Creates what `create` creates and sends the file there.
    ///
    /// How long a link lives is not known, so that it has expired is found out by using it. It is then created once more,
    /// because the link for the file comes with the creation only; the first one is deleted.
    pub(crate) async fn send(
        mut self,
        vimeo: &Vimeo,
        options: &UploadOptions,
        create: Call<Waiting>,
    ) -> Result<UploadedFile, Error> {
        let mut expired = None;
        loop {
            let waiting = create.clone().send().await?.into_inner();
            let uri = waiting.uri.unwrap_or_default();
            let Some(link) = waiting.link.filter(|_| !uri.is_empty()) else {
                return Err(MediaError::MissingUploadLink { uri }.into());
            };
            if let Some(problem) = link_problem(link.expose(), is_loopback(vimeo.api().base_url())) {
                return Err(MediaError::InvalidUploadLink { uri, reason: format!("it {problem}") }.into());
            }
            let host = host_of(&link);
            let place = (link.expose(), &*host);
            match put(&vimeo.link_client()?, place, &self.media_type, &mut *self.source, options).await {
                Ok(Put::Done) => {
                    let orphaned_uri = match expired {
                        Some(expired) => delete(vimeo, expired).await,
                        None => None,
                    };
                    return Ok(UploadedFile { uri, active: false, orphaned_uri, warnings: self.warnings });
                }
                Ok(Put::Gone(status)) if expired.is_none() && self.source.min_offset() == 0 => {
                    tracing::warn!(uri, host, status, "the link has expired, asking for another");
                    expired = Some(uri);
                }
                Ok(Put::Gone(status)) => return Err(MediaError::LinkGone { uri, host, status }.into()),
                Err(failure) => return Err(explain(failure, uri, host)),
            }
        }
    }
}

/// Removes what will never get its file; answers it when that cannot be done.
async fn delete(vimeo: &Vimeo, uri: String) -> Option<String> {
    let Err(error) = vimeo.delete(&uri).send().await else { return None };
    if error.is_not_found() {
        return None;
    }
    tracing::warn!(uri, %error, "what was created for an expired link stays behind");
    Some(uri)
}

/// The host of a link, which may be shown.
fn host_of(link: &Secret) -> String {
    let parsed = link.expose().parse::<Uri>().ok();
    parsed.and_then(|link| Some(link.host()?.to_owned())).unwrap_or_else(|| "the link's host".to_owned())
}

fn explain(failure: PutFailure, uri: String, host: String) -> Error {
    match failure {
        PutFailure::Here(error) => error.into(),
        PutFailure::Refused { status, body } => MediaError::Refused { uri, host, status, body }.into(),
        PutFailure::WebPage { status, body } => MediaError::WebPage { uri, host, status, body }.into(),
        PutFailure::Broke { attempts, last, source } => {
            MediaError::Exhausted { uri, host, attempts, last, source }.into()
        }
    }
}

/// Switches on what was sent, or off, and tells what became of it: what Vimeo says, not what was asked for.
pub(crate) async fn activate(vimeo: &Vimeo, uri: &str, active: bool) -> Result<bool, Error> {
    let change = serde_json::json!({"active": active});
    // To set it twice is to set it.
    let policy = vimeo.retry_policy().idempotent(true);
    let answer = vimeo.patch(uri).json(&change).fields("active").extension(policy).send().await?;
    if let Some(active) = state_of(&answer) {
        return Ok(active);
    }
    // Where the answer does not say, the object may.
    let object = vimeo.get(uri).fields("active").send().await?;
    Ok(state_of(&object).unwrap_or(active))
}

fn state_of(answer: &serde_json::Value) -> Option<bool> {
    answer.get("active").and_then(serde_json::Value::as_bool)
}
