//! Sandboxes that run while a command needs them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::ChildProcess;
use crate::workspace::XtaskError;

/// The variables that change a sandbox, and those that lead its clients to a proxy.
const USER_SETTINGS: [&str; 10] = [
    "VIMEO_SANDBOX_PORT",
    "VIMEO_SANDBOX_CONTROL_TOKEN",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// Removes the variables of the user's environment that change a sandbox, or lead its clients to a proxy.
pub(crate) fn remove_user_settings(command: &mut Command) {
    for name in USER_SETTINGS {
        command.env_remove(name);
    }
}

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
        remove_user_settings(&mut command);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_the_user_are_removed() {
        let mut command = Command::new("client");
        command.env("http_proxy", "http://127.0.0.1:9").env("VIMEO_ACCESS_TOKEN", "token");
        remove_user_settings(&mut command);
        let set: Vec<_> = command.get_envs().filter(|(_, value)| value.is_some()).collect();
        assert_eq!(set, [("VIMEO_ACCESS_TOKEN".as_ref(), Some("token".as_ref()))]);
        assert!(command.get_envs().any(|(name, value)| name == "HTTPS_PROXY" && value.is_none()));
    }
}
