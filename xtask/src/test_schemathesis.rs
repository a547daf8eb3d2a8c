//! `cargo xtask test-schemathesis`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::artifacts;
use crate::install;
use crate::process::wait;
use crate::sandbox_process::{SandboxProcess, remove_user_settings};
use crate::workspace::{XtaskError, description, root};

/// The pinned Python packages. hypothesis chooses the values.
pub(crate) const PYTHON: [&str; 2] = ["schemathesis==4.32.5", "hypothesis==6.170.17"];

/// How long a run may take, in addition to the time that `--seconds` asks for. With `--coverage`, it takes minutes.
const RUN_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// No 5xx but 501, no status that is not described, no media type and no body that differ from the description.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,described_success";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Cases for each operation.
    #[arg(long, default_value_t = 8)]
    cases: u32,
    /// Repeat with other values until this many seconds have passed.
    #[arg(long)]
    seconds: Option<u32>,
    /// Seed of the generated values.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Also try every boundary value of every parameter first. That takes minutes.
    #[arg(long)]
    coverage: bool,
}

/// Sends generated requests for each operation of the description to a sandbox, valid and invalid ones. Fails on a 5xx other
/// than 501, on a response that differs from the description, and if an operation was not called. A last run, with mutated
/// responses, must find differences.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let place = Place::prepare()?;
    let reads = place.start("reads", &[], arguments, &["--include-method", "GET"])?;
    let not_get = ["POST", "PUT", "PATCH", "DELETE"].map(|method| ["--include-method", method]);
    // Without the token, the sandbox would reject everything after it.
    let others = [&not_get.concat()[..], &["--exclude-operation-id", "delete_token"]].concat();
    let writes = place.start("writes", &[], arguments, &others)?;
    let outcomes = [reads.finish(&place)?, writes.finish(&place)?];
    let few = ["--include-path-regex", "^/me/[a-z]+$", "--include-method", "GET"];
    let mutated = Arguments { cases: 3, seconds: None, coverage: false, ..*arguments };
    let mutated = place.start("mutated", &["--mutate", "fuzz"], &mutated, &few)?;
    let mutated = mutated.finish(&place)?;

    let bundle = vimeo_gen::load(&description())?;
    let mut failed = Vec::new();
    for (outcome, described) in outcomes.iter().zip(operations(&bundle)) {
        println!("{}: {}", outcome.name, outcome.summary(described.len()));
        if !outcome.passed {
            failed.push(outcome.report_text()?);
        }
        let missed: Vec<&str> = described
            .iter()
            .map(String::as_str)
            .filter(|name| !outcome.statuses.contains_key(*name))
            .collect();
        if !missed.is_empty() {
            failed.push(format!("{} did not call {}", outcome.name, missed.join(", ")));
        }
        failed.extend(outcome.server_errors());
    }
    if !mutated.report_text()?.contains("Response violates schema") {
        failed.push("schemathesis found no difference in mutated responses".to_owned());
    }
    println!("mutated responses: differences found, as intended");
    if failed.is_empty() { Ok(()) } else { Err(XtaskError::Command(failed.join("\n\n"))) }
}

/// The names of the operations that read, and of those that write.
fn operations(bundle: &Value) -> [BTreeSet<String>; 2] {
    let mut names = [BTreeSet::new(), BTreeSet::new()];
    let paths = bundle.get("paths").and_then(Value::as_object).into_iter().flatten();
    for (method, operation) in paths.filter_map(|(_, methods)| methods.as_object()).flatten() {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
        // The request log has Vimeo's names.
        let name = operation.get("x-vimeo-operation").and_then(Value::as_str).unwrap_or(id);
        let [reads, writes] = &mut names;
        match method == "get" {
            true => reads.insert(name.to_owned()),
            false => id != "delete_token" && writes.insert(name.to_owned()),
        };
    }
    names
}

/// The programs and files that a run needs.
struct Place {
    sandbox: PathBuf,
    schemathesis: PathBuf,
    folder: PathBuf,
    scripts: PathBuf,
}

impl Place {
    fn prepare() -> Result<Self, XtaskError> {
        let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
        let python = install::python_in("venv-schemathesis", &PYTHON)?;
        let folder = root().join("target/schemathesis");
        fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
        // Failures of earlier runs, which it would repeat.
        let earlier = folder.join(".schemathesis");
        if earlier.exists() {
            fs::remove_dir_all(&earlier).map_err(XtaskError::file(&earlier))?;
        }
        let path = folder.join("description.json");
        let bundle = vimeo_gen::load(&description())?;
        let file = File::create(&path).map_err(XtaskError::file(&path))?;
        serde_json::to_writer(file, &bundle)
            .map_err(std::io::Error::from)
            .map_err(XtaskError::file(&path))?;
        Ok(Self {
            sandbox,
            schemathesis: python.with_file_name("schemathesis"),
            folder,
            scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("python"),
        })
    }

    /// Starts schemathesis against a sandbox of its own.
    fn start(
        &self,
        name: &'static str,
        switches: &[&str],
        arguments: &Arguments,
        operations: &[&str],
    ) -> Result<Running, XtaskError> {
        // The described status of a created video is 201.
        let switches = [&["--create-answers-201", "--fill", "small"], switches].concat();
        let sandbox = SandboxProcess::start(&self.sandbox, &switches)?;
        let (report, log) = (self.folder.join(format!("{name}.txt")), self.request_log(name));
        if log.exists() {
            fs::remove_file(&log).map_err(XtaskError::file(&log))?;
        }
        let output = File::create(&report).map_err(XtaskError::file(&report))?;
        let errors = output.try_clone().map_err(XtaskError::file(&report))?;
        let mut command = Command::new(&self.schemathesis);
        remove_user_settings(&mut command);
        command
            .arg("--config-file")
            .arg(self.scripts.join("schemathesis.toml"))
            .arg("run")
            .arg(self.folder.join("description.json"))
            .args(["--url", sandbox.text("url"), "--no-color", "--checks", CHECKS])
            .args(["--header", &format!("Authorization: bearer {}", sandbox.text("token"))])
            .args(["--phases", if arguments.coverage { "coverage,fuzzing" } else { "fuzzing" }])
            .args(["--max-examples", &arguments.cases.to_string(), "--seed", &arguments.seed.to_string()])
            .args(["--generation-database", "none", "--request-timeout", "10"])
            .args(operations)
            // It leaves a folder for repetitions.
            .current_dir(&self.folder)
            .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
            .env("PYTHONPATH", &self.scripts)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .env("DESCRIPTION", self.folder.join("description.json"))
            .env("VIMEO_BASE_URL", sandbox.text("url"))
            .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"))
            .env("REQUEST_LOG", &log)
            .stdout(output)
            .stderr(errors);
        if let Some(seconds) = arguments.seconds {
            command.args(["--max-time", &seconds.to_string()]);
        }
        let process = command.spawn().map_err(XtaskError::file(&self.schemathesis))?;
        let timeout = RUN_TIMEOUT + Duration::from_secs(arguments.seconds.unwrap_or_default().into());
        Ok(Running { name, process, timeout, report, _sandbox: sandbox })
    }

    fn request_log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.jsonl"))
    }
}

struct Running {
    name: &'static str,
    process: Child,
    timeout: Duration,
    report: PathBuf,
    _sandbox: SandboxProcess,
}

impl Running {
    fn finish(mut self, place: &Place) -> Result<Outcome, XtaskError> {
        let status = wait(&mut self.process, &format!("schemathesis ({})", self.name), self.timeout)?;
        let log = place.request_log(self.name);
        let Ok(text) = fs::read_to_string(&log) else {
            let report = fs::read(&self.report).map_err(XtaskError::file(&self.report))?;
            let report = String::from_utf8_lossy(&report).into_owned();
            return Err(XtaskError::Command(format!("schemathesis sent nothing:\n{report}")));
        };
        Ok(Outcome {
            name: self.name,
            passed: status.success(),
            report: self.report,
            statuses: statuses(&text),
        })
    }
}

/// What the sandbox answered to each operation, by status.
type Statuses = BTreeMap<String, BTreeMap<u64, usize>>;

fn statuses(log: &str) -> Statuses {
    let mut statuses = Statuses::new();
    for line in log.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        let operation = entry.get("operation").and_then(Value::as_str);
        let status = entry.get("status").and_then(Value::as_u64);
        if let (Some(operation), Some(status)) = (operation, status) {
            *statuses.entry(operation.to_owned()).or_default().entry(status).or_default() += 1;
        }
    }
    statuses
}

struct Outcome {
    name: &'static str,
    passed: bool,
    report: PathBuf,
    statuses: Statuses,
}

impl Outcome {
    fn report_text(&self) -> Result<String, XtaskError> {
        let report = fs::read(&self.report).map_err(XtaskError::file(&self.report))?;
        Ok(String::from_utf8_lossy(&report).into_owned())
    }

    fn summary(&self, described: usize) -> String {
        let mut by_status: BTreeMap<u64, usize> = BTreeMap::new();
        for (status, count) in self.statuses.values().flatten() {
            *by_status.entry(*status).or_default() += count;
        }
        let succeeded =
            self.statuses.values().filter(|counts| counts.keys().any(|status| (200..300).contains(status)));
        let counts: Vec<String> =
            by_status.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        format!(
            "{described} operations, {} with a success; {} requests: {}",
            succeeded.count(),
            by_status.values().sum::<usize>(),
            counts.join(", ")
        )
    }

    /// From the sandbox's own log, in case schemathesis did not look at a response.
    fn server_errors(&self) -> Option<String> {
        let failing: Vec<String> = self
            .statuses
            .iter()
            .filter(|(_, counts)| counts.keys().any(|status| *status >= 500 && *status != 501))
            .map(|(operation, counts)| format!("{operation} {counts:?}"))
            .collect();
        (!failing.is_empty()).then(|| format!("{}: server errors: {}", self.name, failing.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(log: &str) -> Outcome {
        Outcome { name: "reads", passed: true, report: PathBuf::new(), statuses: statuses(log) }
    }

    #[test]
    fn only_501_is_a_server_error_by_design() {
        let line = |status: u16| format!("{{\"operation\":\"get_video\",\"status\":{status}}}\n");
        assert_eq!(outcome(&line(501)).server_errors(), None);
        let found = outcome(&(line(200) + &line(500))).server_errors().unwrap();
        assert!(found.contains("get_video"), "{found}");
    }

    #[test]
    fn summary_counts_operations_with_a_success() {
        let log = "{\"operation\":\"a\",\"status\":200}\n{\"operation\":\"b\",\"status\":404}\n{\"operation\":null,\"status\":404}\n";
        assert_eq!(outcome(log).summary(3), "3 operations, 1 with a success; 2 requests: 1 × 200, 1 × 404");
    }

    #[test]
    fn operations_have_the_names_of_the_request_log() {
        let bundle = json!({"paths": {"/me": {
            "get": {"operationId": "get_me", "x-vimeo-operation": "get_user"},
            "patch": {"operationId": "edit_me"},
            "delete": {"operationId": "delete_token"},
        }}});
        let [reads, writes] = operations(&bundle);
        assert_eq!(reads.into_iter().collect::<Vec<_>>(), ["get_user"]);
        assert_eq!(writes.into_iter().collect::<Vec<_>>(), ["edit_me"]);
    }
}
