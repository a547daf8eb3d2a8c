//! Videos that are there from the start.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use super::video::{Source, Stage, Version};

/// What a world is filled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fixture {
    /// Nothing.
    Empty,
    /// A folder, a showcase, a channel and three videos, with a tag and a comment, one of them in Watch Later.
    Small,
    /// As [`Small`](Self::Small), in a world whose answers drift: [`Mutation::Fuzz`](crate::Mutation::Fuzz).
    #[serde(alias = "drifted")]
    Mutated,
    /// 10,000 videos of the first user.
    Large,
    /// So many videos of the first user.
    Videos(usize),
    /// The steps of a fixture, in TOML: each `[[step]]` has a `call` such as `"POST /me/videos"`, and may have a `name`, a
    /// `body`, a `status` that must be answered, and bytes to `send` by the answer's upload link. `${name.member}` stands
    /// for a member of an earlier answer, and `${name.id}` for the number in its URI.
    #[serde(rename = "fixture")]
    Toml(String),
}

/// How many videos [`Fixture::Large`] is.
pub(crate) const LARGE_VIDEO_COUNT: usize = 10_000;

/// How many videos a world can be filled with at once.
pub(crate) const MAX_VIDEOS: usize = 500_000;

/// Why a fixture was not carried out, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FixtureError {
    /// The line in the file, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Why a world could not be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// A fixture could not be read, or one of its steps failed.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// More videos were asked for than a world is filled with at once.
    #[error("videos: {0} are too many; {MAX_VIDEOS} are the most at once")]
    TooManyVideos(usize),
}

impl State {
    /// Adds `count` videos that are ready to play, each a minute older than the next.
    pub(crate) fn add_videos(&mut self, owner: u64, count: usize, now: DateTime<Utc>) -> Vec<u64> {
        (0..count).map(|place| self.seed_video(owner, place, count, now)).collect()
    }

    /// Adds a video that is being made while it is watched.
    pub(crate) fn begin_broadcast(&mut self, owner: u64, now: DateTime<Utc>) -> u64 {
        let id = self.add_video(owner, now);
        let version = recorded(self.ids.id(), "broadcast.mp4".to_owned(), now);
        if let Some(video) = self.videos.get_mut(&id) {
            video.versions.push(version);
        }
        id
    }

    /// Makes a recording of a broadcast, which plays at once.
    pub(crate) fn end_broadcast(&mut self, id: u64, now: DateTime<Utc>) {
        let version = self.videos.get(&id).and_then(|video| video.versions.last()).map(|version| version.id);
        if let Some(version) = version {
            self.transcoded(id, version, now);
        }
    }

    /// Adds a copy of a video; `None` when there is no such video.
    pub(crate) fn copy_video(&mut self, id: u64, now: DateTime<Utc>) -> Option<u64> {
        let mut copy = self.videos.get(&id)?.clone();
        copy.id = self.ids.id();
        (copy.hash, copy.resource_key) = (self.ids.hex(10), self.ids.hex(40));
        (copy.created, copy.modified) = (now, now);
        copy.comments.clear();
        copy.plays = 0;
        for version in &mut copy.versions {
            // The bytes stay with the one they were sent for.
            *version = Version { id: self.ids.id(), source: Source::Seeded, ..version.clone() };
        }
        for picture in &mut copy.pictures {
            picture.id = self.ids.id();
        }
        for track in &mut copy.text_tracks {
            track.id = self.ids.id();
        }
        let id = copy.id;
        self.videos.insert(id, copy);
        Some(id)
    }

    fn seed_video(&mut self, owner: u64, place: usize, count: usize, now: DateTime<Utc>) -> u64 {
        let age = TimeDelta::try_minutes((count - place) as i64).unwrap_or(TimeDelta::zero());
        let created = now.checked_sub_signed(age).unwrap_or(now);
        let id = self.add_video(owner, created);
        let version = recorded(self.ids.id(), format!("video-{}.mp4", place + 1), created);
        let version_id = version.id;
        if let Some(video) = self.videos.get_mut(&id) {
            video.name = format!("Video {}", place + 1);
            video.versions.push(version);
        }
        self.becomes_playable(id, version_id, created);
        if let Some(video) = self.videos.get_mut(&id) {
            video.duration = 10 + (place as u64 * 7) % 600;
            video.plays = (place as u64 * 13) % 1000;
        }
        id
    }
}

/// A version that nobody uploaded, before it plays.
fn recorded(id: u64, file_name: String, created: DateTime<Utc>) -> Version {
    Version {
        id,
        file_name,
        description: None,
        created,
        modified: created,
        uploaded: Some(created),
        active: false,
        source: Source::Seeded,
        upload: Stage::Complete,
        transcode: Stage::InProgress,
        reads_left: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_of_earlier_releases() {
        for (json, fixture) in [
            (r#""drifted""#, Fixture::Mutated),
            (r#""mutated""#, Fixture::Mutated),
            (r#"{"videos":2}"#, Fixture::Videos(2)),
            (r#"{"fixture":"steps"}"#, Fixture::Toml("steps".to_owned())),
        ] {
            assert_eq!(serde_json::from_str::<Fixture>(json).unwrap(), fixture);
        }
    }
}
