//! A log of every attempt to change something, for the person to read later.
//!
//! One JSON object a line, before the attempt and after it. It holds what was asked, without passwords and secrets, and no
//! tool reads it.

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
    /// To the thread that writes, one line after another; it ends with the last clone.
    lines: Sender<LogLine>,
    attempts: Arc<AtomicU64>,
    open: Arc<OpenAttempts>,
}

/// A line to write.
struct LogLine {
    text: String,
    written: Option<oneshot::Sender<io::Result<()>>>,
    /// The attempt that ends with it.
    ends: Option<AttemptGuard>,
}

/// How many attempts have not been noted to their end.
#[derive(Default)]
struct OpenAttempts {
    number: Mutex<usize>,
    fewer: Condvar,
}

impl OpenAttempts {
    fn number(&self) -> MutexGuard<'_, usize> {
        // Each change is one step up or down.
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the open attempts, as long as it is held.
struct AttemptGuard(Arc<OpenAttempts>);

impl AttemptGuard {
    fn new(open: &Arc<OpenAttempts>) -> Self {
        *open.number() += 1;
        Self(Arc::clone(open))
    }
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        let mut number = self.0.number();
        *number = number.saturating_sub(1);
        drop(number);
        self.0.fewer.notify_all();
    }
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
        let (lines, waiting) = channel::<LogLine>();
        let shown = path.clone();
        // A thread of its own, so that an attempt that is dropped can leave its last line, in its order, from anywhere.
        std::thread::Builder::new().name("audit log".to_owned()).spawn(move || {
            for LogLine { text, written, ends } in waiting {
                let outcome = write(&file, &text);
                if let (Err(error), None) = (&outcome, &written) {
                    tracing::error!(%error, path = %shown.display(), "the audit log cannot be written");
                }
                if let Some(written) = written {
                    // Whoever asked may be gone.
                    let _ = written.send(outcome);
                }
                drop(ends);
            }
        })?;
        Ok(Self { path, lines, attempts: Arc::default(), open: Arc::default() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until every attempt is noted to its end, at most so long; answers whether they are. It blocks the thread: for
    /// the end of a process, after the servers and calls that use the log were stopped.
    pub fn flush(&self, at_most: Duration) -> bool {
        let waited = self.open.fewer.wait_timeout_while(self.open.number(), at_most, |number| *number > 0);
        match waited {
            Ok((number, _)) => *number == 0,
            Err(poisoned) => *poisoned.into_inner().0 == 0,
        }
    }

    /// As [`flush`](Self::flush), for a second, beside other tasks.
    #[cfg(feature = "mcp")]
    pub(crate) async fn flush_async(&self) {
        let log = self.clone();
        let settled = tokio::task::spawn_blocking(move || log.flush(Duration::from_secs(1))).await;
        if !settled.unwrap_or(false) {
            tracing::warn!(path = %self.path.display(), "not every attempt is noted to its end");
        }
    }

    /// Notes an attempt before it is made. What became of it is noted when the answer ends, or is dropped.
    pub(crate) async fn begin(&self, asked: Asked<'_>, clock: Clock) -> io::Result<Attempt> {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let mut attempt = Attempt {
            log: self.clone(),
            number,
            tool: asked.tool,
            account: asked.account.to_owned(),
            clock,
            count: Some(AttemptGuard::new(&self.open)),
        };
        let arguments = ("arguments", without_secrets(asked.arguments));
        let written = self.write(attempt.line("before", arguments), None).await;
        if written.is_err() {
            // It is not made.
            attempt.count = None;
        }
        written.map(|()| attempt)
    }

    /// Notes an attempt that was refused before any tool heard of it.
    #[cfg(feature = "mcp")]
    pub(crate) async fn refused(&self, asked: Asked<'_>, error: &ToolError) {
        let tool = asked.tool;
        let noted = async { self.begin(asked, Arc::new(Utc::now)).await?.end(Err(error)).await };
        if let Err(error) = noted.await {
            tracing::error!(%error, path = %self.path.display(), tool, "the audit log cannot be written");
        }
    }

    async fn write(&self, text: String, ends: Option<AttemptGuard>) -> io::Result<()> {
        let (written, outcome) = oneshot::channel();
        let gone = || io::Error::other("the thread that writes it has ended");
        self.lines.send(LogLine { text, written: Some(written), ends }).map_err(|_| gone())?;
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// One write a line, so that lines of several processes do not mix.
fn write(mut file: &File, line: &str) -> io::Result<()> {
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the time of a line is read from.
pub(crate) type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) tool: &'static str,
    pub(crate) account: &'a str,
    pub(crate) arguments: &'a Value,
}

/// An attempt that was noted and is being made. When it is dropped before its end, that it was given up is noted.
pub(crate) struct Attempt {
    log: AuditLog,
    number: u64,
    tool: &'static str,
    account: String,
    clock: Clock,
    count: Option<AttemptGuard>,
}

impl Attempt {
    /// Notes what became of it.
    pub(crate) async fn end(mut self, outcome: Result<(), &ToolError>) -> io::Result<()> {
        let outcome = match outcome {
            Ok(()) => json!("done"),
            Err(error) => {
                json!({"category": error.kind, "status": error.status, "message": error.message})
            }
        };
        let line = self.line("after", ("outcome", outcome));
        let log = self.log.clone();
        log.write(line, self.count.take()).await
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
        let Some(count) = self.count.take() else { return };
        let message = "The call was given up before its end; whether Vimeo did it is not known.";
        let outcome = json!({"category": "cancelled", "status": null, "message": message});
        let text = self.line("after", ("outcome", outcome));
        // It fails only when the thread has ended, which it does not while this log is there.
        let _ = self.log.lines.send(LogLine { text, written: None, ends: Some(count) });
    }
}

/// Arguments without passwords and secrets, and addresses without their user, password, query and fragment, which can
/// hold either.
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
        Value::String(text) if text.contains("://") => json!(
            text.split_inclusive(char::is_whitespace)
                .map(|word| if word.contains("://") { address(word) } else { word.to_owned() })
                .collect::<String>()
        ),
        other => other.clone(),
    }
}

fn address(word: &str) -> String {
    let space = word.trim_end().len();
    let (text, space) = word.split_at(space);
    match Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            url.set_query(None);
            url.set_fragment(None);
            // These fail only for addresses without a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            format!("{url}{space}")
        }
        // What it is nobody knows, so nothing of it that could be secret is kept.
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
    async fn attempts_are_noted_before_and_after_for_their_owner_alone_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "{\"kept\":true}\n").unwrap();
        let log = AuditLog::open(&path).unwrap();
        let arguments = json!({
            "video_id": "1", "password": "hunter2", "secret": "s3cret",
            "webhook_url": "https://u5er:pa55@example.com/hook?token=t0ken",
            "text": "see https://example.com/a?k=qu3ry and (https://u5er:pa55@example.com). Why?",
        });
        let asked = Asked { tool: "vimeo_video_edit", account: "account 7", arguments: &arguments };
        let attempt = log.begin(asked, Arc::new(Utc::now)).await.unwrap();
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
    async fn an_attempt_that_is_dropped_is_noted_as_given_up_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        let arguments = json!({"name": "Surf"});
        let asked = || Asked { tool: "vimeo_folder_create", account: "account 7", arguments: &arguments };
        let attempt = log.begin(asked(), Arc::new(Utc::now)).await.unwrap();
        assert!(!log.flush(Duration::ZERO), "one is open");
        // From a thread without a runtime, as when a runtime ends.
        std::thread::spawn(move || drop(attempt)).join().unwrap();
        // Given up while the first line was on its way: both lines are there all the same, in their order.
        let mut begun = Box::pin(log.begin(asked(), Arc::new(Utc::now)));
        let waker = std::task::Waker::noop();
        let _ = begun.as_mut().poll(&mut std::task::Context::from_waker(waker));
        drop(begun);
        assert!(log.flush(Duration::from_secs(60)));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let order: Vec<_> =
            lines.iter().map(|line| (line["attempt"].as_u64(), line["phase"].as_str())).collect();
        let both = |number| [(Some(number), Some("before")), (Some(number), Some("after"))];
        assert_eq!(order, [both(1), both(2)].concat());
        assert_eq!(lines[1]["outcome"]["category"], "cancelled");
    }
}
