//! Background processes, and waits for processes that end them if they take too long.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::workspace::XtaskError;

/// How many lines are stored to be shown after a failure.
const MAX_RECENT_LINES: usize = 200;

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
    lines: Box<dyn Iterator<Item = std::io::Result<String>> + Send>,
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
        Self { child, lines: Box::new(BufReader::new(output).lines()), recent: RecentLines::default() }
    }

    /// Returns the last lines that were read, to show them after a failure.
    pub(crate) fn recent_lines(&self) -> String {
        self.recent.text()
    }

    pub(crate) fn line(&mut self) -> Result<String, XtaskError> {
        match self.lines.next() {
            Some(Ok(line)) => {
                self.recent.push(&line);
                Ok(line)
            }
            _ => Err(XtaskError::Command("a background process ended".to_owned())),
        }
    }

    /// Returns the text after `words` in the first line that contains them. Later lines are read in
    /// the background, so that the process never blocks.
    pub(crate) fn line_with(&mut self, words: &str) -> Result<String, XtaskError> {
        loop {
            let line = self.line()?;
            if let Some((_, rest)) = line.split_once(words) {
                let rest = rest.trim().to_owned();
                let lines = std::mem::replace(&mut self.lines, Box::new(std::iter::empty()));
                let recent = self.recent.clone();
                std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| recent.push(&line)));
                return Ok(rest);
            }
        }
    }
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
