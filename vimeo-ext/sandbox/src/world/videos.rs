//! Adding, reading and removing videos and their files.

use chrono::{DateTime, Utc};

use super::State;
use super::video::{Picture, Stage, TextTrack, Video};

impl State {
    pub(crate) fn add_video(&mut self, owner: u64, now: DateTime<Utc>) -> u64 {
        let id = self.ids.id();
        let video = Video {
            id,
            owner,
            name: "Untitled".to_owned(),
            description: None,
            created: now,
            modified: now,
            privacy: Default::default(),
            license: None,
            locale: None,
            content_rating: vec!["unrated".to_owned()],
            embed: Default::default(),
            embed_domains: Default::default(),
            hide_from_vimeo: false,
            review_active: true,
            spatial: None,
            custom_url: None,
            tags: Vec::new(),
            folder: None,
            comments: Vec::new(),
            plays: 0,
            duration: 0,
            width: 400,
            height: 300,
            hash: self.ids.hex(10),
            resource_key: self.ids.hex(40),
            versions: Vec::new(),
            pictures: Vec::new(),
            text_tracks: Vec::new(),
        };
        self.videos.insert(id, video);
        self.videos_changed(owner, now);
        id
    }

    pub(crate) fn video(&self, id: Option<u64>) -> Option<&Video> {
        self.videos.get(&id?)
    }

    pub(crate) fn remove_video(&mut self, id: u64, now: DateTime<Utc>) {
        let Some(video) = self.videos.remove(&id) else { return };
        self.emit_video("video-deleted", id, now);
        for version in &video.versions {
            if let Some(upload) = version.source.upload() {
                self.uploads.remove(&upload.ticket);
            }
        }
        self.likes.remove_all(id);
        self.watch_later.remove_all(id);
        self.collections.remove_below(&format!("/videos/{id}/"));
        self.showcases.update(
            |showcase| showcase.videos.contains(&id),
            |showcase| showcase.videos.retain(|video| *video != id),
        );
        self.channels.update(
            |channel| channel.videos.contains(&id),
            |channel| channel.videos.retain(|video| *video != id),
        );
        self.videos_changed(video.owner, now);
    }

    pub(super) fn videos_changed(&mut self, owner: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(user) = self.users.get_mut(&owner) {
            user.videos_changed = user.videos_changed.max(now);
        }
    }

    /// Counts a read of the video, for [`Transcode::AfterReads`](crate::Transcode::AfterReads).
    pub(crate) fn read_video(&mut self, id: u64, now: DateTime<Utc>) {
        let waits = |video: &Video| video.versions.iter().any(|version| version.reads_left.is_some());
        if !self.videos.get(&id).is_some_and(waits) {
            return;
        }
        let Some(video) = self.videos.get_mut(&id) else { return };
        let mut completed = Vec::new();
        for version in &mut video.versions {
            if version.upload == Stage::Complete {
                match version.reads_left {
                    Some(0) => {
                        version.reads_left = None;
                        completed.push(version.id);
                    }
                    Some(left) => version.reads_left = Some(left - 1),
                    None => {}
                }
            }
        }
        for version in completed {
            self.finish_transcode(id, version, now);
        }
    }

    /// Records that a picture's image was uploaded; returns its path on the image host.
    pub(crate) fn receive_picture(&mut self, id: u64, now: DateTime<Utc>) -> Option<String> {
        let has = |pictures: &[Picture]| pictures.iter().any(|picture| picture.id == id);
        let mark = |pictures: &mut Vec<Picture>| {
            pictures.iter_mut().filter(|picture| picture.id == id).for_each(|picture| picture.ready = true);
        };
        if let Some(video) = self.videos.values().find(|video| has(&video.pictures)).map(|video| video.id) {
            let video = self.videos.get_mut(&video)?;
            mark(&mut video.pictures);
            video.touch(now);
            return Some(format!("/video/{id}"));
        }
        if self.collections.has(&id.to_string()) {
            return Some(format!("/picture/{id}"));
        }
        let user = self.users.values().find(|user| has(&user.pictures))?.id;
        mark(&mut self.users.get_mut(&user)?.pictures);
        Some(format!("/portrait/{id}"))
    }

    pub(crate) fn text_track(&self, id: u64) -> Option<&TextTrack> {
        self.videos.values().flat_map(|video| &video.text_tracks).find(|track| track.id == id)
    }

    /// Stores the file of a text track; returns `false` if the track does not exist.
    pub(crate) fn receive_text_track(&mut self, id: u64, file: bytes::Bytes, now: DateTime<Utc>) -> bool {
        let has = |video: &&Video| video.text_tracks.iter().any(|track| track.id == id);
        let Some(video) = self.videos.values().find(has).map(|video| video.id) else { return false };
        let Some(video) = self.videos.get_mut(&video) else { return false };
        for track in video.text_tracks.iter_mut().filter(|track| track.id == id) {
            track.file = Some(file.clone());
        }
        video.touch(now);
        true
    }
}
