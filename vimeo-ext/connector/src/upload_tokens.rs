//! Upload tokens: who has one can upload videos to an account, without an API key and without the access token.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use vimeo_ext::accounts::{AccountId, Document, ServiceStore, StoreError};
use vimeo_ext::upload::CreateVideo;

use crate::secret_text::{self, NoRandomBytes};

/// The collection of the documents that hold upload tokens.
const COLLECTION: &str = "upload-tokens";

/// What every token starts with.
const PREFIX: &str = "vimeo_upload";

/// The length of the part of an ID that is the same for all tokens of an account, in hexadecimal digits.
const ACCOUNT_PART: usize = 16;

/// The length of an ID, in hexadecimal digits.
const ID_LENGTH: usize = 2 * ACCOUNT_PART;

/// How many pages of the store one list reads, and how many tokens a page has.
const MAX_SCANNED: usize = 10;
const SCAN_PAGE: u32 = 1_000;

/// How often a change is tried while other requests change the same token.
const MAX_ATTEMPTS: usize = 20;

/// How many tokens are read at a time when all of an account are revoked.
const REVOKE_PAGE: u32 = 100;

/// What a token permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadToken {
    pub(crate) account: String,
    pub(crate) max_uploads: u32,
    pub(crate) uploads_left: u32,
    /// The maximum size of each file.
    pub(crate) max_bytes: Option<u64>,
    pub(crate) video: VideoSettings,
    pub(crate) created_at: DateTime<Utc>,
    sha256: String,
}

/// The settings of the videos that are uploaded with a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VideoSettings {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) privacy_view: Option<String>,
    pub(crate) folder: Option<String>,
}

impl VideoSettings {
    /// Applies the settings to a new video, whose title is the file name if they have none.
    pub(crate) fn apply<A>(self, mut video: CreateVideo<A>, file_name: Option<String>) -> CreateVideo<A> {
        if let Some(name) = self.name.or(file_name) {
            video = video.name(name);
        }
        if let Some(description) = self.description {
            video = video.description(description);
        }
        if let Some(privacy) = self.privacy_view.and_then(|privacy| privacy.parse().ok()) {
            video = video.privacy(privacy);
        }
        if let Some(folder) = self.folder {
            video = video.folder(folder);
        }
        video
    }
}

/// A token with its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredToken {
    pub(crate) id: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) token: UploadToken,
}

/// A page of tokens, and the ID after which the next page starts.
pub(crate) type TokenPage = (Vec<StoredToken>, Option<String>);

/// Why a token cannot be used.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// It does not exist, was revoked or has expired.
    Unknown,
    /// All its uploads were made.
    UsedUp,
    /// Other requests changed it at every attempt.
    Contended,
    NoRandomBytes,
    Store(StoreError),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NoRandomBytes> for TokenError {
    fn from(_: NoRandomBytes) -> Self {
        Self::NoRandomBytes
    }
}

/// Creates a token. Returns it with its text, which is stored nowhere.
pub(crate) async fn create(
    store: &dyn ServiceStore,
    account: &AccountId,
    lifetime: TimeDelta,
    max_uploads: u32,
    max_bytes: Option<u64>,
    video: VideoSettings,
) -> Result<(StoredToken, SecretString), TokenError> {
    let secret = secret_text::random_secret()?;
    let now = Utc::now();
    let stored = StoredToken {
        id: account_part(account) + &secret_text::random_hex::<{ ACCOUNT_PART / 2 }>()?,
        expires_at: now.checked_add_signed(lifetime).unwrap_or(now),
        token: UploadToken {
            account: account.as_str().to_owned(),
            max_uploads,
            uploads_left: max_uploads,
            max_bytes,
            video,
            created_at: now,
            sha256: secret_text::hash(&secret),
        },
    };
    store.insert_document(COLLECTION, &to_document(&stored, 1), now).await?;
    let text = secret_text::join(PREFIX, &stored.id, &secret);
    Ok((stored, text))
}

/// Returns an account's tokens with a greater ID than `after`, sorted by ID, at most `limit`.
pub(crate) async fn list(
    store: &dyn ServiceStore,
    account: &AccountId,
    after: &str,
    limit: u32,
) -> Result<Vec<StoredToken>, StoreError> {
    let part = account_part(account);
    let after = if after > part.as_str() { after } else { part.as_str() };
    let found = store.documents(COLLECTION, after, limit, Utc::now()).await?;
    found.iter().take_while(|document| document.id.starts_with(&part)).map(parse).collect()
}

/// Returns the tokens of these accounts with a greater ID than `after`, sorted by ID, at most `limit`, and the ID after which
/// the next page starts.
pub(crate) async fn list_of(
    store: &dyn ServiceStore,
    accounts: &BTreeSet<String>,
    after: &str,
    limit: u32,
) -> Result<TokenPage, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let ids = accounts.iter().filter_map(|account| AccountId::new(account).ok());
    // IDs sort by the part that is the same for all tokens of an account.
    let by_part: BTreeMap<String, AccountId> = ids.map(|id| (account_part(&id), id)).collect();
    let start: String = after.chars().take(ACCOUNT_PART).collect();
    let mut tokens: Vec<StoredToken> = Vec::new();
    for (_, account) in by_part.range(start..) {
        let left = u32::try_from(limit.saturating_sub(tokens.len())).unwrap_or(u32::MAX);
        if left == 0 {
            let next = tokens.last().map(|last| last.id.clone());
            return Ok((tokens, next));
        }
        tokens.extend(list(store, account, after, left).await?);
    }
    let next = tokens.last().filter(|_| tokens.len() == limit).map(|last| last.id.clone());
    Ok((tokens, next))
}

/// Returns the tokens of all accounts that `wanted` accepts with a greater ID than `after`, sorted by ID, at most `limit`, and the
/// ID after which the next page starts. Reads at most [`MAX_SCANNED`] pages of the store.
pub(crate) async fn list_all(
    store: &dyn ServiceStore,
    wanted: impl Fn(&str) -> bool,
    after: &str,
    limit: u32,
) -> Result<TokenPage, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut tokens = Vec::new();
    let mut after = after.to_owned();
    for _ in 0..MAX_SCANNED {
        let found = store.documents(COLLECTION, &after, SCAN_PAGE, Utc::now()).await?;
        let is_last = u32::try_from(found.len()).is_ok_and(|found| found < SCAN_PAGE);
        for document in &found {
            if tokens.len() == limit {
                return Ok((tokens, Some(after)));
            }
            after.clone_from(&document.id);
            let stored = parse(document)?;
            if wanted(&stored.token.account) {
                tokens.push(stored);
            }
        }
        if is_last {
            return Ok((tokens, None));
        }
    }
    Ok((tokens, Some(after)))
}

/// Returns a token of an account.
pub(crate) async fn get(
    store: &dyn ServiceStore,
    account: &AccountId,
    id: &str,
) -> Result<Option<StoredToken>, StoreError> {
    if !is_id_of(account, id) {
        return Ok(None);
    }
    store.document(COLLECTION, id, Utc::now()).await?.as_ref().map(parse).transpose()
}

/// Revokes a token of an account; returns whether it existed. Uploads that it has started can be finished.
pub(crate) async fn revoke(
    store: &dyn ServiceStore,
    account: &AccountId,
    id: &str,
) -> Result<bool, StoreError> {
    Ok(is_id_of(account, id) && store.take_document(COLLECTION, id, Utc::now()).await?.is_some())
}

/// Revokes all tokens of an account.
pub(crate) async fn revoke_all(store: &dyn ServiceStore, account: &AccountId) -> Result<(), StoreError> {
    loop {
        let found = list(store, account, "", REVOKE_PAGE).await?;
        for token in &found {
            store.take_document(COLLECTION, &token.id, Utc::now()).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
    }
}

/// Returns the token with this text.
pub(crate) async fn verify(store: &dyn ServiceStore, text: &str) -> Result<StoredToken, TokenError> {
    let (id, secret) = secret_text::split(text, PREFIX, ID_LENGTH).ok_or(TokenError::Unknown)?;
    let found = store.document(COLLECTION, id, Utc::now()).await?.ok_or(TokenError::Unknown)?;
    let stored = parse(&found)?;
    match secret_text::has_hash(secret, &stored.token.sha256) {
        true => Ok(stored),
        false => Err(TokenError::Unknown),
    }
}

/// Counts an upload. Of concurrent requests, no more succeed than the token has uploads left.
pub(crate) async fn take_upload(store: &dyn ServiceStore, id: &str) -> Result<(), TokenError> {
    change(store, id, |token| {
        token.uploads_left = token.uploads_left.checked_sub(1).ok_or(TokenError::UsedUp)?;
        Ok(())
    })
    .await
}

/// Gives back an upload that created nothing.
pub(crate) async fn return_upload(store: &dyn ServiceStore, id: &str) -> Result<(), TokenError> {
    change(store, id, |token| {
        token.uploads_left = token.uploads_left.saturating_add(1).min(token.max_uploads);
        Ok(())
    })
    .await
}

async fn change(
    store: &dyn ServiceStore,
    id: &str,
    change: impl Fn(&mut UploadToken) -> Result<(), TokenError>,
) -> Result<(), TokenError> {
    for _ in 0..MAX_ATTEMPTS {
        let found = store.document(COLLECTION, id, Utc::now()).await?.ok_or(TokenError::Unknown)?;
        let mut stored = parse(&found)?;
        change(&mut stored.token)?;
        let document = to_document(&stored, found.version.saturating_add(1));
        match store.replace_document(COLLECTION, &document).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Stale { .. }) => {}
            Err(StoreError::Missing) => return Err(TokenError::Unknown),
            Err(error) => return Err(error.into()),
        }
    }
    Err(TokenError::Contended)
}

/// Returns what the IDs of an account's tokens start with.
fn account_part(account: &AccountId) -> String {
    secret_text::hash(account.as_str()).chars().take(ACCOUNT_PART).collect()
}

fn is_id_of(account: &AccountId, id: &str) -> bool {
    id.len() == ID_LENGTH
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        && id.starts_with(&account_part(account))
}

fn to_document(stored: &StoredToken, version: u64) -> Document {
    let content = serde_json::to_vec(&stored.token).unwrap_or_default();
    Document { version, ..Document::new(&*stored.id, content).expires(stored.expires_at) }
}

fn parse(document: &Document) -> Result<StoredToken, StoreError> {
    let damaged = |error: &str| StoreError::Damaged(format!("upload token {}: {error}", document.id));
    let token = serde_json::from_slice(&document.content).map_err(|error| damaged(&error.to_string()))?;
    let expires_at = document.expires.ok_or_else(|| damaged("it never expires"))?;
    Ok(StoredToken { id: document.id.clone(), expires_at, token })
}
