//! `cargo xtask areas`.

use std::fs;

use crate::workspace::{Failure, cargo, root};

/// Compiles vimeo-api with each area alone, and with none; a warning fails as an error does.
pub(crate) fn run() -> Result<(), Failure> {
    let manifest = root().join("vimeo-api/Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Failure::file(&manifest))?;
    let mut failed = Vec::new();
    for area in areas(&text) {
        let done = cargo()
            .args(["check", "--quiet", "--package", "vimeo-api", "--no-default-features", "--features", area])
            .current_dir(root())
            .output()
            .map_err(Failure::file("cargo"))?;
        let told = String::from_utf8_lossy(&done.stderr);
        let clean = done.status.success() && !told.contains("warning");
        println!(
            "{} {}",
            if clean { "ok    " } else { "FAILED" },
            if area.is_empty() { "(none)" } else { area }
        );
        if !clean {
            print!("{told}");
            failed.push(area.to_owned());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Command(format!("these do not stand alone: {}", failed.join(", "))))
    }
}

/// The features that stand for areas: those that `all` lists, and none at all.
fn areas(manifest: &str) -> Vec<&str> {
    let list = manifest
        .split_once("all = [\n")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(list, _)| list);
    let names = list.lines().map(|line| line.trim().trim_matches([',', '"'])).filter(|name| !name.is_empty());
    std::iter::once("").chain(names).collect()
}
