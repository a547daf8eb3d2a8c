//! `vimeo ai`.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vimeo_agent::tools::VideoId;
use vimeo_ext::jobs::{Job, JobKind, JobState, WaitJob};
use vimeo_ext::{Error, JobError, Vimeo};

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::ids;
use crate::output::{Table, parse_duration};

/// Transcribe, translate and dub videos with Vimeo's AI, and get suggested metadata
///
/// For Enterprise accounts. Jobs are paid with AI credits and take minutes. A command that is interrupted ends no job: the same
/// command, or one with `--job`, continues with it. Nothing is started twice.
#[derive(Debug, Args)]
pub(crate) struct AiArgs {
    #[command(subcommand)]
    command: AiCommand,
}

#[derive(Debug, Subcommand)]
enum AiCommand {
    /// Make a transcript of what is said
    #[command(after_help = "Scope: ai.\n\nExamples:\n  $ vimeo ai transcribe 76979871 --no-wait")]
    Transcribe {
        #[command(flatten)]
        job: JobArgs,
        /// Spoken language, e.g. de or pt-BR [default: detected by Vimeo]
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
    },
    /// Translate the transcript into subtitles
    #[command(
        after_help = "Scope: ai.\n\nExamples:\n  $ vimeo ai translate 76979871 --language de --no-wait"
    )]
    Translate {
        #[command(flatten)]
        job: JobArgs,
        /// Target language, e.g. de or pt-BR
        #[arg(long, value_name = "TAG", required_unless_present = "job")]
        language: Option<String>,
        /// ID of the text track to translate [default: the transcript]
        #[arg(long, value_name = "ID")]
        texttrack: Option<u64>,
    },
    /// Make an audio track and subtitles in another language
    ///
    /// By dubbing a video you state that you may lawfully imitate the voices in it.
    #[command(after_help = "Scope: ai.\n\nExamples:\n  $ vimeo ai dub 76979871 --language de --no-wait")]
    Dub {
        #[command(flatten)]
        job: JobArgs,
        /// Target language, e.g. de or pt-BR
        #[arg(long, value_name = "TAG", required_unless_present = "job")]
        language: Option<String>,
        /// Accent of the voice
        #[arg(long, value_name = "ACCENT")]
        accent: Option<String>,
    },
    /// Suggest a title, a description and tags
    #[command(after_help = "Scope: ai.\n\nExamples:\n  $ vimeo ai suggest 76979871 --no-wait")]
    Suggest {
        #[command(flatten)]
        job: JobArgs,
    },
}

#[derive(Debug, Args)]
struct JobArgs {
    /// Video ID, URI or link
    #[arg(required_unless_present = "job")]
    video: Option<String>,
    /// Follow this job, as printed before, and start none
    #[arg(long, value_name = "JOB", conflicts_with = "video")]
    job: Option<String>,
    /// Return when Vimeo has accepted the job
    #[arg(long)]
    no_wait: bool,
    /// How long to wait; the job continues after that
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = parse_duration)]
    wait_timeout: Duration,
}

/// The settings of a job to start.
enum Settings {
    Transcribe(Option<String>),
    Translate(String, Option<u64>),
    Dub(String, Option<String>),
    Suggest,
}

impl Settings {
    fn kind(&self) -> JobKind {
        match self {
            Self::Transcribe(_) => JobKind::Transcribe,
            Self::Translate(..) => JobKind::Translate,
            Self::Dub(..) => JobKind::Dub,
            Self::Suggest => JobKind::SuggestMetadata,
        }
    }

    async fn start(self, vimeo: &Vimeo, video: &VideoId) -> std::result::Result<Job, Error> {
        match self {
            Self::Transcribe(None) => vimeo.transcribe(video).start().await,
            Self::Transcribe(Some(language)) => vimeo.transcribe(video).language(language).start().await,
            Self::Translate(language, None) => vimeo.translate(video, language).start().await,
            Self::Translate(language, Some(track)) => {
                vimeo.translate(video, language).text_track(track).start().await
            }
            Self::Dub(language, None) => vimeo.dub(video, language).start().await,
            Self::Dub(language, Some(accent)) => vimeo.dub(video, language).accent(accent).start().await,
            Self::Suggest => vimeo.suggest_metadata(video).start().await,
        }
    }
}

pub(crate) async fn run(context: &Context<'_>, args: AiArgs) -> Result<ExitCode> {
    let (args, settings) = match args.command {
        AiCommand::Transcribe { job, language } => (job, Settings::Transcribe(language)),
        AiCommand::Translate { job, language, texttrack } => {
            (job, Settings::Translate(language.unwrap_or_default(), texttrack))
        }
        AiCommand::Dub { job, language, accent } => {
            (job, Settings::Dub(language.unwrap_or_default(), accent))
        }
        AiCommand::Suggest { job } => (job, Settings::Suggest),
    };
    let kind = settings.kind();
    let job = match (&args.job, &args.video) {
        (Some(id), _) => {
            let job = context.vimeo().await?.job(id).map_err(|error| CliError::usage(error.to_string()))?;
            if job.id().kind() != kind {
                return Err(CliError::usage(format!("the job {id} is none of `vimeo ai {kind}`")));
            }
            job
        }
        (None, Some(video)) => {
            let video = ids::parse::<VideoId>(video)?;
            context.check_write_allowed("starting an AI job")?;
            context.streams.note(&format!("note: {}", kind.cost()));
            let vimeo = context.vimeo().await?;
            settings.start(&vimeo, &video).await.map_err(to_cli_error)?
        }
        (None, None) => return Err(CliError::usage("a video or --job is required")),
    };
    let id = job.id().to_string();
    if args.no_wait {
        let state = if job.is_new() { None } else { Some(job.status().await?) };
        return print(context, &id, state.as_ref()).await;
    }
    context.on_interrupt_hint(format!("the job continues; follow it with `vimeo ai {kind} --job {id}`"));
    let waited = follow(context, job.wait().timeout(args.wait_timeout)).await;
    context.on_interrupt_hint(None);
    print(context, &id, Some(&waited?)).await
}

/// Waits for a job, and writes each new status to standard error.
async fn follow(context: &Context<'_>, wait: WaitJob) -> Result<JobState> {
    let (sender, mut statuses) = tokio::sync::watch::channel(String::new());
    let sender = Arc::new(sender);
    let wait = wait.on_state(move |state| {
        sender.send_if_modified(|last| {
            let is_new = last != state.status();
            state.status().clone_into(last);
            is_new
        });
    });
    let mut waiting = std::pin::pin!(wait.send());
    loop {
        tokio::select! {
            done = &mut waiting => return done.map_err(to_cli_error),
            Ok(()) = statuses.changed() => {
                let status = statuses.borrow_and_update().clone();
                context.streams.note(&format!("status: {status}"));
            }
        }
    }
}

fn to_cli_error(error: Error) -> CliError {
    let exit = match &error {
        Error::Job(error) => match &**error {
            JobError::InvalidId(_) => ExitCode::Usage,
            JobError::NotStarted { .. } => ExitCode::NotFound,
            JobError::Timeout { .. } => ExitCode::Pending,
            _ => ExitCode::Refused,
        },
        _ => return error.into(),
    };
    CliError::new(exit, error.to_string())
}

async fn print(context: &Context<'_>, id: &str, state: Option<&JobState>) -> Result<ExitCode> {
    let status = state.map_or("started", JobState::status);
    let text_track = state.and_then(JobState::text_track);
    let audio_track = state.and_then(JobState::audio_track);
    let suggested = state.and_then(JobState::suggested);
    if context.wants_json() {
        let suggested: Option<Value> = suggested.map(|suggested| {
            json!({"title": suggested.title, "description": suggested.description, "tags": suggested.tags})
        });
        let document = json!({
            "job": id,
            "status": status,
            "finished": state.is_some_and(JobState::is_finished),
            "language": state.and_then(JobState::language),
            "texttrack_id": text_track,
            "audiotrack_uri": audio_track,
            "suggested": suggested,
        });
        context.print_json(&document).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["job", "status", "result"]);
    let mut results = Vec::new();
    results.extend(text_track.map(|track| format!("text track {track}")));
    results.extend(audio_track.map(|track| format!("audio track {track}")));
    results.extend(suggested.and_then(|suggested| suggested.title.clone()));
    table.row([id.to_owned(), status.to_owned(), results.join(", ")]);
    table.print(context.streams)?;
    Ok(ExitCode::Done)
}
