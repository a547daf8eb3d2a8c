//! The audit log: every attempt to change something, for a person to read later.
//!
//! The log has one JSON object per line, before an attempt and after it. It contains the arguments without passwords and
//! secrets. No tool reads it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::error::ToolError;

/// A log of every attempt to change something. Clones write to the same file.
#[derive(Clone)]
pub struct AuditLog {
    path: PathBuf,
    /// To the thread that writes the lines in order. It ends with the last clone.
    lines: Sender<LogLine>,
    attempts: Arc<AtomicU64>,
    open: Arc<OpenAttempts>,
}

/// A line to write.
struct LogLine {
    text: String,
    written: Option<oneshot::Sender<io::Result<()>>>,
    /// The attempt that the line ends.
    ends: Option<AttemptGuard>,
}

/// Counts the attempts whose outcome is not recorded yet.
#[derive(Default)]
struct OpenAttempts {
    count: Mutex<usize>,
    decreased: Condvar,
}

impl OpenAttempts {
    fn count(&self) -> MutexGuard<'_, usize> {
        // A panic cannot leave it inconsistent: each change is one increment or decrement.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one open attempt until it is dropped.
struct AttemptGuard(Arc<OpenAttempts>);

impl AttemptGuard {
    fn new(open: &Arc<OpenAttempts>) -> Self {
        *open.count() += 1;
        Self(Arc::clone(open))
    }
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        let mut count = self.0.count();
        *count = count.saturating_sub(1);
        drop(count);
        self.0.decreased.notify_all();
    }
}

impl AuditLog {
    /// Opens the file, or creates it, and appends to it. Only its owner can read it.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened for writing.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let (lines, queue) = channel::<LogLine>();
        let log_path = path.clone();
        // A separate thread, so that a dropped attempt can write its last line in order, from anywhere.
        std::thread::Builder::new().name("audit log".to_owned()).spawn(move || {
            for LogLine { text, written, ends } in queue {
                let outcome = write(&file, &text);
                if let (Err(error), None) = (&outcome, &written) {
                    tracing::error!(%error, path = %log_path.display(), "cannot write the audit log");
                }
                if let Some(written) = written {
                    // The receiver may be gone.
                    let _ = written.send(outcome);
                }
                drop(ends);
            }
        })?;
        Ok(Self { path, lines, attempts: Arc::default(), open: Arc::default() })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the outcome of every attempt is recorded, at most for `timeout`; returns whether all are recorded.
    ///
    /// Blocks the thread. Call it at the end of a process, after stopping the servers and calls that use the log.
    pub fn flush(&self, timeout: Duration) -> bool {
        match self.open.decreased.wait_timeout_while(self.open.count(), timeout, |count| *count > 0) {
            Ok((count, _)) => *count == 0,
            Err(poisoned) => *poisoned.into_inner().0 == 0,
        }
    }

    /// Waits as [`flush`](Self::flush) does, for a second, without blocking other tasks.
    #[cfg(feature = "mcp")]
    pub(crate) async fn flush_async(&self) {
        let log = self.clone();
        let flushed = tokio::task::spawn_blocking(move || log.flush(Duration::from_secs(1))).await;
        if !flushed.unwrap_or(false) {
            tracing::warn!(path = %self.path.display(), "the outcomes of some attempts are not recorded yet");
        }
    }

    /// Records an attempt before it is made. Its outcome is recorded when the returned [`Attempt`] ends or is dropped.
    pub(crate) async fn begin(&self, call: AuditedCall<'_>, clock: Clock) -> io::Result<Attempt> {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let mut attempt = Attempt {
            log: self.clone(),
            number,
            tool: call.tool,
            account: call.account.to_owned(),
            clock,
            guard: Some(AttemptGuard::new(&self.open)),
        };
        let arguments = ("arguments", redact(call.arguments));
        let written = self.write(attempt.line("before", arguments), None).await;
        if written.is_err() {
            // The attempt is not made, so it has no outcome.
            attempt.guard = None;
        }
        written.map(|()| attempt)
    }

    /// Records an attempt that was refused before it reached its tool.
    #[cfg(feature = "mcp")]
    pub(crate) async fn record_refusal(&self, call: AuditedCall<'_>, error: &ToolError) {
        let tool = call.tool;
        let recorded = async { self.begin(call, Arc::new(Utc::now)).await?.end(Err(error)).await };
        if let Err(error) = recorded.await {
            tracing::error!(%error, path = %self.path.display(), tool, "cannot write the audit log");
        }
    }

    async fn write(&self, text: String, ends: Option<AttemptGuard>) -> io::Result<()> {
        let (written, outcome) = oneshot::channel();
        let ended = || io::Error::other("the audit log's thread has ended");
        self.lines.send(LogLine { text, written: Some(written), ends }).map_err(|_| ended())?;
        outcome.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Writes a line with one call, so that lines of several processes do not mix.
fn write(mut file: &File, line: &str) -> io::Result<()> {
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Returns the time of a line.
pub(crate) type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A call to record.
pub(crate) struct AuditedCall<'a> {
    pub(crate) tool: &'static str,
    pub(crate) account: &'a str,
    pub(crate) arguments: &'a Value,
}

/// A recorded attempt that is being made. If it is dropped before it ends, its outcome is recorded as `cancelled`.
pub(crate) struct Attempt {
    log: AuditLog,
    number: u64,
    tool: &'static str,
    account: String,
    clock: Clock,
    guard: Option<AttemptGuard>,
}

impl Attempt {
    /// Records the outcome.
    pub(crate) async fn end(mut self, outcome: Result<(), &ToolError>) -> io::Result<()> {
        let outcome = match outcome {
            Ok(()) => json!("done"),
            Err(error) => {
                json!({"category": error.kind, "status": error.status, "message": error.message})
            }
        };
        let line = self.line("after", ("outcome", outcome));
        let log = self.log.clone();
        log.write(line, self.guard.take()).await
    }

    fn line(&self, phase: &str, (name, value): (&str, Value)) -> String {
        let mut line = Map::new();
        line.insert("at".to_owned(), json!((self.clock)().to_rfc3339_opts(SecondsFormat::Millis, true)));
        line.insert("process".to_owned(), json!(std::process::id()));
        line.insert("attempt".to_owned(), json!(self.number));
        line.insert("phase".to_owned(), json!(phase));
        line.insert("tool".to_owned(), json!(self.tool));
        line.insert("account".to_owned(), json!(self.account));
        line.insert(name.to_owned(), value);
        format!("{}\n", Value::Object(line))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else { return };
        let message = "The call was cancelled before it ended; it is not known whether Vimeo executed it.";
        let outcome = json!({"category": "cancelled", "status": null, "message": message});
        let text = self.line("after", ("outcome", outcome));
        // Fails only if the thread has ended, and it runs as long as this log exists.
        let _ = self.log.lines.send(LogLine { text, written: None, ends: Some(guard) });
    }
}

/// Removes passwords and secrets from arguments, and user, password, query and fragment from URLs, which can contain
/// either.
fn redact(arguments: &Value) -> Value {
    match arguments {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let secret = ["password", "secret", "token", "key"].iter().any(|word| name.contains(word))
                    // JSON that could not be read, in which a secret can be anywhere.
                    || (["body", "parameters"].contains(&name.as_str()) && value.is_string());
                let value = if secret { json!("[REDACTED]") } else { redact(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(redact).collect(),
        Value::String(text) if text.contains("://") => json!(
            text.split_inclusive(char::is_whitespace)
                .map(|word| if word.contains("://") { redact_url(word) } else { word.to_owned() })
                .collect::<String>()
        ),
        other => other.clone(),
    }
}

fn redact_url(word: &str) -> String {
    let space = word.trim_end().len();
    let (text, space) = word.split_at(space);
    match Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            url.set_query(None);
            url.set_fragment(None);
            // These fail only for URLs without a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            format!("{url}{space}")
        }
        // Any part of an unparsable URL can be secret.
        _ => {
            let scheme = text.split("://").next().unwrap_or_default();
            format!("{}://[REDACTED]{space}", scheme.split(['?', '#', '@']).next().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attempts_are_logged_before_and_after_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "{\"kept\":true}\n").unwrap();
        let log = AuditLog::open(&path).unwrap();
        let arguments = json!({
            "video_id": "1", "password": "hunter2", "secret": "s3cret",
            "webhook_url": "https://u5er:pa55@example.com/hook?token=t0ken",
            "text": "see https://example.com/a?k=qu3ry and (https://u5er:pa55@example.com). Why?",
        });
        let call = AuditedCall { tool: "vimeo_video_edit", account: "account 7", arguments: &arguments };
        let attempt = log.begin(call, Arc::new(Utc::now)).await.unwrap();
        let error = ToolError::new(crate::tools::ErrorKind::NotFound, "gone", "look");
        attempt.end(Err(&error)).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1]["phase"], "before");
        assert_eq!(lines[1]["arguments"]["webhook_url"], "https://example.com/hook");
        assert_eq!(lines[2]["outcome"]["category"], "not_found");
        assert_eq!(lines[1]["arguments"]["text"], "see https://example.com/a and (https://[REDACTED] Why?");
        for secret in ["hunter2", "s3cret", "t0ken", "u5er", "pa55", "qu3ry"] {
            assert!(!text.contains(secret), "{text}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(AuditLog::open(folder.path()).is_err());
    }

    #[tokio::test]
    async fn flush_waits_for_dropped_attempts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        let arguments = json!({"name": "Surf"});
        let call =
            || AuditedCall { tool: "vimeo_folder_create", account: "account 7", arguments: &arguments };
        let attempt = log.begin(call(), Arc::new(Utc::now)).await.unwrap();
        assert!(!log.flush(Duration::ZERO), "one attempt is open");
        // From a thread without a runtime, as when a runtime shuts down.
        std::thread::spawn(move || drop(attempt)).join().unwrap();
        // Dropped while the first line is being written: both lines are written, in order.
        let mut begin = Box::pin(log.begin(call(), Arc::new(Utc::now)));
        let waker = std::task::Waker::noop();
        let _ = begin.as_mut().poll(&mut std::task::Context::from_waker(waker));
        drop(begin);
        assert!(log.flush(Duration::from_secs(60)));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let order: Vec<_> =
            lines.iter().map(|line| (line["attempt"].as_u64(), line["phase"].as_str())).collect();
        let pair = |number| [(Some(number), Some("before")), (Some(number), Some("after"))];
        assert_eq!(order, [pair(1), pair(2)].concat());
        assert_eq!(lines[1]["outcome"]["category"], "cancelled");
    }
}
