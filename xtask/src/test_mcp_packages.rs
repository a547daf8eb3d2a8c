//! `cargo xtask test-mcp-packages`: the MCP server's bundle and registry entry, and the skill, against their published schemas.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::artifacts;
use crate::install::{self, INSTALL_TIMEOUT, TEST_TIMEOUT, finish_within};
use crate::package_mcp::{self, mcpb};
use crate::process::ChildProcess;
use crate::sandbox_process::{SandboxProcess, remove_user_settings};
use crate::workspace::{XtaskError, root};

/// The pinned validators: skillsaw has the registry's published schemas, skills-ref is the reference library of agent skills.
const PYTHON: [&str; 2] = ["skillsaw==0.22.0", "skills-ref==0.1.1"];

/// Validates the files, starts the server of an unpacked bundle, and runs the skill's commands. Needs Node and Python.
pub(crate) fn run() -> Result<(), XtaskError> {
    let vimeo = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let folder = install::node("mcp")?;
    let python = install::python_in("venv-mcp-packages", &PYTHON)?;
    let output = root().join("target/mcp-package");
    let packages =
        package_mcp::package(&package_mcp::Arguments::for_test(vimeo.clone(), output.clone()), &folder)?;
    let skill = root().join("vimeo-ext/cli/skills/vimeo");
    let sandbox = SandboxProcess::start(&sandbox, &[])?;

    let program = |name: &str| Command::new(python.with_file_name(name));
    let skillsaw = |path: &Path| {
        let mut command = program("skillsaw");
        command.args(["lint", "--strict"]).arg(path);
        command
    };
    finish_within(TEST_TIMEOUT, program("agentskills").arg("validate").arg(&skill), "validating the skill")?;
    finish_within(TEST_TIMEOUT, &mut skillsaw(&skill), "linting the skill")?;
    // A folder of its own: otherwise the linter looks for the repository around it.
    let entry = output.join("registry");
    fs::create_dir_all(&entry).map_err(XtaskError::file(&entry))?;
    let copy = entry.join("server.json");
    fs::copy(&packages.registry_entry, &copy).map_err(XtaskError::file(&copy))?;
    finish_within(TEST_TIMEOUT, &mut skillsaw(&entry), "validating server.json")?;

    let unpacked = output.join("unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(XtaskError::file(&unpacked))?;
    }
    let mut unpack = mcpb(&folder);
    unpack.arg("unpack").arg(&packages.bundle).arg(&unpacked).stdout(Stdio::null());
    finish_within(INSTALL_TIMEOUT, &mut unpack, "unpacking the bundle")?;
    let tools = start_bundle(&unpacked, &sandbox)?;
    println!("ok bundle: {tools} tools");
    run_skill(&skill, &vimeo, &sandbox)
}

/// Starts the server as the bundle's manifest says, as a desktop client does, and returns the number of its tools.
fn start_bundle(bundle: &Path, sandbox: &SandboxProcess) -> Result<usize, XtaskError> {
    let manifest = bundle.join("manifest.json");
    let text = fs::read_to_string(&manifest).map_err(XtaskError::file(&manifest))?;
    let manifest: Value = serde_json::from_str(&text)
        .map_err(|error| XtaskError::Command(format!("the manifest is not JSON: {error}")))?;
    let toolsets = manifest.pointer("/user_config/toolsets/default").and_then(Value::as_str);
    let config =
        |name: &str| manifest.pointer(&format!("/server/mcp_config/{name}")).cloned().unwrap_or_default();
    let fill = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        text.replace("${__dirname}", &bundle.display().to_string())
            .replace("${user_config.toolsets}", toolsets.unwrap_or_default())
            .replace("${user_config.access_token}", sandbox.text("token"))
    };
    let mut command = Command::new(fill(&config("command")));
    remove_user_settings(&mut command);
    command.args(config("args").as_array().into_iter().flatten().map(fill));
    command.envs(config("env").as_object().into_iter().flatten().map(|(name, value)| (name, fill(value))));
    command.env("VIMEO_BASE_URL", sandbox.text("url")).stdin(Stdio::piped());
    let mut server = ChildProcess::start(&mut command)?;
    let mut call = |id: u64, method: &str, params: Value| {
        server.write_line(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        )?;
        let answer = server.line()?;
        let parsed: Option<Value> = serde_json::from_str(&answer).ok();
        parsed
            .filter(|parsed| parsed.get("id") == Some(&json!(id)))
            .and_then(|parsed| parsed.get("result").cloned())
            .ok_or_else(|| {
                XtaskError::Command(format!("the server of the bundle answered {method}: {answer}"))
            })
    };
    call(
        1,
        "initialize",
        json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "desktop", "version": "1"},
        }),
    )?;
    let tools = call(2, "tools/list", json!({}))?.get("tools").and_then(Value::as_array).map_or(0, Vec::len);
    let me = call(3, "tools/call", json!({"name": "vimeo_me_get", "arguments": {}}))?;
    if tools == 0 || me.pointer("/structuredContent/name") != Some(&json!("Sandbox User")) {
        return Err(XtaskError::Command(format!(
            "the server of the bundle has {tools} tools and answered {me}"
        )));
    }
    Ok(tools)
}

/// Runs the shell blocks of the skill in an empty folder with a video.
fn run_skill(skill: &Path, vimeo: &Path, sandbox: &SandboxProcess) -> Result<(), XtaskError> {
    let file = skill.join("SKILL.md");
    let text = fs::read_to_string(&file).map_err(XtaskError::file(&file))?;
    let commands = shell_blocks(&text);
    let folder = root().join("target/mcp-package/skill");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    let video = root().join("vimeo-ext/examples/media/sample.mp4");
    fs::copy(&video, folder.join("film.mp4")).map_err(XtaskError::file(&video))?;
    let path = std::env::join_paths(
        vimeo
            .parent()
            .map(Path::to_owned)
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .map_err(|error| XtaskError::Command(format!("the search path cannot be extended: {error}")))?;
    let mut shell = Command::new("sh");
    remove_user_settings(&mut shell);
    shell
        .args(["-eu", "-c", &commands])
        .current_dir(&folder)
        .env("PATH", path)
        .env("HOME", &folder)
        .env("XDG_STATE_HOME", &folder)
        .env("VIMEO_BASE_URL", sandbox.text("url"))
        .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"))
        .stdout(Stdio::null());
    finish_within(TEST_TIMEOUT, &mut shell, "the skill's commands")?;
    println!("ok skill: {} lines of commands", commands.lines().count());
    Ok(())
}

fn shell_blocks(text: &str) -> String {
    let mut inside = false;
    let mut commands = String::new();
    for line in text.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => commands.extend([command, "\n"]),
            (false, _) => {}
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_commands() {
        assert_eq!(shell_blocks("a\n```sh\nb\n```\n```text\nc\n```\n```sh\nd\n```\n"), "b\nd\n");
    }
}
