//! Identifiers of jobs, which can be stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vimeo_api::VideoId;

use super::JobKind;
use crate::Error;
use crate::error::JobError;

/// The longest language code that is accepted.
const MAX_LANGUAGE: usize = 40;

/// Identifies a job: its kind, its video, and its target language if it has one.
///
/// Vimeo gives jobs no number: a video has one job of each kind and language. The text form is stable and contains no secret, except
/// for the hash of an unlisted video that was named with it.
///
/// ```
/// use vimeo_ext::jobs::{JobId, JobKind};
/// let id: JobId = "translate/76979871/de".parse()?;
/// assert_eq!((id.kind(), id.language()), (JobKind::Translate, Some("de")));
/// assert_eq!(id.to_string(), "translate/76979871/de");
/// # Ok::<(), vimeo_ext::jobs::InvalidJobId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct JobId {
    kind: JobKind,
    video: VideoId,
    language: Option<String>,
}

/// The text is not an identifier of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` does not identify a job ({reason}); use one such as transcribe/76979871 or dub/76979871/de, as it was returned"
)]
pub struct InvalidJobId {
    text: String,
    reason: &'static str,
}

impl JobId {
    /// Makes an identifier. Fails if the kind needs a language and there is none, or the other way round.
    pub(crate) fn new(kind: JobKind, video: VideoId, language: Option<&str>) -> Result<Self, InvalidJobId> {
        let invalid = |reason| {
            let text = format!("{kind}/{video}/{}", language.unwrap_or_default());
            InvalidJobId { text: text.chars().take(80).collect(), reason }
        };
        match (language, kind.has_language()) {
            (None, false) => {}
            (Some(language), true) if is_language(language) => {}
            (Some(_), true) => return Err(invalid("the language is not a code such as de or pt-BR")),
            (None, true) => return Err(invalid("the language is missing")),
            (Some(_), false) => return Err(invalid("jobs of this kind have no language")),
        }
        Ok(Self { kind, video, language: language.map(str::to_owned) })
    }

    /// Returns what the job does.
    pub fn kind(&self) -> JobKind {
        self.kind
    }

    /// Returns the video.
    pub fn video(&self) -> &VideoId {
        &self.video
    }

    /// Returns the target language of a translation or a dubbing.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }
}

/// Whether a text can be the code of a language.
fn is_language(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LANGUAGE
        && text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.video)?;
        self.language.as_ref().map_or(Ok(()), |language| write!(f, "/{language}"))
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        let text = text.trim();
        let invalid = |reason| InvalidJobId { text: text.chars().take(80).collect(), reason };
        let mut parts = text.splitn(3, '/');
        let kind = parts.next().unwrap_or_default();
        let kind = JobKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind =
            kind.ok_or_else(|| invalid("it does not begin with transcribe, translate, dub or suggest"))?;
        let video = parts.next().unwrap_or_default();
        let video =
            VideoId::try_from(video).map_err(|_| invalid("the second part is not the ID of a video"))?;
        Self::new(kind, video, parts.next()).map_err(|error| invalid(error.reason))
    }
}

impl From<InvalidJobId> for Error {
    fn from(error: InvalidJobId) -> Self {
        JobError::InvalidId(error.to_string()).into()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidJobId;

    fn try_from(text: String) -> Result<Self, InvalidJobId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_being_stored() {
        for text in ["transcribe/7", "translate/7/de", "dub/7:abc12/pt-BR", "suggest/7"] {
            let id: JobId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            let stored = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<JobId>(&stored).unwrap(), id);
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "does not begin"),
            ("destroy/7", "does not begin"),
            ("transcribe/x/", "ID of a video"),
            ("transcribe/7/de", "have no language"),
            ("translate/7", "is missing"),
            ("translate/7/", "not a code"),
            ("dub/7/de/../../me", "not a code"),
        ] {
            let error = text.parse::<JobId>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
