//! Detects changes of a file since its upload started, without reading all of it.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// The number of bytes hashed at each end.
const SAMPLE_LEN: u64 = 1024 * 1024;

/// The fingerprint of a file: size, modification time, and a SHA-256 over its first and last MiB.
///
/// It is cheap for files of any size. It detects another file under the same name and an edited file. It does not
/// detect a change in the middle whose modification time was reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fingerprint {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, if the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<DateTime<Utc>>,
    /// SHA-256 over size, first and last MiB, in lower-case hex.
    pub sample: String,
    /// SHA-256 of the whole file, in lower-case hex, if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Fingerprint {
    /// Creates the fingerprint of `size` bytes from their first and last bytes.
    pub(crate) fn new(size: u64, modified: Option<DateTime<Utc>>, head: &[u8], tail: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(size.to_le_bytes());
        hash.update(head);
        hash.update(tail);
        Self { size, modified, sample: hex(&hash.finalize()), sha256: None }
    }

    /// Returns the first difference to `now`, if there is one.
    ///
    /// Modification times and hashes of the whole file are compared only if both sides have them.
    pub fn change(&self, now: &Self) -> Option<SourceChange> {
        if let Some(change) = SourceChange::of_size(self.size, now.size) {
            return Some(change);
        }
        let other_whole = matches!((&self.sha256, &now.sha256), (Some(then), Some(now)) if then != now);
        if self.sample != now.sample || other_whole {
            return Some(SourceChange::Different);
        }
        match (self.modified, now.modified) {
            (Some(then), Some(now)) if then != now => Some(SourceChange::Modified),
            _ => None,
        }
    }
}

/// Returns the two ranges to hash of a source of `size` bytes; they never overlap.
pub(crate) fn sample_ranges(size: u64) -> (Range<u64>, Range<u64>) {
    let head = 0..SAMPLE_LEN.min(size);
    let tail = head.end.max(size.saturating_sub(SAMPLE_LEN))..size;
    (head, tail)
}

/// How a source has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceChange {
    /// It has fewer bytes than before.
    Shrank {
        /// Bytes before.
        from: u64,
        /// Bytes now.
        to: u64,
    },
    /// It has more bytes than before.
    Grew {
        /// Bytes before.
        from: u64,
        /// Bytes now.
        to: u64,
    },
    /// It has the same size but was modified.
    Modified,
    /// Its first or last bytes differ from those when the upload was created.
    Different,
}

impl SourceChange {
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Different => "resume with the original file, or upload this one to a new video",
            _ => "upload it to a new video once nothing writes to it any more",
        }
    }

    /// Returns the change between two sizes, if they differ.
    pub(crate) fn of_size(from: u64, to: u64) -> Option<Self> {
        match to.cmp(&from) {
            std::cmp::Ordering::Less => Some(Self::Shrank { from, to }),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Self::Grew { from, to }),
        }
    }
}

impl std::fmt::Display for SourceChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shrank { from, to } => {
                write!(f, "shrank from {from} to {to} bytes since its upload started")
            }
            Self::Grew { from, to } => write!(f, "grew from {from} to {to} bytes since its upload started"),
            Self::Modified => f.write_str("was modified since its upload started"),
            Self::Different => f.write_str("is not the file whose upload started"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_ranges_never_overlap() {
        let mib = SAMPLE_LEN;
        // (size, head, tail)
        let table = [
            (0, 0..0, 0..0),
            (1, 0..1, 1..1),
            (mib, 0..mib, mib..mib),
            (mib + 1, 0..mib, mib..mib + 1),
            (2 * mib, 0..mib, mib..2 * mib),
            (5 * mib, 0..mib, 4 * mib..5 * mib),
        ];
        for (size, head, tail) in table {
            assert_eq!(sample_ranges(size), (head, tail), "{size} bytes");
        }
    }

    #[test]
    fn detects_each_kind_of_change() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let then = Fingerprint::new(4, at(100), b"ab", b"cd");
        // (now, change)
        let table = [
            (Fingerprint::new(4, at(100), b"ab", b"cd"), None),
            (Fingerprint::new(4, None, b"ab", b"cd"), None),
            (Fingerprint { sha256: Some("1".into()), ..then.clone() }, None),
            (Fingerprint::new(4, at(101), b"ab", b"cd"), Some(SourceChange::Modified)),
            (Fingerprint::new(4, at(100), b"ab", b"cX"), Some(SourceChange::Different)),
            (Fingerprint::new(3, at(100), b"ab", b"c"), Some(SourceChange::Shrank { from: 4, to: 3 })),
            (Fingerprint::new(5, at(100), b"ab", b"cde"), Some(SourceChange::Grew { from: 4, to: 5 })),
        ];
        for (now, change) in table {
            assert_eq!(then.change(&now), change, "{now:?}");
        }
    }

    #[test]
    fn whole_hashes_are_compared_if_both_exist() {
        let whole = |sha256: &str| Fingerprint {
            sha256: Some(sha256.to_owned()),
            ..Fingerprint::new(4, None, b"ab", b"cd")
        };
        assert_eq!(whole("1").change(&whole("1")), None);
        assert_eq!(whole("1").change(&whole("2")), Some(SourceChange::Different));
    }

    #[test]
    fn json_round_trips() {
        let fingerprint = Fingerprint::new(4, DateTime::from_timestamp(1, 123_456_789), b"ab", b"cd");
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
    }
}
