//! `cargo xtask test-agent-frameworks`: the recipes of `docs/agents.md` with the published frameworks and a scripted
//! model.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, iter};

use crate::artifacts;
use crate::install::{self, TEST_TIMEOUT, finish, finish_within};
use crate::measure::cargo_in;
use crate::process::wait;
use crate::sandbox_process::{SandboxProcess, remove_user_settings};
use crate::workspace::{XtaskError, root};

/// The pinned Python frameworks. They need a version of the MCP SDK other than that of the other tests.
const PYTHON: [&str; 4] =
    ["langchain==1.5.2", "langchain-mcp-adapters==0.3.2", "openai-agents==0.24.0", "mcp==1.30.0"];

/// The longest recipe, in lines.
const MAX_RECIPE_LINES: usize = 20;

/// A block of `docs/agents.md`, and the program that runs it with a scripted model.
struct Recipe {
    name: &'static str,
    language: Language,
    file: &'static str,
    program: &'static str,
}

#[derive(Clone, Copy)]
enum Language {
    Python,
    JavaScript,
    Rust,
}

const RECIPES: [Recipe; 4] = [
    Recipe {
        name: "langchain",
        language: Language::Python,
        file: "recipe_langchain.py",
        program: "test_langchain.py",
    },
    Recipe {
        name: "openai_agents",
        language: Language::Python,
        file: "recipe_openai_agents.py",
        program: "test_openai_agents.py",
    },
    Recipe {
        name: "ai-sdk",
        language: Language::JavaScript,
        file: "recipe-ai-sdk.mjs",
        program: "test-ai-sdk.mjs",
    },
    Recipe { name: "rig", language: Language::Rust, file: "src/recipe.rs", program: "rig-recipe" },
];

/// Runs each recipe against a sandbox of its own. Needs Python, Node and npm.
pub(crate) fn run() -> Result<(), XtaskError> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let vimeo = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let folder = install::node("frameworks")?;
    let python = install::python_in("venv-frameworks", &PYTHON)?;
    let node = folder.join("node_modules/.bin/node");
    let guide = root().join("docs/agents.md");
    let guide_text = fs::read_to_string(&guide).map_err(XtaskError::file(&guide))?;
    let path = search_path(&vimeo)?;
    for recipe in RECIPES {
        let code = recipe_code(&guide_text, recipe.name)?;
        let (program, arguments) = match recipe.language {
            Language::Rust => (build_rust(&recipe, &code)?, vec![]),
            Language::Python | Language::JavaScript => {
                let file = folder.join(recipe.file);
                fs::write(&file, &code).map_err(XtaskError::file(&file))?;
                let interpreter = if matches!(recipe.language, Language::Python) { &python } else { &node };
                (interpreter.clone(), vec![recipe.program])
            }
        };
        play(&sandbox, &folder, &path, &python, (&program, &arguments))?;
        println!("ok {}: {} lines", recipe.name, code.lines().count());
    }
    Ok(())
}

/// Builds a package of the recipe and the program that runs it, with the versions of its own lock file.
fn build_rust(recipe: &Recipe, code: &str) -> Result<PathBuf, XtaskError> {
    let folder = root().join("target/rig");
    let sources = folder.join("src");
    fs::create_dir_all(&sources).map_err(XtaskError::file(&sources))?;
    for (file, text) in [
        ("Cargo.toml", include_str!("../rig/crate.toml")),
        ("Cargo.lock", include_str!("../rig/Cargo.lock")),
        ("src/main.rs", include_str!("../rig/src/main.rs")),
        (recipe.file, code),
    ] {
        let file = folder.join(file);
        fs::write(&file, text).map_err(XtaskError::file(file))?;
    }
    let mut build = cargo_in(&folder);
    build.args(["build", "--quiet", "--locked"]).env("CARGO_TARGET_DIR", folder.join("target"));
    finish(&mut build, "building the recipe with rig")?;
    Ok(folder.join("target/debug").join(recipe.program))
}

/// Prepares a sandbox, runs a program against it, and checks what the program did and answered.
fn play(
    sandbox: &Path,
    folder: &Path,
    path: &OsString,
    python: &Path,
    (program, arguments): (&Path, &[&str]),
) -> Result<(), XtaskError> {
    let sandbox = SandboxProcess::start(sandbox, &[])?;
    let with = |interpreter: &Path, arguments: &[&str]| {
        let mut command = Command::new(interpreter);
        remove_user_settings(&mut command);
        command
            .args(arguments)
            .current_dir(folder)
            .env("PATH", path)
            .env("VIMEO_BASE_URL", sandbox.text("url"))
            .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"));
        command
    };
    finish_within(TEST_TIMEOUT, &mut with(python, &["sandbox.py", "prepare"]), "preparing the sandbox")?;
    let name = arguments.first().map_or_else(|| program.display().to_string(), |&script| script.to_owned());
    let mut child = with(program, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(XtaskError::file(program))?;
    let status = wait(&mut child, &name, TEST_TIMEOUT)?;
    let output = child.wait_with_output().map_err(XtaskError::file(program))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    if !status.success() {
        return Err(XtaskError::Command(format!("{name} failed: {status}")));
    }
    finish_within(TEST_TIMEOUT, &mut with(python, &["sandbox.py", "check", answer.trim()]), &name)
}

/// Returns the search path of programs, with the folder of `vimeo` first.
pub(crate) fn search_path(vimeo: &Path) -> Result<OsString, XtaskError> {
    let folder = vimeo.parent().map(Path::to_owned).unwrap_or_default();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths(iter::once(folder).chain(env::split_paths(&others)))
        .map_err(|error| XtaskError::Command(format!("the search path cannot be extended: {error}")))
}

/// Returns the code block of the guide that is marked with `name`.
fn recipe_code(guide: &str, name: &str) -> Result<String, XtaskError> {
    let code: Vec<&str> = guide
        .lines()
        .skip_while(|line| !(line.starts_with("```") && line.split(' ').nth(1) == Some(name)))
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    match code.iter().filter(|line| !line.is_empty()).count() {
        0 => Err(XtaskError::Command(format!("docs/agents.md has no recipe {name}"))),
        lines if lines > MAX_RECIPE_LINES => {
            Err(XtaskError::Command(format!("the recipe {name} has more than {MAX_RECIPE_LINES} lines")))
        }
        _ => Ok(code.join("\n") + "\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_found_by_their_name() {
        let guide = "```python one\na\n\nb\n```\n```javascript two\nc\n```\n";
        assert_eq!(recipe_code(guide, "one").unwrap(), "a\n\nb\n");
        assert_eq!(recipe_code(guide, "two").unwrap(), "c\n");
        assert!(recipe_code(guide, "three").is_err());
        let long = format!("```python long\n{}```\n", "a\n".repeat(MAX_RECIPE_LINES + 1));
        assert!(recipe_code(&long, "long").unwrap_err().to_string().contains("more than 20 lines"));
    }
}
