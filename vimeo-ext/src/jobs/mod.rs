//! Vimeo's AI jobs: transcribing, translating and dubbing a video, and suggesting its metadata.
//!
//! A job runs at Vimeo for minutes. One call starts it, another follows it until it ends:
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let transcript = vimeo.transcribe(76979871).send().await?;
//! tracing::info!(text_track = transcript.text_track(), "transcribed");
//! let german = vimeo.translate(76979871, "de").on_state(|state| tracing::info!(status = state.status())).send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`StartJob::start`] returns a [`Job`] as soon as Vimeo has accepted it. Its [`JobId`] is text that can be stored; after the
//! process was killed, [`Vimeo::job`](crate::Vimeo::job) follows the same job:
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let id = vimeo.dub(76979871, "fr").start().await?.id().to_string();
//! // In another process:
//! let dubbed = vimeo.job(&id)?.wait().send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is started twice: [`StartJob::start`] reads the state first, and follows a job that is running or done. To make a result
//! anew, delete its text track first.
//!
//! The jobs need an Enterprise account, the scope `ai` and AI credits; see [`JobKind::cost`]. Vimeo allows ten requests a minute to
//! each endpoint; the [rate limiter](crate::rate_limit) of the account keeps to that.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod id;
mod kind;
mod run;
mod start;
mod state;

pub use self::id::{InvalidJobId, JobId};
pub use self::kind::JobKind;
pub use self::run::{Job, WaitJob};
pub use self::start::{Dub, StartJob, SuggestMetadata, Transcribe, Translate};
pub use self::state::{JobPhase, JobState, SuggestedMetadata};
pub use crate::error::JobError;
