//! `cargo xtask test-interop`.

mod readme;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::artifacts;
use crate::install;
use crate::process::ChildProcess;
use crate::workspace::{XtaskError, root};

/// The steps of the scenario. A client that has no call for a step skips it.
const STEPS: [&str; 9] =
    ["log in", "get", "page", "upload", "edit", "replace", "picture", "text track", "delete"];

/// The pinned Python packages.
const PYTHON: [&str; 3] = ["PyVimeo==1.1.2", "tuspy==1.1.0", "requests==2.34.2"];

/// A client library of another project.
struct Client {
    name: &'static str,
    script: &'static str,
    /// Its name for `vimeo-sandbox env --for`.
    lines: &'static str,
    /// The fault of its last run. `None` for clients in parallel: they run once, because the order of their requests varies.
    fault: Option<Fault>,
}

struct Fault {
    name: &'static str,
    json: &'static str,
    times: usize,
}

/// A reset before the end of the first PATCH, whose body has at least 50,000 bytes.
const RESET_IN_PATCH: Fault = Fault {
    name: "connection reset in a PATCH",
    json: r#"{"match": {"host": "upload", "method": "PATCH"}, "phase": {"mid_body": 20000}, "effect": "reset"}"#,
    times: 1,
};

const CLIENTS: [Client; 5] = [
    Client { name: "PyVimeo", script: "pyvimeo.py", lines: "python", fault: Some(RESET_IN_PATCH) },
    Client {
        name: "@vimeo/vimeo",
        script: "vimeo-js.mjs",
        lines: "node",
        fault: Some(Fault {
            name: "503 for two PATCHes",
            json: r#"{"match": {"host": "upload", "method": "PATCH"}, "times": 2, "effect": {"status": 503}}"#,
            times: 2,
        }),
    },
    Client { name: "tus-js-client", script: "tus-js.mjs", lines: "shell", fault: Some(RESET_IN_PATCH) },
    Client {
        name: "tuspy",
        script: "tuspy.py",
        lines: "shell",
        fault: Some(Fault {
            name: "423 for a PATCH",
            json: r#"{"match": {"host": "upload", "method": "PATCH"}, "effect": {"status": 423}}"#,
            times: 1,
        }),
    },
    Client { name: "PyVimeo × 16", script: "worlds.py", lines: "python", fault: None },
];

/// Runs a scenario with each client against a sandbox: without faults, again with the same seed, and with a fault. Prints a
/// table. Needs Python, Node and npm.
pub(crate) fn run() -> Result<(), XtaskError> {
    let place = Place::prepare()?;
    let mut table = Vec::new();
    for client in &CLIENTS {
        let request_log = place.request_log(client, "first");
        let first = place.play(client, None, &request_log)?;
        table.push((client.name.to_owned(), first));
        if let Some(fault) = &client.fault {
            let again = place.request_log(client, "second");
            place.play(client, None, &again)?;
            check_equal(client, &request_log, &again)?;
            let request_log = place.request_log(client, "fault");
            let disturbed = place.play(client, Some(fault), &request_log)?;
            table.push((format!("{}, {}", client.name, fault.name), disturbed));
        }
    }
    print(&table);
    readme::run(&place.sandbox, "python", &place.python, &place.folder.join("app.py"))?;
    readme::run(&place.sandbox, "js", Path::new("node"), &place.node.join("app.cjs"))?;
    if table.iter().any(|(_, steps)| steps.values().any(|failed| failed.is_some())) {
        return Err(XtaskError::Command("a step of a client failed".to_owned()));
    }
    Ok(())
}

/// The steps by name, with the reason if a step failed.
type Steps = BTreeMap<String, Option<String>>;

/// The programs and files that a run needs.
struct Place {
    sandbox: PathBuf,
    python: PathBuf,
    node: PathBuf,
    folder: PathBuf,
}

/// A GIF of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
const TEXT_TRACK: &str = "WEBVTT\n\n00:00.000 --> 00:01.000\nSurf\n";

impl Place {
    fn prepare() -> Result<Self, XtaskError> {
        let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
        let python = install::python(&PYTHON)?;
        let node = install::node("node")?;
        let folder = root().join("target/interop");
        fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
        for (name, content) in [("picture.gif", PICTURE), ("captions.vtt", TEXT_TRACK.as_bytes())] {
            let path = folder.join(name);
            fs::write(&path, content).map_err(XtaskError::file(path))?;
        }
        Ok(Self { sandbox, python, node, folder })
    }

    fn request_log(&self, client: &Client, run: &str) -> PathBuf {
        self.folder.join(format!("{}-{run}.jsonl", client.script))
    }

    /// Starts a sandbox, runs the client's scenario and returns the outcome of each step.
    fn play(&self, client: &Client, fault: Option<&Fault>, request_log: &Path) -> Result<Steps, XtaskError> {
        let sandbox = Sandbox::start(&self.sandbox)?;
        let lines = Command::new(&self.sandbox)
            .args(["env", "--for", client.lines, "--url", sandbox.text("url")])
            .output()
            .map_err(XtaskError::file(&self.sandbox))?;
        if !lines.status.success() {
            let said = String::from_utf8_lossy(&lines.stderr).into_owned();
            return Err(XtaskError::Command(format!("vimeo-sandbox env --for {}: {said}", client.lines)));
        }
        let (interpreter, folder) = match client.script.ends_with(".py") {
            true => (self.python.as_path(), Path::new(env!("CARGO_MANIFEST_DIR")).join("python")),
            false => (Path::new("node"), self.node.clone()),
        };
        let mut command = Command::new(interpreter);
        command
            .arg(folder.join(client.script))
            .env("CLIENT_LINES", String::from_utf8_lossy(&lines.stdout).trim_end())
            .env("VIMEO_BASE_URL", sandbox.text("url"))
            .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"))
            .env("FILM", root().join("vimeo-ext/examples/media/sample.mp4"))
            .env("PICTURE", self.folder.join("picture.gif"))
            .env("TEXT_TRACK", self.folder.join("captions.vtt"))
            .env("REQUEST_LOG", request_log)
            // PyVimeo turns sets into lists. With a fixed hash seed, their order is the same in each run.
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(fault) = fault {
            command.env("FAULT", fault.json);
        }
        let output = command.stderr(Stdio::inherit()).output().map_err(XtaskError::file(client.script))?;
        let steps = read(client, fault, &String::from_utf8_lossy(&output.stdout))?;
        check_simulated(client, request_log, &steps)?;
        Ok(steps)
    }
}

/// Reads the output of a script. Fails if the number of fault hits is not the expected one.
fn read(client: &Client, fault: Option<&Fault>, output: &str) -> Result<Steps, XtaskError> {
    let mut steps = Steps::new();
    let mut fired = 0;
    for line in output.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(step) = line.get("step").and_then(Value::as_str) {
            let failed = line.get("failed").and_then(Value::as_str).map(str::to_owned);
            steps.insert(step.to_owned(), failed);
        }
        if let Some(list) = line.pointer("/fired/fired").and_then(Value::as_array) {
            fired = list.len();
        }
    }
    let failed = steps.values().any(Option::is_some);
    let wanted = fault.map_or(0, |fault| fault.times);
    if steps.is_empty() || (!failed && fired != wanted) {
        let name = client.name;
        return Err(XtaskError::Command(format!("{name}: {fired} fault hits, expected {wanted}:\n{output}")));
    }
    Ok(steps)
}

/// Fails if the sandbox responded to a request with 501, because it does not simulate the operation.
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

/// Fails if two runs with one seed differ in their requests or responses, apart from ports.
fn check_equal(client: &Client, first: &Path, second: &Path) -> Result<(), XtaskError> {
    let read = |path: &Path| -> Result<Vec<String>, XtaskError> {
        let text = fs::read_to_string(path).map_err(XtaskError::file(path))?;
        Ok(text.lines().map(without_ports).collect())
    };
    let (first, second) = (read(first)?, read(second)?);
    let differs = first.iter().zip(&second).find(|(one, other)| one != other);
    if let Some((one, other)) = differs {
        return Err(XtaskError::Differs(format!("{}: two runs differ:\n{one}\n{other}", client.name)));
    }
    if first.len() != second.len() {
        let (one, other) = (first.len(), second.len());
        return Err(XtaskError::Differs(format!("{}: {one} requests, then {other}", client.name)));
    }
    Ok(())
}

fn without_ports(line: &str) -> String {
    let mut parts = line.split("127.0.0.1:");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("127.0.0.1:PORT");
        text.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    text
}

/// A running sandbox and the first line of its output.
struct Sandbox {
    line: Value,
    _running: ChildProcess,
}

impl Sandbox {
    fn start(binary: &Path) -> Result<Self, XtaskError> {
        let mut command = Command::new(binary);
        command.args(["--seed", "7", "--freeze", "2026-01-01T00:00:00Z"]);
        let mut running = ChildProcess::start(&mut command)?;
        let line = running.line()?;
        let line = serde_json::from_str(&line)
            .map_err(|error| XtaskError::Command(format!("the sandbox did not start: {error}: {line}")))?;
        Ok(Self { line, _running: running })
    }

    fn text(&self, name: &str) -> &str {
        self.line.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn print(table: &[(String, Steps)]) {
    let width = table.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    println!("{:width$}  {}", "", STEPS.join("  "));
    for (name, steps) in table {
        let cells = STEPS.iter().map(|step| {
            let says = match steps.get(*step) {
                Some(None) => "ok",
                Some(Some(_)) => "FAILED",
                None => "-",
            };
            format!("{says:len$}", len = step.len())
        });
        println!("{name:width$}  {}", cells.collect::<Vec<_>>().join("  "));
    }
    for (name, steps) in table {
        for (step, failed) in steps {
            if let Some(failed) = failed {
                println!("{name}, {step}: {failed}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_do_not_count() {
        let line = r#"{"host":"127.0.0.1:40123","link":"http://127.0.0.1:5/x"}"#;
        assert_eq!(without_ports(line), r#"{"host":"127.0.0.1:PORT","link":"http://127.0.0.1:PORT/x"}"#);
    }

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
}
