//! API keys of the service: created, listed, rotated and revoked; stored as hashes.

mod policy;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lru::LruCache;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use vimeo_ext::accounts::{Document, ServiceStore, StoreError};

use crate::secret_text::{self, NoRandomBytes};

pub use policy::{AccountAccess, InvalidPolicy, KeyPolicy, RouteGroup};

/// The collection of the documents that hold API keys.
const COLLECTION: &str = "api-keys";

/// What every key starts with, so that scanners for leaked secrets recognize it.
const PREFIX: &str = "vimeo_connector";

/// The length of a key's ID, in hexadecimal digits.
const ID_LENGTH: usize = 16;

/// How long a process uses a key that it has read. A revoked key stops to work after this time at the latest.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// How many keys a process keeps in memory.
const CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// How often a change is tried while other processes change the same key.
const MAX_ATTEMPTS: usize = 5;

/// The ID of an API key: random, not secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Creates an ID from its text, as [`ApiKeys::list`] shows it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApiKeyInfo {
    /// The ID, which is also the middle part of the key.
    pub id: KeyId,
    /// What the key may do.
    pub policy: KeyPolicy,
    /// When the key was created.
    pub created_at: DateTime<Utc>,
    /// When the secret was last replaced.
    pub rotated_at: Option<DateTime<Utc>>,
}

/// Why an API key cannot be created, changed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key has this ID.
    #[error("API key {0} not found; list the keys to see their IDs")]
    Unknown(KeyId),
    /// The policy contradicts itself.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// Other processes changed the key at every attempt.
    #[error("API key {0} is being changed by others; try again")]
    Contended(KeyId),
    /// The operating system provides no random bytes.
    #[error("the operating system provides no random bytes for a key")]
    NoRandomBytes,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The API keys of a service, in its store. Cheap to clone.
#[derive(Clone)]
pub struct ApiKeys {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn ServiceStore>,
    cache: Mutex<KeyCache>,
}

type KeyCache = LruCache<KeyId, CachedKey>;

/// A key that this process has read.
#[derive(Clone)]
struct CachedKey {
    record: Arc<Record>,
    read_at: Instant,
}

/// A key as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    policy: KeyPolicy,
    /// The SHA-256 of the secret, as hexadecimal digits.
    sha256: String,
    /// The secret before the last rotation, until it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
    created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Previous {
    sha256: String,
    until: DateTime<Utc>,
}

impl Record {
    fn info(&self, id: KeyId) -> ApiKeyInfo {
        ApiKeyInfo {
            id,
            policy: self.policy.clone(),
            created_at: self.created_at,
            rotated_at: self.rotated_at,
        }
    }

    /// Whether the secret is the current one, or the previous one within its time.
    fn accepts(&self, secret: &str, now: DateTime<Utc>) -> bool {
        let is_current = secret_text::has_hash(secret, &self.sha256);
        let is_previous = self
            .previous
            .as_ref()
            .is_some_and(|old| secret_text::has_hash(secret, &old.sha256) && old.until > now);
        is_current || is_previous
    }
}

/// A key that a caller has proved to have.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedKey {
    pub(crate) id: KeyId,
    pub(crate) policy: Arc<KeyPolicy>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) rotated_at: Option<DateTime<Utc>>,
}

impl ApiKeys {
    /// Creates the API keys of the service with this store.
    pub fn new(store: Arc<dyn ServiceStore>) -> Self {
        Self { inner: Arc::new(Inner { store, cache: Mutex::new(LruCache::new(CACHE_CAPACITY)) }) }
    }

    /// Creates a key. Returns it with its text, which is stored nowhere: give it to the caller.
    ///
    /// # Errors
    ///
    /// [`KeyError::Policy`] if the policy contradicts itself, [`KeyError::NoRandomBytes`], [`KeyError::Store`].
    pub async fn create(&self, policy: KeyPolicy) -> Result<(ApiKeyInfo, SecretString), KeyError> {
        policy.check()?;
        let id = KeyId(secret_text::random_hex::<{ ID_LENGTH / 2 }>()?);
        let secret = secret_text::random_secret()?;
        let now = Utc::now();
        let record = Record {
            policy,
            sha256: secret_text::hash(&secret),
            previous: None,
            created_at: now,
            rotated_at: None,
        };
        self.inner
            .store
            .insert_document(COLLECTION, &Document::new(id.as_str(), to_json(&record)), now)
            .await?;
        Ok((record.info(id.clone()), key_text(&id, &secret)))
    }

    /// Returns the keys with a greater ID than `after`, sorted by ID, at most `limit` (1 to 1,000).
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`].
    pub async fn list(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<ApiKeyInfo>, KeyError> {
        let after = after.map_or("", KeyId::as_str);
        let found = self.inner.store.documents(COLLECTION, after, limit.clamp(1, 1_000), Utc::now()).await?;
        found.iter().map(|document| Ok(parse(document)?.info(KeyId::new(&*document.id)))).collect()
    }

    /// Replaces the secret of a key. The old one works for `grace` longer. Returns the key with its new text.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unknown`], [`KeyError::NoRandomBytes`], [`KeyError::Store`].
    pub async fn rotate(&self, id: &KeyId, grace: Duration) -> Result<(ApiKeyInfo, SecretString), KeyError> {
        let secret = secret_text::random_secret()?;
        let now = Utc::now();
        let until = chrono::TimeDelta::from_std(grace).ok().and_then(|grace| now.checked_add_signed(grace));
        let record = self
            .change(id, |record| {
                let old = std::mem::replace(&mut record.sha256, secret_text::hash(&secret));
                let until = until.unwrap_or(DateTime::<Utc>::MAX_UTC);
                record.previous = (!grace.is_zero()).then_some(Previous { sha256: old, until });
                record.rotated_at = Some(now);
            })
            .await?;
        Ok((record.info(id.clone()), key_text(id, &secret)))
    }

    /// Replaces the policy of a key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Policy`], [`KeyError::Unknown`], [`KeyError::Store`].
    pub async fn update(&self, id: &KeyId, policy: KeyPolicy) -> Result<ApiKeyInfo, KeyError> {
        policy.check()?;
        let record = self.change(id, |record| record.policy = policy.clone()).await?;
        Ok(record.info(id.clone()))
    }

    /// Revokes a key. Other processes of the service accept it for up to 5 more seconds.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unknown`], [`KeyError::Store`].
    pub async fn revoke(&self, id: &KeyId) -> Result<(), KeyError> {
        let taken = self.inner.store.take_document(COLLECTION, id.as_str(), Utc::now()).await?;
        self.forget(id);
        taken.map(drop).ok_or_else(|| KeyError::Unknown(id.clone()))
    }

    async fn change(&self, id: &KeyId, change: impl Fn(&mut Record)) -> Result<Record, KeyError> {
        for _ in 0..MAX_ATTEMPTS {
            let found = self.inner.store.document(COLLECTION, id.as_str(), Utc::now()).await?;
            let found = found.ok_or_else(|| KeyError::Unknown(id.clone()))?;
            let mut record = parse(&found)?;
            change(&mut record);
            let document =
                Document { version: found.version.saturating_add(1), content: to_json(&record), ..found };
            match self.inner.store.replace_document(COLLECTION, &document).await {
                Ok(()) => {
                    self.forget(id);
                    return Ok(record);
                }
                Err(StoreError::Stale { .. }) => {}
                Err(StoreError::Missing) => return Err(KeyError::Unknown(id.clone())),
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyError::Contended(id.clone()))
    }

    /// Returns the key with this text; `None` if there is none.
    pub(crate) async fn verify(&self, text: &str) -> Result<Option<VerifiedKey>, StoreError> {
        let Some((id, secret)) = split(text) else { return Ok(None) };
        let record = self.record(&id).await?;
        let accepted = record.filter(|record| record.accepts(secret, Utc::now()));
        Ok(accepted.map(|record| VerifiedKey {
            id,
            policy: Arc::new(record.policy.clone()),
            created_at: record.created_at,
            rotated_at: record.rotated_at,
        }))
    }

    /// Whether a key that was verified before still has the same secret and the same policy.
    pub(crate) async fn is_current(&self, key: &VerifiedKey) -> Result<bool, StoreError> {
        let record = self.record(&key.id).await?;
        Ok(record.is_some_and(|record| record.policy == *key.policy && record.rotated_at == key.rotated_at))
    }

    /// Waits until a key is revoked, replaced or changed. A store that fails ends nothing.
    pub(crate) async fn until_changed(&self, key: &VerifiedKey) {
        while self.is_current(key).await.unwrap_or(true) {
            tokio::time::sleep(CACHE_TTL).await;
        }
    }

    async fn record(&self, id: &KeyId) -> Result<Option<Arc<Record>>, StoreError> {
        let cached = self.cache().get(id).cloned();
        if let Some(cached) = cached.filter(|cached| cached.read_at.elapsed() < CACHE_TTL) {
            return Ok(Some(cached.record));
        }
        let found = self.inner.store.document(COLLECTION, id.as_str(), Utc::now()).await?;
        let record = found.as_ref().map(parse).transpose()?.map(Arc::new);
        // Unknown IDs are not cached: a stranger could fill the cache with them.
        if let Some(record) = &record {
            let cached = CachedKey { record: Arc::clone(record), read_at: Instant::now() };
            self.cache().put(id.clone(), cached);
        }
        Ok(record)
    }

    fn forget(&self, id: &KeyId) {
        self.cache().pop(id);
    }

    fn cache(&self) -> MutexGuard<'_, KeyCache> {
        self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

fn key_text(id: &KeyId, secret: &str) -> SecretString {
    secret_text::join(PREFIX, id.as_str(), secret)
}

fn split(text: &str) -> Option<(KeyId, &str)> {
    secret_text::split(text, PREFIX, ID_LENGTH).map(|(id, secret)| (KeyId::new(id), secret))
}

impl From<NoRandomBytes> for KeyError {
    fn from(_: NoRandomBytes) -> Self {
        Self::NoRandomBytes
    }
}

fn to_json(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

fn parse(document: &Document) -> Result<Record, StoreError> {
    serde_json::from_slice(&document.content)
        .map_err(|error| StoreError::Damaged(format!("API key {}: {error}", document.id)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use vimeo_ext::accounts::{DocumentStore, MemoryStore};

    use super::*;

    fn keys() -> (ApiKeys, Arc<MemoryStore>) {
        let store = Arc::new(MemoryStore::default());
        (ApiKeys::new(store.clone()), store)
    }

    #[tokio::test]
    async fn only_the_whole_key_is_accepted() {
        let (keys, store) = keys();
        let (info, text) = keys.create(KeyPolicy::new("a")).await.unwrap();
        let text = text.expose_secret();
        let verified = keys.verify(text).await.unwrap().unwrap();
        assert_eq!((verified.id, verified.policy.name.as_str()), (info.id.clone(), "a"));
        let (_, secret) = split(text).unwrap();
        let other = keys.create(KeyPolicy::new("b")).await.unwrap().0.id;
        let wrong = [
            String::new(),
            text[..text.len() - 1].to_owned(),
            format!("{text}0"),
            text.replace(PREFIX, "vimeo"),
            key_text(&info.id, &"0".repeat(64)).expose_secret().to_owned(),
            key_text(&other, secret).expose_secret().to_owned(),
        ];
        for text in wrong {
            assert!(keys.verify(&text).await.unwrap().is_none(), "{text}");
        }
        let stored = store.document(COLLECTION, info.id.as_str(), Utc::now()).await.unwrap().unwrap();
        assert!(!String::from_utf8(stored.content).unwrap().contains(secret));
    }

    #[tokio::test]
    async fn rotation_keeps_the_old_secret_for_its_grace_period() {
        let (keys, _) = keys();
        let (info, first) = keys.create(KeyPolicy::new("a")).await.unwrap();
        let (_, second) = keys.rotate(&info.id, Duration::from_secs(3600)).await.unwrap();
        for text in [&first, &second] {
            assert!(keys.verify(text.expose_secret()).await.unwrap().is_some());
        }
        let (rotated, third) = keys.rotate(&info.id, Duration::ZERO).await.unwrap();
        assert!(rotated.rotated_at.is_some());
        for text in [&first, &second] {
            assert!(keys.verify(text.expose_secret()).await.unwrap().is_none());
        }
        assert!(keys.verify(third.expose_secret()).await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_a_key_is_noticed() {
        let (keys, store) = keys();
        let other = ApiKeys::new(store);
        for change in ["policy", "rotation", "revocation"] {
            let (info, text) = keys.create(KeyPolicy::new("a")).await.unwrap();
            let verified = keys.verify(text.expose_secret()).await.unwrap().unwrap();
            assert!(keys.is_current(&verified).await.unwrap());
            // Another process makes the change.
            match change {
                "policy" => drop(other.update(&info.id, KeyPolicy::new("a").read_only()).await.unwrap()),
                "rotation" => drop(other.rotate(&info.id, Duration::ZERO).await.unwrap()),
                _ => other.revoke(&info.id).await.unwrap(),
            }
            keys.until_changed(&verified).await;
            assert!(!keys.is_current(&verified).await.unwrap(), "{change}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_processes_notice_a_revocation_after_the_cache_expires() {
        let (keys, store) = keys();
        let (info, text) = keys.create(KeyPolicy::new("a")).await.unwrap();
        let other = ApiKeys::new(store);
        assert!(other.verify(text.expose_secret()).await.unwrap().is_some());
        keys.revoke(&info.id).await.unwrap();
        assert!(keys.verify(text.expose_secret()).await.unwrap().is_none());
        assert!(other.verify(text.expose_secret()).await.unwrap().is_some());
        tokio::time::advance(CACHE_TTL).await;
        assert!(other.verify(text.expose_secret()).await.unwrap().is_none());
        assert!(matches!(keys.revoke(&info.id).await, Err(KeyError::Unknown(_))));
        assert_eq!(keys.list(None, 10).await.unwrap(), []);
    }
}
