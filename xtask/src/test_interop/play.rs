//! Plays the scenario of one client against a sandbox of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::artifacts;
use crate::install::{self, TEST_TIMEOUT};
use crate::process::wait;
use crate::sandbox_process::{SandboxProcess, remove_user_settings};
use crate::test_interop::clients::{Client, Fault, Script};
use crate::test_interop::table::{Steps, unknown};
use crate::workspace::{XtaskError, root};

/// The pinned Python packages.
const PYTHON: [&str; 7] = [
    "PyVimeo==1.1.2",
    "tuspy==1.1.0",
    "requests==2.34.2",
    "Django==5.2.19",
    "django-allauth[socialaccount]==65.22.1",
    "social-auth-app-django==8.0.0",
    "social-auth-core==7.0.0",
];

/// The programs and files that a run needs.
pub(super) struct Place {
    pub(super) sandbox: PathBuf,
    pub(super) python: PathBuf,
    pub(super) node: PathBuf,
    pub(super) folder: PathBuf,
    chromium: PathBuf,
}

/// A GIF of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
const TEXT_TRACK: &str = "WEBVTT\n\n00:00.000 --> 00:01.000\nSurf\n";

impl Place {
    pub(super) fn prepare(chromium: PathBuf) -> Result<Self, XtaskError> {
        let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
        let python = install::python(&PYTHON)?;
        let node = install::node("node")?;
        let folder = root().join("target/interop");
        fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
        for (name, content) in [("picture.gif", PICTURE), ("captions.vtt", TEXT_TRACK.as_bytes())] {
            let path = folder.join(name);
            fs::write(&path, content).map_err(XtaskError::file(path))?;
        }
        Ok(Self { sandbox, python, node, folder, chromium })
    }

    /// The path of the request log of a run.
    pub(super) fn request_log(&self, client: &Client, run: &str) -> PathBuf {
        let name: String =
            client.name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
        self.folder.join(format!("{name}-{run}.jsonl"))
    }

    /// Starts a sandbox, runs the client's scenario and returns the outcome of each step.
    pub(super) fn play(
        &self,
        client: &Client,
        fault: Option<&Fault>,
        request_log: &Path,
    ) -> Result<Steps, XtaskError> {
        let sandbox = SandboxProcess::start(&self.sandbox, client.switches)?;
        let lines = Command::new(&self.sandbox)
            .args(["env", "--for", client.lines, "--url", sandbox.text("url")])
            .output()
            .map_err(XtaskError::file(&self.sandbox))?;
        if !lines.status.success() {
            let said = String::from_utf8_lossy(&lines.stderr).into_owned();
            return Err(XtaskError::Command(format!("vimeo-sandbox env --for {}: {said}", client.lines)));
        }
        let lines = String::from_utf8_lossy(&lines.stdout);
        let mut command = self.command(client);
        remove_user_settings(&mut command);
        command
            .env("CLIENT_LINES", lines.trim_end())
            .env("PACKAGE", client.package)
            .env("VIMEO_BASE_URL", sandbox.text("url"))
            .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"))
            .env("FILM", root().join("vimeo-ext/examples/media/sample.mp4"))
            .env("PICTURE", self.folder.join("picture.gif"))
            .env("TEXT_TRACK", self.folder.join("captions.vtt"))
            .env("CHROMIUM", &self.chromium)
            .env("REQUEST_LOG", request_log)
            // PyVimeo turns sets into lists. With a fixed hash seed, their order is the same in each run.
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(fault) = fault {
            command.env("FAULT", fault.json);
        }
        // In a file, so that the steps before a timeout are known.
        let said = request_log.with_extension("out");
        command.stdin(Stdio::null()).stdout(File::create(&said).map_err(XtaskError::file(&said))?);
        let mut child = command.spawn().map_err(XtaskError::file(client.name))?;
        let ended = wait(&mut child, client.name, TEST_TIMEOUT);
        let output = fs::read(&said).map_err(XtaskError::file(&said))?;
        let output = String::from_utf8_lossy(&output);
        ended.map_err(|error| XtaskError::Command(format!("{error}; it printed:\n{output}")))?;
        let steps = read(client, fault, &output)?;
        check_simulated(client, request_log, &steps)?;
        Ok(steps)
    }

    /// Runs the script. Lines for a shell are executed before it.
    fn command(&self, client: &Client) -> Command {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (interpreter, script) = match client.script {
            Script::Python(script) => (self.python.clone(), own.join("python").join(script)),
            Script::Node(script) => ("node".into(), self.node.join(script)),
            Script::Php(script) => ("php".into(), own.join("php").join(script)),
            Script::Ruby(script) => ("ruby".into(), own.join("ruby").join(script)),
        };
        let mut command = Command::new("sh");
        let words =
            if client.lines == "shell" { r#"eval "$CLIENT_LINES"; exec "$@""# } else { r#"exec "$@""# };
        command.args(["-c", words, "sh"]).arg(interpreter).arg(script);
        command
    }
}

/// Reads the output of a script. Fails if the number of fault hits is not the expected one.
fn read(client: &Client, fault: Option<&Fault>, output: &str) -> Result<Steps, XtaskError> {
    let name = client.name;
    let mut steps = Steps::new();
    let mut fired = None;
    for line in output.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(step) = line.get("step").and_then(Value::as_str) {
            let failed = line.get("failed").and_then(Value::as_str).map(str::to_owned);
            steps.insert(step.to_owned(), failed);
        }
        if let Some(list) = line.pointer("/fired/fired").and_then(Value::as_array) {
            fired = Some(list.len());
        }
    }
    if let Some(step) = unknown(&steps) {
        return Err(XtaskError::Command(format!("{name}: the table has no step `{step}`")));
    }
    let failed = steps.values().any(Option::is_some);
    let wanted = Some(fault.map_or(0, |fault| fault.times));
    if steps.is_empty() || (!failed && fired != wanted) {
        return Err(XtaskError::Command(format!(
            "{name}: {fired:?} fault hits, expected {wanted:?}:\n{output}"
        )));
    }
    Ok(steps)
}

/// Fails if the sandbox answered a request with 501, because it does not simulate the operation.
fn check_simulated(client: &Client, request_log: &Path, steps: &Steps) -> Result<(), XtaskError> {
    if steps.values().any(Option::is_some) {
        return Ok(());
    }
    let text = fs::read_to_string(request_log).map_err(XtaskError::file(request_log))?;
    match text.lines().find(|line| line.contains("\"status\":501")) {
        Some(line) => Err(XtaskError::Command(format!(
            "{} sent a request that the sandbox does not simulate: {line}",
            client.name
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_interop::clients::CLIENTS;

    #[test]
    fn a_fault_without_hits_is_an_error() {
        let [client, ..] = &CLIENTS;
        let output = "{\"step\": \"log in\"}\n{\"fired\": {\"fired\": []}}\n";
        assert!(read(client, None, output).is_ok());
        assert!(read(client, client.fault.as_ref(), output).is_err());
        assert!(read(client, None, "").is_err());
        let failed = "{\"step\": \"log in\", \"failed\": \"no\"}";
        assert_eq!(read(client, None, failed).unwrap()["log in"].as_deref(), Some("no"));
    }

    #[test]
    fn a_script_that_ends_early_is_an_error() {
        let [client, ..] = &CLIENTS;
        assert!(read(client, None, "{\"step\": \"log in\"}\n").is_err());
    }

    #[test]
    fn a_step_without_a_column_is_an_error() {
        let [client, ..] = &CLIENTS;
        let output = "{\"step\": \"dance\"}\n{\"fired\": {\"fired\": []}}\n";
        assert!(read(client, None, output).is_err());
    }
}
