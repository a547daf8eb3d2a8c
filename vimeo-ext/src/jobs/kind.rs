//! The kinds of jobs.

use std::fmt;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobKind {
    /// Makes a transcript of what is said.
    Transcribe,
    /// Translates a transcript into subtitles.
    Translate,
    /// Makes an audio track and subtitles in another language.
    Dub,
    /// Suggests a title, a description and tags.
    SuggestMetadata,
}

impl JobKind {
    /// All kinds, in order.
    pub const ALL: [Self; 4] = [Self::Transcribe, Self::Translate, Self::Dub, Self::SuggestMetadata];

    /// Returns the kind's name: `transcribe`, `translate`, `dub` or `suggest`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transcribe => "transcribe",
            Self::Translate => "translate",
            Self::Dub => "dub",
            Self::SuggestMetadata => "suggest",
        }
    }

    /// Returns what a job of this kind costs and commits to, as a sentence. Vimeo does not publish how many credits.
    pub fn cost(self) -> &'static str {
        match self {
            Self::Transcribe | Self::SuggestMetadata => {
                "This is one of Vimeo's AI features, which Enterprise accounts pay with AI credits."
            }
            Self::Translate => "This costs AI credits of the Enterprise account.",
            Self::Dub => {
                "This costs AI credits of the Enterprise account, more than subtitles do. It also states that you may \
                 lawfully imitate the voices in the video."
            }
        }
    }

    /// Returns whether jobs of this kind have a target language.
    pub fn has_language(self) -> bool {
        matches!(self, Self::Translate | Self::Dub)
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
