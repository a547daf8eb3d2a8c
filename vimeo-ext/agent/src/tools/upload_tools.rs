//! Uploading from the machine that the tools run on.
//!
//! A call waits a while and tells of progress; what takes longer goes on, and its handle is what the next call asks with.
//! Uploads are written to the client's journal, so the same call goes on with the same video after the process ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use vimeo_api::types;
use vimeo_ext::upload::{FileSource, UploadError};
use vimeo_ext::{Error, Reconciliation, Vimeo};

use super::error::{ErrorKind, Failed, ToolError};
use super::outputs::{last_segment, word};
use super::quota;
use super::reconcile;
use super::untrusted::quoted;
use super::upload_folders::AllowedFile;
use super::uploads::{FOREGROUND_WAIT, Running, State};
use super::videos::read;
use super::{Context, Cost, Disclosure, Effect, KnownValue, Output, Spec, Tool, Toolset, VideoId};

/// How an upload stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UploadState {
    /// What to ask with, for as long as the process runs.
    pub upload_id: String,
    /// `running` or `done`; a failed upload is an error.
    pub state: String,
    /// Bytes that were sent; after a broken line it falls back to those that arrived.
    pub sent: u64,
    /// Bytes in all, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The video, once it is done: what other tools take as `video_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<String>,
    /// The version that was made, where a video got a new file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

impl Output for UploadState {}

/// Arguments of [`VideoUpload`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoUploadInput {
    /// Whole path of the file, in a folder that is allowed.
    #[schemars(extend("x-listed" = true))]
    pub path: String,
    /// Title.
    pub name: Option<String>,
    /// Text that describes it.
    pub description: Option<String>,
    /// Who may watch.
    #[schemars(extend("x-listed" = true))]
    pub privacy_view: Option<KnownValue<types::VideoViewPrivacy>>,
}

/// `vimeo_video_upload`
#[derive(Debug)]
pub struct VideoUpload;

impl Tool for VideoUpload {
    type Input = VideoUploadInput;
    type Output = UploadState;
    const SPEC: Spec = Spec {
        name: "vimeo_video_upload",
        title: "Upload a video",
        description: "Uploads a file of the machine that the tools run on as a new video. Waits up to 20 s; what takes longer \
                      goes on, and upload_id, good while the process runs, is for vimeo_upload_get. The same call goes on \
                      with an upload that broke off. Needs consent unless privacy_view is nobody.",
        scopes: &["upload"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Uploads,
        cost: Cost::Many,
        check: "A video may be there now: look with vimeo_my_videos_list, sort date, before you upload it again.",
    };

    async fn disclosure(context: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        let file = context.uploads().open(&input.path).await?;
        let privacy = match input.privacy_view.as_ref().map(KnownValue::as_str) {
            Some("nobody") => return Ok(None),
            Some(word) => format!("the privacy {word}"),
            None => "the account's usual privacy".to_owned(),
        };
        Ok(Some(format!("upload the file {} as a new video with {privacy}", shown(&file))))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let file = context.uploads().open(&input.path).await?;
        start(context, &Self::SPEC, file, Kind::New(Box::new(input))).await
    }
}

/// Arguments of [`VideoReplace`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoReplaceInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Whole path of the file, in a folder that is allowed.
    #[schemars(extend("x-listed" = true))]
    pub path: String,
}

/// `vimeo_video_replace`
#[derive(Debug)]
pub struct VideoReplace;

impl Tool for VideoReplace {
    type Input = VideoReplaceInput;
    type Output = UploadState;
    const SPEC: Spec = Spec {
        name: "vimeo_video_replace",
        title: "Replace a video's file",
        description: "Uploads a file as the new version of one own video, which keeps its address, title and statistics; the \
                      old file stays as a version (vimeo_video_versions_list). Waits and goes on as vimeo_video_upload does. Needs consent unless nobody may watch the video.",
        scopes: &["upload"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Uploads,
        cost: Cost::Many,
        check: "",
    };

    async fn disclosure(context: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        let file = context.uploads().open(&input.path).await?;
        let look = context.api().videos().get_video(&input.video_id).into_call().fields("name,privacy.view");
        let found = context.send(&Self::SPEC, look).await?.into_inner();
        let view = found.privacy.and_then(|privacy| privacy.view);
        if view == Some(types::VideoViewPrivacy::Nobody) {
            return Ok(None);
        }
        let (video, title) =
            (input.video_id.number(), quoted(found.name.as_deref().unwrap_or_default(), 120));
        let privacy = view.as_ref().map_or_else(|| "not known".to_owned(), word);
        Ok(Some(format!(
            "show the file {} in place of that of video {video} {title}, whose privacy is {privacy}",
            shown(&file)
        )))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let file = context.uploads().open(&input.path).await?;
        start(context, &Self::SPEC, file, Kind::Version(input.video_id)).await
    }
}

/// Arguments of [`UploadGet`] and [`UploadStop`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadInput {
    /// The handle of the upload.
    #[schemars(extend("x-listed" = true))]
    pub upload_id: String,
}

/// `vimeo_upload_get`
#[derive(Debug)]
pub struct UploadGet;

impl Tool for UploadGet {
    type Input = UploadInput;
    type Output = UploadState;
    const SPEC: Spec = read(
        "vimeo_upload_get",
        "See how an upload stands",
        "Tells how far an upload is, by its upload_id; waits up to 20 s for its end. Its end stays known while the process \
         runs.",
        &["upload"],
        Toolset::Uploads,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let running = find(context, &input.upload_id)?;
        wait(context, running.state, input.upload_id).await
    }
}

/// `vimeo_upload_stop`
#[derive(Debug)]
pub struct UploadStop;

impl Tool for UploadStop {
    type Input = UploadInput;
    type Output = UploadState;
    const SPEC: Spec = Spec {
        name: "vimeo_upload_stop",
        title: "Stop an upload",
        description: "Stops an upload that is under way, by its upload_id. The video stays, without its file; the same \
                      vimeo_video_upload call goes on where it stopped.",
        scopes: &["upload"],
        effect: Effect::Overwrite,
        discloses: None,
        toolset: Toolset::Uploads,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let running = find(context, &input.upload_id)?;
        running.stop();
        let state = running.state.borrow().clone();
        match state {
            State::Running { sent, total } => Ok(UploadState {
                upload_id: input.upload_id,
                state: "stopped".to_owned(),
                sent,
                total: (total > 0).then_some(total),
                video_id: None,
                version_id: None,
            }),
            ended => told(input.upload_id, ended),
        }
    }
}

/// A file's name, in a question to the person.
fn shown(file: &AllowedFile) -> String {
    quoted(&file.path.display().to_string(), 200)
}

/// What is uploaded.
enum Kind {
    New(Box<VideoUploadInput>),
    Version(VideoId),
}

/// Uploads a file, or goes on with an earlier upload of it.
async fn send(
    vimeo: &Vimeo,
    file: &AllowedFile,
    kind: &Kind,
    step: impl FnMut(&vimeo_ext::upload::Progress) + Send + 'static,
) -> Result<State, Error> {
    let name = file.path.display().to_string();
    let opened = file.file.try_clone().map_err(|error| UploadError::io("open", name, error))?;
    let source = FileSource::from_opened(opened, &file.path).await?;
    match kind {
        Kind::New(input) => {
            let mut upload = vimeo.upload(source).on_progress(step);
            if let Some(name) = &input.name {
                upload = upload.name(name);
            }
            if let Some(description) = &input.description {
                upload = upload.description(description);
            }
            if let Some(view) = &input.privacy_view {
                upload = upload.privacy(view.clone().into_inner());
            }
            let video = upload.send().await?;
            Ok(State::Done { bytes: video.uploaded.size, video: video.uri, version: None })
        }
        Kind::Version(video) => {
            let replaced = vimeo.replace(video, source).on_progress(step).send().await?;
            Ok(State::Done {
                bytes: replaced.uploaded.size,
                video: replaced.video.uri().to_owned(),
                version: replaced.version_uri,
            })
        }
    }
}

fn find(context: &Context, id: &str) -> Result<Running, Failed> {
    context.uploads().find(&context.account(), id).ok_or_else(|| {
        let message = "There is no upload of this account with that upload_id in this process.";
        let next = "Make the same vimeo_video_upload call again: it goes on where it broke off.";
        Box::new(ToolError::input("upload_id", message, next))
    })
}

/// Stops an upload whose call was given up.
struct AbortOnDrop(Option<Running>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(upload) = self.0.take() {
            upload.stop();
        }
    }
}

async fn start(
    context: &Context,
    spec: &'static Spec,
    file: AllowedFile,
    kind: Kind,
) -> Result<UploadState, Failed> {
    let (tell, state) = watch::channel(State::Running { sent: 0, total: 0 });
    let (vimeo, progress) = (context.client().clone(), tell.clone());
    let step = move |step: &vimeo_ext::upload::Progress| {
        progress.send_replace(State::Running { sent: step.sent, total: step.total });
    };
    let now = context.now();
    let work = async move {
        let mut ended = send(&vimeo, &file, &kind, step.clone()).await;
        // A question of an earlier call is still open: once it is settled nothing can come twice.
        if let Some(entry) = ended.as_ref().err().and_then(reconcile::unknown_outcome) {
            let reconciled = match vimeo.pending_uploads() {
                Ok(unfinished) => unfinished.reconcile(entry).await,
                Err(error) => Err(error),
            };
            match reconciled {
                Ok(Reconciliation::Ambiguous(candidates)) => {
                    tell.send_replace(State::Failed(Box::new(reconcile::ambiguous(&candidates))));
                    return;
                }
                Ok(_) => ended = send(&vimeo, &file, &kind, step).await,
                Err(error) => ended = Err(error),
            }
        }
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let mut failed = failed(&error, spec, &kind, now);
                if let Some(used) = quota::used(&vimeo, &error).await {
                    failed.message = format!("{} {used}", failed.message);
                }
                State::Failed(Box::new(failed))
            }
        };
        tell.send_replace(ended);
    };
    let begin = || (state, tokio::spawn(work).abort_handle());
    let (id, running) = context.uploads().begin(context.account(), begin)?;
    let mut stop = AbortOnDrop(Some(running.clone()));
    let told = wait(context, running.state, id).await;
    stop.0 = None;
    told
}

/// Waits for the end of an upload, but not for ever; tells of its progress meanwhile.
async fn wait(
    context: &Context,
    mut state: watch::Receiver<State>,
    id: String,
) -> Result<UploadState, Failed> {
    let end = Instant::now() + FOREGROUND_WAIT;
    loop {
        let now = state.borrow_and_update().clone();
        match &now {
            State::Running { sent, total } => context.report(*sent, *total),
            State::Done { bytes, .. } => {
                context.report(*bytes, *bytes);
                return told(id, now);
            }
            State::Failed(_) => return told(id, now),
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() {
                let now = state.borrow().clone();
                return match now {
                    State::Running { .. } => Err(Box::new(stopped())),
                    ended => told(id, ended),
                };
            },
            () = sleep_until(end) => return told(id, state.borrow().clone()),
        }
    }
}

fn stopped() -> ToolError {
    let next = "Make the same vimeo_video_upload call again: it goes on where it stopped.";
    ToolError { retryable: true, ..ToolError::new(ErrorKind::Conflict, "The upload was stopped.", next) }
}

fn told(upload_id: String, state: State) -> Result<UploadState, Failed> {
    match state {
        State::Running { sent, total } => Ok(UploadState {
            upload_id,
            state: "running".to_owned(),
            sent,
            total: (total > 0).then_some(total),
            video_id: None,
            version_id: None,
        }),
        State::Done { video, version, bytes } => Ok(UploadState {
            upload_id,
            state: "done".to_owned(),
            sent: bytes,
            total: Some(bytes),
            video_id: last_segment(Some(&video)),
            version_id: last_segment(version.as_deref()),
        }),
        State::Failed(error) => Err(error),
    }
}

/// What a failed upload means to an agent.
fn failed(error: &Error, spec: &Spec, kind: &Kind, now: chrono::DateTime<chrono::Utc>) -> ToolError {
    let message = || super::untrusted::clean(&error.to_string(), 500);
    if let Error::Upload { source, .. } = error {
        match &**source {
            UploadError::OutcomeUnknown { .. } => {
                let next = "Look whether it came to be. The same call again looks for ten seconds, goes on with what \
                            it finds, and creates anew only when there is nothing.";
                let unknown = ToolError::new(ErrorKind::UnknownOutcome, message(), next);
                return match kind {
                    Kind::New(_) => {
                        unknown.check("vimeo_my_videos_list", json!({"sort": "date", "direction": "desc"}))
                    }
                    Kind::Version(video) => {
                        unknown.check("vimeo_video_versions_list", json!({"video_id": video.to_string()}))
                    }
                };
            }
            UploadError::SettingsMismatch { video_uri, .. } => {
                let video = last_segment(Some(video_uri)).unwrap_or_default();
                let next = format!(
                    "An upload of this file to video {video} is unfinished: call with the arguments that it was begun with."
                );
                return ToolError::new(ErrorKind::Conflict, message(), next);
            }
            _ => {}
        }
    }
    let mut failed = ToolError::of_post(error, spec, now);
    if failed.retryable && failed.kind == ErrorKind::Temporary {
        "Make the same call again: it goes on where it broke off.".clone_into(&mut failed.next_step);
    }
    failed
}
