//! `cargo xtask check-features`.

use std::fs;

use crate::workspace::{XtaskError, cargo, root};

/// Compiles vimeo-api with each area's feature alone, and with none. Warnings count as errors.
pub(crate) fn run() -> Result<(), XtaskError> {
    let manifest = root().join("vimeo-api/Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(XtaskError::file(&manifest))?;
    let mut failed = Vec::new();
    for area in areas(&text) {
        let done = cargo()
            .args(["check", "--quiet", "--package", "vimeo-api", "--no-default-features", "--features", area])
            .current_dir(root())
            .output()
            .map_err(XtaskError::file("cargo"))?;
        let output = String::from_utf8_lossy(&done.stderr);
        let clean = done.status.success() && !output.contains("warning");
        println!(
            "{} {}",
            if clean { "ok    " } else { "FAILED" },
            if area.is_empty() { "(none)" } else { area }
        );
        if !clean {
            print!("{output}");
            failed.push(area.to_owned());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(XtaskError::Command(format!("these features do not compile alone: {}", failed.join(", "))))
    }
}

/// Returns the features that `all` lists, and an empty one.
fn areas(manifest: &str) -> Vec<&str> {
    let list = manifest
        .split_once("all = [\n")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(list, _)| list);
    let names = list.lines().map(|line| line.trim().trim_matches([',', '"'])).filter(|name| !name.is_empty());
    std::iter::once("").chain(names).collect()
}
