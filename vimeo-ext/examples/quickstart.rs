//! Uploads a video to a sandbox, lists the account's videos and reads one back.
//!
//! `cargo run --release --example quickstart [FILE]` needs no account: it starts a sandbox. With `--live` and
//! `VIMEO_ACCESS_TOKEN` it uses api.vimeo.com; the token needs the scopes `upload` and `private`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use vimeo_ext::Vimeo;
use vimeo_sandbox::Sandbox;

type AnyError = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let mut live = false;
    let mut file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/sample.mp4"));
    for argument in std::env::args_os().skip(1) {
        if argument == "--live" {
            live = true;
        } else if argument.to_string_lossy().starts_with('-') {
            return Err("usage: quickstart [--live] [FILE]".into());
        } else {
            file = argument.into();
        }
    }

    let sandbox = if live { None } else { Some(Sandbox::start().await?) };
    let vimeo = match &sandbox {
        Some(sandbox) => {
            println!("A sandbox runs at {}", sandbox.url());
            Vimeo::builder().base_url(sandbox.url().as_str()).access_token(sandbox.token()).build()?
        }
        None => Vimeo::from_env()?,
    };

    let me = vimeo.get("/me").fields("name,uri").send().await?;
    println!(
        "Logged in as {}",
        me.get("name").and_then(|name| name.as_str()).unwrap_or("a user without a name")
    );

    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let terminal = std::io::stderr().is_terminal();
    let mut shown = None;
    let video = vimeo
        .upload(&file)
        .name(&name)
        .on_progress(move |progress| {
            let percent = progress.sent.saturating_mul(100).checked_div(progress.total).unwrap_or(100);
            // A terminal shows each percent, a log each quarter.
            let step = if terminal { 1 } else { 25 };
            if shown != Some(percent / step) {
                shown = Some(percent / step);
                let end = if terminal { '\r' } else { '\n' };
                eprint!("Uploading: {percent:>3} % of {} bytes{end}", progress.total);
                let _ = std::io::stderr().flush();
            }
        })
        .send()
        .await?;
    println!("Uploaded {} as {}", file.display(), video.uri);
    if let (Some(sandbox), Some(id)) = (&sandbox, video.id())
        && let Some(stored) = sandbox.stored_upload(id.number())
    {
        println!(
            "The sandbox received {} bytes, SHA-256 {}",
            stored.received,
            stored.sha256.unwrap_or_default()
        );
    }

    println!("\n{:<24} {:<28} {:<12}", "uri", "name", "privacy");
    let list = vimeo.api().videos().list_my_videos().fields("uri,name,privacy.view");
    let mut videos = list.items().limit(20);
    while let Some(video) = videos.next().await {
        let video = video?;
        let privacy = video.privacy.and_then(|privacy| privacy.view).map(|view| view.to_string());
        let (uri, name) = (video.uri.unwrap_or_default(), video.name.unwrap_or_default());
        println!("{uri:<24} {name:<28} {:<12}", privacy.unwrap_or_default());
    }

    if let Some(id) = video.id() {
        let one =
            vimeo.api().videos().get_video(id).fields("name,transcode.status,created_time").send().await?;
        let made = one.created_time.map(|time| time.to_rfc3339()).unwrap_or_default();
        let status = one.transcode.as_ref().and_then(|transcode| transcode.status.as_ref());
        let status = status.map(ToString::to_string).unwrap_or_default();
        println!("\nRead back: {:?}, {status}, created {made}", one.name.as_deref().unwrap_or_default());
    }
    Ok(())
}
