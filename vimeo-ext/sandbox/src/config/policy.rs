//! What a sandbox and its worlds may be told to do otherwise.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::seconds;

/// How an uploaded video becomes playable.
///
/// In JSON: `"immediate"`, `{"after": 2.5}`, `{"after_reads": 3}`, `"by_hand"`, `{"fails_after": 2}`; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transcode {
    /// At once, with the last byte.
    Immediate,
    /// After this much time of the world's clock.
    After(#[serde(with = "seconds")] Duration),
    /// When the video was asked for this many times; the answer after that shows it done.
    AfterReads(u32),
    /// When [`World::finish_transcode`](crate::World::finish_transcode) says so.
    ByHand,
    /// Never: after this much time of the world's clock it fails.
    FailsAfter(#[serde(with = "seconds")] Duration),
}

/// What becomes of a video that Vimeo is to fetch itself. The sandbox never calls out, so nothing is fetched: it only
/// tells of the outcome that was chosen, after the time that transcoding is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pull {
    /// The video becomes available, without bytes.
    Succeeds,
    /// `upload.status` becomes `error`, and `upload.error` this word, such as `remote_not_found`.
    Fails(String),
}

/// What a list answers to a token that lacks its `private` scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingPrivate {
    /// 403.
    #[default]
    Refuse,
    /// 200 with nothing in it: the silence that users of the real API have met.
    Empty,
}

/// Where uploaded bytes stay. Their size is always known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ContentStorage {
    #[default]
    Nothing,
    Memory,
    Folder(PathBuf),
}

/// The subscription of a user; decides `account` and the quota that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Plan {
    /// The free plan.
    Free,
    /// The word `starter`.
    Starter,
    /// The word `standard`.
    #[default]
    Standard,
    /// The word `advanced`.
    Advanced,
    /// The word `enterprise`.
    Enterprise,
}

impl Plan {
    /// Vimeo's word for it, as in `user.account`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Standard => "standard",
            Self::Advanced => "advanced",
            Self::Enterprise => "enterprise",
        }
    }
}

/// How much a user may store: so many bytes, or so many videos. Vimeo's numbers change with plans and years; these are the
/// sandbox's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// In all. Default: 5 TB.
    pub space: u64,
    /// In one period. Default: 1 TB.
    pub periodic: u64,
    /// What the two count. Default: bytes.
    #[serde(default)]
    pub unit: QuotaUnit,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaUnit {
    /// Bytes.
    #[default]
    VideoSize,
    /// Videos, whatever their size.
    VideoCount,
}

impl QuotaUnit {
    /// Vimeo's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::VideoSize => "video_size",
            Self::VideoCount => "video_count",
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self::new(5_000_000_000_000, 1_000_000_000_000)
    }
}

impl Quota {
    /// Bytes in all and in one period.
    #[must_use]
    pub fn new(space: u64, periodic: u64) -> Self {
        Self { space, periodic, unit: QuotaUnit::VideoSize }
    }

    /// Videos in all and in one period, as the newer plans have it.
    #[must_use]
    pub fn videos(space: u64, periodic: u64) -> Self {
        Self { space, periodic, unit: QuotaUnit::VideoCount }
    }
}
