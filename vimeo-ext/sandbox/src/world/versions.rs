//! The versions of a video: their uploads and transcoding.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::State;
use super::schedule::DueEvent;
use super::upload::{UNKNOWN_SIZE, Upload};
use super::video::{Picture, Source, Stage, Version};
use crate::config::Transcode;
use crate::protocol::error::ApiError;

/// The result of transcoding any file, since the sandbox does not decode video.
const DURATION: u64 = 60;
const SIZE: (u64, u64) = (640, 360);

/// How a new version is uploaded.
#[derive(Debug, Clone)]
pub(crate) enum NewSource {
    Tus { size: u64 },
    Pull { link: String },
    Form { size: Option<u64>, redirect: Option<String> },
}

impl State {
    /// Adds a version that waits for its file.
    pub(crate) fn add_version(
        &mut self,
        video: u64,
        file_name: &str,
        source: NewSource,
        now: DateTime<Utc>,
    ) -> Result<u64, ApiError> {
        let id = self.ids.id();
        let source = match source {
            NewSource::Tus { size } => Source::Tus(self.new_upload(video, id, size)?),
            // The announced size of a form upload only counts against the quota; the file can differ.
            NewSource::Form { redirect, .. } => {
                Source::Form(self.new_upload(video, id, UNKNOWN_SIZE)?, redirect)
            }
            NewSource::Pull { link } => {
                let delay = match self.transcode {
                    Transcode::After(time) | Transcode::FailsAfter(time) => time,
                    _ => std::time::Duration::ZERO,
                };
                self.schedule_event(now, delay, DueEvent::Pulled { video, version: id });
                Source::Pull(link)
            }
        };
        let empty = source.upload().is_some_and(|upload| upload.size() == 0);
        let version = Version {
            id,
            file_name: file_name.to_owned(),
            description: None,
            created: now,
            modified: now,
            uploaded: None,
            active: false,
            source,
            upload: Stage::InProgress,
            transcode: Stage::InProgress,
            reads_left: None,
        };
        if let Some(video) = self.videos.get_mut(&video) {
            video.versions.push(version);
            video.touch(now);
        }
        if empty {
            self.fail_upload(video, id, "empty_upload", now);
        }
        Ok(id)
    }

    fn new_upload(&mut self, video: u64, version: u64, size: u64) -> Result<Arc<Upload>, ApiError> {
        let ticket = self.ids.hex(32);
        let upload = Upload::new(ticket.clone(), video, version, size, &self.config).map_err(|error| {
            let message = format!("The sandbox cannot store the upload: {error}.");
            ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, None, "Something went wrong.", message)
        })?;
        let upload = Arc::new(upload);
        self.uploads.insert(ticket, Arc::clone(&upload));
        Ok(upload)
    }

    pub(crate) fn upload(&self, ticket: &str) -> Option<Arc<Upload>> {
        self.uploads.get(ticket).cloned()
    }

    pub(crate) fn uploads(&self) -> Vec<Arc<Upload>> {
        self.uploads.values().cloned().collect()
    }

    /// Marks a video as changed after its upload received bytes, which the table cannot observe.
    pub(crate) fn mark_upload_changed(&mut self, video: u64) {
        let _ = self.videos.get_mut(&video);
    }

    /// Discards an upload: its link becomes invalid.
    pub(crate) fn lose_upload(&mut self, ticket: &str) {
        self.uploads.remove(ticket);
    }

    pub(crate) fn uploaded(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        let rule = self.transcode;
        let Some(version) = self.version_mut(video, version) else { return };
        if version.upload != Stage::InProgress {
            return;
        }
        version.upload = Stage::Complete;
        version.uploaded = Some(now);
        version.modified = now;
        let id = version.id;
        match rule {
            Transcode::Immediate => self.finish_transcode(video, id, now),
            Transcode::After(time) => {
                self.schedule_event(now, time, DueEvent::Transcoded { video, version: id })
            }
            Transcode::FailsAfter(time) => {
                self.schedule_event(now, time, DueEvent::TranscodeFailed { video, version: id })
            }
            Transcode::AfterReads(reads) => version.reads_left = Some(reads),
            Transcode::Manual => {}
        }
        if let Some(video) = self.videos.get_mut(&video) {
            video.touch(now);
        }
    }

    pub(super) fn fail_upload(&mut self, video: u64, version: u64, word: &str, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(version) = self.version_mut(video, version) {
            version.upload = Stage::Error(Some(word.to_owned()));
            version.transcode = Stage::Error(None);
            version.modified = now;
            self.emit_video("video-upload-failed", video, now);
        }
    }

    /// Makes a version playable in place of the current one; returns `false` if it does not exist.
    pub(super) fn activate_version(&mut self, video: u64, version: u64, now: DateTime<Utc>) -> bool {
        self.changed = self.changed.max(Some(now));
        let key = self.ids.hex(64);
        let (picture, resource_key) = (self.ids.id(), self.ids.hex(40));
        let Some(video) = self.videos.get_mut(&video) else { return false };
        let Some(place) = video.versions.iter().position(|candidate| candidate.id == version) else {
            return false;
        };
        for (at, version) in video.versions.iter_mut().enumerate() {
            version.active = at == place;
            if version.active {
                version.transcode = Stage::Complete;
                version.modified = now;
            }
        }
        video.duration = DURATION;
        (video.width, video.height) = SIZE;
        // A frame of the video is the thumbnail until one is chosen.
        if video.pictures.is_empty() {
            video.pictures.push(Picture { id: picture, active: true, ready: true, key, resource_key });
        }
        video.touch(now);
        true
    }

    pub(crate) fn fail_transcode(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(version) = self.version_mut(video, version) {
            version.transcode = Stage::Error(None);
            version.modified = now;
        }
        if let Some(video) = self.videos.get_mut(&video) {
            video.touch(now);
        }
    }

    fn version_mut(&mut self, video: u64, version: u64) -> Option<&mut Version> {
        self.videos.get_mut(&video)?.version_mut(version)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn state(transcode: Transcode) -> (State, u64, u64) {
        let config = Arc::new(Config { transcode, ..Config::default() });
        let mut state = State::new(1, 7, config, Arc::default(), at(0));
        let video = state.add_video(state.first_user, at(0));
        let version = state.add_version(video, "a.mp4", NewSource::Tus { size: 3 }, at(0)).unwrap();
        (state, video, version)
    }

    #[test]
    fn transcoding_follows_the_rule() {
        let second = Duration::from_secs(1);
        for (rule, after_upload, at_two, at_ten) in [
            (Transcode::Immediate, "available", "available", "available"),
            (Transcode::After(2 * second), "transcoding", "available", "available"),
            (Transcode::After(5 * second), "transcoding", "transcoding", "available"),
            (Transcode::FailsAfter(5 * second), "transcoding", "transcoding", "transcoding_error"),
            (Transcode::Manual, "transcoding", "transcoding", "transcoding"),
        ] {
            let (mut state, video, version) = state(rule);
            assert_eq!(state.videos[&video].status(), "uploading");
            state.uploaded(video, version, at(0));
            assert_eq!(state.videos[&video].status(), after_upload, "{rule:?}");
            state.run_due(at(2));
            assert_eq!(state.videos[&video].status(), at_two, "{rule:?}");
            state.run_due(at(10));
            assert_eq!(state.videos[&video].status(), at_ten, "{rule:?}");
        }
    }

    #[test]
    fn transcoding_completes_after_reads() {
        let (mut state, video, version) = state(Transcode::AfterReads(2));
        state.read_video(video, at(0));
        state.uploaded(video, version, at(1));
        let seen: Vec<&str> = (0..4)
            .map(|_| {
                state.read_video(video, at(2));
                state.videos[&video].status()
            })
            .collect();
        assert_eq!(seen, ["transcoding", "transcoding", "available", "available"]);
    }

    #[test]
    fn new_version_is_activated_when_playable() {
        let (mut state, video, first) = state(Transcode::After(Duration::from_secs(5)));
        state.uploaded(video, first, at(0));
        state.run_due(at(5));
        let second = state.add_version(video, "b.mp4", NewSource::Tus { size: 3 }, at(6)).unwrap();
        state.uploaded(video, second, at(7));
        assert_eq!(state.videos[&video].current().unwrap().id, first);
        assert!(state.videos[&video].is_playable());
        state.run_due(at(12));
        assert_eq!(state.videos[&video].current().unwrap().id, second);
        assert_eq!(state.videos[&video].versions.iter().filter(|version| version.active).count(), 1);
    }

    #[test]
    fn empty_upload_fails_immediately() {
        let (mut state, video, _) = state(Transcode::Immediate);
        let version = state.add_version(video, "b.mp4", NewSource::Tus { size: 0 }, at(1)).unwrap();
        let version = state.videos[&video].version(version).unwrap();
        assert_eq!(version.upload, Stage::Error(Some("empty_upload".into())));
    }

    #[test]
    fn same_seed_produces_same_world() {
        let (one, ..) = state(Transcode::Immediate);
        let (two, ..) = state(Transcode::Immediate);
        assert_eq!(format!("{:?}", one.videos), format!("{:?}", two.videos));
    }
}
