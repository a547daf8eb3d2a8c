//! Compares the build cost of the generated crate with that of progenitor's own output.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::median;
use crate::regen::standalone;
use crate::workspace::{XtaskError, cargo, description, root};

/// A crate that is measured.
struct Candidate {
    name: &'static str,
    folder: PathBuf,
    features: &'static [&'static str],
    library: &'static str,
    times: Vec<Duration>,
}

/// Builds the generated crate and progenitor's in turns, each with its dependencies already built, and prints the cost.
pub(super) fn run(runs: usize) -> Result<(), XtaskError> {
    let place = root().join("target/build-cost");
    let bundle = vimeo_gen::load(&description())?;
    let ours = place.join("ours");
    for (path, text) in standalone(&vimeo_gen::generate(bundle.clone())?, &ours)? {
        write(&ours.join(path), &text)?;
    }
    let stock = place.join("stock");
    write(&stock.join("Cargo.toml"), include_str!("stock.toml"))?;
    write(&stock.join("src/lib.rs"), &vimeo_gen::progenitor_baseline(bundle)?)?;

    let mut candidates = [
        candidate("stock, all areas", &stock, &[], "libstock.rlib"),
        candidate("ours, all areas", &ours, &["--features", "all"], "libours.rlib"),
        candidate("ours, videos alone", &ours, &["--features", "videos"], "libours.rlib"),
    ];
    let mut sizes = Vec::new();
    for candidate in &candidates {
        build(candidate, &place)?;
    }
    for _ in 0..runs.max(1) {
        for candidate in &mut candidates {
            touch(&candidate.folder.join("src/lib.rs"))?;
            let started = Instant::now();
            build(candidate, &place)?;
            candidate.times.push(started.elapsed());
        }
    }
    for candidate in &candidates {
        touch(&candidate.folder.join("src/lib.rs"))?;
        build(candidate, &place)?;
        let rlib = place.join("target/debug").join(candidate.library);
        sizes.push(fs::metadata(&rlib).map_err(XtaskError::file(&rlib))?.len());
    }
    let base = candidates.first().map_or(0.0, |stock| median(&stock.times));
    println!("{:<20} {:>9} {:>9} {:>7} {:>10}", "crate", "lines", "seconds", "ratio", "rlib MB");
    for (candidate, size) in candidates.iter().zip(sizes) {
        let seconds = median(&candidate.times);
        let lines = lines(&candidate.folder.join("src"))?;
        println!(
            "{:<20} {lines:>9} {seconds:>9.1} {:>7.2} {:>10.1}",
            candidate.name,
            seconds / base,
            size as f64 / 1e6,
        );
    }
    Ok(())
}

fn candidate(
    name: &'static str,
    folder: &Path,
    features: &'static [&'static str],
    library: &'static str,
) -> Candidate {
    Candidate { name, folder: folder.to_owned(), features, library, times: Vec::new() }
}

fn build(candidate: &Candidate, place: &Path) -> Result<(), XtaskError> {
    let status = cargo()
        .args(["build", "--quiet", "--no-default-features"])
        .args(candidate.features)
        .env("CARGO_TARGET_DIR", place.join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(&candidate.folder)
        .status()
        .map_err(XtaskError::file("cargo"))?;
    if status.success() {
        Ok(())
    } else {
        Err(XtaskError::Command(format!("{} does not build", candidate.name)))
    }
}

fn touch(file: &Path) -> Result<(), XtaskError> {
    let opened = fs::File::options().append(true).open(file).map_err(XtaskError::file(file))?;
    opened.set_modified(SystemTime::now()).map_err(XtaskError::file(file))
}

fn write(file: &Path, text: &str) -> Result<(), XtaskError> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(XtaskError::file(folder))?;
    fs::write(file, text).map_err(XtaskError::file(file))
}

fn lines(folder: &Path) -> Result<usize, XtaskError> {
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(XtaskError::file(folder))? {
        let path = entry.map_err(XtaskError::file(folder))?.path();
        count += if path.is_dir() {
            lines(&path)?
        } else {
            fs::read_to_string(&path).map_err(XtaskError::file(&path))?.lines().count()
        };
    }
    Ok(count)
}
