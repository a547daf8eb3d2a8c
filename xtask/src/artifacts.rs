//! The programs that `cargo test --workspace` builds. Commands run these, so that nothing is built twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::workspace::{XtaskError, cargo, root};

/// Returns the integration tests of the crate in `folder`, as a command for the arguments of the test harness.
pub(crate) fn tests(folder: &str) -> Result<Command, XtaskError> {
    let folder = root().join(folder);
    let program = find("test", "it", &folder)?;
    // The environment in which cargo runs tests.
    let mut command = Command::new(program);
    command.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
    Ok(command)
}

/// Returns the path of a binary of the crate in `folder`.
pub(crate) fn binary(folder: &str, name: &str) -> Result<PathBuf, XtaskError> {
    find("bin", name, &root().join(folder))
}

/// Returns the path of an example of the crate in `folder`.
pub(crate) fn example(folder: &str, name: &str) -> Result<PathBuf, XtaskError> {
    find("example", name, &root().join(folder))
}

fn find(kind: &str, name: &str, folder: &Path) -> Result<PathBuf, XtaskError> {
    let output = cargo()
        .args(["test", "--quiet", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(XtaskError::file("cargo"))?;
    if !output.status.success() {
        return Err(XtaskError::Command("the workspace's tests do not build".to_owned()));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| executable(&message, kind, name, &folder.join("Cargo.toml")))
        .next_back()
        .ok_or_else(|| {
            XtaskError::Command(format!("the workspace has no {kind} `{name}` in {}", folder.display()))
        })
}

/// Returns the executable of a cargo message, if it is the requested one. The test build of a binary does not count.
fn executable(message: &Value, kind: &str, name: &str, manifest: &Path) -> Option<PathBuf> {
    let target = message.get("target")?;
    let matches = message.get("manifest_path")?.as_str().map(Path::new) == Some(manifest)
        && target.get("name")? == name
        && target.get("kind")?.as_array()?.iter().any(|found| found == kind)
        && (kind == "test" || message.pointer("/profile/test")? == false);
    matches.then(|| message.get("executable")?.as_str().map(PathBuf::from)).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_a_binary_but_not_its_tests() {
        let message = |kind: &str, test: bool, executable: Value| {
            json!({
                "reason": "compiler-artifact",
                "manifest_path": "/w/cli/Cargo.toml",
                "target": {"name": "vimeo", "kind": [kind]},
                "profile": {"test": test},
                "executable": executable,
            })
        };
        let find = |message: &Value| executable(message, "bin", "vimeo", Path::new("/w/cli/Cargo.toml"));
        let built = message("bin", false, json!("/w/target/debug/vimeo"));
        assert_eq!(find(&built), Some(PathBuf::from("/w/target/debug/vimeo")));
        assert_eq!(find(&message("bin", true, json!("/w/target/debug/deps/vimeo-1"))), None);
        assert_eq!(find(&message("lib", false, json!(null))), None);
        assert_eq!(executable(&built, "bin", "vimeo", Path::new("/w/other/Cargo.toml")), None);
        assert_eq!(find(&json!({"reason": "build-finished", "success": true})), None);
    }
}
