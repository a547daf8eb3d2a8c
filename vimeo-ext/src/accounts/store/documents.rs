//! Documents: small records that a service stores next to its accounts.

use chrono::{DateTime, Utc};

use super::{AccountStore, StoreFuture};

/// A small record of a service that is built on [`Accounts`](crate::accounts::Accounts), such as a hashed API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The ID, unique in its collection.
    pub id: String,
    /// How often the document was written. Starts at 1.
    pub version: u64,
    /// When the document expires. Expired documents are not returned.
    pub expires: Option<DateTime<Utc>>,
    /// The content. The store does not encrypt it.
    pub content: Vec<u8>,
}

impl Document {
    /// Creates version 1 of a document that does not expire.
    pub fn new(id: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { id: id.into(), version: 1, expires: None, content: content.into() }
    }

    /// Sets when the document expires.
    #[must_use]
    pub fn expires(mut self, time: DateTime<Utc>) -> Self {
        self.expires = Some(time);
        self
    }
}

/// Stores [documents](Document) in named collections. Every store of this crate does.
///
/// Each method is one transaction. Times come from the caller.
///
/// # Errors
///
/// Every method returns [`StoreError::Unavailable`](super::StoreError::Unavailable) if the store cannot be reached, and
/// [`StoreError::Damaged`](super::StoreError::Damaged) if a document cannot be parsed. Other errors are listed with the methods.
pub trait DocumentStore: Send + Sync + 'static {
    /// Inserts a document. Replaces one with the same ID that has expired by `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError::DuplicateName`](super::StoreError::DuplicateName) if the collection has a document with this ID.
    fn insert_document<'a>(
        &'a self,
        collection: &'a str,
        document: &'a Document,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, ()>;

    /// Returns the document with this ID.
    fn document<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Option<Document>>;

    /// Returns the documents with a greater ID than `after`, sorted by ID (byte order), at most `limit`.
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        after: &'a str,
        limit: u32,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Vec<Document>>;

    /// Replaces a document whose stored version is one less than this one's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`](super::StoreError::Stale) if the stored version differs;
    /// [`StoreError::Missing`](super::StoreError::Missing) if there is no such document.
    fn replace_document<'a>(&'a self, collection: &'a str, document: &'a Document) -> StoreFuture<'a, ()>;

    /// Removes and returns a document if it has not expired by `now`. Of concurrent callers, one gets it.
    fn take_document<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        now: DateTime<Utc>,
    ) -> StoreFuture<'a, Option<Document>>;

    /// Deletes the documents that have expired by `now`, in all collections.
    fn sweep_documents(&self, now: DateTime<Utc>) -> StoreFuture<'_, ()>;
}

/// A store of accounts and of documents. Every type that is both implements it.
pub trait ServiceStore: AccountStore + DocumentStore {}

impl<S: AccountStore + DocumentStore + ?Sized> ServiceStore for S {}
