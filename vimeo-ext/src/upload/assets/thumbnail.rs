//! Thumbnails out of the video itself.

use std::fmt;
use std::time::Duration;

use vimeo_api::types::{self, AnimatedThumbnailStatus};

use super::poll::{Pace, poll};
use crate::error::MediaError;
use crate::upload::VideoRef;
use crate::{Error, Vimeo};

/// A thumbnail taken at a time of the video; from [`Vimeo::thumbnail_at`].
#[must_use = "nothing is made until send() is awaited"]
pub struct ThumbnailAt {
    vimeo: Vimeo,
    video: VideoRef,
    time: Duration,
    body: types::CreateThumbnailBody,
}

impl ThumbnailAt {
    pub(crate) fn new(vimeo: Vimeo, video: VideoRef, time: Duration) -> Self {
        Self { vimeo, video, time, body: types::CreateThumbnailBody::default().time(time.as_secs()) }
    }

    /// Whether it becomes the video's thumbnail. Default: Vimeo is not told, and keeps it beside the others.
    pub fn activate(mut self, active: bool) -> Self {
        self.body.active = Some(active);
        self
    }

    /// Has it made.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotWholeSeconds`] for a fraction of a second, and [`Error::Call`] when what was given names no video,
    /// both before anything is sent; [`Error::Call`] as well when Vimeo does not want it.
    pub async fn send(self) -> Result<types::Picture, Error> {
        whole_seconds("the time of a thumbnail", self.time)?;
        let id = self.video.id_for("create_video_thumbnail")?;
        let call = self.vimeo.api().videos().create_video_thumbnail(id).body(self.body);
        Ok(call.send().await?.into_inner())
    }
}

impl fmt::Debug for ThumbnailAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThumbnailAt")
            .field("video", &self.video)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// An animated thumbnail made of a part of the video; from [`Vimeo::animated_thumbnail`].
#[must_use = "nothing is made until send() is awaited"]
pub struct AnimatedThumbnail {
    vimeo: Vimeo,
    video: VideoRef,
    start: Duration,
    length: Duration,
    body: types::CreateAnimatedThumbnailsBody,
    pace: Pace,
}

impl AnimatedThumbnail {
    pub(crate) fn new(vimeo: Vimeo, video: VideoRef, start: Duration, length: Duration) -> Self {
        let body = types::CreateAnimatedThumbnailsBody::new(length.as_secs()).start_time(start.as_secs());
        let pace = Pace {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            timeout: Duration::from_secs(15 * 60),
        };
        Self { vimeo, video, start, length, body, pace }
    }

    /// The time to wait until it is made. Default: 15 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Has it made, and waits until it is.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotWholeSeconds`] for a start or a length that is a fraction of a second, before anything is sent;
    /// [`Error::Call`] when what was given names no video or Vimeo does not want it; [`MediaError::AnimationFailed`] when
    /// it could not be made, [`MediaError::Timeout`] when the time is over.
    pub async fn send(self) -> Result<types::AnimatedThumbnailSet, Error> {
        whole_seconds("the start of an animated thumbnail", self.start)?;
        whole_seconds("the length of an animated thumbnail", self.length)?;
        let id = self.video.id_for("create_video_animated_thumbnails")?;
        let videos = self.vimeo.api().videos();
        let set = videos.create_video_animated_thumbnails(id, self.body).send().await?.into_inner();
        if let Some(set) = made(set.clone())? {
            return Ok(set);
        }
        let uri = set.uri.unwrap_or_default();
        let Some(name) = uri.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned) else {
            return Err(MediaError::MissingUploadLink { uri }.into());
        };
        let question = videos.get_video_animated_thumbnails_status(id, name).into_call();
        match poll(self.pace, question, made).await? {
            Some(set) => Ok(set),
            None => Err(MediaError::Timeout { uri, after: self.pace.timeout, last: None }.into()),
        }
    }
}

/// Refuses a time that would have to be cut off.
fn whole_seconds(what: &'static str, time: Duration) -> Result<(), MediaError> {
    match time.subsec_nanos() {
        0 => Ok(()),
        _ => Err(MediaError::NotWholeSeconds { what, time }),
    }
}

/// The animation once it is made.
fn made(set: types::AnimatedThumbnailSet) -> Result<Option<types::AnimatedThumbnailSet>, Error> {
    match &set.status {
        Some(AnimatedThumbnailStatus::Completed) => Ok(Some(set)),
        Some(status @ (AnimatedThumbnailStatus::Failed | AnimatedThumbnailStatus::Cancelled)) => {
            let status = status.clone();
            Err(MediaError::AnimationFailed { uri: set.uri.unwrap_or_default(), status }.into())
        }
        _ => Ok(None),
    }
}

impl fmt::Debug for AnimatedThumbnail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnimatedThumbnail")
            .field("video", &self.video)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
