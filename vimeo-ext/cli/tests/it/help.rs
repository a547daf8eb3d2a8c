//! Snapshots of help texts and man pages.

use crate::harness::Harness;

fn each(command: &clap::Command, path: &str, texts: &mut String) {
    // The sandbox's flags belong to another crate.
    if path.starts_with("vimeo sandbox") {
        return;
    }
    let mut shown = command.clone().bin_name(path).term_width(100);
    texts.push_str(&format!("=== {path}\n{}\n", shown.render_long_help()));
    for sub in command.get_subcommands() {
        each(sub, &format!("{path} {}", sub.get_name()), texts);
    }
}

#[test]
fn help_of_all_commands() {
    let mut command = vimeo_cli::command();
    command.build();
    let mut texts = String::new();
    each(&command, "vimeo", &mut texts);
    insta::assert_snapshot!("help", texts);
}

#[test]
fn help_topics() {
    let harness = Harness::new();
    let topics = ["environment", "exit-codes", "formatting", "syntax"]
        .map(|topic| format!("=== {topic}\n{}", harness.run(&["help", topic]).success()));
    insta::assert_snapshot!("topics", topics.join("\n"));
}

#[test]
fn man_pages() {
    let harness = Harness::new();
    harness.run(&["man", "--dir", "pages"]).success();
    let mut pages: Vec<_> = std::fs::read_dir(harness.path("pages"))
        .unwrap()
        .map(|page| page.unwrap().path())
        .filter(|page| !page.file_name().unwrap().to_str().unwrap().starts_with("vimeo-sandbox"))
        .map(|page| (page.file_name().unwrap().to_owned(), std::fs::read_to_string(&page).unwrap()))
        .collect();
    pages.sort();
    let all: String = pages.iter().map(|(name, page)| format!("=== {}\n{page}\n", name.display())).collect();
    insta::assert_snapshot!("man", all);
}

#[test]
fn command_map_lists_all_commands() {
    let harness = Harness::new();
    let paths = harness.run(&["help", "--map", "paths"]).success();
    for path in ["vimeo upload", "vimeo auth login", "vimeo tools call", "vimeo mcp", "vimeo sandbox trigger"]
    {
        assert!(paths.lines().any(|line| line == path), "{path}");
    }
    let map = harness.run(&["help", "--map", "json"]).json();
    assert_eq!(map["command"], "vimeo");
    assert!(map["commands"].as_array().unwrap().len() > 15);
}

#[test]
fn generates_completions_for_all_shells() {
    let harness = Harness::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(harness.run(&["completion", "-s", shell]).success().contains("vimeo"), "{shell}");
    }
    harness.run(&["completion", "-s", "tcsh"]).fails(2, &["tcsh", "bash"]);
}
