//! `cargo xtask bench-fresh-clone`.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::measure::{Measured, cargo_in, disk, measure};
use crate::workspace::{XtaskError, cargo, root};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Measure only the README's commands, not `cargo xtask regen`.
    #[arg(long)]
    commands_only: bool,
}

/// The limits: wall-clock seconds of each step on two cores, and the size of `target/`.
const MAX_FIRST_COMMAND: f64 = 180.0;
const MAX_SECOND_COMMAND: f64 = 480.0;
const MAX_REGEN: f64 = 90.0;
const MAX_TARGET_BYTES: u64 = 3_000_000_000;

/// Runs the README's two commands in a new clone of the last commit with empty caches, and then `cargo xtask regen`.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let readme = root().join("README.md");
    let text = fs::read_to_string(&readme).map_err(XtaskError::file(&readme))?;
    let commands = commands(&text);
    let [first, second] = commands.as_slice() else {
        return Err(XtaskError::Command(
            "the README's section `Two commands` does not contain two commands".to_owned(),
        ));
    };
    let place = std::env::temp_dir().join(format!("vimeo-fresh-{}", std::process::id()));
    let clone = place.join("vimeo");
    fs::create_dir_all(&place).map_err(XtaskError::file(&place))?;
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--no-hardlinks"]).arg(root()).arg(&clone);
    crate::install::finish(&mut git, "cloning the workspace")?;

    let home = place.join("cargo");
    let step = |words: &[&str], target: &str| -> Result<Measured, XtaskError> {
        let mut command = cargo_in(&clone);
        command.args(words).env("CARGO_HOME", &home).env("CARGO_TARGET_DIR", clone.join(target));
        let measured = measure(&mut command)?;
        measured.succeeded(&words.join(" "))?;
        Ok(measured)
    };
    let mut table = Table::default();
    table.add(&format!("cargo {}", first.join(" ")), &step(first, "target")?, Some(MAX_FIRST_COMMAND));
    table.add(&format!("cargo {}", second.join(" ")), &step(second, "target")?, Some(MAX_SECOND_COMMAND));
    let target = disk(&clone.join("target"))?;
    let downloaded = disk(&home)?;
    if !arguments.commands_only {
        // The command behind the alias, but not quiet, so that cargo prints what it compiles. All dependencies must be built.
        let regen = ["run", "--bin", "xtask", "--", "regen", "--check"];
        let next = step(&regen, "target")?;
        table.add("then: cargo xtask regen --check", &next, None);
        if next.crates > 1 {
            table.missed.push(format!("cargo xtask compiled {} crates after the commands", next.crates));
        }
        table.add("from nothing: cargo xtask regen --check", &step(&regen, "alone")?, Some(MAX_REGEN));
    }
    table.print();
    println!("target/ after the commands: {:.2} GB; downloaded: {:.2} GB", giga(target), giga(downloaded));
    if target > MAX_TARGET_BYTES {
        table.missed.push(format!(
            "target/ holds {:.2} GB, more than {:.2}",
            giga(target),
            giga(MAX_TARGET_BYTES)
        ));
    }
    version(&clone)?;
    fs::remove_dir_all(&place).map_err(XtaskError::file(&place))?;
    match table.missed.as_slice() {
        [] => Ok(()),
        missed => Err(XtaskError::Command(missed.join("\n"))),
    }
}

/// Returns the cargo arguments of each command in the README's section `Two commands`.
fn commands(readme: &str) -> Vec<Vec<&str>> {
    let section = readme.split("\n## Two commands").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("$ cargo "))
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect())
        .collect()
}

#[derive(Default)]
struct Table {
    rows: Vec<String>,
    missed: Vec<String>,
}

impl Table {
    fn add(&mut self, name: &str, measured: &Measured, limit: Option<f64>) {
        let wall = measured.wall.as_secs_f64();
        let limited = limit.map_or("-".to_owned(), |limit| format!("{limit:.0}"));
        self.rows.push(format!(
            "{wall:>8.1} {limited:>7} {:>8.1} {:>7}  {name}",
            measured.cpu.as_secs_f64(),
            measured.crates
        ));
        if let Some(limit) = limit.filter(|limit| wall > *limit) {
            self.missed.push(format!("{name} took {wall:.0} s, more than {limit:.0} s"));
        }
    }

    fn print(&self) {
        println!("{:>8} {:>7} {:>8} {:>7}  command", "wall s", "at most", "CPU s", "crates");
        self.rows.iter().for_each(|row| println!("{row}"));
    }
}

fn giga(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Prints the cores and the version of cargo.
fn version(clone: &Path) -> Result<(), XtaskError> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores");
    let mut version = cargo();
    crate::install::finish(version.arg("--version").current_dir(clone), "cargo --version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_has_two_commands() {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let commands = commands(&readme);
        let words: Vec<&str> = commands.iter().filter_map(|words| words.first().copied()).collect();
        assert_eq!(words, ["run", "test"]);
    }

    #[test]
    fn ignores_comments_in_commands() {
        let readme = "# V\n\n## Two commands\n\n```console\n$ cargo run -p x -- y   # why\n$ ls\n```\n\n## More\n$ cargo z\n";
        assert_eq!(commands(readme), [["run", "-p", "x", "--", "y"]]);
    }
}
