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
    #[serde(rename = "by_hand", alias = "manual")]
    Manual,
    /// Never: after this much time of the world's clock it fails.
    FailsAfter(#[serde(with = "seconds")] Duration),
}

/// What becomes of a video that Vimeo is to fetch itself. The sandbox never calls out, so nothing is fetched: it only
/// tells of the outcome that was chosen, after the time that transcoding is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PullOutcome {
    /// The video becomes available, without bytes.
    Succeeds,
    /// `upload.status` becomes `error`, and `upload.error` this word, such as `remote_not_found`.
    Fails(String),
}

/// What a list answers to a token that lacks its `private` scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingPrivateScope {
    /// 403.
    #[default]
    Forbidden,
    /// 200 with nothing in it: the silence that users of the real API have met.
    EmptyList,
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
    pub fn as_str(self) -> &'static str {
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
    #[serde(rename = "space")]
    pub total: u64,
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
    pub(crate) fn as_str(self) -> &'static str {
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
    pub fn new(total: u64, periodic: u64) -> Self {
        Self { total, periodic, unit: QuotaUnit::VideoSize }
    }

    /// Videos in all and in one period, as the newer plans have it.
    #[must_use]
    pub fn videos(total: u64, periodic: u64) -> Self {
        Self { total, periodic, unit: QuotaUnit::VideoCount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_names_of_earlier_releases() {
        assert_eq!(serde_json::to_string(&Transcode::Manual).unwrap(), r#""by_hand""#);
        assert_eq!(serde_json::from_str::<Transcode>(r#""manual""#).unwrap(), Transcode::Manual);
        let quota = serde_json::to_string(&Quota::videos(25, 2)).unwrap();
        assert_eq!(quota, r#"{"space":25,"periodic":2,"unit":"video_count"}"#);
    }
}
