//! Serving, as the options say.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{CliError, file, print};
use crate::clock::Clock;
use crate::config::Quota;
use crate::config::mutation::Mutation;
use crate::config::scopes::Scopes;
use crate::config::signature::{SignatureEncoding, SignatureHash, WebhookSignature};
use crate::sandbox::Sandbox;
use crate::server::outbound;
use crate::world::fixture::Fixture;
use crate::world::handle::World;

/// How the sandbox is to be.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Serve {
    /// The API's port; 0 lets the system pick one.
    #[arg(long, env = "VIMEO_SANDBOX_PORT", default_value_t = 0)]
    port: u16,
    /// The upload host's port; 0 lets the system pick one.
    #[arg(long, default_value_t = 0)]
    upload_port: u16,
    /// Open a world of its own on this port too, for clients that cannot be given another token: it has the first one's
    /// token, seed and filling; 0 lets the system pick. May be given more than once; the line tells them as `worlds`.
    #[arg(long, value_name = "PORT")]
    world_port: Vec<u16>,
    /// Let signed links lead to the API's own address, for clients that refuse any other host.
    #[arg(long)]
    one_host: bool,
    /// Open https too, on this port, under Vimeo's names; 0 lets the system pick one.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    https: Option<u16>,
    /// Let signed links be https, under the name of an upload host.
    #[arg(long)]
    tls_uploads: bool,
    /// Open a proxy too, on this port, for clients whose host cannot be changed; 0 lets the system pick one.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    proxy: Option<u16>,
    /// Serve on this Unix socket too.
    #[cfg(unix)]
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// The address to listen on; any but a loopback one lets others in, if not to the control API.
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
    /// What ids and made-up data follow from: the same seed and requests give the same answers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop the clock at this time, such as 2026-01-01T00:00:00Z; it moves when it is told to.
    #[arg(long, value_name = "TIME")]
    freeze: Option<chrono::DateTime<chrono::Utc>>,
    /// The access token of the first user; an obviously fake one is made without it.
    #[arg(long)]
    token: Option<String>,
    /// The token's scopes, separated by spaces or commas; all of them by default.
    #[arg(long, requires = "token")]
    scopes: Option<String>,
    /// Let every token in that is not known, as another of the first user's; also one that looks real.
    #[arg(long)]
    allow_any_token: bool,
    /// Answer 201, as described, to the creation of a video by tus; without it 200, because the official Python and PHP
    /// libraries take nothing else.
    #[arg(long)]
    create_answers_201: bool,
    /// Does nothing any more: 200 is the default.
    #[arg(long, hide = true)]
    create_answers_200: bool,
    /// Answer 201, not the described 200, to the creation of a user's portrait: the official Python and PHP libraries take
    /// nothing else.
    #[arg(long)]
    portrait_answers_201: bool,
    /// Refuse query parameters that the description does not have, rather than pass them over.
    #[arg(long)]
    refuse_unknown_parameters: bool,
    /// Take the app's client id and secret from the form too, as django-allauth and social-core send them.
    #[arg(long)]
    form_credentials: bool,
    /// An address that users may be sent back to after they have let the app in; may be given more than once. Every
    /// address will do where none is given.
    #[arg(long, value_name = "URL", value_parser = address)]
    redirect_uri: Vec<String>,
    /// How many videos are there from the start.
    #[arg(long, default_value_t = 0)]
    videos: usize,
    /// Let accounts upload so many videos in a month and in all, such as 2,25, instead of so many bytes.
    #[arg(long, value_name = "MONTH,ALL", value_parser = video_quota)]
    video_quota: Option<Quota>,
    /// What the first world is filled with.
    #[arg(long, value_enum)]
    fill: Option<Set>,
    /// A file with steps to fill the first world with.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// Return responses that differ from the API description.
    #[arg(long, value_enum, alias = "drift")]
    mutate: Option<Mutation>,
    /// Send every event to this address of this machine, webhooks or not.
    #[arg(long, value_name = "URL")]
    forward_to: Vec<url::Url>,
    /// Sign what webhooks with a secret are sent, in this header; how Vimeo does it is not known.
    #[arg(long, value_name = "HEADER")]
    signature_header: Option<String>,
    /// The hash of the signature's HMAC.
    #[arg(long, value_enum, default_value_t, requires = "signature_header")]
    signature_hash: SignatureHash,
    /// How the signature is written.
    #[arg(long, value_enum, default_value_t, requires = "signature_header")]
    signature_encoding: SignatureEncoding,
    /// What stands before the signature, such as `sha256=`.
    #[arg(long, default_value = "", requires = "signature_header")]
    signature_prefix: String,
    /// How many more times an event is sent that was not taken.
    #[arg(long, default_value_t = 0)]
    webhook_retries: u32,
    /// Let webhooks be sent to this address of this machine, where --listen lets other machines in; may be given more
    /// than once.
    #[arg(long, value_name = "URL")]
    webhook_receiver: Vec<url::Url>,
    /// Let only requests use the control API that carry this token as X-Sandbox-Control-Token. Without it, programs of
    /// the same user may, and with a --listen that lets other machines in nobody.
    #[arg(long, value_name = "TOKEN", env = "VIMEO_SANDBOX_CONTROL_TOKEN", hide_env_values = true)]
    pub(super) control_token: Option<SecretString>,
    /// Keep all worlds in this folder, and go on with those that it holds.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Take the SHA-256 of uploads, for `GET /_sandbox/uploads`; a large upload is then taken at a third of the speed.
    #[arg(long)]
    digest: bool,
    /// Keep the bytes of uploads in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep_bytes: Option<PathBuf>,
    /// Write the line of JSON to this file too, once everything is ready; it appears whole.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Go on when the program that started this ends.
    #[arg(long)]
    outlive_parent: bool,
}

/// An absolute address, as it was written: apps must repeat it to the letter.
fn address(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; it must be a whole address, such as http://localhost:3000/back")),
    }
}

/// A quota in videos.
fn video_quota(text: &str) -> Result<Quota, String> {
    let numbers =
        text.split_once(',').and_then(|(month, all)| Some((month.parse().ok()?, all.parse().ok()?)));
    let (month, all) = numbers.ok_or("two numbers are needed, such as 2,25")?;
    Ok(Quota::videos(all, month))
}

/// A named set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Set {
    /// Nothing.
    Empty,
    /// A folder, a showcase, a channel and three videos.
    Small,
    /// 10,000 videos.
    Large,
    /// The same as `small`, with mutated responses.
    #[value(alias = "drifted")]
    Mutated,
}

/// How often to look whether the parent is still there.
const PARENT_POLL_INTERVAL: Duration = Duration::from_millis(250);

impl Serve {
    /// Serves until interrupted.
    ///
    /// # Errors
    ///
    /// When the sandbox cannot start, or its line cannot be written.
    pub async fn run(&self) -> Result<(), CliError> {
        // The parent of now, before it has had the time to end.
        let parent = parent();
        let sandbox = self.start().await?;
        print(&self.ready(&sandbox).await?.to_string())?;
        tokio::select! {
            () = interrupted() => {}
            () = orphaned(parent), if !self.outlive_parent => {}
        }
        self.remove_ready_file().await;
        sandbox.stop().await;
        Ok(())
    }

    /// Starts the sandbox.
    pub(super) async fn start(&self) -> Result<Sandbox, CliError> {
        let mut builder = Sandbox::builder()
            .listen(self.listen)
            .port(self.port)
            .upload_port(self.upload_port)
            .one_host(self.one_host)
            .tls_uploads(self.tls_uploads)
            .seed(self.seed)
            .digest(self.digest)
            .allow_any_token(self.allow_any_token)
            .create_answers_201(self.create_answers_201)
            .portrait_answers_201(self.portrait_answers_201)
            .refuse_unknown_parameters(self.refuse_unknown_parameters)
            .form_credentials(self.form_credentials);
        for uri in &self.redirect_uri {
            builder = builder.redirect_uri(uri);
        }
        if let Some(quota) = self.video_quota {
            builder = builder.quota(quota);
        }
        if let Some(port) = self.https {
            builder = builder.https(port);
        }
        if let Some(port) = self.proxy {
            builder = builder.proxy(port);
        }
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            builder = builder.unix(path);
        }
        if let Some(at) = self.freeze {
            builder = builder.clock(Clock::frozen(at));
        }
        if let Some(token) = &self.token {
            let scopes = self.scopes.as_deref().map_or_else(Scopes::all, Scopes::from);
            builder = builder.token(token, scopes);
        }
        if let Some(mutation) = self.mutate {
            builder = builder.mutation(mutation);
        }
        builder = builder.webhook_retries(self.webhook_retries);
        for url in &self.forward_to {
            if outbound::local_addresses(url).is_none() {
                let message = format!("--forward-to {url}: only http to this machine is sent to");
                return Err(CliError::Input(message));
            }
            builder = builder.forward_to(url.clone());
        }
        for url in &self.webhook_receiver {
            if outbound::local_addresses(url).is_none() {
                let message = format!("--webhook-receiver {url}: only http to this machine is sent to");
                return Err(CliError::Input(message));
            }
            builder = builder.webhook_receiver(url.clone());
        }
        if let Some(token) = &self.control_token {
            builder = builder.control_token(token.expose_secret());
        }
        if let Some(header) = &self.signature_header {
            if http::HeaderName::try_from(header).is_err() {
                return Err(CliError::Input(format!(
                    "--signature-header {header}: that is no name of a header"
                )));
            }
            let signature = WebhookSignature::new(header)
                .hash(self.signature_hash)
                .encoding(self.signature_encoding)
                .prefix(&self.signature_prefix);
            builder = builder.webhook_signature(signature);
        }
        if let Some(folder) = &self.state {
            builder = builder.state(folder);
        }
        if let Some(folder) = &self.keep_bytes {
            builder = builder.keep_bytes_in(folder);
        }
        let sandbox = builder.start().await?;
        // What was kept is as it was left; only a world that has just begun is filled.
        if !sandbox.was_restored() {
            self.fill(&sandbox, sandbox.world()).await?;
            for port in &self.world_port {
                let world = sandbox.add_world_on_port(self.seed, *port).await?;
                self.fill(&sandbox, &world).await?;
            }
        }
        Ok(sandbox)
    }

    async fn fill(&self, sandbox: &Sandbox, world: &World) -> Result<(), CliError> {
        let fill = |seed: Fixture| sandbox.fill(world, &seed);
        fill(Fixture::Videos(self.videos)).map_err(|error| CliError::Input(error.to_string()))?;
        if let Some(set) = self.fill {
            let seed = match set {
                Set::Empty => Fixture::Empty,
                Set::Small => Fixture::Small,
                Set::Large => Fixture::Large,
                Set::Mutated => Fixture::Mutated,
            };
            fill(seed).map_err(|error| CliError::Input(error.to_string()))?;
        }
        if let Some(path) = &self.fixture {
            let text = file::read_text(path).await?;
            fill(Fixture::Toml(text))
                .map_err(|error| CliError::Input(format!("{}, {error}", path.display())))?;
        }
        Ok(())
    }

    /// What whoever started this needs to know; writes the ready file.
    pub(super) async fn ready(&self, sandbox: &Sandbox) -> Result<Value, CliError> {
        let mut line = sandbox.describe(sandbox.world());
        if let Some(members) = line.as_object_mut() {
            members.insert("pid".to_owned(), std::process::id().into());
            let others: Vec<Value> =
                sandbox.worlds().iter().skip(1).map(|world| sandbox.describe(world)).collect();
            members.insert("worlds".to_owned(), others.into());
        }
        if let Some(path) = &self.ready_file {
            file::write(path, format!("{line}\n").into_bytes()).await?;
        }
        Ok(line)
    }

    pub(super) async fn remove_ready_file(&self) {
        if let Some(path) = &self.ready_file {
            let _ = tokio::fs::remove_file(path).await;
        }
    }
}

#[cfg(unix)]
fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Waits until the process that started this one has ended: another takes its place then.
#[cfg(unix)]
async fn orphaned(parent_then: u32) {
    while parent() == parent_then {
        tokio::time::sleep(PARENT_POLL_INTERVAL).await;
    }
}

/// Elsewhere the parent cannot be watched without code of the system's own.
#[cfg(not(unix))]
fn parent() -> u32 {
    0
}

#[cfg(not(unix))]
async fn orphaned(_: u32) {
    std::future::pending().await
}

/// Waits for an interrupt or a request to end.
#[cfg(unix)]
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler the system's own end is what happens, which is as good.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
pub(super) async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
