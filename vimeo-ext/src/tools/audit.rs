//! A log of every attempt to change something, for the person to read later.
//!
//! One JSON object a line, before the attempt and after it. It holds what was asked, without passwords and secrets, and no
//! tool reads it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::error::ToolError;

/// A log of every attempt to change something. Clones write to the same file.
#[derive(Clone)]
pub struct AuditLog {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    attempts: Arc<AtomicU64>,
}

impl AuditLog {
    /// Opens the file, or makes it readable for its owner alone; what it holds is kept.
    ///
    /// # Errors
    ///
    /// When it cannot be opened for writing.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self { path, file: Arc::new(Mutex::new(file)), attempts: Arc::default() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the next attempt of this process: what is noted before and after it has the same.
    pub(crate) fn next(&self) -> u64 {
        self.attempts.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn write(&self, line: Value) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        let line = format!("{line}\n");
        let write = move || {
            // One write a line, so that lines of several processes do not mix.
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Notes an attempt before it is made.
    pub(crate) async fn before(&self, entry: &Entry<'_>, now: DateTime<Utc>) -> io::Result<()> {
        self.write(entry.line("before", now, None)).await
    }

    /// Notes what became of it.
    pub(crate) async fn after(
        &self,
        entry: &Entry<'_>,
        now: DateTime<Utc>,
        outcome: Result<(), &ToolError>,
    ) -> io::Result<()> {
        let outcome = match outcome {
            Ok(()) => json!("done"),
            Err(error) => {
                json!({"category": error.category, "status": error.status, "message": error.message})
            }
        };
        self.write(entry.line("after", now, Some(outcome))).await
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("path", &self.path).finish_non_exhaustive()
    }
}

/// An attempt.
pub(crate) struct Entry<'a> {
    pub(crate) number: u64,
    pub(crate) tool: &'a str,
    pub(crate) account: &'a str,
    pub(crate) arguments: &'a Value,
}

impl Entry<'_> {
    fn line(&self, phase: &str, now: DateTime<Utc>, outcome: Option<Value>) -> Value {
        let mut line = Map::new();
        line.insert("at".to_owned(), json!(now.to_rfc3339_opts(SecondsFormat::Millis, true)));
        line.insert("process".to_owned(), json!(std::process::id()));
        line.insert("attempt".to_owned(), json!(self.number));
        line.insert("phase".to_owned(), json!(phase));
        line.insert("tool".to_owned(), json!(self.tool));
        line.insert("account".to_owned(), json!(self.account));
        if phase == "before" {
            line.insert("arguments".to_owned(), without_secrets(self.arguments));
        }
        if let Some(outcome) = outcome {
            line.insert("outcome".to_owned(), outcome);
        }
        Value::Object(line)
    }
}

/// Arguments without passwords and secrets, and addresses without their query, which can hold either.
fn without_secrets(arguments: &Value) -> Value {
    match arguments {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let secret = ["password", "secret", "token", "key"].iter().any(|word| name.contains(word));
                let value = if secret { json!("[REDACTED]") } else { without_secrets(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        Value::String(text) if text.contains("://") => {
            json!(text.split(['?', '#']).next().unwrap_or_default())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attempts_are_noted_before_and_after_for_their_owner_alone_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "{\"kept\":true}\n").unwrap();
        let log = AuditLog::open(&path).unwrap();
        let arguments = json!({
            "video_id": "1", "password": "hunter2", "secret": "s3cret",
            "webhook_url": "https://example.com/hook?token=t0ken",
        });
        let entry =
            Entry { number: 1, tool: "vimeo_video_edit", account: "account 7", arguments: &arguments };
        log.before(&entry, Utc::now()).await.unwrap();
        let error = ToolError::new(crate::tools::Category::NotFound, "gone", "look");
        log.after(&entry, Utc::now(), Err(&error)).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1]["phase"], "before");
        assert_eq!(lines[1]["arguments"]["webhook_url"], "https://example.com/hook");
        assert_eq!(lines[2]["outcome"]["category"], "not_found");
        for secret in ["hunter2", "s3cret", "t0ken"] {
            assert!(!text.contains(secret), "{text}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(AuditLog::open(folder.path()).is_err());
    }
}
