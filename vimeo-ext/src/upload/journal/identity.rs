//! The identity of an upload: its purpose, its owner and the API.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::version_1;
use crate::auth::AccountKey;
use crate::hex::hex;

/// What an upload is for. Distinguishes the uploads of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// A new video.
    NewVideo,
    /// A new version of a video, with another file.
    NewVersion {
        /// The number of the video.
        video: u64,
    },
    /// A purpose that the program defines.
    Other {
        /// The name that the program chose.
        name: String,
    },
}

impl From<&str> for Purpose {
    fn from(name: &str) -> Self {
        Self::Other { name: name.to_owned() }
    }
}

impl From<String> for Purpose {
    fn from(name: String) -> Self {
        Self::Other { name }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewVideo => f.write_str("a new video"),
            Self::NewVersion { video } => write!(f, "a new version of /videos/{video}"),
            Self::Other { name } => f.write_str(name),
        }
    }
}

/// The account that owns an upload, and the API; the same after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) account: AccountKey,
    /// The base URL of the API.
    pub(crate) api: String,
}

/// Everything that distinguishes the uploads of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Identity {
    pub(crate) purpose: Purpose,
    /// `None` if a program uses the journal directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Owner>,
}

/// The stored form, of any version.
#[derive(Deserialize)]
struct Stored {
    purpose: StoredPurpose,
    #[serde(default)]
    owner: Option<Owner>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StoredPurpose {
    Typed(Purpose),
    /// The sentence of version 1.
    Sentence(String),
}

impl From<Stored> for Identity {
    fn from(stored: Stored) -> Self {
        match stored.purpose {
            StoredPurpose::Typed(purpose) => Self { purpose, owner: stored.owner },
            StoredPurpose::Sentence(sentence) => version_1::identity(sentence),
        }
    }
}

impl Identity {
    /// Returns the ID of the entry for a file. It must not change: later releases look for the entry by this ID.
    pub(super) fn id(&self, path: &Path) -> String {
        let mut parts: Vec<&[u8]> = vec![path.as_os_str().as_encoded_bytes(), b"2"];
        let video;
        match &self.purpose {
            Purpose::NewVideo => parts.push(b"new_video"),
            Purpose::NewVersion { video: number } => {
                video = number.to_string();
                parts.extend([b"new_version".as_slice(), video.as_bytes()]);
            }
            Purpose::Other { name } => parts.extend([b"other".as_slice(), name.as_bytes()]),
        }
        if let Some(Owner { account, api }) = &self.owner {
            let (kind, name) = account.parts();
            parts.extend([b"owner".as_slice(), kind.as_bytes(), name.as_bytes(), api.as_bytes()]);
        }
        digest(&parts)
    }
}

impl From<Purpose> for Identity {
    fn from(purpose: Purpose) -> Self {
        Self { purpose, owner: None }
    }
}

/// Returns the first 32 hex digits of a hash over parts, separated so that no two lists of parts collide.
pub(super) fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            hash.update([0]);
        }
        hash.update(part);
    }
    let mut id = hex(&hash.finalize());
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(purpose: Purpose, account: Option<AccountKey>) -> Identity {
        let owner = account.map(|account| Owner { account, api: "https://api.vimeo.com/".to_owned() });
        Identity { purpose, owner }
    }

    /// A release with other IDs would find none of the uploads of earlier releases.
    #[test]
    fn entry_ids_are_stable() {
        let anna = || Some(AccountKey::Account("anna".to_owned()));
        let token = Some(AccountKey::Token("1ec1c26b50d5d3c5".to_owned()));
        let path = Path::new("/films/film.mp4");
        // (purpose, account, id)
        let table = [
            (Purpose::NewVideo, None, "9d6bb52948acadd88183000291311a84"),
            (Purpose::NewVideo, anna(), "e43d6c5fe40dfb88c702bfe4ee6c77b6"),
            (Purpose::NewVideo, token, "c8c9cced24b72f920e6c86e9da6d0c8d"),
            (Purpose::NewVersion { video: 7 }, anna(), "16e4d104bc0b4eb53145e48f4e0326f9"),
            (Purpose::from("new video"), None, "72552e503843a4abe7d30ef03947fd87"),
        ];
        for (purpose, account, id) in table {
            assert_eq!(identity(purpose.clone(), account).id(path), id, "{purpose:?}");
        }
    }
}
