//! `cargo xtask test-sandbox-packages`: the sandbox's packages for pytest and npm, installed as their users install them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifacts;
use crate::install::{self, INSTALL_TIMEOUT, TEST_TIMEOUT, finish_within};
use crate::sandbox_process::remove_user_settings;
use crate::workspace::{XtaskError, root};

/// The pinned Python packages.
const PYTHON: [&str; 4] = ["PyVimeo==1.1.2", "pytest==9.2.0", "pytest-xdist==3.8.0", "mypy==2.4.1"];

/// Builds the packages, installs them under target/ and runs their tests with PyVimeo and @vimeo/vimeo. Needs Python, Node and
/// npm.
pub(crate) fn run() -> Result<(), XtaskError> {
    let sandbox = artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?;
    let packed = root().join("target/sandbox-packages");
    if packed.exists() {
        fs::remove_dir_all(&packed).map_err(XtaskError::file(&packed))?;
    }
    fs::create_dir_all(&packed).map_err(XtaskError::file(&packed))?;
    test_python(&sandbox, &packed)?;
    test_node(&sandbox, &packed)
}

fn test_python(sandbox: &Path, packed: &Path) -> Result<(), XtaskError> {
    let folder = source("python");
    let python = install::python(&PYTHON)?;
    let pip = |command: &str| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip
    };
    let mut build = pip("wheel");
    build.arg("--wheel-dir").arg(packed).arg(&folder);
    finish_within(INSTALL_TIMEOUT, &mut build, "building the wheel")?;
    let wheel = only_file(packed, "whl")?;
    let mut install = pip("install");
    install.arg("--force-reinstall").arg(&wheel);
    finish_within(INSTALL_TIMEOUT, &mut install, "installing the wheel")?;

    println!("\npytest, in two processes:");
    let mut pytest = with(Command::new(&python), sandbox);
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "--quiet", "-n", "2"]).arg(folder.join("tests"));
    finish_within(TEST_TIMEOUT, pytest.env("PYTHONDONTWRITEBYTECODE", "1"), "pytest")?;
    let mut mypy = Command::new(&python);
    mypy.args(["-m", "mypy", "--cache-dir"]).arg(root().join("target/mypy")).args(["src", "tests"]);
    finish_within(TEST_TIMEOUT, mypy.current_dir(&folder), "mypy")
}

fn test_node(sandbox: &Path, packed: &Path) -> Result<(), XtaskError> {
    let mut pack = install::npm("pack");
    pack.arg("--pack-destination").arg(packed).arg(source("node"));
    finish_within(INSTALL_TIMEOUT, &mut pack, "packing the npm package")?;
    let tarball = only_file(packed, "tgz")?;
    let tests = install::node_packages(&source("node/test"), &packed.join("node"))?;
    let mut install = install::npm("install");
    install.arg("--no-save").arg(tarball).current_dir(&tests);
    finish_within(INSTALL_TIMEOUT, &mut install, "installing the npm package")?;

    let installed = |name: &str| Command::new(tests.join("node_modules/.bin").join(name));
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]);
    let mut vitest = installed("vitest");
    vitest.arg("run");
    for (name, command) in
        [("node:test", node), ("Jest", installed("jest")), ("Vitest", vitest), ("tsc", installed("tsc"))]
    {
        println!("\n{name}:");
        finish_within(TEST_TIMEOUT, with(command, sandbox).current_dir(&tests), name)?;
    }
    Ok(())
}

fn source(folder: &str) -> PathBuf {
    root().join("vimeo-ext/sandbox").join(folder)
}

/// Gives a command the sandbox, and nothing that changes it.
fn with(mut command: Command, sandbox: &Path) -> Command {
    remove_user_settings(&mut command);
    command.env("VIMEO_SANDBOX", sandbox);
    command
}

/// Returns the path of the only file with this extension.
fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, XtaskError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(XtaskError::file(folder))? {
        let path = entry.map_err(XtaskError::file(folder))?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([path]) => Ok(path),
        Err(found) => Err(XtaskError::Command(format!(
            "{} should have one .{extension} file, but has {}",
            folder.display(),
            found.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_the_version_of_the_workspace() {
        for (file, line) in
            [("python/pyproject.toml", "version = "), ("node/package.json", "  \"version\": ")]
        {
            let text = fs::read_to_string(source(file)).unwrap();
            let version = text.lines().find_map(|text| text.strip_prefix(line)).unwrap();
            assert_eq!(version.trim_matches(['"', ',']), env!("CARGO_PKG_VERSION"), "{file}");
        }
    }

    #[test]
    fn two_packages_are_an_error() {
        let folder = std::env::temp_dir().join(format!("sandbox-packages-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("one.whl"), "").unwrap();
        fs::write(folder.join("other.tgz"), "").unwrap();
        assert_eq!(only_file(&folder, "whl").unwrap(), folder.join("one.whl"));
        fs::write(folder.join("two.whl"), "").unwrap();
        assert!(only_file(&folder, "whl").unwrap_err().to_string().ends_with("but has 2"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
