//! Policies of a sandbox and its worlds.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::seconds;

/// How an uploaded video becomes playable.
///
/// In JSON: `"immediate"`, `{"after": 2.5}`, `{"after_reads": 3}`, `"by_hand"`, `{"fails_after": 2}`; times in
/// seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transcode {
    /// With the last byte.
    Immediate,
    /// After this time of the world's clock.
    After(#[serde(with = "seconds")] Duration),
    /// After the video was requested this many times; the next response shows it as playable.
    AfterReads(u32),
    /// When [`World::finish_transcode`](crate::World::finish_transcode) is called.
    #[serde(rename = "by_hand", alias = "manual")]
    Manual,
    /// Never: transcoding fails after this time of the world's clock.
    FailsAfter(#[serde(with = "seconds")] Duration),
}

/// The outcome of pull uploads, which Vimeo fetches itself. The sandbox never sends requests to other hosts, so
/// nothing is fetched; it only reports the configured outcome, after the transcoding time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PullOutcome {
    /// The video becomes available, without bytes.
    Succeeds,
    /// `upload.status` becomes `error`, and `upload.error` this value, such as `remote_not_found`.
    Fails(String),
}

/// How a list responds to a token that lacks the required `private` scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingPrivateScope {
    /// With status 403.
    #[default]
    Forbidden,
    /// With status 200 and an empty list, as users of the real API have reported.
    EmptyList,
}

/// Where uploaded bytes are stored. Their number is always known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ContentStorage {
    #[default]
    Nothing,
    Memory,
    Folder(PathBuf),
}

/// The subscription plan of a user. It determines `account` and the reported quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Plan {
    /// The free plan.
    Free,
    /// The `starter` plan.
    Starter,
    /// The `standard` plan.
    #[default]
    Standard,
    /// The `advanced` plan.
    Advanced,
    /// The `enterprise` plan.
    Enterprise,
}

impl Plan {
    /// Returns Vimeo's value of `user.account`.
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

/// How much a user can store, in bytes or in videos. Vimeo's quotas change with plans and years; the defaults are the
/// sandbox's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// The quota in total. Default: 5 TB. `space` in JSON.
    #[serde(rename = "space")]
    pub total: u64,
    /// The quota per period. Default: 1 TB.
    pub periodic: u64,
    /// What the quota counts. Default: bytes.
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
    /// Videos, regardless of their size.
    VideoCount,
}

impl QuotaUnit {
    /// Returns Vimeo's value of `unit`.
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
    /// Returns a quota in bytes: in total and per period.
    #[must_use]
    pub fn new(total: u64, periodic: u64) -> Self {
        Self { total, periodic, unit: QuotaUnit::VideoSize }
    }

    /// Returns a quota in videos, as newer plans have it: in total and per period.
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
