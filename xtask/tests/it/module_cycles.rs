//! The top-level modules of a crate have no dependency cycles, not even through other modules.
//!
//! A dependency is a path in the code, not counting tests: `crate::…`, `super::…` that reaches the root of the crate, or a
//! name that the root re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Known cycles, with the folder of the crate. A cycle can lose modules but not gain one. Remove cycles from this list when
/// they no longer exist.
const KNOWN: &[(&str, &[&str])] = &[];

/// The top-level modules of a crate, each with the top-level modules that it depends on.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn top_level_modules_have_no_cycles() {
    let root = super::root();
    let mut unmet: Vec<&(&str, &[&str])> = KNOWN.iter().collect();
    let mut new = Vec::new();
    for member in members(&root) {
        for cycle in cycles(&graph(&root.join(&member))) {
            let known = KNOWN.iter().find(|(crate_, modules)| {
                *crate_ == member && cycle.iter().all(|module| modules.contains(&module.as_str()))
            });
            match known {
                Some(known) => unmet.retain(|one| !std::ptr::eq(*one, known)),
                None => new.push(format!("{member}: {}", cycle.join(", "))),
            }
        }
    }
    assert!(new.is_empty(), "modules that need each other:\n{}", new.join("\n"));
    assert!(unmet.is_empty(), "these cycles are gone; take them from KNOWN: {unmet:?}");
}

/// The folders of the workspace's crates.
fn members(root: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, members) = manifest.split_once("\nmembers = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    members
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Reads the modules of a crate, starting at its root.
fn graph(folder: &Path) -> Graph {
    let source = folder.join("src");
    let root = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().find(|path| path.exists());
    let tokens = read(&root.unwrap());
    let mut reader = Reader::default();
    reader.root(&tokens);
    reader.module(&tokens, &[], &source);
    reader.graph
}

fn read(path: &Path) -> Vec<TokenTree> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tokens = TokenStream::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    tokens.into_iter().collect()
}

#[derive(Default)]
struct Reader {
    graph: Graph,
    /// The names that the root re-exports, with their modules.
    exported: BTreeMap<String, String>,
}

impl Reader {
    /// Records the names of the top-level modules and the modules of re-exported names.
    fn root(&mut self, tokens: &[TokenTree]) {
        items(tokens, &mut |at, tokens| {
            if is_word(tokens, at, "mod")
                && let Some(name) = ident(tokens, at + 1)
            {
                self.graph.entry(name).or_default();
            }
        });
        walk(tokens, &mut |at, tokens| {
            if is_word(tokens, at, "use") {
                let end = (at..tokens.len()).find(|at| is_punct(tokens, *at, ';')).unwrap_or(tokens.len());
                for path in paths(&tokens[at + 1..end]) {
                    let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
                    if matches!(path.first(), Some(&("crate" | "self"))) {
                        path.remove(0);
                    }
                    if let [module, .., name] = path.as_slice()
                        && self.graph.contains_key(*module)
                    {
                        self.exported.insert((*name).to_owned(), (*module).to_owned());
                    }
                }
            }
        });
    }

    /// Reads a module and the modules that it declares.
    fn module(&mut self, tokens: &[TokenTree], path: &[String], folder: &Path) {
        let mut declared: Vec<(String, Option<String>, Option<Vec<TokenTree>>)> = Vec::new();
        let mut named: Vec<Vec<String>> = Vec::new();
        items(tokens, &mut |at, tokens| {
            let (true, Some(name)) = (is_word(tokens, at, "mod"), ident(tokens, at + 1)) else { return };
            declared.push(match tokens.get(at + 2) {
                Some(TokenTree::Group(body)) => (name, None, Some(body.stream().into_iter().collect())),
                _ => (name, path_attribute(&tokens[..at]), None),
            });
        });
        walk(tokens, &mut |at, tokens| {
            let begins = is_word(tokens, at, "crate") || is_word(tokens, at, "super");
            if begins && !is_punct(tokens, at.wrapping_sub(1), ':') {
                named.extend(paths(&tokens[at..]));
            }
        });
        if let Some(own) = path.first() {
            for named in named {
                if let Some(module) = self.leads_to(&named, path)
                    && module != *own
                {
                    self.graph.entry(own.clone()).or_default().insert(module);
                }
            }
        }
        for (name, file, body) in declared {
            let mut path = path.to_vec();
            path.push(name.clone());
            let below = folder.join(&name);
            match body {
                Some(body) => self.module(&body, &path, &below),
                None => {
                    let files: Vec<PathBuf> = match file {
                        Some(file) => vec![folder.join(file)],
                        None => vec![folder.join(format!("{name}.rs")), below.join("mod.rs")],
                    };
                    let file = files.iter().find(|file| file.exists());
                    let file = file.unwrap_or_else(|| panic!("no file of {path:?} among {files:?}"));
                    self.module(&read(file), &path, &below);
                }
            }
        }
    }

    /// Returns the top-level module of a path in the module `from`.
    fn leads_to(&self, named: &[String], from: &[String]) -> Option<String> {
        let supers = named.iter().take_while(|name| *name == "super").count();
        let above = match named.first()?.as_str() {
            "crate" => &[],
            _ => from.get(..from.len().checked_sub(supers)?)?,
        };
        let rest = named.get(supers.max(1)..)?;
        let first = above.first().or(rest.first())?;
        match self.graph.contains_key(first) {
            true => Some(first.clone()),
            false => self.exported.get(first).cloned(),
        }
    }
}

/// Calls `see` with the index of each token outside groups and tests.
fn items(tokens: &[TokenTree], see: &mut dyn FnMut(usize, &[TokenTree])) {
    let mut at = 0;
    while at < tokens.len() {
        if is_punct(tokens, at, '#')
            && let Some(TokenTree::Group(attribute)) = tokens.get(at + 1)
            && is_of_tests(&attribute.stream())
        {
            at = end_of_item(tokens, at + 2);
        } else {
            see(at, tokens);
            at += 1;
        }
    }
}

/// Like [`items`], but also visits groups, except the bodies of modules and quoted code.
fn walk(tokens: &[TokenTree], see: &mut dyn FnMut(usize, &[TokenTree])) {
    items(tokens, &mut |at, tokens| {
        see(at, tokens);
        let is_module = at >= 2 && is_word(tokens, at - 2, "mod");
        let is_quoted = at >= 2
            && is_punct(tokens, at - 1, '!')
            && ["quote", "quote_spanned", "parse_quote"].iter().any(|word| is_word(tokens, at - 2, word));
        if let TokenTree::Group(group) = &tokens[at]
            && !is_module
            && !is_quoted
        {
            walk(&group.stream().into_iter().collect::<Vec<_>>(), see);
        }
    });
}

fn is_of_tests(attribute: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.clone().into_iter().collect();
    match (is_word(&tokens, 0, "cfg"), tokens.get(1)) {
        (true, Some(TokenTree::Group(condition))) => {
            let condition = condition.stream().to_string();
            condition.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == "test")
                && !condition.contains("not (test)")
                && !condition.contains("not(test)")
        }
        _ => false,
    }
}

/// Returns the index after the item that starts at `at`: after its braces or its semicolon.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |at: &usize| match &tokens[*at] {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
        _ => false,
    };
    (at..tokens.len()).find(ends).map_or(tokens.len(), |end| end + 1)
}

/// Returns the paths that start at a token: one, or one per name in braces.
fn paths(tokens: &[TokenTree]) -> Vec<Vec<String>> {
    let Some(first) = ident(tokens, 0) else {
        return match tokens.first() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                inside
                    .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
                    .flat_map(paths)
                    .collect()
            }
            _ => Vec::new(),
        };
    };
    let name = match is_word(tokens, 1, "as") {
        true => ident(tokens, 2).unwrap_or(first),
        false => first,
    };
    let below = match is_punct(tokens, 1, ':') && is_punct(tokens, 2, ':') {
        true => paths(&tokens[3..]),
        false => Vec::new(),
    };
    match below.is_empty() {
        true => vec![vec![name]],
        false => below.into_iter().map(|below| [vec![name.clone()], below].concat()).collect(),
    }
}

/// Returns the value of `#[path = "…"]` directly before a module.
fn path_attribute(before: &[TokenTree]) -> Option<String> {
    before.iter().rev().take(8).find_map(|token| match token {
        TokenTree::Group(group) => {
            let text = group.stream().to_string();
            text.strip_prefix("path = ").map(|path| path.trim_matches('"').to_owned())
        }
        _ => None,
    })
}

/// Returns the identifier at an index.
fn ident(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// Whether the token at an index is this word.
fn is_word(tokens: &[TokenTree], at: usize, word: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_punct(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Returns the sets of modules that depend on each other.
fn cycles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|from| (from, reach(graph, from))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for module in graph.keys().filter(|module| reached[module].contains(module)) {
        let with = |other: &&String| reached[module].contains(other) && reached[other].contains(module);
        let cycle: Vec<String> = graph.keys().filter(with).cloned().collect();
        if !found.contains(&cycle) {
            found.push(cycle);
        }
    }
    found
}

/// Returns all modules that a module depends on, directly or indirectly; itself only if it is in a cycle.
fn reach<'a>(graph: &'a Graph, from: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&String> = graph[from].iter().collect();
    while let Some(next) = waiting.pop() {
        if reached.insert(next) {
            waiting.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn what_modules_name_is_read_from_their_code() {
    let folder = super::folder();
    let files = [
        (
            "lib.rs",
            "mod a; pub mod b; mod c { pub fn f() { super::d::g() } } mod d; mod e; mod f; pub use e::{Thing, g::Other as Another};",
        ),
        (
            "a/mod.rs",
            "mod inner; use crate::b::{self, c::d}; // crate::d::not\nconst TEXT: &str = \"crate::d\";",
        ),
        ("a/inner.rs", "use super::super::c; fn f() { println!(\"{}\", crate::Thing::new()) }"),
        (
            "b.rs",
            "#[cfg(test)] mod tests { use crate::a; } #[cfg(test)] use crate::a::x; #[cfg(not(test))] use crate::d;",
        ),
        ("d.rs", "#[cfg(all(test, unix))] fn f() { crate::a::f() } impl super::Another {}"),
        ("e.rs", "use super::{f, f::g}; use self::g; mod g { use super::super::f; }"),
        ("f.rs", "pub(crate) struct X; pub(super) struct Y; pub(in crate::a) struct Z;"),
    ];
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let graph = graph(folder.path());
    let lines: Vec<String> = graph
        .iter()
        .map(|(module, named)| format!("{module}: {}", named.iter().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(lines, ["a: b c e", "b: d", "c: d", "d: e", "e: f", "f: a"]);
    assert_eq!(cycles(&graph), [["a", "b", "c", "d", "e", "f"]]);
}

#[test]
fn cycles_are_told_apart() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        graph
    };
    let cycles = |edges| cycles(&graph(edges)).iter().map(|cycle| cycle.concat()).collect::<Vec<_>>();
    assert_eq!(cycles(&[("a", "b"), ("b", "c"), ("a", "c")]), [""; 0]);
    assert_eq!(
        cycles(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c"), ("d", "e")]),
        ["ab", "cd"]
    );
    assert_eq!(cycles(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]), ["abc"]);
}
