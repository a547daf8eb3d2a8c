//! An entry of the journal, as it is stored.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::source::remove_spool_file;
use super::identity::{Identity, Purpose};
use super::path_text;
use crate::auth::AccountKey;
use crate::error::UploadError;
use crate::upload_ticket::{Fingerprint, UploadTicket};

/// The version of entries that are written. Entries of version 1 are read as well.
pub(super) const VERSION: u32 = 2;

/// An unfinished upload: one entry of a [`Journal`](super::Journal).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingUpload {
    pub(super) version: u32,
    /// The name of the entry's files, which is not stored in them.
    #[serde(skip)]
    pub(super) id: String,
    /// The absolute path of the file.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// The fingerprint of the file when the upload started.
    pub fingerprint: Fingerprint,
    /// When the upload started.
    #[serde(rename = "begun")]
    pub started_at: DateTime<Utc>,
    /// When the creation request was sent; `None` if the process ended before, so that no video exists.
    #[serde(rename = "asked", default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// How many seconds Vimeo's clock was ahead of the local clock at the request; `None` if no response told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server_clock_ahead: Option<i64>,
    /// The ticket; `None` if the process ended before the video was known to be created.
    pub ticket: Option<UploadTicket>,
    /// The settings of the video as they were sent to Vimeo, without the password; null if they were not stored.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// The URL of the video's page, if the response has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The version that this upload fills, if it replaces the file of a video and the response names the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_uri: Option<String>,
    /// Whether the file at `path` was spooled for this upload only, so that it is removed with the entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) spooled: bool,
}

impl PendingUpload {
    /// Returns the ID of the upload; [`discard`](super::Journal::discard) takes it.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Returns what the upload is for.
    pub fn purpose(&self) -> &Purpose {
        &self.identity.purpose
    }

    /// Returns the account that started the upload, if the client had an account name.
    pub fn account(&self) -> Option<&str> {
        match &self.identity.owner.as_ref()?.account {
            AccountKey::Account(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the base URL of the API, if a client started the upload.
    pub fn api(&self) -> Option<&str> {
        Some(&self.identity.owner.as_ref()?.api)
    }

    /// Returns the names of the settings that differ from `settings`. None differ if the entry stores none.
    pub(crate) fn differing_settings(&self, settings: &Value) -> Vec<String> {
        differing_members(&self.settings, settings)
    }

    /// Removes the file if it was spooled for this upload.
    pub(super) fn remove_spool_file(&self) -> Result<(), UploadError> {
        if self.spooled { remove_spool_file(&self.path) } else { Ok(()) }
    }

    /// Whether a video may have been created for it.
    pub(super) fn may_have_video(&self) -> bool {
        self.ticket.is_some() || self.requested_at.is_some()
    }
}

fn differing_members(stored: &Value, requested: &Value) -> Vec<String> {
    let (Some(stored), Some(requested)) = (stored.as_object(), requested.as_object()) else {
        return Vec::new();
    };
    let mut names: Vec<&String> = stored.keys().chain(requested.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| stored.get(*name) != requested.get(*name)).cloned().collect()
}

/// All entries of a journal; from [`Journal::entries`](super::Journal::entries).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct JournalEntries {
    /// The unfinished uploads, oldest first.
    pub pending: Vec<PendingUpload>,
    /// The entries that cannot be read, for example because other users can write them or a later release wrote them.
    pub damaged: Vec<DamagedEntry>,
}

/// A journal entry that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedEntry {
    /// The ID of the entry; [`discard`](super::Journal::discard) takes it.
    pub id: String,
    /// Why the entry cannot be read.
    pub error: UploadError,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differing_settings_are_named() {
        let stored = json!({"name": "Surf", "locale": "de"});
        // (requested settings, names of those that differ)
        let table = [
            (json!({"name": "Surf", "locale": "de"}), vec![]),
            (json!({"name": "Swell", "locale": "de"}), vec!["name"]),
            (json!({"name": "Surf", "license": "by"}), vec!["license", "locale"]),
            (Value::Null, vec![]),
        ];
        for (requested, names) in table {
            assert_eq!(differing_members(&stored, &requested), names, "{requested}");
        }
    }
}
