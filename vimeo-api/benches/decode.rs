//! Compares decoding a page of 100 videos with parsing it to a `serde_json::Value`.
//!
//! `cargo bench -p vimeo-api --bench decode -- VIDEO.json` repeats one recorded video.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vimeo_api::types::Video;
use vimeo_api::{DecodeMode, Page, decode};

const ROUNDS: usize = 9;
/// Consecutive runs of one kind. The first two of each block are discarded, because they use the heap of the other kind.
const BLOCK: usize = 7;
const WARM_UP: usize = 2;

fn main() -> ExitCode {
    let Some(page) = std::env::args().filter(|word| word != "--bench").nth(1).and_then(|file| page_of(&file))
    else {
        eprintln!("usage: decode VIDEO.json");
        return ExitCode::from(2);
    };
    let (mut typed, mut parsed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        typed.extend(block(|| decode::<Page<Video>>(&page, DecodeMode::Strict).is_ok()));
        parsed.extend(block(|| serde_json::from_slice::<Value>(&page).is_ok()));
    }
    let (typed, parsed) = (median(typed), median(parsed));
    println!(
        "{:.1} MB: typed {:.1} ms, Value {:.1} ms, {:.2} times as fast; a Video is {} bytes",
        page.len() as f64 / 1e6,
        typed.as_secs_f64() * 1e3,
        parsed.as_secs_f64() * 1e3,
        parsed.as_secs_f64() / typed.as_secs_f64(),
        size_of::<Video>(),
    );
    ExitCode::SUCCESS
}

fn page_of(file: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(file).ok()?;
    let video: Value = serde_json::from_slice(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes)).ok()?;
    serde_json::to_vec(&json!({"total": 100, "page": 1, "per_page": 100, "data": vec![video; 100]})).ok()
}

fn block(work: impl Fn() -> bool) -> Vec<Duration> {
    (0..BLOCK).map(|_| timed(&work)).skip(WARM_UP).collect()
}

fn timed(work: impl FnOnce() -> bool) -> Duration {
    let started = Instant::now();
    let fits = black_box(work());
    assert!(fits, "the page does not decode");
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
