//! Examples of uploads, one per file: `cargo run --example uploads [EXAMPLE] [--live] [FILE]`.
//!
//! Without a name, all examples run one after the other. They need no account: each starts a sandbox. With `--live`
//! and `VIMEO_ACCESS_TOKEN` they run against api.vimeo.com; the token needs the scopes upload, edit and private.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod control;
mod delegated_ticket;
mod form;
mod from_url;
mod many_files;
mod picture;
mod replace;
mod resume;
mod stage;
mod text_track;

use std::path::PathBuf;
use std::process::ExitCode;

use stage::{AnyError, Stage};

const EXAMPLES: [&str; 9] = [
    "resume",
    "control",
    "replace",
    "picture",
    "text_track",
    "many_files",
    "delegated_ticket",
    "form",
    "from_url",
];

#[tokio::main]
async fn main() -> ExitCode {
    match run_examples().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_examples() -> Result<(), AnyError> {
    let mut examples = Vec::new();
    let mut live = false;
    let mut file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/sample.mp4"));
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--live") => live = true,
            Some(example) if EXAMPLES.contains(&example) => examples.push(example.to_owned()),
            Some(option) if option.starts_with('-') => {
                return Err(format!("usage: uploads [{}] [--live] [FILE]", EXAMPLES.join("|")).into());
            }
            _ => file = argument.into(),
        }
    }
    if examples.is_empty() {
        examples = EXAMPLES.map(str::to_owned).into();
    }
    for example in examples {
        println!("== {example}");
        let stage = Stage::set(file.clone(), live).await?;
        match &*example {
            "resume" => resume::run(stage).await?,
            "control" => control::run(stage).await?,
            "replace" => replace::run(stage).await?,
            "picture" => picture::run(stage).await?,
            "text_track" => text_track::run(stage).await?,
            "many_files" => many_files::run(stage).await?,
            "form" => form::run(stage).await?,
            "delegated_ticket" => delegated_ticket::run(stage).await?,
            _ => from_url::run(stage).await?,
        }
    }
    Ok(())
}
