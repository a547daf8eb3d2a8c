//! A new engineer finds things by their usual names.
//!
//! `findability.tsv` lists forty questions. For each, a search for the usual term in declared names must show the file with the answer
//! among its first three results.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::language::{names_after, variant_name};
use crate::root;

/// The number of results of a search that count.
const FIRST_RESULTS: usize = 3;

const DECLARATIONS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "mod"];

struct SourceFile {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
    names: Vec<String>,
}

#[test]
fn questions_are_answered_by_the_usual_term() {
    let files = source_files();
    let table = include_str!("findability.tsv");
    let mut missed = Vec::new();
    let mut questions = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [question, term, answer] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(files.iter().any(|file| file.path == answer), "{answer} does not exist: {question}");
        let found = search(&files, term);
        if !found.contains(&answer) {
            missed.push(format!("{question} `{term}` finds {found:?}"));
        }
        questions += 1;
    }
    assert_eq!(questions, 41);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn search_ranks_paths_then_declarations_then_mentions() {
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
        names: declared_names(text),
    };
    let files = [
        file("a/src/one.rs", "// lease lease lease"),
        file("a/src/two.rs", "struct LeaseTable; // lease"),
        file("a/src/three.rs", "struct LeaseTable; fn lease() {}"),
        file("a/src/lease.rs", "const LEASE_TTL: u8 = 1;"),
    ];
    assert_eq!(search(&files, "lease"), ["a/src/lease.rs", "a/src/three.rs", "a/src/two.rs"]);
    assert_eq!(search(&files, "lease ttl"), ["a/src/lease.rs"]);
    assert_eq!(
        declared_names("pub enum Kind {\n    HalfOpen,\n    Closed(u8),\n}"),
        ["kind", "halfopen", "closed"]
    );
}

/// The files that declare a name with the term, best first.
fn search<'a>(files: &'a [SourceFile], term: &str) -> Vec<&'a str> {
    let wanted = normalize(term);
    let mut ranked: Vec<_> = files
        .iter()
        .filter_map(|file| {
            let declarations = file.names.iter().filter(|name| name.contains(&wanted)).count();
            let module = file.path.split_once("/src/").map_or("", |(_, module)| module);
            let mentions = normalize(&file.text).matches(&wanted).count();
            let score = (normalize(module).contains(&wanted), declarations, mentions);
            (declarations > 0).then_some((Reverse(score), file.path.as_str()))
        })
        .collect();
    ranked.sort();
    ranked.into_iter().take(FIRST_RESULTS).map(|(_, path)| path).collect()
}

fn normalize(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The names of items and variants that a source declares.
fn declared_names(text: &str) -> Vec<String> {
    let names = |line| names_after(line, &DECLARATIONS).into_iter().chain(variant_name(line));
    text.lines().flat_map(names).map(normalize).collect()
}

/// The hand-written sources of the crates that users and maintainers search, without tests.
fn source_files() -> Vec<SourceFile> {
    let root = root();
    let mut paths = Vec::new();
    for folder in
        ["vimeo-api", "vimeo-gen", "vimeo-ext", "vimeo-ext/agent", "vimeo-ext/cli", "vimeo-ext/sandbox"]
    {
        collect(&root.join(folder).join("src"), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source");
        let relative = path.strip_prefix(&root).expect("below the root");
        let path = relative
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        SourceFile { names: declared_names(&text), path, text }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "generated" && name != "tests" {
            collect(&entry, files);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push(entry);
        }
    }
}
