//! The stored form of an upload: its progress and the intermediate state of its hash, so that it can continue without
//! the earlier bytes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use sha2::digest::common::hazmat::SerializableState as _;

use super::Upload;
use super::store::{Content, Progress, Store, is_ticket};

/// Larger than any disk, and small enough not to overflow when added to.
const MAX_RECEIVED: u64 = 1 << 60;

pub(crate) fn serialize<S: Serializer>(upload: &Arc<Upload>, serializer: S) -> Result<S::Ok, S::Error> {
    Record::of(upload).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Upload>, D::Error> {
    let record = Record::deserialize(deserializer)?;
    record.upload().map(Arc::new).ok_or_else(|| D::Error::custom("invalid ticket or hash of an upload"))
}

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    ticket: String,
    video: u64,
    version: u64,
    size: u64,
    received: u64,
    /// Absent if uploads are not hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

impl Record {
    pub(super) fn of(upload: &Upload) -> Self {
        let size = upload.size();
        let store = upload.sink.store();
        Self {
            ticket: upload.ticket.clone(),
            video: upload.video,
            version: upload.version,
            size,
            received: store.processed,
            hash: store.hasher.as_ref().map(|hasher| STANDARD.encode(hasher.serialize())),
        }
    }

    pub(super) fn upload(self) -> Option<Upload> {
        if !is_ticket(&self.ticket) || self.received > self.size.min(MAX_RECEIVED) {
            return None;
        }
        let hasher = match self.hash {
            Some(hash) => {
                let hash = STANDARD.decode(hash).ok()?;
                Some(Sha256::deserialize(hash.as_slice().try_into().ok()?).ok()?)
            }
            None => None,
        };
        let (received, stored) = (self.received, self.received);
        let progress = Progress { size: self.size, received, stored, error: None };
        let store = Store { hasher, processed: self.received, content: Content::Nothing };
        Some(Upload::with_progress(self.ticket, (self.video, self.version), progress, store))
    }
}
