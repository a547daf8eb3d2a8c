//! `cargo xtask test-tls`.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::artifacts;
use crate::install::finish;
use crate::measure::cargo_in;
use crate::process::ChildProcess;
use crate::workspace::{XtaskError, root};

/// The tested feature sets: each alone, and combinations that result if two packages enable different ones. The third needs a
/// provider that the program installs.
const FEATURE_SETS: [&[&str]; 8] = [
    &["rustls"],
    &["rustls-aws-lc"],
    &["rustls-no-provider", "own-provider"],
    &["native-tls"],
    &["rustls", "rustls-aws-lc"],
    &["rustls", "native-tls"],
    &["rustls", "rustls-aws-lc", "rustls-no-provider", "native-tls"],
    &[],
];

/// Builds a small program with each set of TLS features and calls a sandbox over https. `native-tls` needs OpenSSL (Debian:
/// libssl-dev and pkg-config).
pub(crate) fn run() -> Result<(), XtaskError> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let mut sandbox = ChildProcess::start(Command::new(sandbox).args(["--https", "0"]))?;
    let output: Value = serde_json::from_str(&sandbox.line()?)
        .map_err(|error| XtaskError::Command(format!("the sandbox printed invalid JSON: {error}")))?;
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (url, token, authority) = (text("https_url"), text("token"), text("ca_file"));

    let folder = root().join("target/tls");
    let sources = folder.join("src");
    fs::create_dir_all(&sources).map_err(XtaskError::file(&sources))?;
    let manifest = include_str!("../tls/crate.toml")
        .replace("VIMEO_EXT", &root().join("vimeo-ext").display().to_string());
    for (path, text) in [
        (folder.join("Cargo.toml"), manifest.as_str()),
        (sources.join("main.rs"), include_str!("../tls/src/main.rs")),
    ] {
        fs::write(&path, text).map_err(XtaskError::file(path))?;
    }
    // Use the locked versions of the workspace.
    let lock = root().join("Cargo.lock");
    fs::copy(&lock, folder.join("Cargo.lock")).map_err(XtaskError::file(lock))?;

    for set in FEATURE_SETS {
        let name = if set.is_empty() { "no TLS".to_owned() } else { set.join(", ") };
        let mut build = cargo_in(&folder);
        build.args(["build", "--quiet", "--features", &set.join(",")]);
        finish(&mut build, &format!("building with {name}"))?;
        println!("{name}");
        let mut program = Command::new(folder.join("target/debug/tls"));
        program.args([&url, &token, &authority]).env("SSL_CERT_FILE", &authority);
        finish(&mut program, &format!("the program with {name}"))?;
    }
    Ok(())
}
