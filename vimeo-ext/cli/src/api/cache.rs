//! A response cache, so that scripts can repeat a request without a call.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vimeo_ext::api::{RawResponse, Request, TransportFuture};
use vimeo_ext::{Middleware, Next};

use crate::config::{ignore_not_found, read, replace};
use crate::context::{CredentialSource, Identity};

/// Caches responses to GET requests, one file each, readable only by their owner.
pub(crate) struct Cache {
    folder: PathBuf,
    lifetime: Duration,
    /// A digest of base URL and token: responses are not shared between tokens.
    owner: String,
}

/// A cached response.
#[derive(Serialize, Deserialize)]
struct CacheEntry {
    at: SystemTime,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Entries older than this are removed whenever a response is stored.
const ENTRY_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Maximum size of a cache file: more than any response with JSON escapes.
const MAX_BYTES: u64 = 512 << 20;

impl Cache {
    pub(crate) fn for_identity(identity: &Identity, folder: PathBuf, lifetime: Duration) -> Self {
        let token = identity.token.as_ref().map(|token| token.expose_secret()).unwrap_or_default();
        let owner = digest(&[&identity.base_url, token]);
        let account = match &identity.source {
            CredentialSource::Account(name) => account_folder(name, &identity.base_url),
            _ => owner.clone(),
        };
        Self { folder: folder.join(account), lifetime, owner }
    }

    /// Removes the entries of an account, and those of earlier versions, which do not name their account.
    pub(crate) fn remove_account(folder: &Path, account: &str, base_url: &str) -> io::Result<()> {
        ignore_not_found(std::fs::remove_dir_all(folder.join(account_folder(account, base_url))))?;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                ignore_not_found(std::fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    fn entry_path(&self, request: &Request) -> PathBuf {
        let mut parts = vec![self.owner.as_str(), request.url.as_str()];
        for (name, value) in &request.headers {
            parts.extend([name.as_str(), value.to_str().unwrap_or_default()]);
        }
        self.folder.join(digest(&parts)).with_extension("json")
    }

    fn read(&self, path: &Path) -> Option<RawResponse> {
        // An unreadable file counts as a cache miss.
        let entry: CacheEntry = serde_json::from_slice(&read(path, MAX_BYTES).ok()?).ok()?;
        let age = SystemTime::now().duration_since(entry.at).ok()?;
        if age > self.lifetime {
            return None;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &entry.headers {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
        }
        Some(RawResponse::new(StatusCode::from_u16(entry.status).ok()?, headers, entry.body.into()))
    }

    fn store(&self, path: &Path, response: &RawResponse) -> Option<()> {
        let text = |value: &HeaderValue| Some(value.to_str().ok()?.to_owned());
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
            .collect();
        let entry = CacheEntry {
            at: SystemTime::now(),
            status: response.status.as_u16(),
            headers,
            body: std::str::from_utf8(&response.body).ok()?.to_owned(),
        };
        self.remove_expired();
        replace(path, &serde_json::to_vec(&entry).ok()?).ok()
    }

    fn remove_expired(&self) {
        for file in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let stored_at = file.metadata().and_then(|metadata| metadata.modified());
            if stored_at.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ENTRY_TTL)) {
                // Another process may have removed it already.
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

/// Returns the folder name for an account: a digest that does not reveal the account.
fn account_folder(name: &str, base_url: &str) -> String {
    digest(&["account", name, base_url])
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
            let path = self.entry_path(request);
            if let Some(cached) = self.read(&path) {
                return Ok(cached);
            }
            let response = next.send(request).await?;
            if response.status.is_success() {
                // If storing fails, the next request goes to Vimeo again.
                let _ = self.store(&path, &response);
            }
            Ok(response)
        })
    }
}
