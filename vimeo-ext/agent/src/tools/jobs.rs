//! Vimeo's AI jobs: transcribing, translating and dubbing a video, and suggesting its metadata.
//!
//! A call waits for a while and reports progress. A job that takes longer continues at Vimeo; `vimeo_job_get` follows it by its
//! ID, also from another process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_ext::jobs::{Job, JobError, JobKind, JobState};
use vimeo_ext::{Error, Vimeo};

use super::error::{BoxedError, ErrorKind, ToolError};
use super::outputs::output;
use super::tool::tool;
use super::untrusted::{clean, quoted};
use super::uploads::FOREGROUND_WAIT;
use super::{Context, Cost, Disclosure, Effect, Spec, Toolset, VideoId};

output! {
    /// The state of an AI job.
    pub struct JobOutput {
        /// The ID of the job: what `vimeo_job_get` takes, in any process.
        pub job_id: String,
        /// Vimeo's word for the state, such as `in_progress` or `completed`.
        pub status: String,
        /// Whether the job has ended.
        pub finished: bool,
        optional {
            /// The language: the spoken one of a transcription, else the target.
            pub language: Option<String>,
            /// The text track that the job made.
            pub text_track_id: Option<String>,
            /// The URI of the audio track that the job made.
            pub audio_track_uri: Option<String>,
        }
        untrusted JobText {
            /// The suggested title.
            pub suggested_title: Option<String>,
            /// The suggested description.
            pub suggested_description: Option<String>,
            /// The suggested tags.
            pub suggested_tags: Vec<String>,
        }
    }
}

impl JobOutput {
    fn new(job: &Job, state: Option<&JobState>) -> Self {
        let suggested = state.and_then(JobState::suggested).cloned().unwrap_or_default();
        Self {
            job_id: job.id().to_string(),
            status: state.map_or("started", JobState::status).to_owned(),
            finished: state.is_some_and(JobState::is_finished),
            language: state.and_then(JobState::language).map(str::to_owned),
            text_track_id: state.and_then(JobState::text_track).map(|track| track.to_string()),
            audio_track_uri: state.and_then(JobState::audio_track).map(str::to_owned),
            untrusted: JobText {
                suggested_title: suggested.title.map(|title| clean(&title, 500)),
                suggested_description: suggested.description.map(|text| clean(&text, 5_000)),
                suggested_tags: suggested.tags.iter().map(|tag| clean(tag, 200)).collect(),
            },
        }
    }
}

/// Arguments of [`VideoTranscribe`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoTranscribeInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Spoken language, such as de or pt-BR; detected if absent.
    #[schemars(extend("x-listed" = true))]
    pub language: Option<String>,
    /// False returns at once.
    pub wait: Option<bool>,
}

tool! {
    "vimeo_video_transcribe" VideoTranscribe(VideoTranscribeInput) -> JobOutput {
        title: "Transcribe a video",
        description: "Makes a transcript of a video of an Enterprise account, for AI credits. Waits up to 20 s; a longer job \
                      continues, and vimeo_job_get follows it. Starts nothing twice. Needs approval.",
        scopes: &["ai"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Spend),
        toolset: Toolset::Jobs,
        cost: Cost::Many,
        check: "The job may run: the same call finds it, and starts it only if there is none.",
    }
    disclosure |_, input| {
        Ok(Some(question("make a transcript of", &input.video_id, None, JobKind::Transcribe)))
    };
    run |context, input| {
        let mut job = context.client().transcribe(&input.video_id);
        if let Some(language) = input.language {
            job = job.language(language);
        }
        let started = job.start().await;
        follow(context, &Self::SPEC, started, input.wait).await
    }
}

/// Arguments of [`VideoTranslate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoTranslateInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Target language, such as de or pt-BR.
    #[schemars(extend("x-listed" = true), length(min = 1))]
    pub language: String,
    /// The text track to translate; the transcript if absent.
    pub text_track_id: Option<u64>,
    /// False returns at once.
    pub wait: Option<bool>,
}

tool! {
    "vimeo_video_translate" VideoTranslate(VideoTranslateInput) -> JobOutput {
        title: "Translate a video's transcript",
        description: "Makes subtitles in another language from a video's transcript, for AI credits. Waits and continues like \
                      vimeo_video_transcribe, which comes first. Needs approval.",
        scopes: &["ai"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Spend),
        toolset: Toolset::Jobs,
        cost: Cost::Many,
        check: "The job may run: the same call finds it, and starts it only if there is none.",
    }
    disclosure |_, input| {
        Ok(Some(question("make subtitles of", &input.video_id, Some(&input.language), JobKind::Translate)))
    };
    run |context, input| {
        let mut job = context.client().translate(&input.video_id, input.language);
        if let Some(track) = input.text_track_id {
            job = job.text_track(track);
        }
        let started = job.start().await;
        follow(context, &Self::SPEC, started, input.wait).await
    }
}

/// Arguments of [`VideoDub`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoDubInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Target language, such as de or pt-BR.
    #[schemars(extend("x-listed" = true), length(min = 1))]
    pub language: String,
    /// Accent of the voice.
    pub accent: Option<String>,
    /// False returns at once.
    pub wait: Option<bool>,
}

tool! {
    "vimeo_video_dub" VideoDub(VideoDubInput) -> JobOutput {
        title: "Dub a video",
        description: "Makes an audio track and subtitles in another language, for AI credits; it states that the account may \
                      lawfully imitate the voices. Waits and continues like vimeo_video_transcribe. Needs approval.",
        scopes: &["ai"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Spend),
        toolset: Toolset::Jobs,
        cost: Cost::Many,
        check: "The job may run: the same call finds it, and starts it only if there is none.",
    }
    disclosure |_, input| {
        Ok(Some(question("dub", &input.video_id, Some(&input.language), JobKind::Dub)))
    };
    run |context, input| {
        let mut job = context.client().dub(&input.video_id, input.language);
        if let Some(accent) = input.accent {
            job = job.accent(accent);
        }
        let started = job.start().await;
        follow(context, &Self::SPEC, started, input.wait).await
    }
}

/// Arguments of [`MetadataSuggest`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataSuggestInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// False returns at once.
    pub wait: Option<bool>,
}

tool! {
    "vimeo_metadata_suggest" MetadataSuggest(MetadataSuggestInput) -> JobOutput {
        title: "Suggest a video's metadata",
        description: "Suggests a title, a description and tags for a video, for AI credits; changes nothing. Waits and continues \
                      like vimeo_video_transcribe. Needs approval.",
        scopes: &["ai"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Spend),
        toolset: Toolset::Jobs,
        cost: Cost::Many,
        check: "The job may run: the same call finds it, and starts it only if there is none.",
    }
    disclosure |_, input| {
        Ok(Some(question("suggest the metadata of", &input.video_id, None, JobKind::SuggestMetadata)))
    };
    run |context, input| {
        let started = context.client().suggest_metadata(&input.video_id).start().await;
        follow(context, &Self::SPEC, started, input.wait).await
    }
}

/// Arguments of [`JobGet`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// The ID of the job.
    #[schemars(extend("x-listed" = true))]
    pub job_id: String,
    /// False returns at once.
    pub wait: Option<bool>,
}

tool! {
    "vimeo_job_get" JobGet(JobInput) -> JobOutput {
        title: "Get the state of an AI job",
        description: "Gets the state and the result of an AI job by its job_id; waits up to 20 s for its end.",
        scopes: &["ai"],
        toolset: Toolset::Jobs,
        cost: Cost::Many,
    }
    run |context, input| {
        let job = find(context.client(), &input.job_id)?;
        follow(context, &Self::SPEC, Ok(job), input.wait).await
    }
}

/// Returns what a call would do, with what it costs.
fn question(does: &str, video: &VideoId, language: Option<&str>, kind: JobKind) -> String {
    let language = language.map(|language| format!(" in the language {}", quoted(language, 40)));
    let (number, language) = (video.number(), language.unwrap_or_default());
    format!("{does} video {number}{language}. {}", kind.cost().trim_end_matches('.'))
}

fn find(vimeo: &Vimeo, id: &str) -> Result<Job, BoxedError> {
    vimeo.job(id).map_err(|error| {
        let next = "Give a job_id that another tool returned.";
        Box::new(ToolError::input("job_id", clean(&error.to_string(), 300), next))
    })
}

/// Waits for the end of a job, at most for [`FOREGROUND_WAIT`], and reports each look at its state.
async fn follow(
    context: &Context,
    spec: &'static Spec,
    started: Result<Job, Error>,
    wait: Option<bool>,
) -> Result<JobOutput, BoxedError> {
    let failed = |error: &Error| Box::new(job_error(error, spec, context));
    let job = started.map_err(|error| failed(&error))?;
    if wait == Some(false) {
        let state =
            if job.is_new() { None } else { Some(job.status().await.map_err(|error| failed(&error))?) };
        return Ok(JobOutput::new(&job, state.as_ref()));
    }
    let (sender, mut states) = tokio::sync::watch::channel(None);
    let waiting = job.wait().timeout(FOREGROUND_WAIT).on_state(move |state| {
        sender.send_replace(Some(state.clone()));
    });
    let mut waiting = std::pin::pin!(waiting.send());
    let mut looks: u64 = 0;
    loop {
        tokio::select! {
            ended = &mut waiting => {
                let last = states.borrow().clone();
                return match ended {
                    Ok(state) => Ok(JobOutput::new(&job, Some(&state))),
                    Err(Error::Job(error)) if matches!(*error, JobError::Timeout { .. }) => {
                        Ok(JobOutput::new(&job, last.as_ref()))
                    }
                    Err(error) => Err(failed(&error)),
                };
            }
            Ok(()) = states.changed() => {
                states.mark_unchanged();
                looks = looks.saturating_add(1);
                // How many looks a job takes is unknown.
                context.report(looks, 0);
            }
        }
    }
}

fn job_error(error: &Error, spec: &'static Spec, context: &Context) -> ToolError {
    let Error::Job(job) = error else { return ToolError::of_post(error, spec, context.now()) };
    let message = clean(&job.to_string(), 500);
    match &**job {
        JobError::InvalidId(_) => {
            ToolError::input("language", message, "Give a language tag such as de or pt-BR.")
        }
        JobError::NotStarted { .. } => {
            ToolError::new(ErrorKind::Conflict, message, "Start the job with the tool of its kind.")
        }
        _ => ToolError::new(
            ErrorKind::Conflict,
            message,
            "Tell the person why the job ended without a result.",
        ),
    }
}
