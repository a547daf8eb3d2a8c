//! Background processes, and waits for processes that end them if they take too long.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::workspace::XtaskError;

/// How many lines are stored to be shown after a failure.
const MAX_RECENT_LINES: usize = 200;

/// How long to wait for the next line of a background process.
const LINE_TIMEOUT: Duration = Duration::from_secs(120);

/// How often to check whether a process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits for the end of a process. Kills it, and fails with its purpose, if it has not ended after `timeout`.
pub(crate) fn wait(child: &mut Child, purpose: &str, timeout: Duration) -> Result<ExitStatus, XtaskError> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(XtaskError::file(purpose))? {
            return Ok(status);
        }
        if begun.elapsed() >= timeout {
            let _ = child.kill();
            let _ = child.wait();
            return Err(XtaskError::Command(format!(
                "{purpose} did not end within {} s and was killed",
                timeout.as_secs()
            )));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// A process that runs until this value is dropped.
pub(crate) struct ChildProcess {
    child: Child,
    lines: Receiver<String>,
    recent: RecentLines,
}

/// The last lines that a process has printed.
#[derive(Clone, Default)]
struct RecentLines(Arc<Mutex<VecDeque<String>>>);

impl RecentLines {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MAX_RECENT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl ChildProcess {
    /// Starts a process and reads its standard output.
    pub(crate) fn start(command: &mut Command) -> Result<Self, XtaskError> {
        let name = command.get_program().to_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(XtaskError::file(name))?;
        let output =
            child.stdout.take().ok_or_else(|| XtaskError::Command("no standard output".to_owned()))?;
        Ok(Self::new(child, output))
    }

    /// Starts a process and reads its standard error.
    pub(crate) fn start_reading_stderr(mut command: Command) -> Result<Self, XtaskError> {
        let name = command.get_program().to_owned();
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(XtaskError::file(name))?;
        let output =
            child.stderr.take().ok_or_else(|| XtaskError::Command("no standard error".to_owned()))?;
        Ok(Self::new(child, output))
    }

    fn new(child: Child, output: impl Read + Send + 'static) -> Self {
        let recent = RecentLines::default();
        Self { child, lines: read_lines(output, recent.clone()), recent }
    }

    /// Returns the last lines that were read, to show them after a failure.
    pub(crate) fn recent_lines(&self) -> String {
        self.recent.text()
    }

    /// Writes a line to the standard input, which the command must have set to `Stdio::piped`.
    pub(crate) fn write_line(&mut self, line: &str) -> Result<(), XtaskError> {
        let input = self.child.stdin.as_mut();
        let input = input.ok_or_else(|| XtaskError::Command("no standard input".to_owned()))?;
        writeln!(input, "{line}").map_err(XtaskError::file("the standard input of a process"))
    }

    /// Returns the next line. Fails if the process ends, or prints none for `LINE_TIMEOUT`.
    pub(crate) fn line(&mut self) -> Result<String, XtaskError> {
        next_line(&self.lines, LINE_TIMEOUT)
    }

    /// Returns the text after `words` in the first line that contains them. No line can be read after it.
    pub(crate) fn line_with(&mut self, words: &str) -> Result<String, XtaskError> {
        loop {
            let line = self.line()?;
            if let Some((_, rest)) = line.split_once(words) {
                let rest = rest.trim().to_owned();
                // Otherwise, the lines to come would wait in memory.
                (_, self.lines) = mpsc::channel();
                return Ok(rest);
            }
        }
    }
}

/// Reads the lines of a process in the background, so that the process never blocks.
fn read_lines(output: impl Read + Send + 'static, recent: RecentLines) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            recent.push(&line);
            // Nobody may need the line any more.
            let _ = sender.send(line);
        }
    });
    lines
}

fn next_line(lines: &Receiver<String>, timeout: Duration) -> Result<String, XtaskError> {
    lines.recv_timeout(timeout).map_err(|error| {
        XtaskError::Command(match error {
            RecvTimeoutError::Disconnected => "a background process ended".to_owned(),
            RecvTimeoutError::Timeout => {
                format!("a background process printed no line for {} s", timeout.as_secs())
            }
        })
    })
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_end_is_killed() {
        // It ends by itself if it is not killed, so that the test ends too.
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let error = wait(&mut child, "a client", Duration::ZERO).unwrap_err().to_string();
        assert_eq!(error, "a client did not end within 0 s and was killed");
        assert!(!child.try_wait().unwrap().unwrap().success());
        let mut child = Command::new("true").spawn().unwrap();
        assert!(wait(&mut child, "a client", Duration::from_secs(30)).unwrap().success());
    }

    #[test]
    fn a_silent_background_process_is_an_error() {
        let (sender, lines) = mpsc::channel();
        let said = |lines| next_line(lines, Duration::ZERO).map_err(|error| error.to_string());
        assert_eq!(said(&lines), Err("a background process printed no line for 0 s".to_owned()));
        sender.send("a line".to_owned()).unwrap();
        assert_eq!(said(&lines), Ok("a line".to_owned()));
        drop(sender);
        assert_eq!(said(&lines), Err("a background process ended".to_owned()));
    }

    #[test]
    fn lines_are_read_and_remembered() {
        let recent = RecentLines::default();
        let lines = read_lines(&b"one\ntwo\n"[..], recent.clone());
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(recent.text(), "one\ntwo\n");
    }

    #[test]
    fn recent_lines_are_the_last_ones() {
        let recent = RecentLines::default();
        for number in 0..=MAX_RECENT_LINES {
            recent.push(&number.to_string());
        }
        let text = recent.text();
        assert_eq!(text.lines().count(), MAX_RECENT_LINES);
        assert!(text.starts_with("1\n2\n") && text.ends_with(&format!("\n{MAX_RECENT_LINES}\n")));
    }
}
