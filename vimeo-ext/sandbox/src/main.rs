//! `vimeo-sandbox`: a Vimeo on localhost, as a command.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use clap::Parser;
use vimeo_sandbox::{Sandbox, Scopes};

/// A Vimeo on localhost, for tests, demos and examples.
///
/// Prints one line of JSON with its addresses and credentials, then serves until it is interrupted.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The API's port; 0 lets the system pick one.
    #[arg(long, env = "VIMEO_SANDBOX_PORT", default_value_t = 0)]
    port: u16,
    /// The upload host's port; 0 lets the system pick one.
    #[arg(long, default_value_t = 0)]
    upload_port: u16,
    /// The address to listen on; any but a loopback one lets others in.
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
    /// What ids and made-up data follow from: the same seed and requests give the same answers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The access token of the first user; an obviously fake one is made without it.
    #[arg(long)]
    token: Option<String>,
    /// The token's scopes, separated by spaces or commas; all of them by default.
    #[arg(long, requires = "token")]
    scopes: Option<String>,
    /// Answer 200, not 201, to the creation of a video when `fields` is given: the official Python and PHP libraries
    /// take nothing else.
    #[arg(long)]
    create_answers_200: bool,
    /// How many videos are there from the start.
    #[arg(long, default_value_t = 0)]
    videos: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "vimeo-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Sandbox::builder()
        .listen(options.listen)
        .port(options.port)
        .upload_port(options.upload_port)
        .seed(options.seed)
        .create_answers_200(options.create_answers_200);
    if let Some(token) = options.token {
        let scopes = options.scopes.as_deref().map_or_else(Scopes::all, Scopes::from);
        builder = builder.token(token, scopes);
    }
    let sandbox = builder.start().await?;
    sandbox.seed_videos(options.videos);
    // Whoever started us waits for this line, so it must not linger in a buffer.
    let line = serde_json::json!({
        "url": sandbox.url().as_str(),
        "upload_url": sandbox.upload_url().as_str(),
        "token": sandbox.token(),
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(),
        "user_id": sandbox.user_id(),
        "seed": sandbox.seed(),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    interrupted().await?;
    sandbox.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
