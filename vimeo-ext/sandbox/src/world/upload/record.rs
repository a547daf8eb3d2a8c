//! How an upload is written: how far it is, and the hash in the middle of its work, so that it goes on without the
//! bytes that came before.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use sha2::digest::common::hazmat::SerializableState as _;

use super::Upload;
use super::store::{Content, Position, Store, is_ticket};

/// More than any disk holds, and little enough to be added to.
const MAX_RECEIVED: u64 = 1 << 60;

pub(crate) fn serialize<S: Serializer>(upload: &Arc<Upload>, serializer: S) -> Result<S::Ok, S::Error> {
    Record::of(upload).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Upload>, D::Error> {
    let record = Record::deserialize(deserializer)?;
    record.upload().map(Arc::new).ok_or_else(|| D::Error::custom("an upload's ticket or hash cannot be read"))
}

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    ticket: String,
    video: u64,
    version: u64,
    size: u64,
    received: u64,
    /// Absent where none is taken.
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
            received: store.passed,
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
        let (taken, stored) = (self.received, self.received);
        let position = Position { size: self.size, taken, stored, trouble: None };
        let store = Store { hasher, passed: self.received, kept: Content::Nothing };
        Some(Upload::standing(self.ticket, (self.video, self.version), position, store))
    }
}
