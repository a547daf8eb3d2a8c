//! Compares the build cost of a first program with vimeo-ext with that of one with octocrab.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::median;
use crate::measure::{Measured, cargo_in, measure};
use crate::workspace::{XtaskError, root};

/// A program and its dependencies.
struct Hello {
    name: &'static str,
    dependency: String,
    source: &'static str,
    wall: Vec<Duration>,
    last: Option<Measured>,
}

const OCTOCRAB: &str = r#"#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let octocrab = octocrab::Octocrab::builder().personal_token("token").build()?;
    println!("{}", octocrab.current().user().await?.login);
    Ok(())
}
"#;

const VIMEO: &str = r#"#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vimeo = vimeo_ext::Vimeo::builder().access_token("token").build()?;
    println!("{:?}", vimeo.api().videos().get_video(76979871).send().await?.name);
    Ok(())
}
"#;

/// Builds the programs in turns, each time with an empty target folder. Everything is downloaded before.
pub(super) fn run(runs: usize, release: bool) -> Result<(), XtaskError> {
    let place = std::env::temp_dir().join(format!("vimeo-build-cost-{}", std::process::id()));
    let ours = |more: &str| {
        format!("vimeo-ext = {{ path = {:?}{more} }}", root().join("vimeo-ext").display().to_string())
    };
    let hello = |name, dependency, source| Hello { name, dependency, source, wall: Vec::new(), last: None };
    let mut programs = [
        hello("octocrab", "octocrab = \"0.54\"".to_owned(), OCTOCRAB),
        hello("vimeo-ext", ours(""), VIMEO),
        hello(
            "vimeo-ext, videos alone",
            ours(", default-features = false, features = [\"rustls\", \"videos\"]"),
            VIMEO,
        ),
    ];
    let folder = |program: &Hello| place.join(program.name.replace([',', ' '], "-"));
    for program in &programs {
        write(&folder(program), program)?;
        let fetched = measure(cargo_in(&folder(program)).arg("fetch"))?;
        fetched.succeeded("cargo fetch")?;
    }
    for _ in 0..runs.max(1) {
        for program in &mut programs {
            let folder = folder(program);
            let target = folder.join("target");
            if target.exists() {
                fs::remove_dir_all(&target).map_err(XtaskError::file(&target))?;
            }
            let mut build = cargo_in(&folder);
            build.arg("build").args(release.then_some("--release"));
            let measured = measure(&mut build)?;
            measured.succeeded(program.name)?;
            program.wall.push(measured.wall);
            program.last = Some(measured);
        }
    }
    let base = programs.first().map_or(0.0, |program| median(&program.wall));
    println!(
        "{:<24} {:>8} {:>7} {:>8} {:>7} {:>10}",
        "program", "wall s", "ratio", "CPU s", "crates", "target MB"
    );
    for program in &programs {
        let wall = median(&program.wall);
        let (cpu, crates) =
            program.last.as_ref().map_or((0.0, 0), |last| (last.cpu.as_secs_f64(), last.crates));
        let disk = crate::measure::disk(&folder(program).join("target"))?;
        println!(
            "{:<24} {wall:>8.1} {:>7.2} {cpu:>8.1} {crates:>7} {:>10.0}",
            program.name,
            wall / base,
            disk as f64 / 1e6
        );
    }
    fs::remove_dir_all(&place).map_err(XtaskError::file(&place))
}

fn write(folder: &Path, program: &Hello) -> Result<(), XtaskError> {
    let manifest = format!(
        "[package]\nname = \"hello\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n{}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n\n[workspace]\n",
        program.dependency
    );
    let put = |path: PathBuf, text: &str| fs::write(&path, text).map_err(XtaskError::file(path));
    let sources = folder.join("src");
    fs::create_dir_all(&sources).map_err(XtaskError::file(&sources))?;
    put(folder.join("Cargo.toml"), &manifest)?;
    put(sources.join("main.rs"), program.source)
}
