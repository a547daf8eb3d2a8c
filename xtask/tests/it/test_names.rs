//! The names of the workspace's tests.

use std::fs;
use std::path::PathBuf;

use crate::behaviour::sources;
use crate::root;

/// Returns the paths and texts of all sources.
fn texts() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source");
        (file, text)
    };
    files.into_iter().map(read).collect()
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.filter_map(|line| line.split_once("fn ")?.1.split_once('(').map(|(name, _)| name))
}

/// Whether a name starts with a letter and a number, as `t01_uploads` does.
fn begins_with_a_code(name: &str) -> bool {
    let code = name.split_once('_').map_or("", |(code, _)| code);
    let number = code.trim_start_matches(|first: char| first.is_ascii_lowercase());
    code.len() == number.len() + 1 && number.len() > 1 && number.chars().all(|digit| digit.is_ascii_digit())
}

/// Returns the names of tests that a text passes to cargo: `"module::name"`.
fn given_to_cargo(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| {
        name.contains("::") && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "_:".contains(sign))
    };
    text.split('"').filter(is_name)
}

#[test]
fn tests_are_named_after_what_they_check() {
    let texts = texts();
    let coded: Vec<&str> =
        texts.iter().flat_map(|(_, text)| functions(text)).filter(|name| begins_with_a_code(name)).collect();
    assert_eq!(coded, [""; 0], "name the behaviour, and cite openapi/BEHAVIOUR.md in a comment");

    let table = [
        ("t01_uploads", true),
        ("m3u8_playback", false),
        ("v2_reads", false),
        ("a_203_is_one", false),
        ("u64", false),
    ];
    for (name, code) in table {
        assert_eq!(begins_with_a_code(name), code, "{name}");
    }
}

/// If no test has the given name, cargo runs nothing and succeeds.
#[test]
fn every_test_that_a_command_names_exists() {
    let texts = texts();
    let commands = root().join("xtask/src");
    let given: Vec<&str> = texts
        .iter()
        .filter(|(file, _)| file.starts_with(&commands))
        .flat_map(|(_, text)| given_to_cargo(text))
        .collect();
    for name in &given {
        let (modules, function) = name.rsplit_once("::").expect("a module");
        let module = modules.rsplit("::").next().unwrap_or_default();
        let exists = texts.iter().any(|(file, text)| {
            file.file_stem().is_some_and(|stem| stem == module)
                && functions(text).any(|known| known.starts_with(function))
        });
        assert!(exists, "there is no test `{name}`");
    }
    assert!(given.len() > 4, "{given:?}");
}
