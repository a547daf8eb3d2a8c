//! What can be done with files, one flow a file: `cargo run --example uploads [FLOW] [--live] [FILE]`.
//!
//! Without a flow all of them are played, one after the other. They need no account: each starts a sandbox of its own. With
//! `--live` and `VIMEO_ACCESS_TOKEN` the same goes to api.vimeo.com; the token needs the scopes upload, edit and private.
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

const FLOWS: [&str; 9] = [
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
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let mut flows = Vec::new();
    let mut live = false;
    let mut file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/sample.mp4"));
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--live") => live = true,
            Some(flow) if FLOWS.contains(&flow) => flows.push(flow.to_owned()),
            Some(option) if option.starts_with('-') => {
                return Err(format!("usage: uploads [{}] [--live] [FILE]", FLOWS.join("|")).into());
            }
            _ => file = argument.into(),
        }
    }
    if flows.is_empty() {
        flows = FLOWS.map(str::to_owned).into();
    }
    for flow in flows {
        println!("== {flow}");
        let stage = Stage::set(file.clone(), live).await?;
        match &*flow {
            "resume" => resume::play(stage).await?,
            "control" => control::play(stage).await?,
            "replace" => replace::play(stage).await?,
            "picture" => picture::play(stage).await?,
            "text_track" => text_track::play(stage).await?,
            "many_files" => many_files::play(stage).await?,
            "form" => form::play(stage).await?,
            "delegated_ticket" => delegated_ticket::play(stage).await?,
            _ => from_url::play(stage).await?,
        }
    }
    Ok(())
}
