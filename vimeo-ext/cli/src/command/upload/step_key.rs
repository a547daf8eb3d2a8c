//! The keys under which a batch records post-upload steps.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use super::batch::{key, size_and_mtime};

/// A post-upload step: what it does, and with which file content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum StepKey {
    Showcase { uri: String },
    Picture { file: FileContent },
    TextTrack { language: String, file: FileContent },
}

/// A file, and its content by size and modification time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileContent {
    path: String,
    size: u64,
    /// In nanoseconds since the Unix epoch.
    modified: u64,
}

impl StepKey {
    pub(crate) fn showcase(uri: &str) -> Self {
        Self::Showcase { uri: uri.to_owned() }
    }

    pub(crate) fn picture(file: &Path) -> Self {
        Self::Picture { file: FileContent::of(file) }
    }

    pub(crate) fn text_track(language: &str, file: &Path) -> Self {
        Self::TextTrack { language: language.to_owned(), file: FileContent::of(file) }
    }

    /// Parses the text of version 1, such as `text track de /a.vtt of 7 bytes at 1772366400000000000`.
    fn from_text(text: &str) -> Option<Self> {
        if let Some(uri) = text.strip_prefix("showcase ") {
            return Some(Self::showcase(uri));
        }
        if let Some(file) = text.strip_prefix("picture ") {
            return Some(Self::Picture { file: FileContent::from_text(file)? });
        }
        let (language, file) = text.strip_prefix("text track ")?.split_once(' ')?;
        Some(Self::TextTrack { language: language.to_owned(), file: FileContent::from_text(file)? })
    }
}

impl FileContent {
    fn of(file: &Path) -> Self {
        let (size, modified) = size_and_mtime(file).unwrap_or_default();
        Self { path: key(file), size, modified: u64::try_from(modified).unwrap_or(u64::MAX) }
    }

    fn from_text(text: &str) -> Option<Self> {
        let (rest, modified) = text.rsplit_once(" bytes at ")?;
        let (path, size) = rest.rsplit_once(" of ")?;
        Some(Self { path: path.to_owned(), size: size.parse().ok()?, modified: modified.parse().ok()? })
    }
}

/// Reads the steps of any version. Steps that this version does not know are dropped, so they run again.
pub(super) fn read_steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StepKey>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum StoredStep {
        Typed(StepKey),
        /// Version 1.
        Text(String),
        Unknown(serde::de::IgnoredAny),
    }
    let stored = Vec::<StoredStep>::deserialize(deserializer)?;
    let known = stored.into_iter().filter_map(|step| match step {
        StoredStep::Typed(key) => Some(key),
        StoredStep::Text(text) => StepKey::from_text(&text),
        StoredStep::Unknown(_) => None,
    });
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_every_version_are_read() {
        let file = || FileContent {
            path: "/my films of 2026/a.vtt".to_owned(),
            size: 7,
            modified: 1_772_366_400_000_000_000,
        };
        // As version 1 and version 2 wrote them, and one of a later version.
        let stored = r#"[
            "showcase /users/7/albums/9",
            "picture /my films of 2026/a.vtt of 7 bytes at 1772366400000000000",
            "text track de /my films of 2026/a.vtt of 7 bytes at 1772366400000000000",
            "chapters",
            {"kind": "showcase", "uri": "/users/7/albums/9"},
            {"kind": "picture", "file": {"path": "/my films of 2026/a.vtt", "size": 7, "modified": 1772366400000000000}},
            {"kind": "text_track", "language": "de", "file": {"path": "/my films of 2026/a.vtt", "size": 7, "modified": 1772366400000000000}},
            {"kind": "chapters", "count": 3}
        ]"#;
        let steps = read_steps(&mut serde_json::Deserializer::from_str(stored)).unwrap();
        let known = [
            StepKey::showcase("/users/7/albums/9"),
            StepKey::Picture { file: file() },
            StepKey::TextTrack { language: "de".to_owned(), file: file() },
        ];
        assert_eq!(steps, [known.clone(), known.clone()].concat());
        let written = serde_json::to_string(&known).unwrap();
        assert_eq!(read_steps(&mut serde_json::Deserializer::from_str(&written)).unwrap(), known);
    }
}
