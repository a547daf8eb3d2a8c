//! The state of a job, as Vimeo's response shows it. Pure.
//!
//! Vimeo does not describe the shape of these responses, only their members. So a list is found at the top or in the first member that
//! is one, numbers may be text, and an unknown status counts as running.

use serde_json::Value;

use super::{JobId, JobKind};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobPhase {
    /// Vimeo knows of no such job.
    NotStarted,
    /// Vimeo has accepted the job and has not begun.
    Queued,
    /// The job runs, or its status is unknown.
    Running,
    /// The job is done.
    Done,
    /// The job is done, and part of its result was deleted since.
    Deleted,
    /// The job ended without a result.
    Failed,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JobState {
    phase: JobPhase,
    status: String,
    language: Option<String>,
    text_track: Option<u64>,
    audio_track: Option<String>,
    suggested: Option<SuggestedMetadata>,
}

/// What Vimeo suggests for a video. Members that Vimeo did not send are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuggestedMetadata {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
}

impl JobState {
    /// Returns how far the job is.
    pub fn phase(&self) -> JobPhase {
        self.phase
    }

    /// Returns Vimeo's word for the state, such as `in_progress` or `completed`.
    pub fn status(&self) -> &str {
        &self.status
    }

    /// Returns the language: the spoken one of a transcription, else the target.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Returns the ID of the text track that a finished job made.
    pub fn text_track(&self) -> Option<u64> {
        self.text_track
    }

    /// Returns the URI of the audio track that a finished dubbing made.
    pub fn audio_track(&self) -> Option<&str> {
        self.audio_track.as_deref()
    }

    /// Returns the suggestions of a finished job that suggests metadata.
    pub fn suggested(&self) -> Option<&SuggestedMetadata> {
        self.suggested.as_ref()
    }

    /// Whether the job has ended.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, JobPhase::Done | JobPhase::Deleted | JobPhase::Failed)
    }

    /// The state of a job that Vimeo does not know.
    fn not_started() -> Self {
        Self::new(JobPhase::NotStarted, "none")
    }

    /// The state after a response that says to ask again.
    pub(super) fn preparing() -> Self {
        Self::new(JobPhase::Running, "preparing")
    }

    fn new(phase: JobPhase, status: &str) -> Self {
        let status = status.chars().take(80).collect();
        Self { phase, status, language: None, text_track: None, audio_track: None, suggested: None }
    }

    /// Reads the state of a job from a response.
    pub(super) fn of(id: &JobId, response: &Value) -> Self {
        match id.kind() {
            JobKind::SuggestMetadata => Self {
                suggested: Some(SuggestedMetadata::of(response)),
                ..Self::new(JobPhase::Done, "completed")
            },
            JobKind::Transcribe => Self::of_entry(response),
            JobKind::Translate | JobKind::Dub => {
                let in_language =
                    |entry: &&Value| match (entry.get("language").and_then(Value::as_str), id.language()) {
                        (Some(language), Some(wanted)) => language.eq_ignore_ascii_case(wanted),
                        _ => true,
                    };
                let states = entries(response).iter().filter(in_language).map(Self::of_entry);
                // A job that runs counts before one that is done, and that before one that failed.
                states.min_by_key(|state| rank(state.phase)).unwrap_or_else(Self::not_started)
            }
        }
    }

    fn of_entry(entry: &Value) -> Self {
        let status = entry.get("status").and_then(Value::as_str).unwrap_or("unknown");
        Self {
            language: text(entry, "language"),
            text_track: entry.get("texttrack_id").and_then(number),
            audio_track: text(entry, "audiotrack_uri"),
            ..Self::new(phase_of(status), status)
        }
    }
}

fn rank(phase: JobPhase) -> u8 {
    match phase {
        JobPhase::Queued | JobPhase::Running => 0,
        JobPhase::Done => 1,
        JobPhase::Deleted => 2,
        JobPhase::Failed => 3,
        JobPhase::NotStarted => 4,
    }
}

/// Returns the phase for Vimeo's word.
fn phase_of(status: &str) -> JobPhase {
    match status {
        "none" | "not_found" => JobPhase::NotStarted,
        "not_started" => JobPhase::Queued,
        "completed" => JobPhase::Done,
        "completed_with_deleted_texttrack" | "completed_with_deleted_audiotrack" => JobPhase::Deleted,
        "failed"
        | "language_not_supported"
        | "no_speech"
        | "exceeds_maximum_duration"
        | "blocked"
        | "invalid_input" => JobPhase::Failed,
        _ => JobPhase::Running,
    }
}

/// Returns the jobs of a response: a list, an object with one, or a single job.
fn entries(response: &Value) -> &[Value] {
    match response {
        Value::Array(entries) => entries,
        Value::Object(members) if members.contains_key("status") => std::slice::from_ref(response),
        Value::Object(members) => members.values().find_map(Value::as_array).map_or(&[], Vec::as_slice),
        _ => &[],
    }
}

fn text(entry: &Value, name: &str) -> Option<String> {
    entry.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

impl SuggestedMetadata {
    fn of(response: &Value) -> Self {
        let tags = response.get("tags").and_then(Value::as_array);
        let tag = |tag: &Value| tag.as_str().map(str::to_owned).or_else(|| text(tag, "name"));
        Self {
            title: text(response, "title"),
            description: text(response, "description"),
            tags: tags.into_iter().flatten().filter_map(tag).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_status_has_a_phase() {
        for (status, phase) in [
            ("none", JobPhase::NotStarted),
            ("not_found", JobPhase::NotStarted),
            ("not_started", JobPhase::Queued),
            ("in_progress", JobPhase::Running),
            ("processing", JobPhase::Running),
            ("unknown", JobPhase::Running),
            ("a new word", JobPhase::Running),
            ("completed", JobPhase::Done),
            ("completed_with_deleted_texttrack", JobPhase::Deleted),
            ("completed_with_deleted_audiotrack", JobPhase::Deleted),
            ("failed", JobPhase::Failed),
            ("invalid_input", JobPhase::Failed),
            ("language_not_supported", JobPhase::Failed),
            ("no_speech", JobPhase::Failed),
            ("exceeds_maximum_duration", JobPhase::Failed),
            ("blocked", JobPhase::Failed),
        ] {
            assert_eq!(phase_of(status), phase, "{status}");
        }
    }

    #[test]
    fn the_job_is_found_in_any_list() {
        let german =
            json!({"language": "DE", "status": "completed", "texttrack_id": "9", "audiotrack_uri": "/a/1"});
        let french = json!({"language": "fr", "status": "processing"});
        let failed = json!({"language": "de", "status": "failed"});
        let id: JobId = "dub/7/de".parse().unwrap();
        for response in [
            json!([french, german]),
            json!([failed, german]),
            json!({"data": [german, french]}),
            json!({"total": 1, "jobs": [german]}),
            german.clone(),
        ] {
            let state = JobState::of(&id, &response);
            let found = (state.phase(), state.text_track(), state.audio_track());
            assert_eq!(found, (JobPhase::Done, Some(9), Some("/a/1")), "{response}");
        }
        for response in [json!([]), json!([french]), json!({}), json!(null), json!("no")] {
            assert_eq!(JobState::of(&id, &response).phase(), JobPhase::NotStarted, "{response}");
        }
        let again = json!([german, {"language": "de", "status": "processing"}]);
        assert_eq!(JobState::of(&id, &again).phase(), JobPhase::Running);
    }

    #[test]
    fn suggestions_are_read_from_texts_and_objects() {
        let id: JobId = "suggest/7".parse().unwrap();
        let response = json!({"title": "Surf", "description": null, "tags": ["sea", {"name": "wave"}, 7]});
        let state = JobState::of(&id, &response);
        let suggested = state.suggested().unwrap();
        assert_eq!((suggested.title.as_deref(), suggested.description.as_deref()), (Some("Surf"), None));
        assert_eq!(suggested.tags, ["sea", "wave"]);
    }
}
