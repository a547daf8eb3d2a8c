//! Serves a sandbox as configured on the command line.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tempfile::TempDir;

use super::{CliError, file, print};
use crate::clock::Clock;
use crate::config::Quota;
use crate::config::mutation::Mutation;
use crate::config::scopes::Scopes;
use crate::config::signature::{SignatureEncoding, SignatureHash, WebhookSignature};
use crate::recording::is_recording;
use crate::sandbox::Sandbox;
use crate::server::outbound;
use crate::world::fixture::Fixture;
use crate::world::handle::World;

/// The options of a sandbox.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a command-line flag")]
pub struct Serve {
    /// Port of the API; 0 selects a free port
    #[arg(long, env = "VIMEO_SANDBOX_PORT", default_value_t = 0)]
    port: u16,
    /// Port of the upload host; 0 selects a free port
    #[arg(long, default_value_t = 0)]
    upload_port: u16,
    /// Add a world that is reached through this port, for clients whose token cannot be changed. It has the first
    /// world's token, seed and fixture; 0 selects a free port. Repeatable; the ready line lists these worlds as
    /// `worlds`
    #[arg(long, value_name = "PORT")]
    world_port: Vec<u16>,
    /// Point signed links to the API's own address, for clients that reject any other host
    #[arg(long)]
    one_host: bool,
    /// Listen for https on this port as well, under Vimeo's host names; 0 selects a free port. On port 443, and with
    /// `127.0.0.1 api.vimeo.com` in the hosts file, clients only have to trust the CA file
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    https: Option<u16>,
    /// Make signed links https, under the name of an upload host
    #[arg(long)]
    tls_uploads: bool,
    /// Listen as an HTTP proxy on this port as well, for clients whose host cannot be changed; 0 selects a free port
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    proxy: Option<u16>,
    /// Keep the certificate authority of https in this folder and use it at each start, so that it can be installed
    /// once. The folder must be writable only by you [default: a new authority at each start]
    #[arg(long, value_name = "FOLDER")]
    ca_folder: Option<PathBuf>,
    /// Listen on this Unix socket as well
    #[cfg(unix)]
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Address to listen on; any address other than a loopback address admits other machines, though not to the
    /// control API
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
    /// Seed of IDs and synthesized data: the same seed and requests produce the same responses
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Freeze the clock at this time, such as 2026-01-01T00:00:00Z, until it is advanced or set
    #[arg(long, value_name = "TIME")]
    freeze: Option<chrono::DateTime<chrono::Utc>>,
    /// Access token of the first user [default: an obviously fake one]
    #[arg(long)]
    token: Option<String>,
    /// The token's scopes, separated by spaces or commas [default: all]
    #[arg(long, requires = "token")]
    scopes: Option<String>,
    /// Accept unknown tokens, including ones that look real, as tokens of the first user
    #[arg(long)]
    allow_any_token: bool,
    /// Respond to the creation of a video by tus with 201, as described. The default is 200, the only status that the
    /// official Python and PHP libraries accept
    #[arg(long)]
    create_answers_201: bool,
    /// No effect: 200 is the default
    #[arg(long, hide = true)]
    create_answers_200: bool,
    /// Accept `name` in place of `file_name` when a file is replaced, as go-vimeo's ReplaceFile sends it. The default
    /// is to require `file_name`, as described and as the official libraries send it; what Vimeo accepts is unknown
    #[arg(long)]
    replace_by_name: bool,
    /// Respond to the creation of a user's portrait with 201, the only status that the official Python and PHP
    /// libraries accept. The default is 200, as described; Vimeo's own status is unknown
    #[arg(long)]
    portrait_answers_201: bool,
    /// Reject query parameters that the API description does not list. The default is to ignore them, because Vimeo's
    /// own mobile apps and others send some
    #[arg(long)]
    refuse_unknown_parameters: bool,
    /// Accept the app's client ID and client secret in the form body as well, where django-allauth and social-core
    /// send them. The default is Basic authorization alone, which the official libraries use; a report of 2015 says
    /// that Vimeo requires it
    #[arg(long)]
    form_credentials: bool,
    /// Accept the access token in the query parameter `access_token` as well, where social-core sends it
    #[arg(long)]
    query_token: bool,
    /// Redirect URI of the app; repeatable [default: accept any]
    #[arg(long, value_name = "URL", value_parser = address)]
    redirect_uri: Vec<String>,
    /// Number of videos in the first world
    #[arg(long, default_value_t = 0)]
    videos: usize,
    /// Limit uploads to this many videos per month and in total, such as 2,25, instead of a number of bytes
    #[arg(long, value_name = "MONTH,ALL", value_parser = video_quota)]
    video_quota: Option<Quota>,
    /// Fixture to fill the first world with
    #[arg(long, value_enum)]
    fill: Option<FixtureName>,
    /// Fixture file for the first world: TOML with steps to fill it with, or a recording of `record`, whose responses
    /// the same requests get
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// Return responses that differ from the API description
    #[arg(long, value_enum, alias = "drift")]
    mutate: Option<Mutation>,
    /// Send every event to this address of this machine as well, even if there are no webhooks
    #[arg(long, value_name = "URL")]
    forward_to: Vec<url::Url>,
    /// Sign the requests of webhooks that have a secret, in this header. Vimeo's signature is unknown
    #[arg(long, value_name = "HEADER")]
    signature_header: Option<String>,
    /// Hash function of the signature's HMAC
    #[arg(long, value_enum, default_value_t, requires = "signature_header")]
    signature_hash: SignatureHash,
    /// Encoding of the signature
    #[arg(long, value_enum, default_value_t, requires = "signature_header")]
    signature_encoding: SignatureEncoding,
    /// Text before the signature, such as `sha256=`
    #[arg(long, default_value = "", requires = "signature_header")]
    signature_prefix: String,
    /// How many times an event that was not accepted is sent again
    #[arg(long, default_value_t = 0)]
    webhook_retries: u32,
    /// Allow webhooks to this address of this machine if --listen admits other machines; repeatable
    #[arg(long, value_name = "URL")]
    webhook_receiver: Vec<url::Url>,
    /// Restrict the control API to requests that send this token as X-Sandbox-Control-Token. Without it, programs of
    /// the same user are admitted, or nobody if --listen admits other machines
    #[arg(long, value_name = "TOKEN", env = "VIMEO_SANDBOX_CONTROL_TOKEN", hide_env_values = true)]
    pub(super) control_token: Option<SecretString>,
    /// Store all worlds in this folder, and restore the worlds it contains
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Hash uploads with SHA-256, for `GET /_sandbox/uploads`. Large uploads are then received at a third of the
    /// speed
    #[arg(long)]
    digest: bool,
    /// Store the bytes of uploads in this folder, or without a folder in a temporary one, which is deleted at the end
    /// [default: a temporary folder in a terminal; otherwise, bytes are only counted]
    #[arg(long, value_name = "FOLDER", num_args = 0..=1)]
    keep_bytes: Option<Option<PathBuf>>,
    /// Write the ready line to this file as well, atomically, once everything is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep running when the parent process ends
    #[arg(long)]
    outlive_parent: bool,
    /// Stop when standard input ends, as it does on every system when the program that holds its other end is gone
    #[arg(long)]
    stop_with_stdin: bool,
}

/// Validates an absolute URL and returns it unchanged, because apps must repeat it exactly.
fn address(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; expected an absolute URL, such as http://localhost:3000/back")),
    }
}

/// Parses a quota in videos.
fn video_quota(text: &str) -> Result<Quota, String> {
    let numbers =
        text.split_once(',').and_then(|(month, all)| Some((month.parse().ok()?, all.parse().ok()?)));
    let (month, all) = numbers.ok_or("expected two numbers, such as 2,25")?;
    Ok(Quota::videos(all, month))
}

/// A fixture of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FixtureName {
    /// No content
    Empty,
    /// A folder, a showcase, a channel and three videos
    Small,
    /// 10,000 videos
    Large,
    /// The same as `small`, with mutated responses
    #[value(alias = "drifted")]
    Mutated,
}

/// How often to check whether the parent process is still running.
const PARENT_POLL_INTERVAL: Duration = Duration::from_millis(250);

impl Serve {
    /// Serves until interrupted.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot start, or the ready line cannot be written.
    pub async fn run(&self) -> Result<(), CliError> {
        // Read early, before the parent can end.
        let parent = parent();
        let is_for_person = std::io::stdout().is_terminal();
        // The page plays uploads, so for a person the bytes are stored until the end.
        let running = self.start(is_for_person).await?;
        let ready = self.ready(&running.sandbox).await?;
        print(&if is_for_person { banner(&ready) } else { ready.to_string() })?;
        tokio::select! {
            () = interrupted() => {}
            () = parent_ended(parent), if !self.outlive_parent => {}
            () = standard_input_ended(), if self.stop_with_stdin => {}
            () = running.terminal_closed() => {}
        }
        self.remove_ready_file().await;
        running.stop().await;
        Ok(())
    }

    /// Starts and fills the sandbox. `keeps_bytes` is whether it stores the bytes of uploads if no option says so.
    pub(super) async fn start(&self, keeps_bytes: bool) -> Result<RunningSandbox, CliError> {
        let temporary = match &self.keep_bytes {
            Some(Some(_)) => None,
            None if !keeps_bytes => None,
            Some(None) | None => Some(temporary_folder().await?),
        };
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
            .replace_by_name(self.replace_by_name)
            .portrait_answers_201(self.portrait_answers_201)
            .refuse_unknown_parameters(self.refuse_unknown_parameters)
            .form_credentials(self.form_credentials)
            .query_token(self.query_token);
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
        if let Some(folder) = &self.ca_folder {
            builder = builder.ca_folder(folder);
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
                let message = format!("--forward-to {url}: only http URLs of this machine are allowed");
                return Err(CliError::Input(message));
            }
            builder = builder.forward_to(url.clone());
        }
        for url in &self.webhook_receiver {
            if outbound::local_addresses(url).is_none() {
                let message = format!("--webhook-receiver {url}: only http URLs of this machine are allowed");
                return Err(CliError::Input(message));
            }
            builder = builder.webhook_receiver(url.clone());
        }
        if let Some(token) = &self.control_token {
            builder = builder.control_token(token.expose_secret());
        }
        if let Some(header) = &self.signature_header {
            if http::HeaderName::try_from(header).is_err() {
                return Err(CliError::Input(format!("--signature-header {header}: invalid header name")));
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
        if let Some(Some(folder)) = &self.keep_bytes {
            builder = builder.keep_bytes_in(folder);
        }
        if let Some(folder) = &temporary {
            builder = builder.keep_bytes_in(folder.path());
        }
        let sandbox = builder.start().await?;
        // Restored worlds are complete; only new worlds are filled.
        if !sandbox.was_restored() {
            self.fill(&sandbox, sandbox.world()).await?;
            for port in &self.world_port {
                let world = sandbox.add_world_on_port(self.seed, *port).await?;
                self.fill(&sandbox, &world).await?;
            }
        } else if let Some(Fixture::Recording(text)) = self.read_fixture().await? {
            // Recordings are not a part of the stored state.
            let is_served = |world: &World| {
                world.id() == sandbox.world().id() || sandbox.world_url(world) != *sandbox.url()
            };
            for world in sandbox.worlds().iter().filter(|world| is_served(world)) {
                self.fill_from_file(&sandbox, world, &Fixture::Recording(text.clone()))?;
            }
        }
        Ok(RunningSandbox { sandbox, temporary })
    }

    async fn read_fixture(&self) -> Result<Option<Fixture>, CliError> {
        let Some(path) = &self.fixture else { return Ok(None) };
        let text = file::read_text(path).await?;
        Ok(Some(if is_recording(&text) { Fixture::Recording(text) } else { Fixture::Toml(text) }))
    }

    fn fill_from_file(&self, sandbox: &Sandbox, world: &World, fixture: &Fixture) -> Result<(), CliError> {
        let path = self.fixture.as_deref().unwrap_or(std::path::Path::new("-")).display();
        sandbox.fill(world, fixture).map(drop).map_err(|error| CliError::Input(format!("{path}, {error}")))
    }

    async fn fill(&self, sandbox: &Sandbox, world: &World) -> Result<(), CliError> {
        let fill = |seed: Fixture| sandbox.fill(world, &seed);
        fill(Fixture::Videos(self.videos)).map_err(|error| CliError::Input(error.to_string()))?;
        if let Some(set) = self.fill {
            let seed = match set {
                FixtureName::Empty => Fixture::Empty,
                FixtureName::Small => Fixture::Small,
                FixtureName::Large => Fixture::Large,
                FixtureName::Mutated => Fixture::Mutated,
            };
            fill(seed).map_err(|error| CliError::Input(error.to_string()))?;
        }
        if let Some(fixture) = self.read_fixture().await? {
            self.fill_from_file(sandbox, world, &fixture)?;
        }
        Ok(())
    }

    /// Returns the ready line, which tells the parent process how to reach the sandbox, and writes the ready file.
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

/// A running sandbox, and the temporary folder with the bytes of its uploads, if it has one.
pub(super) struct RunningSandbox {
    pub(super) sandbox: Sandbox,
    temporary: Option<TempDir>,
}

impl RunningSandbox {
    /// Waits until the terminal is closed, if there is a temporary folder: nobody else would delete it.
    pub(super) async fn terminal_closed(&self) {
        match &self.temporary {
            Some(_) => terminal_closed().await,
            None => std::future::pending().await,
        }
    }

    /// Stops the sandbox and deletes the temporary folder.
    pub(super) async fn stop(self) {
        self.sandbox.stop().await;
        if let Some(folder) = self.temporary {
            // Deleting large files takes time.
            let _ = tokio::task::spawn_blocking(move || folder.close()).await;
        }
    }
}

async fn temporary_folder() -> Result<TempDir, CliError> {
    let create = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("vimeo-sandbox-");
        // Whatever the umask: bytes are not stored in a folder that others can write to.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        builder.tempdir()
    };
    let created = tokio::task::spawn_blocking(create).await;
    created.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|source| CliError::File {
        what: "cannot create a temporary folder for uploaded bytes".to_owned(),
        source,
    })
}

/// What a person needs, in place of the ready line.
fn banner(ready: &Value) -> String {
    let text = |name: &str| ready.get(name).and_then(Value::as_str).unwrap_or_default();
    let (url, token) = (text("url"), text("token"));
    let optional: String =
        [("https_url", "https"), ("ca_file", "CA file"), ("proxy_url", "Proxy"), ("unix", "Unix socket")]
            .into_iter()
            .filter(|&(name, _)| !text(name).is_empty())
            .map(|(name, label)| format!("{label:<14}{}\n", text(name)))
            .collect();
    let worlds = ready.get("worlds").and_then(Value::as_array).into_iter().flatten();
    let worlds: String = worlds
        .filter_map(|world| Some((world.get("world")?, world.get("url")?.as_str()?)))
        .map(|(number, url)| {
            let label = format!("World {number}");
            format!("{label:<14}{url}\n")
        })
        .collect();
    format!(
        "Vimeo sandbox: open {url} in a browser.\n\n\
         Base URL      {url}\n\
         Access token  {token}\n\
         {optional}{worlds}\n\
         Try in another terminal:\n\
         \x20 export VIMEO_BASE_URL={url} VIMEO_ACCESS_TOKEN={token}\n\
         \x20 vimeo upload film.mp4\n\
         \x20 vimeo videos list\n\
         \x20 curl -H \"Authorization: bearer $VIMEO_ACCESS_TOKEN\" \"${{VIMEO_BASE_URL}}me\"\n\n\
         Press Ctrl-C to stop. Piped, this command prints one line of JSON instead."
    )
}

#[cfg(unix)]
fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Waits until the parent process has ended; the system then assigns another parent.
#[cfg(unix)]
async fn parent_ended(parent_at_start: u32) {
    while parent() == parent_at_start {
        tokio::time::sleep(PARENT_POLL_INTERVAL).await;
    }
}

/// Watching the parent needs platform-specific code elsewhere.
#[cfg(not(unix))]
fn parent() -> u32 {
    0
}

#[cfg(not(unix))]
async fn parent_ended(_: u32) {
    std::future::pending().await
}

/// Waits until standard input ends.
async fn standard_input_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait for a read that it has started before the process can exit.
    let reader = std::thread::Builder::new().name("standard input".to_owned()).spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = ended.send(());
    });
    match reader {
        Ok(_) => drop(wait.await),
        Err(error) => {
            tracing::warn!(%error, "cannot watch standard input");
            std::future::pending().await
        }
    }
}

/// Waits for an interrupt or a termination signal.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler, the signal's default action ends the process.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(unix)]
async fn terminal_closed() {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler, the signal's default action ends the process.
    let Ok(mut closed) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    let _ = closed.recv().await;
}

#[cfg(not(unix))]
async fn terminal_closed() {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn banner_has_page_address_and_commands() {
        let banner = banner(&json!({
            "url": "http://127.0.0.1:8080/", "token": "fake", "https_url": null,
            "proxy_url": "http://127.0.0.1:8081/", "worlds": [{"world": 2, "url": "http://127.0.0.1:8082/"}],
        }));
        assert!(!banner.contains("https "), "{banner}");
        for expected in [
            "Access token  fake\nProxy         http://127.0.0.1:8081/\nWorld 2       http://127.0.0.1:8082/\n\nTry",
            "open http://127.0.0.1:8080/ in a browser",
            "export VIMEO_BASE_URL=http://127.0.0.1:8080/ VIMEO_ACCESS_TOKEN=fake",
            "vimeo upload film.mp4",
        ] {
            assert!(banner.contains(expected), "{banner}");
        }
    }
}
