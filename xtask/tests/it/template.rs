//! The manifest of generated crates matches their code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{folder, regen, root, small, text};

/// Returns the entries of a section of a manifest: name and requirement.
fn section(manifest: &str, name: &str) -> BTreeMap<String, String> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let entries = lines.filter_map(|line| line.split_once('='));
    entries
        .map(|(name, what)| (name.trim().trim_end_matches(".workspace").to_owned(), what.trim().to_owned()))
        .collect()
}

fn names(entries: &BTreeMap<String, String>) -> BTreeSet<&str> {
    entries.keys().map(String::as_str).collect()
}

/// Returns the version of a requirement: `"1"` or `{ version = "1", … }`.
fn version(requirement: &str) -> &str {
    let text = requirement.split_once("version = ").map_or(requirement, |(_, text)| text);
    text.split('"').nth(1).expect("a version")
}

/// Returns the manifest and the code, without comments and tests, of a crate that is generated from the small description.
fn generated() -> (String, String) {
    let out = folder();
    let (code, told) = regen(&small(), out.path());
    assert_eq!(code, Some(0), "{told}");
    let manifest = fs::read_to_string(out.path().join("Cargo.toml")).expect("a manifest");
    let mut source = String::new();
    read(&out.path().join("src"), &mut source);
    (manifest, source)
}

fn read(folder: &Path, source: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, source);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                source.push_str(line);
                source.push('\n');
            }
        }
    }
}

/// Whether code uses a crate: as the first part of a path, or in a `use`.
fn uses(code: &str, name: &str) -> bool {
    let name = name.replace('-', "_");
    code.match_indices(&name).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let after = &code[at + name.len()..];
        let head = !(before.is_alphanumeric()
            || before == '_'
            || code[..at].ends_with("::") && !code[..at].ends_with(" ::"));
        head && (after.starts_with("::") || (code[..at].ends_with("use ") && after.starts_with(';')))
    })
}

/// Whether code declares or imports a module of this name.
fn is_local(code: &str, name: &str) -> bool {
    let name = name.replace('-', "_");
    code.contains(&format!("mod {name};")) || code.contains(&format!("::{name};"))
}

#[test]
fn the_template_names_the_dependencies_that_generated_code_uses() {
    let (manifest, code) = generated();
    let template = section(&manifest, "dependencies");
    let unused: Vec<&str> = names(&template).into_iter().filter(|name| !uses(&code, name)).collect();
    assert_eq!(unused, [""; 0], "xtask/src/standalone.toml names what no generated code uses");

    // The code could use any other crate of the lock file by mistake.
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    let known = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let known: BTreeSet<&str> = known.filter(|name| !template.contains_key(*name)).collect();
    let unnamed: Vec<&str> =
        known.into_iter().filter(|name| uses(&code, name) && !is_local(&code, name)).collect();
    assert_eq!(unnamed, [""; 0], "xtask/src/standalone.toml does not name what generated code uses");
}

#[test]
fn the_template_asks_for_what_the_workspace_has() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let workspace = section(&workspace, "workspace.dependencies");
    let manifest = fs::read_to_string(root().join("xtask/src/standalone.toml")).expect("the template");
    for (name, requirement) in
        section(&manifest, "dependencies").into_iter().chain(section(&manifest, "dev-dependencies"))
    {
        let ours = workspace.get(&name).unwrap_or_else(|| panic!("the workspace has no {name}"));
        assert_eq!(version(&requirement), version(ours), "{name}");
    }

    let ours = fs::read_to_string(root().join("vimeo-api/Cargo.toml")).expect("vimeo-api");
    let ours = section(&ours, "dependencies");
    assert_eq!(names(&section(&manifest, "dependencies")), names(&ours), "the runtime is that of vimeo-api");
}

/// The compiler checks both: it reports missing and unused crates. The crate compiles without warnings, with all areas and
/// with one.
#[test]
fn a_generated_crate_compiles() {
    // The same folder in each run, so that the dependencies are checked once.
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small-api");
    let (code, told) = regen(&small(), &out);
    assert_eq!(code, Some(0), "{told}");
    // The locked versions of this workspace, which a test of the workspace has fetched already.
    fs::copy(root().join("Cargo.lock"), out.join("Cargo.lock")).expect("copied");
    for features in [&["--all-features"][..], &["--no-default-features", "--features", "clips"]] {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let done = Command::new(cargo)
            .args(["rustc", "--quiet", "--lib", "--profile", "check"])
            .args(features)
            .args(["--", "-D", "warnings", "-D", "unused-crate-dependencies"])
            .env("CARGO_TARGET_DIR", out.join("target"))
            .current_dir(&out)
            .output()
            .expect("cargo starts");
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
}

#[test]
fn detects_crates_at_the_head_of_paths() {
    let table = [
        ("let a = url::Url::parse(b);", true),
        ("use url::Url;", true),
        ("use url;", true),
        ("fn a(b: ::url::Url) {}", true),
        ("Option<url::Url>", true),
        ("let url = a.url();", false),
        ("curl::Easy", false),
        ("crate::url::Url", false),
        ("reqwest::url::Url", false),
    ];
    for (code, used) in table {
        assert_eq!(uses(code, "url"), used, "{code}");
    }
    assert!(uses("percent_encoding::encode()", "percent-encoding"));
}
