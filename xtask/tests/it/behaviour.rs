//! The codes of openapi/BEHAVIOUR.md and the tests that cite them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// Returns the sources below a folder, without built and fetched files.
pub(crate) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules", "generated"].contains(&&*name)
        {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_code(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9'])
}

/// Returns the codes that a comment cites, if it is a citation.
fn cited(line: &str) -> Option<Vec<&str>> {
    let comment = line.trim_start().strip_prefix("//")?.trim_start_matches(['/', '!']).trim();
    let codes = comment.strip_prefix("BEHAVIOUR.md:")?.trim().trim_end_matches('.');
    Some(codes.split(", ").collect())
}

/// Returns the codes of the tables, in order.
fn explained() -> Vec<String> {
    let text = fs::read_to_string(root().join("openapi/BEHAVIOUR.md")).expect("the behaviours");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    rows.map(|(code, _)| code.to_owned()).filter(|code| is_code(code)).collect()
}

#[test]
fn every_cited_behaviour_is_explained() {
    let explained: BTreeSet<String> = explained().into_iter().collect();
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let (mut citations, mut unknown) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        for (number, line) in text.lines().enumerate() {
            for code in cited(line).into_iter().flatten() {
                citations += 1;
                if !explained.contains(code) {
                    unknown.push(format!("{}:{}: `{code}`", file.display(), number + 1));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "openapi/BEHAVIOUR.md does not explain\n{}", unknown.join("\n"));
    assert!(citations > 50, "only {citations} citations were found");
}

#[test]
fn no_code_of_a_behaviour_has_two_meanings() {
    let explained = explained();
    let distinct: BTreeSet<&String> = explained.iter().collect();
    assert_eq!(distinct.len(), explained.len(), "{explained:?}");
    assert!(explained.len() > 50, "{explained:?}");
}

#[test]
fn a_citation_is_a_comment_with_codes() {
    let table: [(&str, Option<&[&str]>); 6] = [
        ("    /// BEHAVIOUR.md: U07.", Some(&["U07"])),
        ("// BEHAVIOUR.md: U07, D01.", Some(&["U07", "D01"])),
        ("//! BEHAVIOUR.md: fact 7", Some(&["fact 7"])),
        ("/// BEHAVIOUR.md:", Some(&[""])),
        ("/// as openapi/BEHAVIOUR.md says", None),
        ("let text = \"BEHAVIOUR.md: U07\";", None),
    ];
    for (line, codes) in table {
        assert_eq!(cited(line).as_deref(), codes, "{line}");
    }
}
