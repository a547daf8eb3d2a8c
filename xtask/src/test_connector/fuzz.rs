//! Requests that schemathesis generates from the service's own document.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Programs, Started};
use crate::install::{self, TEST_TIMEOUT};
use crate::process::wait;
use crate::test_schemathesis;
use crate::workspace::XtaskError;

/// Cases for each operation.
const CASES: &str = "15";
const SEED: &str = "7";

/// Sends valid and invalid requests for each operation. Fails on a 5xx other than 501, and on a response that differs from the
/// document.
pub(super) fn run(programs: &Programs, folder: &Path) -> Result<(), XtaskError> {
    let python = install::python_in("venv-schemathesis", &test_schemathesis::PYTHON)?;
    let started = Started::new(programs, folder, "fuzz")?;
    let mut create = Command::new(&programs.vimeo);
    create.args([
        "serve",
        "keys",
        "create",
        "fuzz",
        "--allow",
        "publish,comments,webhooks",
        "--store",
        &started.store,
    ]);
    started.configure(&mut create);
    let created = create.output().map_err(XtaskError::file(&programs.vimeo))?;
    let key = String::from_utf8_lossy(&created.stdout).trim().to_owned();
    let mut program = Command::new(&python);
    program
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("connector/fuzz.py"))
        .arg(python.with_file_name("schemathesis"))
        .arg(&started.home)
        .args([CASES, SEED]);
    started.configure(&mut program);
    let report = folder.join("fuzz.txt");
    let output = fs::File::create(&report).map_err(XtaskError::file(&report))?;
    let errors = output.try_clone().map_err(XtaskError::file(&report))?;
    let mut child = program
        .env("SERVICE", &started.address)
        .env("API_KEY", key)
        .env("VIMEO_ACCESS_TOKEN", started.sandbox.text("token"))
        .env("PYTHONHASHSEED", "0")
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(XtaskError::file(&python))?;
    let status = wait(&mut child, "schemathesis", TEST_TIMEOUT)?;
    let text = fs::read_to_string(&report).map_err(XtaskError::file(&report))?;
    if !status.success() {
        return Err(XtaskError::Command(format!("schemathesis failed: {status}\n{text}")));
    }
    let summary =
        text.lines().filter(|line| line.contains(" generated, ") || line.ends_with(" in the document"));
    println!("ok schemathesis: {}", summary.map(str::trim).collect::<Vec<_>>().join("; "));
    Ok(())
}
