//! Runs a command against a real API and records the exchanges.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::run::run_child;
use super::{CliError, file};
use crate::control::clients::address_variables;
use crate::recorder::{Recorder, Recording};

/// The API that is recorded unless another one is named.
const VIMEO: &str = "https://api.vimeo.com";

/// A command to record.
#[derive(Debug, Args)]
pub struct Record {
    // Not a doc comment, in which the URL would have to be a link.
    #[arg(
        long,
        value_name = "URL",
        env = "VIMEO_BASE_URL",
        help = "Base URL of the API to record; plain http for this machine only [default: https://api.vimeo.com]"
    )]
    base_url: Option<String>,
    /// File to write the recording to, readable only by you; an existing file is replaced
    #[arg(long, short, value_name = "FILE", default_value = "recording.jsonl")]
    output: PathBuf,
    /// How many seconds a response may take, and an upload may stop
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Listen for https on this port as well, under Vimeo's host names; 0 selects a free port
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    https: Option<u16>,
    /// Listen as an HTTP proxy on this port as well, for clients whose host cannot be changed; 0 selects a free port
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    proxy: Option<u16>,
    /// The command and its arguments, after `--`. Its environment contains VIMEO_BASE_URL and, with --proxy, the proxy
    /// and its certificates
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<String>,
}

impl Record {
    /// Runs the command, writes the recording and returns the exit code of the command.
    ///
    /// # Errors
    ///
    /// If the recorder cannot start, the command cannot be run, or the recording cannot be written.
    pub async fn run(&self) -> Result<ExitCode, CliError> {
        let base_url = self.base_url.as_deref().unwrap_or(VIMEO);
        let base_url = Url::parse(base_url).map_err(|error| {
            CliError::Input(format!("--base-url: {error}; expected a URL such as {VIMEO}"))
        })?;
        // Before the command changes anything.
        let folder =
            self.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !tokio::fs::metadata(folder).await.is_ok_and(|found| found.is_dir()) {
            return Err(CliError::Folder(folder.to_owned()));
        }
        if tokio::fs::metadata(&self.output).await.is_ok_and(|found| found.is_dir()) {
            let output = self.output.display();
            return Err(CliError::Input(format!("--output: {output} is a folder; name a file in it")));
        }
        let mut builder = Recorder::builder(base_url).timeout(Duration::from_secs(self.timeout));
        if let Some(port) = self.https {
            builder = builder.https(port);
        }
        if let Some(port) = self.proxy {
            builder = builder.proxy(port);
        }
        let recorder = builder.start().await?;
        let variables = address_variables(
            Some(recorder.url().to_string()),
            recorder.proxy_url().map(ToString::to_string),
            recorder.ca_file().map(|path| path.display().to_string()),
        );
        let code = run_child(&self.command, variables, std::future::pending()).await?;
        let recording = recorder.stop().await;
        self.write(recording).await?;
        Ok(code)
    }

    async fn write(&self, recording: Recording) -> Result<(), CliError> {
        let Recording { fixture, exchanges, left_out, failed } = recording;
        let mut said = Vec::new();
        if failed > 0 {
            let requests = count(failed, "request");
            said.push(format!("{requests} without a complete response; the recording does not contain them"));
        }
        if left_out > 0 {
            let exchanges = count(left_out, "exchange");
            said.push(format!("the recording is full and lacks {exchanges}; record fewer at a time"));
        }
        if exchanges == 0 {
            said.push("nothing was recorded; does the command use VIMEO_BASE_URL?".to_owned());
        } else {
            file::write(&self.output, fixture.into_bytes()).await?;
            let path = self.output.display();
            let exchanges = count(exchanges, "exchange");
            said.push(format!("wrote {exchanges} to {path}; play the recording with --fixture {path}"));
        }
        for line in said {
            let _ = writeln!(std::io::stderr(), "vimeo-sandbox: {line}");
        }
        Ok(())
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
