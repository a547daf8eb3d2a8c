//! Uploads from the machine that the tools run on.
//!
//! A call waits for a while and reports progress. An upload that takes longer continues; the next call asks for it by its
//! ID. Uploads are written to the client's journal, so that after the process has ended the same call continues with the
//! same video.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use vimeo_api::types;
use vimeo_ext::upload::{FileSource, Progress, UploadError};
use vimeo_ext::{Error, Reconciliation, Vimeo};

use super::error::{BoxedError, ErrorKind, ToolError};
use super::outputs::{last_segment, output, value};
use super::tool::tool;
use super::untrusted::{clean, quoted};
use super::upload_folders::AllowedFile;
use super::uploads::{FOREGROUND_WAIT, State, UploadHandle};
use super::{Context, Cost, Disclosure, Effect, KnownValue, Spec, Toolset, VideoId};
use super::{quota, reconcile};

output! {
    /// The state of an upload.
    pub struct UploadState {
        /// The ID of the upload, valid while the process runs.
        pub upload_id: String,
        /// `running`, `done` or `stopped`; a failed upload is an error.
        pub state: String,
        /// How many bytes were sent. After a lost connection it falls back to those that arrived.
        pub sent: u64,
        optional {
            /// How many bytes there are in total, once known.
            pub total: Option<u64>,
            /// The video, once the upload is done: what other tools take as `video_id`.
            pub video_id: Option<String>,
            /// The created version, if the upload replaced the file of a video.
            pub version_id: Option<String>,
        }
    }
}

impl UploadState {
    /// Converts the state of an upload.
    fn new(upload_id: String, state: State) -> Result<Self, BoxedError> {
        match state {
            State::Running { sent, total } => Ok(Self::unfinished(upload_id, "running", sent, total)),
            State::Done { video, version, bytes } => Ok(Self {
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

    fn unfinished(upload_id: String, state: &str, sent: u64, total: u64) -> Self {
        let total = (total > 0).then_some(total);
        Self { upload_id, state: state.to_owned(), sent, total, video_id: None, version_id: None }
    }
}

/// Arguments of [`VideoUpload`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoUploadInput {
    /// Absolute path of the file, in an allowed folder.
    #[schemars(extend("x-listed" = true))]
    pub path: String,
    /// Title.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Who may watch.
    #[schemars(extend("x-listed" = true))]
    pub privacy_view: Option<KnownValue<types::VideoViewPrivacy>>,
}

tool! {
    "vimeo_video_upload" VideoUpload(VideoUploadInput) -> UploadState {
        title: "Upload a video",
        description: "Uploads a file of the machine that the tools run on as a new video. Waits up to 20 s; a longer upload \
                      continues, and vimeo_upload_get takes its upload_id while the process runs. The same call continues \
                      an interrupted upload. Needs approval unless privacy_view is nobody.",
        scopes: &["upload"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Uploads,
        cost: Cost::Many,
        check: "The video may exist: look for it with vimeo_my_videos_list, sort date, before you upload it again.",
    }
    disclosure |context, input| {
        let file = context.uploads().open(&input.path).await?;
        let privacy = match input.privacy_view.as_ref().map(KnownValue::as_str) {
            Some("nobody") => return Ok(None),
            Some(privacy) => format!("the privacy {privacy}"),
            None => "the account's default privacy".to_owned(),
        };
        Ok(Some(format!("upload the file {} as a new video with {privacy}", quoted_path(&file))))
    };
    run |context, input| {
        let file = context.uploads().open(&input.path).await?;
        start(context, &Self::SPEC, file, Target::NewVideo(Box::new(input))).await
    }
}

/// Arguments of [`VideoReplace`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoReplaceInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Absolute path of the file, in an allowed folder.
    #[schemars(extend("x-listed" = true))]
    pub path: String,
}

tool! {
    "vimeo_video_replace" VideoReplace(VideoReplaceInput) -> UploadState {
        title: "Replace a video's file",
        description: "Uploads a file as the new version of one of the account's videos, which keeps its URL, title and \
                      statistics; the old file stays as a version (vimeo_video_versions_list). Waits and continues like \
                      vimeo_video_upload. Needs approval unless nobody may watch the video.",
        scopes: &["upload"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Uploads,
        cost: Cost::Many,
    }
    disclosure |context, input| {
        let file = context.uploads().open(&input.path).await?;
        let get = context.api().videos().get_video(&input.video_id).into_call().fields("name,privacy.view");
        let found = context.send(&Self::SPEC, get).await?.into_inner();
        let view = found.privacy.and_then(|privacy| privacy.view);
        if view == Some(types::VideoViewPrivacy::Nobody) {
            return Ok(None);
        }
        let (video, title) = (input.video_id.number(), quoted(found.name.as_deref().unwrap_or_default(), 120));
        let privacy = view.as_ref().map_or_else(|| "unknown".to_owned(), value);
        Ok(Some(format!(
            "replace the file of video {video} {title}, whose privacy is {privacy}, with the file {}",
            quoted_path(&file)
        )))
    };
    run |context, input| {
        let file = context.uploads().open(&input.path).await?;
        start(context, &Self::SPEC, file, Target::NewVersion(input.video_id)).await
    }
}

/// Arguments of [`UploadGet`] and [`UploadStop`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadInput {
    /// The ID of the upload.
    #[schemars(extend("x-listed" = true))]
    pub upload_id: String,
}

tool! {
    "vimeo_upload_get" UploadGet(UploadInput) -> UploadState {
        title: "Get the state of an upload",
        description: "Gets the progress of an upload by its upload_id; waits up to 20 s for its end. The outcome stays \
                      available while the process runs.",
        scopes: &["upload"],
        toolset: Toolset::Uploads,
    }
    run |context, input| {
        let upload = find(context, &input.upload_id)?;
        wait(context, upload.state, input.upload_id).await
    }
}

tool! {
    "vimeo_upload_stop" UploadStop(UploadInput) -> UploadState {
        title: "Stop an upload",
        description: "Stops a running upload by its upload_id. The video stays, without its file; the same \
                      vimeo_video_upload call continues the upload.",
        scopes: &["upload"],
        effect: Effect::Overwrite,
        toolset: Toolset::Uploads,
    }
    run |context, input| {
        let upload = find(context, &input.upload_id)?;
        upload.stop();
        let state = upload.state.borrow().clone();
        match state {
            State::Running { sent, total } => {
                Ok(UploadState::unfinished(input.upload_id, "stopped", sent, total))
            }
            ended => UploadState::new(input.upload_id, ended),
        }
    }
}

/// Quotes a file's path for an approval prompt.
fn quoted_path(file: &AllowedFile) -> String {
    quoted(&file.path.display().to_string(), 200)
}

/// What a file is uploaded as.
enum Target {
    NewVideo(Box<VideoUploadInput>),
    NewVersion(VideoId),
}

/// Uploads a file, or continues an earlier upload of it.
async fn upload(
    vimeo: &Vimeo,
    file: &AllowedFile,
    target: &Target,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<State, Error> {
    let path = file.path.display().to_string();
    let opened = file.file.try_clone().map_err(|error| UploadError::io("open", path, error))?;
    let source = FileSource::from_opened(opened, &file.path).await?;
    match target {
        Target::NewVideo(input) => {
            let mut upload = vimeo.upload(source).on_progress(on_progress);
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
        Target::NewVersion(video) => {
            let replaced = vimeo.replace(video, source).on_progress(on_progress).send().await?;
            Ok(State::Done {
                bytes: replaced.uploaded.size,
                video: replaced.video.uri().to_owned(),
                version: replaced.version_uri,
            })
        }
    }
}

fn find(context: &Context, id: &str) -> Result<UploadHandle, BoxedError> {
    context.uploads().find(&context.account(), id).ok_or_else(|| {
        let message = "This process has no upload with that upload_id for this account.";
        let next = "Make the same vimeo_video_upload call again: it continues the upload.";
        Box::new(ToolError::input("upload_id", message, next))
    })
}

/// Stops an upload if its call is dropped.
struct AbortOnDrop(Option<UploadHandle>);

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
    target: Target,
) -> Result<UploadState, BoxedError> {
    let (sender, state) = watch::channel(State::Running { sent: 0, total: 0 });
    let (vimeo, progress) = (context.client().clone(), sender.clone());
    let on_progress = move |step: &Progress| {
        progress.send_replace(State::Running { sent: step.sent, total: step.total });
    };
    let now = context.now();
    let work = async move {
        let mut outcome = upload(&vimeo, &file, &target, on_progress.clone()).await;
        // The outcome of an earlier creation is unknown. It is determined first, so that nothing is created twice.
        if let Some(entry) = outcome.as_ref().err().and_then(reconcile::unknown_outcome) {
            let reconciled = match vimeo.pending_uploads() {
                Ok(pending) => pending.reconcile(entry).await,
                Err(error) => Err(error),
            };
            match reconciled {
                Ok(Reconciliation::Ambiguous(candidates)) => {
                    sender.send_replace(State::Failed(Box::new(reconcile::ambiguous(&candidates))));
                    return;
                }
                Ok(_) => outcome = upload(&vimeo, &file, &target, on_progress).await,
                Err(error) => outcome = Err(error),
            }
        }
        let state = match outcome {
            Ok(done) => done,
            Err(error) => {
                let mut converted = upload_error(&error, spec, &target, now);
                if let Some(usage) = quota::usage(&vimeo, &error).await {
                    converted.message = format!("{} {usage}", converted.message);
                }
                State::Failed(Box::new(converted))
            }
        };
        sender.send_replace(state);
    };
    let spawn = || (state, tokio::spawn(work).abort_handle());
    let (id, handle) = context.uploads().start(context.account(), spawn)?;
    let mut stop = AbortOnDrop(Some(handle.clone()));
    let result = wait(context, handle.state, id).await;
    stop.0 = None;
    result
}

/// Waits for the end of an upload, at most for [`FOREGROUND_WAIT`], and reports progress.
async fn wait(
    context: &Context,
    mut state: watch::Receiver<State>,
    id: String,
) -> Result<UploadState, BoxedError> {
    let deadline = Instant::now() + FOREGROUND_WAIT;
    loop {
        let current = state.borrow_and_update().clone();
        match &current {
            State::Running { sent, total } => context.report(*sent, *total),
            State::Done { bytes, .. } => {
                context.report(*bytes, *bytes);
                return UploadState::new(id, current);
            }
            State::Failed(_) => return UploadState::new(id, current),
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() {
                let last = state.borrow().clone();
                return match last {
                    State::Running { .. } => Err(Box::new(stopped())),
                    ended => UploadState::new(id, ended),
                };
            },
            () = sleep_until(deadline) => return UploadState::new(id, state.borrow().clone()),
        }
    }
}

fn stopped() -> ToolError {
    let next = "Make the same vimeo_video_upload call again: it continues the upload.";
    ToolError { retryable: true, ..ToolError::new(ErrorKind::Conflict, "The upload was stopped.", next) }
}

/// Converts the error of an upload.
fn upload_error(error: &Error, spec: &Spec, target: &Target, now: DateTime<Utc>) -> ToolError {
    let message = || clean(&error.to_string(), 500);
    if let Error::Upload { source, .. } = error {
        match &**source {
            UploadError::OutcomeUnknown { .. } => {
                let next = "Check whether it was created. The same call searches for ten seconds, continues with what it \
                            finds, and creates it again only if there is nothing.";
                let unknown = ToolError::new(ErrorKind::UnknownOutcome, message(), next);
                return match target {
                    Target::NewVideo(_) => {
                        unknown.check("vimeo_my_videos_list", json!({"sort": "date", "direction": "desc"}))
                    }
                    Target::NewVersion(video) => {
                        unknown.check("vimeo_video_versions_list", json!({"video_id": video.to_string()}))
                    }
                };
            }
            UploadError::SettingsMismatch { video_uri, .. } => {
                let video = last_segment(Some(video_uri)).unwrap_or_default();
                let next = format!(
                    "An upload of this file to video {video} is unfinished. Call with the arguments that it started with."
                );
                return ToolError::new(ErrorKind::Conflict, message(), next);
            }
            _ => {}
        }
    }
    let mut converted = ToolError::of_post(error, spec, now);
    if converted.retryable && converted.kind == ErrorKind::Temporary {
        "Make the same call again: it continues the upload.".clone_into(&mut converted.next_step);
    }
    converted
}
