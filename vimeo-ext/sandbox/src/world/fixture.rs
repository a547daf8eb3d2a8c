//! Predefined content of worlds.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use super::video::{Source, Stage, Version};

/// Predefined content of a world.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vimeo_sandbox::{Fixture, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// assert_eq!(sandbox.fill(sandbox.world(), &Fixture::Small)?, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fixture {
    /// No content.
    Empty,
    /// A folder, a showcase, a channel and three videos, with a tag and a comment, one of them in Watch Later.
    Small,
    /// The same as [`Small`](Self::Small), with mutated responses: [`Mutation::Fuzz`](crate::Mutation::Fuzz).
    #[serde(alias = "drifted")]
    Mutated,
    /// 10,000 videos of the first user.
    Large,
    /// This number of videos of the first user.
    Videos(usize),
    /// The steps of a TOML file. Each `[[step]]` has a `call`, such as `"POST /me/videos"`, and optionally a `name`,
    /// a `body`, the required `status` of the response, and bytes to `send` to the upload link of the response.
    /// `${name.member}` expands to a member of an earlier response, and `${name.id}` to the number in its URI.
    #[serde(rename = "fixture")]
    Toml(String),
    /// A recording of a real API, as `vimeo-sandbox record` writes it: JSON lines. Requests get the responses that were
    /// recorded for the same method, path and query, in order; the last one repeats. The sandbox itself responds to all
    /// other requests. A recording adds no videos, is not part of the stored state, and starts again
    /// when the world is reset.
    Recording(String),
}

/// The number of videos in [`Fixture::Large`].
pub(crate) const LARGE_VIDEO_COUNT: usize = 10_000;

/// The maximum number of videos in one fixture.
pub(crate) const MAX_VIDEOS: usize = 500_000;

/// Why a fixture in a file failed, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FixtureError {
    /// The line in the file, starting at 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Why a world could not be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// A fixture could not be parsed, or one of its steps failed.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The fixture has too many videos.
    #[error("videos: {0} exceeds the maximum of {MAX_VIDEOS}")]
    TooManyVideos(usize),
}

impl State {
    /// Adds `count` playable videos, each a minute older than the next.
    pub(crate) fn add_videos(&mut self, owner: u64, count: usize, now: DateTime<Utc>) -> Vec<u64> {
        (0..count).map(|place| self.add_playable_video(owner, place, count, now)).collect()
    }

    /// Adds the video of a running broadcast.
    pub(crate) fn begin_broadcast(&mut self, owner: u64, now: DateTime<Utc>) -> u64 {
        let id = self.add_video(owner, now);
        let version = recorded(self.ids.id(), "broadcast.mp4".to_owned(), now);
        if let Some(video) = self.videos.get_mut(&id) {
            video.versions.push(version);
        }
        id
    }

    /// Turns the video of a broadcast into a playable recording.
    pub(crate) fn end_broadcast(&mut self, id: u64, now: DateTime<Utc>) {
        let version = self.videos.get(&id).and_then(|video| video.versions.last()).map(|version| version.id);
        if let Some(version) = version {
            self.finish_transcode(id, version, now);
        }
    }

    /// Adds a copy of a video; `None` if the video does not exist.
    pub(crate) fn copy_video(&mut self, id: u64, now: DateTime<Utc>) -> Option<u64> {
        let mut copy = self.videos.get(&id)?.clone();
        copy.id = self.ids.id();
        (copy.hash, copy.resource_key) = (self.ids.hex(10), self.ids.hex(40));
        (copy.created, copy.modified) = (now, now);
        copy.comments.clear();
        copy.plays = 0;
        for version in &mut copy.versions {
            // Uploaded bytes belong to the original.
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

    fn add_playable_video(&mut self, owner: u64, place: usize, count: usize, now: DateTime<Utc>) -> u64 {
        let age = TimeDelta::try_minutes((count - place) as i64).unwrap_or(TimeDelta::zero());
        let created = now.checked_sub_signed(age).unwrap_or(now);
        let id = self.add_video(owner, created);
        let version = recorded(self.ids.id(), format!("video-{}.mp4", place + 1), created);
        let version_id = version.id;
        if let Some(video) = self.videos.get_mut(&id) {
            video.name = format!("Video {}", place + 1);
            video.versions.push(version);
        }
        self.activate_version(id, version_id, created);
        if let Some(video) = self.videos.get_mut(&id) {
            video.duration = 10 + (place as u64 * 7) % 600;
            video.plays = (place as u64 * 13) % 1000;
        }
        id
    }
}

/// Returns a version that was not uploaded, before it is playable.
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
            (r#"{"recording":"lines"}"#, Fixture::Recording("lines".to_owned())),
        ] {
            assert_eq!(serde_json::from_str::<Fixture>(json).unwrap(), fixture);
        }
    }
}
