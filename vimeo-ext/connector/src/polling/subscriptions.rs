//! Event subscriptions in the store, and the accounts that have some.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vimeo_agent::tools::{EventSubscription, PolledEvent, SUBSCRIPTION_ID_PREFIX};
use vimeo_ext::accounts::{
    AccountId, Accounts, AccountsError, Ciphertext, Document, KeyId, ServiceStore, StoreError,
};
use vimeo_ext::hex::hex;

use crate::secret_text::{self, NoRandomBytes};

/// The collection of the subscriptions.
const SUBSCRIPTIONS: &str = "event-subscriptions";

/// The collection of the accounts that have subscriptions.
const ACCOUNTS: &str = "polled-accounts";

/// The maximum number of subscriptions of an account.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 20;

/// The length of the part of an ID that is the same for all subscriptions of an account, in hexadecimal digits.
const ACCOUNT_PART: usize = 16;

/// How many documents are read at a time.
const PAGE: u32 = 500;

/// A subscription as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    account: String,
    url: String,
    events: BTreeSet<PolledEvent>,
    created_at: DateTime<Utc>,
    /// The ID of the key that encrypted the secret.
    key: String,
    /// The encrypted secret, in base64.
    secret: String,
}

/// A subscription with its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) id: String,
    version: u64,
    record: Record,
}

/// Why a subscription cannot be created.
#[derive(Debug)]
pub(super) enum CreateError {
    TooMany,
    NoRandomBytes,
    Accounts(AccountsError),
    Store(StoreError),
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NoRandomBytes> for CreateError {
    fn from(_: NoRandomBytes) -> Self {
        Self::NoRandomBytes
    }
}

impl Subscription {
    pub(super) fn account(&self) -> &str {
        &self.record.account
    }

    pub(super) fn url(&self) -> &str {
        &self.record.url
    }

    pub(super) fn wants(&self, event: PolledEvent) -> bool {
        self.record.events.contains(&event)
    }

    pub(super) fn secret(&self, accounts: &Accounts) -> Result<SecretString, AccountsError> {
        accounts.decrypt_for_document(&self.id, &self.record.ciphertext())
    }

    pub(super) fn to_public(&self) -> EventSubscription {
        EventSubscription {
            id: self.id.clone(),
            events: self.record.events.iter().copied().collect(),
            url: self.record.url.clone(),
            created_at: self.record.created_at,
        }
    }

    fn to_document(&self) -> Document {
        let content = serde_json::to_vec(&self.record).unwrap_or_default();
        Document { version: self.version, ..Document::new(&*self.id, content) }
    }
}

impl Record {
    fn ciphertext(&self) -> Ciphertext {
        let bytes = BASE64.decode(&self.secret).unwrap_or_default();
        Ciphertext { key: KeyId::new(&*self.key), bytes }
    }
}

fn parse(document: &Document) -> Result<Subscription, StoreError> {
    let record = serde_json::from_slice(&document.content)
        .map_err(|error| StoreError::Damaged(format!("event subscription {}: {error}", document.id)))?;
    Ok(Subscription { id: document.id.clone(), version: document.version, record })
}

/// Creates a subscription, and makes the account one that is polled.
pub(super) async fn create(
    store: &dyn ServiceStore,
    accounts: &Accounts,
    account: &AccountId,
    events: BTreeSet<PolledEvent>,
    url: &str,
    secret: &SecretString,
    now: DateTime<Utc>,
) -> Result<Subscription, CreateError> {
    if list(store, account.as_str(), now).await?.len() >= MAX_SUBSCRIPTIONS {
        return Err(CreateError::TooMany);
    }
    let id = prefix(account.as_str()) + &secret_text::random_hex::<{ ACCOUNT_PART / 2 }>()?;
    let ciphertext =
        accounts.encrypt_for_document(&id, secret.expose_secret()).map_err(CreateError::Accounts)?;
    let record = Record {
        account: account.as_str().to_owned(),
        url: url.to_owned(),
        events,
        created_at: now,
        key: ciphertext.key.as_str().to_owned(),
        secret: BASE64.encode(&ciphertext.bytes),
    };
    let subscription = Subscription { id, version: 1, record };
    store.insert_document(SUBSCRIPTIONS, &subscription.to_document(), now).await?;
    watch(store, account.as_str(), now).await?;
    Ok(subscription)
}

/// Returns an account's subscriptions, sorted by ID.
pub(super) async fn list(
    store: &dyn ServiceStore,
    account: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Subscription>, StoreError> {
    let prefix = prefix(account);
    let found = store.documents(SUBSCRIPTIONS, &prefix, PAGE, now).await?;
    let of_account = found.iter().take_while(|document| document.id.starts_with(&prefix)).map(parse);
    // Two accounts can have the same prefix, however unlikely that is.
    of_account.filter(|one| one.as_ref().map_or(true, |one| one.account() == account)).collect()
}

/// Returns the subscription with this ID.
pub(super) async fn get(
    store: &dyn ServiceStore,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Subscription>, StoreError> {
    store.document(SUBSCRIPTIONS, id, now).await?.as_ref().map(parse).transpose()
}

/// Deletes a subscription of an account; returns whether it existed.
pub(super) async fn delete(
    store: &dyn ServiceStore,
    account: &str,
    id: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    match get(store, id, now).await? {
        Some(found) if found.account() == account => {
            Ok(store.take_document(SUBSCRIPTIONS, id, now).await?.is_some())
        }
        _ => Ok(false),
    }
}

/// Encrypts the secret of a subscription again if an older key encrypted it.
pub(super) async fn reencrypt(
    store: &dyn ServiceStore,
    accounts: &Accounts,
    subscription: &Subscription,
) -> Result<(), AccountsError> {
    let mut renewed = subscription.clone();
    if renewed.record.key == accounts.current_key().as_str() {
        return Ok(());
    }
    let secret = subscription.secret(accounts)?;
    let ciphertext = accounts.encrypt_for_document(&renewed.id, secret.expose_secret())?;
    renewed.record.key = ciphertext.key.as_str().to_owned();
    renewed.record.secret = BASE64.encode(&ciphertext.bytes);
    renewed.version = renewed.version.saturating_add(1);
    match store.replace_document(SUBSCRIPTIONS, &renewed.to_document()).await {
        // Another process did it, or the subscription was deleted.
        Ok(()) | Err(StoreError::Stale { .. } | StoreError::Missing) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An account that is polled.
#[derive(Debug, Serialize, Deserialize)]
struct PolledAccount {
    account: String,
}

async fn watch(store: &dyn ServiceStore, account: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let record = PolledAccount { account: account.to_owned() };
    let content = serde_json::to_vec(&record).unwrap_or_default();
    match store.insert_document(ACCOUNTS, &Document::new(document_id(account), content), now).await {
        Ok(()) | Err(StoreError::DuplicateName) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Stops polling an account unless it has subscriptions.
pub(super) async fn unwatch(
    store: &dyn ServiceStore,
    account: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    store.take_document(ACCOUNTS, &document_id(account), now).await?;
    // A subscription that was created in the meantime found the account still polled.
    if !list(store, account, now).await?.is_empty() {
        watch(store, account, now).await?;
    }
    Ok(())
}

/// Returns a page of the accounts that are polled, and where the next one starts.
pub(super) async fn polled_accounts(
    store: &dyn ServiceStore,
    after: &str,
    now: DateTime<Utc>,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let found = store.documents(ACCOUNTS, after, PAGE, now).await?;
    let is_full = u32::try_from(found.len()).is_ok_and(|found| found >= PAGE);
    let next = found.last().filter(|_| is_full).map(|last| last.id.clone());
    let accounts = found.iter().filter_map(|document| {
        let parsed = serde_json::from_slice::<PolledAccount>(&document.content);
        parsed
            .inspect_err(
                |error| tracing::error!(%error, id = document.id, "damaged record of a polled account"),
            )
            .ok()
    });
    Ok((accounts.map(|record| record.account).collect(), next))
}

/// Returns the ID of the document that belongs to an account.
pub(super) fn document_id(account: &str) -> String {
    hex(&Sha256::digest(account))
}

/// Returns what the IDs of an account's subscriptions start with.
fn prefix(account: &str) -> String {
    SUBSCRIPTION_ID_PREFIX.chars().chain(document_id(account).chars().take(ACCOUNT_PART)).collect()
}
