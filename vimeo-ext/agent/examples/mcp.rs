//! The Vimeo tools as an MCP server.
//!
//! On standard input and output, for clients that start it: `cargo run -p vimeo-agent --example mcp --features mcp`, with
//! `VIMEO_ACCESS_TOKEN` set. Over HTTP: `… -- --http 127.0.0.1:8848`. More options: `--toolset read,social`,
//! `--tools vimeo_me_get,…`, `--read-only`, `--no-destructive`, `--audit-log FILE`, `--uploads FOLDER`,
//! `--allow publish,comments,webhooks`, `--allow-origin ORIGIN`, `--no-bearer`, `--output-schemas`, `--no-output-schema`.

#![allow(clippy::print_stderr)]

use std::error::Error;

use secrecy::ExposeSecret;
use vimeo_agent::mcp::{ApiKey, HttpOptions, OutputSchemas, Server};
use vimeo_agent::tools::{AuditLog, Disclosure, ToolSelection};
use vimeo_ext::Vimeo;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Standard output is reserved for the protocol.
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(tracing::Level::WARN);
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
    let mut selection = ToolSelection::default();
    let (mut listen, mut audit, mut folders) = (None, None, Vec::new());
    let mut schemas = OutputSchemas::default();
    let (mut origins, mut allowed, mut unauthenticated) = (Vec::new(), Vec::new(), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--toolset" => {
                selection.toolsets = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--tools" => selection.names = value()?.split(',').map(|name| name.trim().to_owned()).collect(),
            "--read-only" => selection.read_only = true,
            "--no-destructive" => selection.no_destructive = true,
            "--audit-log" => audit = Some(AuditLog::open(value()?)?),
            "--uploads" => folders.push(value()?),
            "--output-schemas" => schemas = OutputSchemas::InToolList,
            "--no-output-schema" => schemas = OutputSchemas::Omitted,
            "--allow-origin" => origins.push(value()?),
            "--allow" => {
                allowed = value()?.split(',').map(str::parse::<Disclosure>).collect::<Result<_, _>>()?;
            }
            "--no-bearer" => unauthenticated = true,
            "--http" => listen = Some(value()?.parse()?),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if let Some(name) = selection.unknown_name() {
        return Err(format!("unknown tool {name}").into());
    }
    let server = Server::for_account(Vimeo::from_env()?)
        .selection(selection)
        .audit_log(audit)
        .output_schemas(schemas)
        .upload_folders(folders)
        .allow(allowed);
    let Some(listen) = listen else { return Ok(server.serve_stdio().await?) };
    let mut options = HttpOptions::new(listen).allowed_origins(origins);
    match std::env::var("VIMEO_MCP_BEARER") {
        _ if unauthenticated => options = options.allow_unauthenticated_loopback(),
        Ok(token) => options = options.api_keys([ApiKey::new(token, ["default"])]),
        Err(_) => {
            let (key, token) = ApiKey::generate(["default"])?;
            eprintln!("API key for callers: {}", token.expose_secret());
            options = options.api_keys([key]);
        }
    }
    let running = server.serve_http(options).await?;
    eprintln!("listening on {}", running.url());
    running.wait().await;
    Ok(())
}
