//! Videos that are there from the start.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use super::video::{Source, Stage, Version};

/// What a world is filled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Seed {
    /// Nothing.
    Empty,
    /// 10,000 videos of the first user.
    Large,
    /// So many videos of the first user.
    Videos(usize),
}

/// How many videos [`Seed::Large`] is.
pub(crate) const LARGE: usize = 10_000;

/// Why a world could not be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {}

impl State {
    /// Adds `count` videos that are ready to play, each a minute older than the next.
    pub(crate) fn seed_videos(&mut self, owner: u64, count: usize, now: DateTime<Utc>) -> Vec<u64> {
        (0..count).map(|place| self.seed_video(owner, place, count, now)).collect()
    }

    fn seed_video(&mut self, owner: u64, place: usize, count: usize, now: DateTime<Utc>) -> u64 {
        let age = TimeDelta::try_minutes((count - place) as i64).unwrap_or(TimeDelta::zero());
        let created = now.checked_sub_signed(age).unwrap_or(now);
        let id = self.add_video(owner, created);
        let version = Version {
            id: self.ids.id(),
            file_name: format!("video-{}.mp4", place + 1),
            description: None,
            created,
            modified: created,
            uploaded: Some(created),
            active: false,
            source: Source::Seeded,
            upload: Stage::Complete,
            transcode: Stage::InProgress,
            reads_left: None,
        };
        let version_id = version.id;
        if let Some(video) = self.videos.get_mut(&id) {
            video.name = format!("Video {}", place + 1);
            video.versions.push(version);
        }
        self.transcoded(id, version_id, created);
        if let Some(video) = self.videos.get_mut(&id) {
            video.duration = 10 + (place as u64 * 7) % 600;
            video.plays = (place as u64 * 13) % 1000;
        }
        id
    }
}
