//! Old words stay out of names and texts; `language.tsv` lists them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// Longer names of tests repeat what the test itself says.
const MAX_WORDS_IN_TEST_NAME: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Name,
    Part,
    Text,
}

struct Entry {
    kind: Kind,
    word: &'static str,
    instead: &'static str,
    /// Files in which the word is allowed.
    exceptions: Vec<&'static str>,
}

fn entries() -> Vec<Entry> {
    let lines = include_str!("language.tsv").lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [kind, word, instead, _reason, exceptions @ ..] = &columns[..] else {
            panic!("four columns: {line}")
        };
        let kind = match *kind {
            "name" => Kind::Name,
            "part" => Kind::Part,
            "text" => Kind::Text,
            other => panic!("{other} is not a kind: {line}"),
        };
        let exceptions = exceptions.iter().flat_map(|files| files.split(' ')).collect();
        Entry { kind, word, instead, exceptions }
    };
    lines.map(entry).collect()
}

#[test]
fn old_words_stay_out_of_names_and_texts() {
    let entries = entries();
    let root = root();
    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    for path in files(&root) {
        let text = fs::read_to_string(&path).expect("a text");
        let relative = path.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
        let is_rust = relative.ends_with(".rs");
        let is_script = SCRIPTS.iter().any(|end| relative.ends_with(end));
        let mut scanner = Scanner::default();
        for (number, line) in text.lines().enumerate() {
            let prose = scanner.prose_of(line);
            let (items, names) = match () {
                () if is_rust => (item_names(line), declared_names(line)),
                () if is_script => (Vec::new(), script_names(line)),
                () => Default::default(),
            };
            // The strings and comments of scripts are not told apart from their code.
            let words = if is_rust { words_of(&prose) } else { words_of(line) };
            for (index, entry) in entries.iter().enumerate() {
                let hit = match entry.kind {
                    Kind::Name => items.contains(&entry.word),
                    Kind::Part => names.iter().any(|name| has_part(name, entry.word)),
                    Kind::Text => has_words(&words, entry.word),
                };
                if hit && entry.exceptions.contains(&&*relative) {
                    used.insert((index, relative.clone()));
                } else if hit {
                    let Entry { word, instead, .. } = entry;
                    found.push(format!("{relative}:{}: `{word}`; use {instead}", number + 1));
                }
            }
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        for file in &entry.exceptions {
            if !used.contains(&(index, (*file).to_owned())) {
                found.push(format!("language.tsv: {file} is not an exception to `{}` any more", entry.word));
            }
        }
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn prose_of_strings_goes_on_over_lines() {
    for (source, prose) in [
        // A string that a backslash continues.
        ("let x = \"a budget \\\n         of one\"; rest()", ["a budget", "of one"]),
        ("let x = \"a budget\n of one\"; rest()", ["a budget", "of one"]),
        ("let x = r\"a budget\n of one\"; rest()", ["a budget", "of one"]),
        ("let x = br##\"a \"#budget\n of one\"##; rest()", ["a \"#budget", "of one"]),
        ("/* a budget\n of one */ rest()", ["a budget", "of one"]),
        ("f('\"'); // a budget\ng('\\''); // of one", ["a budget", "of one"]),
        ("f(b'\"', \"a budget\");\nfn g<'a>(x: &'a str) { \"of one\" }", ["a budget", "of one"]),
    ] {
        let mut scanner = Scanner::default();
        let found: Vec<String> =
            source.lines().map(|line| scanner.prose_of(line).trim().to_owned()).collect();
        assert_eq!(found, prose, "{source}");
    }
}

#[test]
fn test_names_are_short() {
    let mut long = Vec::new();
    for path in files(&root()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = fs::read_to_string(&path).expect("a source");
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if let Some(name) = function_name(line) {
                if is_test && name.split('_').count() > MAX_WORDS_IN_TEST_NAME {
                    long.push(format!("{}: {name}", path.display()));
                }
                is_test = false;
            } else if ["#[test]", "#[tokio::test"].iter().any(|attribute| line.starts_with(attribute)) {
                is_test = true;
            }
        }
    }
    assert!(
        long.is_empty(),
        "{} names of more than {MAX_WORDS_IN_TEST_NAME} words:\n{}",
        long.len(),
        long.join("\n")
    );
}

#[test]
fn words_are_found_where_they_stand() {
    assert_eq!(declared_names("pub(crate) struct Desk<T> {"), ["Desk"]);
    assert_eq!(declared_names("    Away(u8),"), ["Away"]);
    assert_eq!(item_names("    Away(u8),"), [""; 0]);
    assert_eq!(declared_names("    let mut wish = self.wish();"), ["wish"]);
    assert_eq!(declared_names("// struct Desk"), [""; 0]);
    assert!(
        has_part("MOST_PAGES", "MOST")
            && has_part("RateBudget", "budget")
            && has_part("rate_budget", "budget")
    );
    assert!(
        !has_part("ALMOST_DONE", "MOST") && !has_part("at_most", "MOST") && !has_part("Budgeting", "budget")
    );
    assert_eq!(Scanner::default().prose_of(r#"let x = "a budget"; // of one"#), " a budget   of one");
    assert_eq!(script_names("  const { a } = wish();"), [""; 0]);
    assert_eq!(script_names("async function wish(of) {"), ["wish"]);
    assert_eq!(script_names("    wish, other = ask()"), ["wish", "other"]);
    assert_eq!(script_names("def wish(of):"), ["wish"]);
    assert_eq!(script_names("if wish == 1:"), [""; 0]);
    let has = |text: &str, wanted: &str| has_words(&words_of(text), wanted);
    assert!(has("The Budget of one", "budget") && !has("budgeted", "budget"));
    assert!(has("a Local Vimeo", "local Vimeo"));
    assert!(has("this is no video", "is no"));
    for fine in ["there is no video", "is no longer there", "which is not a video", "is no more than 3"] {
        assert!(!has(fine, "is no"), "{fine}");
    }
}

/// The names of types, constants and modules that a line of Rust declares.
fn item_names(line: &str) -> Vec<&str> {
    names_after(line, &["struct", "enum", "trait", "const", "static", "type", "mod"])
}

/// The names that a line of Rust declares: items, variants and locals.
fn declared_names(line: &str) -> Vec<&str> {
    let mut names =
        names_after(line, &["fn", "struct", "enum", "trait", "const", "static", "type", "mod", "let", "mut"]);
    names.extend(variant_name(line));
    names
}

/// The name of the enum variant that a line of Rust declares.
pub(crate) fn variant_name(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().split_once(['(', '{', ','])?;
    let name = name.trim_end();
    (name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(is_name)).then_some(name)
}

/// The names that follow these keywords in a line of Rust.
pub(crate) fn names_after<'a>(line: &'a str, keywords: &[&str]) -> Vec<&'a str> {
    let line = line.trim_start();
    if line.starts_with("//") {
        return Vec::new();
    }
    let words: Vec<&str> = line.split(|letter| !is_name(letter)).filter(|word| !word.is_empty()).collect();
    let pairs = words.windows(2).filter(|pair| keywords.contains(&pair[0]) && !keywords.contains(&pair[1]));
    pairs.map(|pair| pair[1]).collect()
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    before.split_whitespace().all(|word| ["pub", "pub(crate)", "async"].contains(&word)).then_some(())?;
    after.split_once('(').map(|(name, _)| name)
}

/// Whether a name has the word as one of its parts, which `_` or a capital letter separate. A word in capitals is looked for in
/// constants only.
fn has_part(name: &str, word: &str) -> bool {
    let is_constant = |name: &str| !name.contains(|letter: char| letter.is_lowercase());
    if is_constant(word) && !is_constant(name) {
        return false;
    }
    let mut parts = vec![String::new()];
    let mut previous_lower = false;
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && previous_lower) {
            parts.push(String::new());
        }
        previous_lower = letter.is_lowercase();
        if let (Some(part), true) = (parts.last_mut(), letter != '_') {
            part.push(letter.to_ascii_lowercase());
        }
    }
    parts.contains(&word.to_ascii_lowercase())
}

/// The ends of the names of scripts.
const SCRIPTS: [&str; 3] = [".js", ".mjs", ".py"];

/// The names that a line of JavaScript or Python declares.
fn script_names(line: &str) -> Vec<&str> {
    let code = line.trim_start();
    const KEYWORDS: [&str; 6] = ["const", "let", "var", "function", "class", "def"];
    let words: Vec<&str> = code.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| KEYWORDS.contains(&pair[0]));
    // `const { a } = f()` declares `a`, which has the name of a member.
    let names = pairs.filter_map(|pair| pair[1].split(|letter| !is_name(letter)).next());
    let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    // Python declares by assignment.
    if let Some((targets, _)) = code.split_once(" = ")
        && targets.split(", ").all(|target| !target.is_empty() && target.chars().all(is_name))
    {
        names.extend(targets.split(", "));
    }
    names
}

/// Finds the comments and strings of Rust, line by line.
#[derive(Default)]
struct Scanner {
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Code,
    String,
    /// A raw string that ends at a quote with this many `#`.
    RawString(usize),
    BlockComment,
}

impl Scanner {
    /// The comments and strings of the next line.
    fn prose_of(&mut self, line: &str) -> String {
        let mut prose = String::new();
        let letters: Vec<char> = line.chars().collect();
        let mut at = 0;
        let starts_with = |at: usize, text: &str| {
            text.chars().enumerate().all(|(offset, letter)| letters.get(at + offset) == Some(&letter))
        };
        while let Some(&letter) = letters.get(at) {
            at += 1;
            match self.state {
                State::String if letter == '\\' => at += 1,
                State::String if letter == '"' => {
                    self.state = State::Code;
                    prose.push(' ');
                }
                State::RawString(marks) if letter == '"' && starts_with(at, &"#".repeat(marks)) => {
                    at += marks;
                    self.state = State::Code;
                    prose.push(' ');
                }
                State::BlockComment if letter == '*' && starts_with(at, "/") => {
                    at += 1;
                    self.state = State::Code;
                    prose.push(' ');
                }
                State::String | State::RawString(_) | State::BlockComment => prose.push(letter),
                State::Code if letter == '/' && starts_with(at, "/") => {
                    let comment: String =
                        letters[at..].iter().skip_while(|letter| "/!".contains(**letter)).collect();
                    prose.push(' ');
                    prose.push_str(&comment);
                    return prose;
                }
                State::Code if letter == '/' && starts_with(at, "*") => {
                    at += 1;
                    self.state = State::BlockComment;
                }
                State::Code if letter == '"' => {
                    let before: String = letters[..at - 1].iter().collect();
                    let marks = before.chars().rev().take_while(|letter| *letter == '#').count();
                    let is_raw = before.trim_end_matches('#').ends_with('r');
                    self.state = if is_raw { State::RawString(marks) } else { State::String };
                    prose.push(' ');
                }
                // A character, and not a lifetime.
                State::Code if letter == '\'' && starts_with(at, "\\") => {
                    at += 2;
                    while letters.get(at).is_some_and(|letter| *letter != '\'') {
                        at += 1;
                    }
                    at += 1;
                }
                State::Code if letter == '\'' && letters.get(at + 1) == Some(&'\'') => at += 2,
                State::Code => {}
            }
        }
        prose
    }
}

/// The words of a text in lower case.
fn words_of(text: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_'’-".contains(letter);
    text.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Whether a text has these words in a row. `there is no video` and `is no longer` are usual English; `this is no video` is not.
fn has_words(words: &[String], wanted: &str) -> bool {
    let wanted: Vec<&str> = wanted.split(' ').collect();
    words.windows(wanted.len()).enumerate().any(|(at, window)| {
        if window.iter().zip(&wanted).any(|(word, wanted)| !word.eq_ignore_ascii_case(wanted)) {
            return false;
        }
        if wanted.last() != Some(&"no") {
            return true;
        }
        let before = at.checked_sub(1).and_then(|before| words.get(before));
        let after = words.get(at + wanted.len());
        before.is_none_or(|word| word != "there")
            && after
                .is_some_and(|word| !["longer", "more", "less", "other", "way", "need"].contains(&&**word))
    })
}

/// Hand-written sources, scripts, Markdown and the description.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(root, &mut found);
    found.retain(|path| !path.ends_with("xtask/tests/it/language.rs"));
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.')
                && !["target", "node_modules", "generated", "snapshots"].contains(&&*name)
            {
                collect(&path, found);
            }
        } else if [".rs", ".md", ".yaml"].iter().chain(&SCRIPTS).any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}
