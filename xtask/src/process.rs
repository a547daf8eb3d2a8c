//! Background processes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::workspace::XtaskError;

/// A process that runs until this value is dropped.
pub(crate) struct ChildProcess {
    child: Child,
    lines: Box<dyn Iterator<Item = std::io::Result<String>> + Send>,
}

impl ChildProcess {
    /// Starts a process and reads its standard output.
    pub(crate) fn start(command: &mut Command) -> Result<Self, XtaskError> {
        let name = command.get_program().to_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(XtaskError::file(name))?;
        let output =
            child.stdout.take().ok_or_else(|| XtaskError::Command("no standard output".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(output).lines()) })
    }

    /// Starts a process and reads its standard error.
    pub(crate) fn start_reading_stderr(mut command: Command) -> Result<Self, XtaskError> {
        let name = command.get_program().to_owned();
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(XtaskError::file(name))?;
        let output =
            child.stderr.take().ok_or_else(|| XtaskError::Command("no standard error".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(output).lines()) })
    }

    pub(crate) fn line(&mut self) -> Result<String, XtaskError> {
        match self.lines.next() {
            Some(Ok(line)) => Ok(line),
            _ => Err(XtaskError::Command("a background process ended".to_owned())),
        }
    }

    /// Returns the text after `words` in the first line that contains them. Later lines are read and dropped, so that the
    /// process never blocks.
    pub(crate) fn line_with(&mut self, words: &str) -> Result<String, XtaskError> {
        loop {
            let line = self.line()?;
            if let Some((_, rest)) = line.split_once(words) {
                let rest = rest.trim().to_owned();
                let lines = std::mem::replace(&mut self.lines, Box::new(std::iter::empty()));
                std::thread::spawn(move || lines.for_each(drop));
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
