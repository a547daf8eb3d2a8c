//! Starting jobs.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use vimeo_api::{Call, InvalidId, VideoId};

use super::run::{Job, OnState, WaitOptions};
use super::{JobId, JobKind, JobPhase, JobState};
use crate::{Error, Vimeo};

/// The settings of a transcription.
#[derive(Debug, Clone, Default)]
pub struct Transcribe {
    language: Option<String>,
}

/// The settings of a translation.
#[derive(Debug, Clone)]
pub struct Translate {
    language: String,
    text_track: Option<u64>,
}

/// The settings of a dubbing.
#[derive(Debug, Clone)]
pub struct Dub {
    language: String,
    accent: Option<String>,
}

/// The settings of a job that suggests metadata: there are none.
#[derive(Debug, Clone, Default)]
pub struct SuggestMetadata(());

mod private {
    use super::{Call, JobId, JobKind, Value, VideoId, Vimeo};

    /// What differs between the kinds of jobs.
    pub trait Settings {
        const KIND: JobKind;
        fn language(&self) -> Option<&str>;
        /// The call that starts the job.
        fn call(&self, vimeo: &Vimeo, video: &VideoId) -> Call<Value>;
        fn id(&self, video: VideoId) -> Result<JobId, super::super::InvalidJobId> {
            JobId::new(Self::KIND, video, self.language())
        }
    }
}
use private::Settings;

impl Settings for Transcribe {
    const KIND: JobKind = JobKind::Transcribe;

    fn language(&self) -> Option<&str> {
        None
    }

    fn call(&self, vimeo: &Vimeo, video: &VideoId) -> Call<Value> {
        let call = vimeo.api().videos().start_video_ai_transcription(video);
        match &self.language {
            Some(language) => call.language(language).into_call(),
            None => call.body(Default::default()).into_call(),
        }
    }
}

impl Settings for Translate {
    const KIND: JobKind = JobKind::Translate;

    fn language(&self) -> Option<&str> {
        Some(&self.language)
    }

    fn call(&self, vimeo: &Vimeo, video: &VideoId) -> Call<Value> {
        let call = vimeo.api().videos().start_video_ai_subtitling(video).language(&self.language);
        match self.text_track {
            Some(text_track) => call.texttrack_id(text_track).into_call(),
            None => call.into_call(),
        }
    }
}

impl Settings for Dub {
    const KIND: JobKind = JobKind::Dub;

    fn language(&self) -> Option<&str> {
        Some(&self.language)
    }

    fn call(&self, vimeo: &Vimeo, video: &VideoId) -> Call<Value> {
        let call = vimeo.api().videos().start_video_ai_dubbing(video).language(&self.language);
        match &self.accent {
            Some(accent) => call.accent(accent).into_call(),
            None => call.into_call(),
        }
    }
}

impl Settings for SuggestMetadata {
    const KIND: JobKind = JobKind::SuggestMetadata;

    fn language(&self) -> Option<&str> {
        None
    }

    fn call(&self, vimeo: &Vimeo, video: &VideoId) -> Call<Value> {
        vimeo.api().videos().get_video_ai_metadata(video).into_call()
    }
}

/// A job before it is started; from [`Vimeo::transcribe`], [`Vimeo::translate`], [`Vimeo::dub`] and [`Vimeo::suggest_metadata`].
#[must_use = "the job starts when start() or send() is awaited"]
pub struct StartJob<S> {
    vimeo: Vimeo,
    video: Result<VideoId, InvalidId>,
    settings: S,
    wait: WaitOptions,
}

/// AI jobs. They need an Enterprise account, the scope `ai` and AI credits; see the module [`jobs`](crate::jobs).
impl Vimeo {
    /// Makes a transcript of what is said in a video. A video that has one already keeps it.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let done = vimeo.transcribe(76979871).language("de").send().await?;
    /// tracing::info!(text_track = done.text_track());
    /// # Ok(())
    /// # }
    /// ```
    pub fn transcribe(&self, video: impl TryInto<VideoId, Error: Into<InvalidId>>) -> StartJob<Transcribe> {
        StartJob::new(self, video, Transcribe::default())
    }

    /// Translates the transcript of a video into subtitles. `language` is the code of the target language, such as `de`.
    ///
    /// The video must be transcoded and have a finished transcript.
    pub fn translate(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        language: impl Into<String>,
    ) -> StartJob<Translate> {
        StartJob::new(self, video, Translate { language: language.into(), text_track: None })
    }

    /// Dubs a video: makes an audio track and subtitles in another language. `language` is the code of the target language.
    ///
    /// The video must be transcoded, have a finished transcript and be shorter than 150 minutes. By starting the job you state that
    /// you may lawfully imitate the voices in the video.
    pub fn dub(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
        language: impl Into<String>,
    ) -> StartJob<Dub> {
        StartJob::new(self, video, Dub { language: language.into(), accent: None })
    }

    /// Suggests a title, a description and tags for a video. Changes nothing.
    pub fn suggest_metadata(
        &self,
        video: impl TryInto<VideoId, Error: Into<InvalidId>>,
    ) -> StartJob<SuggestMetadata> {
        StartJob::new(self, video, SuggestMetadata::default())
    }

    /// Returns the job with this identifier, for example one that another process started. Makes no call.
    ///
    /// # Errors
    ///
    /// [`Error::Job`] if the text does not identify a job.
    pub fn job(&self, id: impl AsRef<str>) -> Result<Job, Error> {
        Ok(Job::new(self.clone(), id.as_ref().parse::<JobId>()?, None))
    }
}

impl StartJob<Transcribe> {
    /// Sets the spoken language, as a BCP 47 tag. Default: Vimeo detects it.
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.settings.language = Some(language.into());
        self
    }
}

impl StartJob<Translate> {
    /// Sets the text track to translate. Default: the main transcript.
    pub fn text_track(mut self, text_track: u64) -> Self {
        self.settings.text_track = Some(text_track);
        self
    }
}

impl StartJob<Dub> {
    /// Sets the accent of the voice, one of those that Vimeo lists for the language.
    pub fn accent(mut self, accent: impl Into<String>) -> Self {
        self.settings.accent = Some(accent.into());
        self
    }
}

#[allow(private_bounds, reason = "the settings are those of this module")]
impl<S: Settings> StartJob<S> {
    fn new(vimeo: &Vimeo, video: impl TryInto<VideoId, Error: Into<InvalidId>>, settings: S) -> Self {
        let video = video.try_into().map_err(Into::into);
        Self { vimeo: vimeo.clone(), video, settings, wait: WaitOptions::default() }
    }

    /// Sets how long [`send`](Self::send) waits. Default: six hours. The job continues at Vimeo after that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.wait.timeout = timeout;
        self
    }

    /// Sets the first and the longest interval between two polls; each is twice as long as the one before. Default: 6 s and 60 s.
    pub fn poll_interval(mut self, initial: Duration, max: Duration) -> Self {
        self.wait.set_poll_interval(initial, max);
        self
    }

    /// Calls `callback` with the state in each response.
    pub fn on_state(mut self, callback: impl FnMut(&JobState) + Send + 'static) -> Self {
        self.wait.on_state = Some(OnState::new(callback));
        self
    }

    /// Starts the job and returns when Vimeo has accepted it.
    ///
    /// Reads the state first. A job that is running or done is returned and not started again, so the same call after a kill or a
    /// dropped future continues with the same job.
    ///
    /// # Errors
    ///
    /// - [`Error::Call`] if Vimeo refuses: the scope `ai` or the plan is missing, or the video has no transcript yet.
    /// - [`Error::Job`] if the language is not a code.
    pub async fn start(self) -> Result<Job, Error> {
        Ok(self.begin().await?.0)
    }

    /// Starts the job and waits until it is done.
    ///
    /// Dropping the future stops the wait, not the job. The same call continues.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start) and of [`WaitJob::send`](super::WaitJob::send).
    pub async fn send(self) -> Result<JobState, Error> {
        let (job, wait) = self.begin().await?;
        job.wait().options(wait).send().await
    }

    async fn begin(self) -> Result<(Job, WaitOptions), Error> {
        let Self { vimeo, video, settings, mut wait } = self;
        let video = video.map_err(|error| vimeo_api::Error::invalid(S::KIND.as_str(), error.to_string()))?;
        let id = settings.id(video.clone())?;
        let mut job = Job::new(vimeo.clone(), id, None);
        let state = job.status().await?;
        if matches!(state.phase(), JobPhase::NotStarted | JobPhase::Deleted | JobPhase::Failed) {
            let accepted = settings.call(&vimeo, &video).send().await?;
            tracing::debug!(job = %job.id(), status = %accepted.status(), "started");
            job.set_started();
        } else {
            wait.report(&state);
            job.set_known(state);
        }
        Ok((job, wait))
    }
}

impl<S> fmt::Debug for StartJob<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartJob").field("video", &self.video).finish_non_exhaustive()
    }
}

/// Awaiting the builder is the same as `send()`.
#[allow(private_bounds, reason = "the settings are those of this module")]
impl<S: Settings + Send + Sync + 'static> IntoFuture for StartJob<S> {
    type Output = Result<JobState, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
