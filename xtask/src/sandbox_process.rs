//! Sandboxes that run while a command needs them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::ChildProcess;
use crate::workspace::XtaskError;

/// A running sandbox and the first line of its output.
pub(crate) struct SandboxProcess {
    line: Value,
    _running: ChildProcess,
}

impl SandboxProcess {
    /// Starts a sandbox that is the same in each run.
    pub(crate) fn start(binary: &Path, switches: &[&str]) -> Result<Self, XtaskError> {
        let mut command = Command::new(binary);
        command.args(["--seed", "7", "--freeze", "2026-01-01T00:00:00Z"]).args(switches);
        let mut running = ChildProcess::start(&mut command)?;
        let line = running.line()?;
        let line = serde_json::from_str(&line)
            .map_err(|error| XtaskError::Command(format!("the sandbox did not start: {error}: {line}")))?;
        Ok(Self { line, _running: running })
    }

    /// Returns a text of the first line of its output, such as `url` and `token`.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.line.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
