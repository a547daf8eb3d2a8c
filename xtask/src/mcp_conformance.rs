//! Runs the MCP conformance suite of both protocol revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::workspace::XtaskError;

/// The protocol revisions that the server supports.
const DATES: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Scenarios of an extension that the server does not declare.
const EXTENSION: &str = "tasks-";

/// Checks that are expected to fail, and why.
#[derive(Deserialize)]
struct Exceptions {
    why: String,
    checks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    #[serde(default)]
    error_message: Option<String>,
}

/// Runs every required scenario. All failures must be exceptions, and all exceptions must fail.
pub(crate) fn run(node: &Path, folder: &Path, url: &str) -> Result<(), XtaskError> {
    let exceptions: Vec<Exceptions> = read(&folder.join("conformance.json"))?;
    let excused: BTreeSet<&str> =
        exceptions.iter().flat_map(|group| group.checks.iter().map(String::as_str)).collect();
    let suite = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let (mut wrong, mut failing) = (Vec::new(), BTreeSet::new());
    for date in DATES {
        let results = folder.join(format!("results-{date}"));
        if results.exists() {
            fs::remove_dir_all(&results).map_err(XtaskError::file(&results))?;
        }
        let mut command = Command::new(node);
        command
            .arg(&suite)
            .args(["server", "--url", url, "--requirements", date, "--output-dir"])
            .arg(&results);
        // The exit code includes the exceptions and is ignored.
        let output = command.current_dir(folder).stdin(Stdio::null()).output();
        output.map_err(XtaskError::file(node))?;
        let scenarios = scenarios(&results)?;
        if scenarios.is_empty() {
            return Err(XtaskError::Command(format!("the conformance suite ran nothing for {date}")));
        }
        let mut passed = 0;
        let mut whole = Vec::new();
        for (scenario, checks) in &scenarios {
            if scenario.starts_with(EXTENSION) {
                continue;
            }
            let failed: Vec<&Check> = checks.iter().filter(|check| check.status == "FAILURE").collect();
            passed += checks.iter().filter(|check| check.status == "SUCCESS").count();
            if failed.is_empty() {
                whole.push(scenario.as_str());
            }
            for check in failed {
                failing.insert(check.id.clone());
                if !excused.contains(check.id.as_str()) {
                    let why = check.error_message.as_deref().unwrap_or_default();
                    wrong.push(format!("{date} {scenario}: {}: {why}", check.id));
                }
            }
        }
        println!("ok conformance {date}: {passed} checks pass; all of {}", whole.join(", "));
    }
    let stale = excused.iter().filter(|id| !failing.contains(**id));
    wrong.extend(stale.map(|id| format!("{id} passes or no longer exists: remove it from conformance.json")));
    if wrong.is_empty() {
        for group in &exceptions {
            println!("   cannot run, {}: {}", group.why, group.checks.join(", "));
        }
        Ok(())
    } else {
        Err(XtaskError::Command(format!("conformance:\n{}", wrong.join("\n"))))
    }
}

/// Reads the checks of each scenario from the result folders of the suite.
fn scenarios(results: &Path) -> Result<BTreeMap<String, Vec<Check>>, XtaskError> {
    let mut scenarios = BTreeMap::new();
    for entry in fs::read_dir(results).map_err(XtaskError::file(results))? {
        let entry = entry.map_err(XtaskError::file(results))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // `server-SCENARIO-` and a time such as `2026-01-02T03-04-05-678Z`.
        let scenario = name.strip_prefix("server-").and_then(|rest| rest.get(..rest.len().checked_sub(25)?));
        let Some(scenario) = scenario else { continue };
        scenarios.insert(scenario.to_owned(), read(&entry.path().join("checks.json"))?);
    }
    Ok(scenarios)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, XtaskError> {
    let text = fs::read_to_string(path).map_err(XtaskError::file(path))?;
    serde_json::from_str(&text).map_err(|error| XtaskError::Command(format!("{}: {error}", path.display())))
}
