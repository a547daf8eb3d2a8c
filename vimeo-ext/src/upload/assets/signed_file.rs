//! Sends a small file to a signed link: creates the asset, PUTs the file, and creates the asset once more if the link has
//! expired.

use http::Uri;
use serde::Deserialize;
use vimeo_api::{Call, Secret, is_loopback};

use crate::error::MediaError;
use crate::signed_link::link_problem;
use crate::upload::media_type::{self, Expected};
use crate::upload::{BoxFuture, PutError, PutOutcome, Source, UploadError, UploadOptions, Warning, put};
use crate::{Error, Vimeo};

/// A picture or text track whose file was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedFile {
    /// The URI of the picture or text track, such as `/videos/123/pictures/456`.
    pub uri: String,
    /// Whether it is active.
    pub active: bool,
    /// The URI of an earlier picture or text track whose link expired and that could not be deleted. It never gets a file.
    pub orphaned_uri: Option<String>,
    /// Possible mistakes about the file.
    pub warnings: Vec<Warning>,
}

/// The part of a creation response that is used. The link is its only copy, and secret.
#[derive(Deserialize)]
pub(crate) struct PendingAsset {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    link: Option<Secret>,
}

/// The fields of [`PendingAsset`].
pub(crate) const PENDING_ASSET_FIELDS: &str = "uri,link";

/// An open file that is small enough for one request.
pub(crate) struct BufferedFile {
    source: Box<dyn Source>,
    media_type: String,
    pub(crate) warnings: Vec<Warning>,
}

/// A file that is not opened yet.
pub(crate) type LazySource = BoxFuture<'static, Result<Box<dyn Source>, UploadError>>;

impl BufferedFile {
    /// Opens the file and detects its type. `media_type` is the caller's type, which takes precedence.
    pub(crate) async fn open(
        file: LazySource,
        expected: Expected,
        media_type: Option<String>,
    ) -> Result<Self, Error> {
        let mut source = file.await?;
        if source.size() == 0 {
            return Err(MediaError::EmptyFile { name: source.name().to_owned() }.into());
        }
        let (found, warning) = media_type::sniff_source(&mut *source, expected).await?;
        let found = found.unwrap_or("application/octet-stream").to_owned();
        let media_type = media_type.unwrap_or(found);
        Ok(Self { source, media_type, warnings: warning.into_iter().collect() })
    }

    /// Returns the last part of the file's path, if it has a path.
    pub(crate) fn name(&self) -> Option<String> {
        Some(self.source.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Sends `create`, and the file to the link in its response.
    ///
    /// The lifetime of a link is unknown, so an expired link is noticed when it is used. The asset is then created once more,
    /// because only a creation returns a link; the first asset is deleted.
    pub(crate) async fn send(
        mut self,
        vimeo: &Vimeo,
        options: &UploadOptions,
        create: Call<PendingAsset>,
    ) -> Result<UploadedFile, Error> {
        let mut expired = None;
        loop {
            let created = create.clone().send().await?.into_inner();
            let uri = created.uri.unwrap_or_default();
            let Some(link) = created.link.filter(|_| !uri.is_empty()) else {
                return Err(MediaError::MissingUploadLink { uri }.into());
            };
            if let Some(problem) = link_problem(link.expose(), is_loopback(vimeo.api().base_url())) {
                return Err(MediaError::InvalidUploadLink { uri, reason: format!("it {problem}") }.into());
            }
            let host = host_of(&link);
            let target = (link.expose(), &*host);
            match put(&vimeo.link_client()?, target, &self.media_type, &mut *self.source, options).await {
                Ok(PutOutcome::Done) => {
                    let orphaned_uri = match expired {
                        Some(expired) => delete(vimeo, expired).await,
                        None => None,
                    };
                    return Ok(UploadedFile { uri, active: false, orphaned_uri, warnings: self.warnings });
                }
                Ok(PutOutcome::LinkGone(status)) if expired.is_none() && self.source.min_offset() == 0 => {
                    tracing::warn!(uri, host, status, "the link has expired; requesting another one");
                    expired = Some(uri);
                }
                Ok(PutOutcome::LinkGone(status)) => {
                    return Err(MediaError::LinkGone { uri, host, status }.into());
                }
                Err(error) => return Err(into_error(error, uri, host)),
            }
        }
    }
}

/// Deletes an asset that never gets its file. Returns its URI if that fails.
async fn delete(vimeo: &Vimeo, uri: String) -> Option<String> {
    let Err(error) = vimeo.delete(&uri).send().await else { return None };
    if error.is_not_found() {
        return None;
    }
    tracing::warn!(uri, %error, "an asset whose link expired was not deleted");
    Some(uri)
}

/// Returns the host of a link, which is not secret.
fn host_of(link: &Secret) -> String {
    let parsed = link.expose().parse::<Uri>().ok();
    parsed.and_then(|link| Some(link.host()?.to_owned())).unwrap_or_else(|| "the link's host".to_owned())
}

fn into_error(error: PutError, uri: String, host: String) -> Error {
    match error {
        PutError::Local(error) => error.into(),
        PutError::Refused { status, body } => MediaError::Refused { uri, host, status, body }.into(),
        PutError::WebPage { status, body } => MediaError::WebPage { uri, host, status, body }.into(),
        PutError::Exhausted { attempts, last, source } => {
            MediaError::Exhausted { uri, host, attempts, last, source }.into()
        }
    }
}

/// Activates or deactivates an asset. Returns the state that Vimeo reports, not the requested one.
pub(crate) async fn activate(vimeo: &Vimeo, uri: &str, active: bool) -> Result<bool, Error> {
    let change = serde_json::json!({"active": active});
    // Setting it twice has the same effect.
    let policy = vimeo.retry_policy().idempotent(true);
    let response = vimeo.patch(uri).json(&change).fields("active").extension(policy).send().await?;
    if let Some(active) = active_in(&response) {
        return Ok(active);
    }
    // If the response does not have it, the object may.
    let object = vimeo.get(uri).fields("active").send().await?;
    Ok(active_in(&object).unwrap_or(active))
}

fn active_in(response: &serde_json::Value) -> Option<bool> {
    response.get("active").and_then(serde_json::Value::as_bool)
}
