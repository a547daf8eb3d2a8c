//! The errors of AI jobs.

use std::time::Duration;

/// Why an AI job, or the wait for it, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The identifier of the job is invalid, or the language of a new job is.
    #[error("{0}; nothing was sent")]
    InvalidId(String),
    /// Vimeo knows of no such job.
    #[error("Vimeo has no job {job}: it was never started, or its result was deleted; start it")]
    NotStarted {
        /// The identifier of the job.
        job: String,
    },
    /// The job ended without a result.
    #[error("the job {job} failed ({status}); {}", advice(status))]
    Failed {
        /// The identifier of the job.
        job: String,
        /// Vimeo's word for it.
        status: String,
    },
    /// The timeout of the wait; the job continues.
    #[error(
        "the job {job} was still {} after {after:?}; it continues at Vimeo: wait for it again by its identifier",
        last.as_deref().map_or_else(|| "not done".to_owned(), |status| format!("`{status}`"))
    )]
    Timeout {
        /// The identifier of the job.
        job: String,
        /// The timeout.
        after: Duration,
        /// The last status.
        last: Option<String>,
    },
}

/// Returns what to do about a failed job.
fn advice(status: &str) -> &'static str {
    match status {
        "language_not_supported" => "choose a language that GET /videos/ai/languages lists",
        "no_speech" => "the video has no speech to work with",
        "exceeds_maximum_duration" => "the video is too long",
        "invalid_input" => "the content of the video is not suitable",
        "blocked" => "ask Vimeo's support why",
        _ => "start it again later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_the_status() {
        for (status, part) in [
            ("language_not_supported", "ai/languages"),
            ("no_speech", "no speech"),
            ("exceeds_maximum_duration", "too long"),
            ("invalid_input", "not suitable"),
            ("blocked", "support"),
            ("failed", "again later"),
        ] {
            let error = JobError::Failed { job: "dub/7/de".to_owned(), status: status.to_owned() };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
