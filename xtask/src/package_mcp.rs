//! `cargo xtask package-mcp`: the bundle of the MCP server for desktop clients, and its entry for the MCP registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::install::{self, INSTALL_TIMEOUT, finish_within};
use crate::workspace::{XtaskError, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The `vimeo` command of the platform that the bundle is for; a dist build for a release.
    #[arg(long)]
    binary: PathBuf,
    /// The platform that the command is for.
    #[arg(long, value_parser = ["darwin", "win32", "linux"])]
    platform: String,
    /// The server's name in the registry: a namespace that its publisher controls, and a name, such as
    /// io.github.someone/vimeo.
    #[arg(long)]
    name: String,
    /// The URL from which clients will download the bundle.
    #[arg(long)]
    url: String,
    /// The folder for vimeo.mcpb and server.json.
    #[arg(long, default_value = "target/mcp-package")]
    output: PathBuf,
}

/// The files that `run` writes.
pub(crate) struct Packages {
    pub(crate) bundle: PathBuf,
    pub(crate) registry_entry: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let folder = install::node("mcp")?;
    let packages = package(arguments, &folder)?;
    println!("{}\n{}", packages.bundle.display(), packages.registry_entry.display());
    Ok(())
}

impl Arguments {
    /// Packages a command for this machine, under a name and a URL that nobody publishes.
    pub(crate) fn for_test(binary: PathBuf, output: PathBuf) -> Self {
        let platform = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            _ => "linux",
        };
        Self {
            binary,
            platform: platform.to_owned(),
            name: "com.example/vimeo".to_owned(),
            url: "https://example.com/vimeo.mcpb".to_owned(),
            output,
        }
    }
}

/// Writes the bundle with `mcpb` of the Node packages in `folder`, and the registry's entry with the bundle's hash.
pub(crate) fn package(arguments: &Arguments, folder: &Path) -> Result<Packages, XtaskError> {
    let content = arguments.output.join("bundle");
    if content.exists() {
        fs::remove_dir_all(&content).map_err(XtaskError::file(&content))?;
    }
    let server = content.join("server");
    fs::create_dir_all(&server).map_err(XtaskError::file(&server))?;
    let program = if arguments.platform == "win32" { "vimeo.exe" } else { "vimeo" };
    let copy = server.join(program);
    fs::copy(&arguments.binary, &copy).map_err(XtaskError::file(&arguments.binary))?;
    write(
        &content.join("manifest.json"),
        &manifest(&template("manifest.json")?, &arguments.platform, program),
    )?;

    let bundle = arguments.output.join("vimeo.mcpb");
    finish_within(
        INSTALL_TIMEOUT,
        mcpb(folder).arg("pack").arg(&content).arg(&bundle).stdout(std::process::Stdio::null()),
        "packing the bundle",
    )?;
    let bytes = fs::read(&bundle).map_err(XtaskError::file(&bundle))?;
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let registry_entry = arguments.output.join("server.json");
    write(&registry_entry, &entry(&template("server.json")?, &arguments.name, &arguments.url, &hash))?;
    Ok(Packages { bundle, registry_entry })
}

/// Returns the command `mcpb` of the Node packages in `folder`.
pub(crate) fn mcpb(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin/node"));
    command.arg(folder.join("node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"));
    command
}

/// Fills in the version and the platform.
fn manifest(template: &Value, platform: &str, program: &str) -> Value {
    let mut manifest = template.clone();
    set(&mut manifest, "/version", env!("CARGO_PKG_VERSION"));
    set(&mut manifest, "/compatibility/platforms/0", platform);
    set(&mut manifest, "/server/entry_point", &format!("server/{program}"));
    set(&mut manifest, "/server/mcp_config/command", &format!("${{__dirname}}/server/{program}"));
    manifest
}

/// Fills in the name, the version and the bundle.
fn entry(template: &Value, name: &str, url: &str, hash: &str) -> Value {
    let mut entry = template.clone();
    set(&mut entry, "/name", name);
    set(&mut entry, "/version", env!("CARGO_PKG_VERSION"));
    set(&mut entry, "/packages/0/version", env!("CARGO_PKG_VERSION"));
    set(&mut entry, "/packages/0/identifier", url);
    set(&mut entry, "/packages/0/fileSha256", hash);
    entry
}

/// Sets a text that the template has.
fn set(document: &mut Value, pointer: &str, text: &str) {
    if let Some(place) = document.pointer_mut(pointer) {
        *place = text.into();
    }
}

fn template(name: &str) -> Result<Value, XtaskError> {
    let path = root().join("vimeo-ext/cli/mcp").join(name);
    let text = fs::read_to_string(&path).map_err(XtaskError::file(&path))?;
    serde_json::from_str(&text)
        .map_err(|error| XtaskError::Command(format!("{} is not JSON: {error}", path.display())))
}

fn write(path: &Path, value: &Value) -> Result<(), XtaskError> {
    fs::write(path, format!("{value:#}\n")).map_err(XtaskError::file(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packages_name_version_platform_and_hash() {
        let manifest = manifest(&template("manifest.json").unwrap(), "win32", "vimeo.exe");
        assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest["compatibility"]["platforms"], json!(["win32"]));
        assert_eq!(manifest["server"]["mcp_config"]["command"], "${__dirname}/server/vimeo.exe");
        let entry = entry(&template("server.json").unwrap(), "com.example/a", "https://example.com/a", "ab");
        assert_eq!(
            (&entry["name"], &entry["packages"][0]["fileSha256"]),
            (&json!("com.example/a"), &json!("ab"))
        );
        assert_eq!(entry["packages"][0]["version"], env!("CARGO_PKG_VERSION"));
    }
}
