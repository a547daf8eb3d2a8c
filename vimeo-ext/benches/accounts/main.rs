//! The cost of a million accounts: the time and memory of a client, the time of a page, and the overhead of shared rate limits.
//!
//! `cargo xtask bench-accounts`, which brings the PostgreSQL server. By hand, with a server's address in
//! VIMEO_TEST_POSTGRES: `cargo bench -p vimeo-ext --no-default-features --features rustls,sqlite,postgres --bench accounts
//! -- seed 1000000 FOLDER`, then `measure FOLDER` instead of `seed`. These are two steps because the first takes minutes, during which
//! the machine can do something else, while the second needs an idle machine. To measure only parts, name them after the folder:
//! `memory`, `clients`, `pages`, `cost`.
//!
//! `measure` fails if a figure exceeds its limit.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this prints figures")]

mod clients;
mod cost;
mod fake_vimeo;
mod figures;
mod memory;
mod pages;
mod places;
mod seed;

use std::path::Path;
use std::process::ExitCode;

use figures::Figures;
use places::Place;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo itself passes `--bench` to every benchmark.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // In a task, as in a real program: a thread that blocks on the runtime would have to be woken for every response.
    let done = match words.as_slice() {
        ["seed", count, folder] => match count.parse() {
            Ok(count) => tokio::spawn(seed::run(count, Place::both(Path::new(folder)))).await,
            Err(_) => Ok(Err(format!("invalid number of accounts: {count}").into())),
        },
        ["measure", folder, parts @ ..] => match parts.iter().map(|word| Part::named(word)).collect() {
            Ok(parts) => tokio::spawn(measure(Place::both(Path::new(folder)), parts)).await,
            Err(error) => Ok(Err(error)),
        },
        // `cargo bench` without arguments runs nothing, because the bench needs a server.
        [] => Ok(Ok(())),
        _ => Ok(Err("seed COUNT FOLDER, or measure FOLDER [PART]...".into())),
    };
    match done.unwrap_or_else(|broken| Err(broken.into())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A part of the measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Memory,
    Clients,
    Pages,
    Cost,
}

impl Part {
    fn named(word: &str) -> Result<Self, AnyError> {
        match word {
            "memory" => Ok(Self::Memory),
            "clients" => Ok(Self::Clients),
            "pages" => Ok(Self::Pages),
            "cost" => Ok(Self::Cost),
            _ => Err(format!("invalid part {word}; expected memory, clients, pages or cost").into()),
        }
    }
}

/// Measures these parts, or all of them if none is named.
async fn measure(places: Result<[Place; 2], AnyError>, parts: Vec<Part>) -> Result<(), AnyError> {
    let places = places?;
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let mut figures = Figures::default();
    // First, before other parts leave freed memory that could be reused.
    let [sqlite, _] = &places;
    if wanted(Part::Memory) {
        memory::measure(sqlite, &mut figures).await?;
    }
    for place in &places {
        if wanted(Part::Clients) {
            clients::measure(place, &mut figures).await?;
        }
        if wanted(Part::Pages) {
            pages::measure(place, &mut figures).await?;
        }
        if wanted(Part::Cost) {
            cost::measure(place, &mut figures).await?;
        }
    }
    figures.verdict()
}
