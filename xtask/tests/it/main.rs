//! Runs the maintainers' commands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod behaviour;
mod command_lines;
mod findability;
mod language;
mod module_cycles;
mod secrets;
mod template;
mod test_names;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn small() -> String {
    fs::read_to_string(root().join("vimeo-gen/tests/it/small.yaml")).expect("the small description")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Runs regen with a description. Returns the exit code and standard error.
fn regen(description: &str, out: &Path) -> (Option<i32>, String) {
    let folder = folder();
    let file = folder.path().join("description.yaml");
    fs::write(&file, description).expect("written");
    let done =
        xtask(&["regen", "--description", &file.display().to_string(), "--out", &out.display().to_string()]);
    (done.status.code(), text(&done.stderr))
}

#[test]
fn invalid_description_is_one_error_line_and_changes_no_file() {
    let out = folder();
    let kept = out.path().join("src/generated/mod.rs");
    fs::create_dir_all(kept.parent().expect("a folder")).expect("made");
    fs::write(&kept, "// kept").expect("written");
    let cases = [
        ("openapi: 3.0.3\npaths: [", "description.yaml:3:1: invalid YAML"),
        ("openapi: 3.1.0\n", "OpenAPI 3.1.0 is not supported"),
        ("swagger: '2.0'\n", "Swagger 2"),
        ("[1, 2]", "not a mapping"),
        (
            &small().replace("schemas/Size' }", "schemas/Sighs' }"),
            "the $ref `#/components/schemas/Sighs` has no target",
        ),
        (
            &small().replace("/clips/{clip_id}/tags/{word}", "/clips/{clip_id}/tags/{clip_id}"),
            "duplicate path parameter {clip_id}",
        ),
    ];
    for (description, complaint) in cases {
        let (code, told) = regen(description, out.path());
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(complaint), "{told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        assert_eq!(fs::read_to_string(&kept).expect("still there"), "// kept");
    }
    let missing =
        xtask(&["regen", "--description", "/no/such/file.yaml", "--out", &out.path().display().to_string()]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).starts_with("/no/such/file.yaml: "), "{}", text(&missing.stderr));
}

#[test]
fn check_reports_differences() {
    let out = folder();
    let description = root().join("vimeo-gen/tests/it/small.yaml").display().to_string();
    let place = out.path().display().to_string();
    let run = |more: &[&str]| {
        let mut arguments = vec!["regen", "--description", &description, "--out", &place];
        arguments.extend(more);
        let done = xtask(&arguments);
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    assert_eq!(run(&[]).0, Some(0));
    assert_eq!(run(&["--check"]).0, Some(0));
    let changed = out.path().join("src/generated/clips.rs");
    let code = fs::read_to_string(&changed).expect("generated");
    fs::write(&changed, code.replace("pub fn list_clips", "pub fn lists_clips")).expect("written");
    fs::write(out.path().join("src/generated/left.rs"), "// left").expect("written");
    let (code, told, complaint) = run(&["--check"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("-    pub fn lists_clips") && told.contains("+    pub fn list_clips"), "{told}");
    assert!(told.contains("-// left"), "{told}");
    assert!(complaint.contains("2 generated files"), "{complaint}");
    assert_eq!(run(&[]).0, Some(0));
    assert!(!out.path().join("src/generated/left.rs").exists());
}

#[test]
fn the_bundle_is_one_json_document() {
    let done = xtask(&["bundle"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let bundle: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(bundle["openapi"], "3.0.3");
    assert!(bundle["paths"]["/me/videos"]["post"]["x-vimeo-operation"].is_string());
}
