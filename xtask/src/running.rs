//! Programs that go on while others are tried against them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::workspace::Failure;

/// A program that goes on until this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Box<dyn Iterator<Item = std::io::Result<String>> + Send>,
}

impl Running {
    /// One that tells on its standard output.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let name = command.get_program().to_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(Failure::file(name))?;
        let told = child.stdout.take().ok_or_else(|| Failure::Command("no standard output".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(told).lines()) })
    }

    /// One that tells on its standard error.
    pub(crate) fn start_telling(mut command: Command) -> Result<Self, Failure> {
        let name = command.get_program().to_owned();
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(Failure::file(name))?;
        let told = child.stderr.take().ok_or_else(|| Failure::Command("no standard error".to_owned()))?;
        Ok(Self { child, lines: Box::new(BufReader::new(told).lines()) })
    }

    pub(crate) fn line(&mut self) -> Result<String, Failure> {
        match self.lines.next() {
            Some(Ok(line)) => Ok(line),
            _ => Err(Failure::Command("a program that should go on ended".to_owned())),
        }
    }

    /// What stands behind these words in the first line that has them. Later lines are read and dropped, so that the
    /// program never waits for a reader.
    pub(crate) fn line_with(&mut self, words: &str) -> Result<String, Failure> {
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

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
