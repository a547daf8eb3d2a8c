//! Answers that are kept for a while, so that a script may ask the same again without a call.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vimeo_ext::api::{RawResponse, Request, TransportFuture};
use vimeo_ext::{Middleware, Next};

use crate::config::{read, replace};
use crate::context::{CredentialSource, Identity};

/// Keeps what reads were answered, each in a file of its own that only its owner can read.
pub(crate) struct Cache {
    folder: PathBuf,
    lifetime: Duration,
    /// Stands for the token: what one may see is not for another.
    whose: String,
}

/// An answer in a file.
#[derive(Serialize, Deserialize)]
struct CacheEntry {
    at: SystemTime,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Whatever was kept so long ago is removed when something is kept.
const OLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// More than any answer that is kept, with the escapes of JSON.
const MAX_BYTES: u64 = 512 << 20;

impl Cache {
    pub(crate) fn of(identity: &Identity, folder: PathBuf, lifetime: Duration) -> Self {
        let token = identity.token.as_ref().map(|token| token.expose_secret()).unwrap_or_default();
        let whose = digest(&[&identity.base_url, token]);
        let account = match &identity.from {
            CredentialSource::Account(name) => account_folder(name, &identity.base_url),
            _ => whose.clone(),
        };
        Self { folder: folder.join(account), lifetime, whose }
    }

    /// Removes what was kept for an account. What earlier versions kept, without saying for whom, goes too.
    pub(crate) fn forget(folder: &Path, account: &str, base_url: &str) -> io::Result<()> {
        gone(std::fs::remove_dir_all(folder.join(account_folder(account, base_url))))?;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                gone(std::fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    fn place(&self, request: &Request) -> PathBuf {
        let mut parts = vec![self.whose.as_str(), request.url.as_str()];
        for (name, value) in &request.headers {
            parts.extend([name.as_str(), value.to_str().unwrap_or_default()]);
        }
        self.folder.join(digest(&parts)).with_extension("json")
    }

    fn read(&self, place: &Path) -> Option<RawResponse> {
        // A file that cannot be read is as good as none.
        let kept: CacheEntry = serde_json::from_slice(&read(place, MAX_BYTES).ok()?).ok()?;
        let age = SystemTime::now().duration_since(kept.at).ok()?;
        if age > self.lifetime {
            return None;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &kept.headers {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
        }
        Some(RawResponse::new(StatusCode::from_u16(kept.status).ok()?, headers, kept.body.into()))
    }

    fn keep(&self, place: &Path, answer: &RawResponse) -> Option<()> {
        let text = |value: &HeaderValue| Some(value.to_str().ok()?.to_owned());
        let headers = answer
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
            .collect();
        let kept = CacheEntry {
            at: SystemTime::now(),
            status: answer.status.as_u16(),
            headers,
            body: std::str::from_utf8(&answer.body).ok()?.to_owned(),
        };
        self.remove_old();
        replace(place, &serde_json::to_vec(&kept).ok()?).ok()
    }

    fn remove_old(&self) {
        for file in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let kept_at = file.metadata().and_then(|metadata| metadata.modified());
            if kept_at.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD)) {
                // Another process may have been faster.
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

/// The folder of an account's answers: a name of its own, that says nothing.
fn account_folder(name: &str, base_url: &str) -> String {
    digest(&["account", name, base_url])
}

/// That there is nothing to remove is no error.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Middleware for Cache {
    fn send<'a>(&'a self, request: &'a mut Request, next: Next<'a>) -> TransportFuture<'a> {
        Box::pin(async move {
            if request.method != Method::GET {
                return next.send(request).await;
            }
            let place = self.place(request);
            if let Some(kept) = self.read(&place) {
                return Ok(kept);
            }
            let answer = next.send(request).await?;
            if answer.status.is_success() {
                // What cannot be kept is asked for again.
                let _ = self.keep(&place, &answer);
            }
            Ok(answer)
        })
    }
}
