//! A million accounts: what a client of one costs, in time and memory, what a page of them costs, and what it costs to
//! share limiters with other processes.
//!
//! `cargo xtask accounts-bench`, which brings the PostgreSQL server. By hand, with a server's address in
//! VIMEO_TEST_POSTGRES: `cargo bench -p vimeo-ext --no-default-features --features rustls,sqlite,postgres --bench accounts
//! -- seed 1000000 FOLDER`, then `measure FOLDER` instead of `seed`. Two steps, because the first takes minutes during
//! which the machine may do something else, and the second wants it alone. Behind the folder can be said what of it is to
//! be measured: `memory`, `clients`, `pages`, `cost`.
//!
//! `measure` ends with a failure when a figure is not what it should be.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this prints figures")]

mod answers;
mod clients;
mod cost;
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
    // As programs do, in a task: the thread that merely blocks on the runtime has to be woken for every answer.
    let done = match words.as_slice() {
        ["seed", count, folder] => match count.parse() {
            Ok(count) => tokio::spawn(seed::run(count, Place::both(Path::new(folder)))).await,
            Err(_) => Ok(Err(format!("{count} is no number of accounts").into())),
        },
        ["measure", folder, parts @ ..] => match parts.iter().map(|word| Part::named(word)).collect() {
            Ok(parts) => tokio::spawn(measure(Place::both(Path::new(folder)), parts)).await,
            Err(error) => Ok(Err(error)),
        },
        // What `cargo bench` without arguments runs: nothing, it needs a server.
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

/// What is measured.
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
            _ => Err(format!("{word} is no part; there are memory, clients, pages and cost").into()),
        }
    }
}

/// Measures these parts, or all of them where none is named.
async fn measure(places: Result<[Place; 2], AnyError>, parts: Vec<Part>) -> Result<(), AnyError> {
    let places = places?;
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let mut figures = Figures::default();
    // First, while nothing lies in memory that could be used again.
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
