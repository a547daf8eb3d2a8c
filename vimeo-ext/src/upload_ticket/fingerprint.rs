//! Telling whether a file is still the one whose upload began, without reading all of it.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// Bytes taken from each end.
const SAMPLE_LEN: u64 = 1024 * 1024;

/// What a file looked like when its upload was created: size, time of last change, and a SHA-256
/// over its first and last MiB.
///
/// Cheap for a file of any size. It finds another file under the same name and a file that was
/// edited since; a change in the middle that also sets the time back would pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fingerprint {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, where the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<DateTime<Utc>>,
    /// SHA-256 over size, first and last MiB, in lower-case hex.
    pub sample: String,
    /// SHA-256 of the whole, in lower-case hex, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Fingerprint {
    /// The fingerprint of `size` bytes whose ends are given.
    pub(crate) fn new(size: u64, modified: Option<DateTime<Utc>>, head: &[u8], tail: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(size.to_le_bytes());
        hash.update(head);
        hash.update(tail);
        Self { size, modified, sample: hex(&hash.finalize()), sha256: None }
    }

    /// The first thing in which `now` differs, if it does.
    ///
    /// Times, and hashes of the whole, are compared only when both are known.
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

/// The two ends to hash of a source of `size` bytes; they never overlap.
pub(crate) fn sample_ranges(size: u64) -> (Range<u64>, Range<u64>) {
    let head = 0..SAMPLE_LEN.min(size);
    let tail = head.end.max(size.saturating_sub(SAMPLE_LEN))..size;
    (head, tail)
}

/// How a source differs from what it was.
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
    /// It has the same size, but was written to.
    Modified,
    /// Its beginning or end holds other bytes than when the upload was created.
    Different,
}

impl SourceChange {
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Different => "resume with the one it was, or upload this one to a new video",
            _ => "upload it again, to a new video, once nothing else writes to it",
        }
    }

    /// The change from one size to another, if it is one.
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
                write!(f, "shrank from {from} to {to} bytes since its upload began")
            }
            Self::Grew { from, to } => write!(f, "grew from {from} to {to} bytes since its upload began"),
            Self::Modified => f.write_str("was modified since its upload began"),
            Self::Different => f.write_str("is not the file whose upload began"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_never_overlap() {
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
    fn each_kind_of_change_is_found() {
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
    fn the_whole_is_compared_where_both_know_it() {
        let whole = |sha256: &str| Fingerprint {
            sha256: Some(sha256.to_owned()),
            ..Fingerprint::new(4, None, b"ab", b"cd")
        };
        assert_eq!(whole("1").change(&whole("1")), None);
        assert_eq!(whole("1").change(&whole("2")), Some(SourceChange::Different));
    }

    #[test]
    fn it_survives_json() {
        let fingerprint = Fingerprint::new(4, DateTime::from_timestamp(1, 123_456_789), b"ab", b"cd");
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
    }
}
