//! Creates thumbnails from frames of the video itself.

use std::fmt;
use std::time::Duration;

use vimeo_api::types::{self, AnimatedThumbnailStatus};
use vimeo_api::{InvalidId, VideoId};

use super::poll::{PollSchedule, poll};
use crate::error::MediaError;
use crate::upload::valid_id;
use crate::{Error, Vimeo};

/// A thumbnail from a frame of the video; from [`Vimeo::thumbnail_at`].
#[must_use = "nothing is created until send() is awaited"]
pub struct ThumbnailAt {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    time: Duration,
    body: types::CreateThumbnailBody,
}

/// Thumbnails from frames of a video.
impl Vimeo {
    /// Creates a thumbnail from the frame at `time`, in whole seconds.
    ///
    /// Requires the `upload` scope.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// vimeo.thumbnail_at(76979871, Duration::from_secs(12)).activate(true).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn thumbnail_at(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        time: Duration,
    ) -> ThumbnailAt {
        let video = video.try_into().map_err(Into::into);
        let body = types::CreateThumbnailBody::default().time(time.as_secs());
        ThumbnailAt { vimeo: self.clone(), video, time, body }
    }

    /// Creates an animated thumbnail from a part of a video. Start and length are whole seconds; the length is at most 6 s.
    ///
    /// Requires the `create` scope.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// use std::time::Duration;
    /// let seconds = Duration::from_secs;
    /// let set = vimeo.animated_thumbnail(76979871, seconds(12), seconds(4)).send().await?;
    /// tracing::info!(sizes = ?set.sizes, "created");
    /// # Ok(())
    /// # }
    /// ```
    pub fn animated_thumbnail(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        start: Duration,
        length: Duration,
    ) -> AnimatedThumbnail {
        let body = types::CreateAnimatedThumbnailsBody::new(length.as_secs()).start_time(start.as_secs());
        let schedule = PollSchedule {
            initial: Duration::from_secs(2),
            max: Duration::from_secs(30),
            timeout: Duration::from_secs(15 * 60),
        };
        let video = video.try_into().map_err(Into::into);
        AnimatedThumbnail { vimeo: self.clone(), video, start, length, body, schedule }
    }
}

impl ThumbnailAt {
    /// Sets whether it becomes the video's thumbnail. Default: not sent to Vimeo, which then adds it to the others.
    pub fn activate(mut self, active: bool) -> Self {
        self.body.active = Some(active);
        self
    }

    /// Creates the thumbnail.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`MediaError::NotWholeSeconds`] for a fraction of a second, and [`Error::Call`] if the value
    /// given is not a video. Also [`Error::Call`] if Vimeo rejects it.
    pub async fn send(self) -> Result<types::Picture, Error> {
        check_whole_seconds("the time of a thumbnail", self.time)?;
        let id = valid_id("create_video_thumbnail", self.video)?;
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

/// An animated thumbnail from a part of the video; from [`Vimeo::animated_thumbnail`].
#[must_use = "nothing is created until send() is awaited"]
pub struct AnimatedThumbnail {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    start: Duration,
    length: Duration,
    body: types::CreateAnimatedThumbnailsBody,
    schedule: PollSchedule,
}

impl AnimatedThumbnail {
    /// Sets how long to wait until the animation is ready. Default: 15 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.schedule.timeout = timeout;
        self
    }

    /// Creates the animation and waits until it is ready.
    ///
    /// # Errors
    ///
    /// - [`MediaError::NotWholeSeconds`] for a start or length with a fraction of a second, before anything is sent.
    /// - [`Error::Call`] if the value given is not a video or Vimeo rejects it.
    /// - [`MediaError::AnimationFailed`] if Vimeo could not create it, [`MediaError::Timeout`] at the timeout.
    pub async fn send(self) -> Result<types::AnimatedThumbnailSet, Error> {
        check_whole_seconds("the start of an animated thumbnail", self.start)?;
        check_whole_seconds("the length of an animated thumbnail", self.length)?;
        let id = valid_id("create_video_animated_thumbnails", self.video)?;
        let videos = self.vimeo.api().videos();
        let set = videos.create_video_animated_thumbnails(&id, self.body).send().await?.into_inner();
        if let Some(set) = if_completed(set.clone())? {
            return Ok(set);
        }
        let uri = set.uri.unwrap_or_default();
        let Some(name) = uri.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned) else {
            return Err(MediaError::MissingUploadLink { uri }.into());
        };
        let status = videos.get_video_animated_thumbnails_status(&id, name).into_call();
        match poll(self.schedule, status, if_completed).await? {
            Some(set) => Ok(set),
            None => Err(MediaError::Timeout { uri, after: self.schedule.timeout, last: None }.into()),
        }
    }
}

/// Rejects a time whose fraction would have to be cut off.
fn check_whole_seconds(what: &'static str, time: Duration) -> Result<(), MediaError> {
    match time.subsec_nanos() {
        0 => Ok(()),
        _ => Err(MediaError::NotWholeSeconds { what, time }),
    }
}

/// Returns the animation if it is ready.
fn if_completed(set: types::AnimatedThumbnailSet) -> Result<Option<types::AnimatedThumbnailSet>, Error> {
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
