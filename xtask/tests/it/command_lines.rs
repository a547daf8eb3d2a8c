//! The command lines at the head of examples and benches build them: they turn on the features that the target requires.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::root;

/// The members with targets that require features.
const MEMBERS: [&str; 5] =
    ["vimeo-api", "vimeo-ext", "vimeo-ext/agent", "vimeo-ext/cli", "vimeo-ext/sandbox"];

#[test]
fn command_lines_turn_on_required_features() {
    let (mut problems, mut checked) = (Vec::new(), 0);
    for member in MEMBERS {
        let folder = root().join(member);
        let manifest = manifest(&folder);
        for kind in ["example", "bench"] {
            for target in manifest.get(kind).and_then(Value::as_array).into_iter().flatten() {
                let name = target["name"].as_str().expect("a name");
                let head = head(&source(&folder, kind, name));
                let commands: Vec<&str> = commands(&head).collect();
                let runs: Vec<_> =
                    commands.iter().copied().filter(|command| !command.starts_with("cargo xtask")).collect();
                if commands.is_empty() {
                    problems.push(format!("{member}: the head of the {kind} {name} has no command line"));
                }
                for command in runs {
                    checked += 1;
                    if let Err(problem) = check(command, &manifest, kind, target) {
                        problems.push(format!("{member}: `{command}` {problem}"));
                    }
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked >= 8, "only {checked} command lines were found");
}

#[test]
fn command_lines_are_checked_like_cargo_does() {
    let manifest: Table = toml::from_str(
        "[package]\nname = 'one'\n[features]\ndefault = ['tls']\ntls = ['net']\nnet = []\nextra = []\ndev = []\n\
         [dev-dependencies]\none = { path = '.', default-features = false, features = ['dev'] }\n",
    )
    .expect("a manifest");
    let target = |required: &[&str]| {
        let mut target = Table::new();
        target.insert("name".to_owned(), "demo".into());
        let required = required.iter().copied().map(Value::from).collect();
        target.insert("required-features".to_owned(), Value::Array(required));
        Value::Table(target)
    };
    for (command, required, is_right) in [
        ("cargo run -p one --example demo", &["net", "dev"][..], true),
        ("cargo run -p one --example demo", &["extra"], false),
        ("cargo run -p one --example demo --features extra,net", &["extra", "net"], true),
        ("cargo run -p one --example demo --features=extra", &["extra"], true),
        ("cargo run -p one --example demo --no-default-features", &["net"], false),
        ("cargo run -p one --example demo -- --features extra", &["extra"], false),
        ("cargo run -p two --example demo", &[], false),
        ("cargo run -p one --example other", &[], false),
        ("cargo bench -p one --bench demo", &[], false),
    ] {
        let outcome = check(command, &manifest, "example", &target(required));
        assert_eq!(outcome.is_ok(), is_right, "{command}: {outcome:?}");
    }
    assert_eq!(
        commands("Text: `cargo run -p one --example demo -- FILE`, or `cargo`.").collect::<Vec<_>>().len(),
        1
    );
}

fn manifest(folder: &Path) -> Table {
    toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest")).expect("valid TOML")
}

/// The source file of a target: `benches/NAME.rs` or `benches/NAME/main.rs`.
fn source(folder: &Path, kind: &str, name: &str) -> PathBuf {
    let sources = folder.join(if kind == "bench" { "benches" } else { "examples" });
    let file = sources.join(format!("{name}.rs"));
    if file.exists() { file } else { sources.join(name).join("main.rs") }
}

/// The module documentation, as one line.
fn head(source: &Path) -> String {
    let text = fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    lines.join(" ")
}

/// The cargo command lines in backticks.
fn commands(head: &str) -> impl Iterator<Item = &str> {
    head.split('`').skip(1).step_by(2).filter(|code| code.starts_with("cargo "))
}

/// Checks that a command line of cargo builds the target.
fn check(command: &str, manifest: &Table, kind: &str, target: &Value) -> Result<(), String> {
    let name = target["name"].as_str().unwrap_or_default();
    let package = manifest["package"]["name"].as_str().unwrap_or_default();
    let own = command.split(" -- ").next().unwrap_or_default();
    let words: Vec<&str> = own.split_whitespace().flat_map(|word| word.split('=')).collect();
    let value_of =
        |option: &str| words.iter().position(|word| *word == option).and_then(|at| words.get(at + 1));
    if value_of("-p").is_some_and(|selected| *selected != package) {
        return Err(format!("selects another package than {package}"));
    }
    if value_of(&format!("--{kind}")) != Some(&name) {
        return Err(format!("does not select the {kind} {name}"));
    }
    let mut wanted: Vec<String> =
        value_of("--features").into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    if !words.contains(&"--no-default-features") {
        wanted.push("default".to_owned());
    }
    wanted.extend(own_dev_features(manifest, package));
    let enabled = closure(manifest, wanted);
    let required = target.get("required-features").and_then(Value::as_array).into_iter().flatten();
    let missing: Vec<&str> =
        required.filter_map(Value::as_str).filter(|feature| !enabled.contains(*feature)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("does not turn on {}", missing.join(", "))) }
}

/// The features that a package turns on for its own tests, examples and benches.
fn own_dev_features(manifest: &Table, package: &str) -> Vec<String> {
    let Some(own) = manifest.get("dev-dependencies").and_then(|all| all.get(package)) else {
        return Vec::new();
    };
    let listed = own.get("features").and_then(Value::as_array).into_iter().flatten();
    let mut features: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    if own.get("default-features").and_then(Value::as_bool) != Some(false) {
        features.push("default".to_owned());
    }
    features
}

/// These features and all that they turn on.
fn closure(manifest: &Table, mut wanted: Vec<String>) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    while let Some(feature) = wanted.pop() {
        let listed = manifest.get("features").and_then(|all| all.get(&feature)).and_then(Value::as_array);
        wanted.extend(
            listed
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .filter(|next| !enabled.contains(next)),
        );
        enabled.insert(feature);
    }
    enabled
}
