//! `vimeo mcp`: the tools over the Model Context Protocol.

mod bearers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use secrecy::ExposeSecret;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vimeo_agent::mcp::{ApiKey, ApiKeys, HttpOptions, OutputSchemas, Server, ServerError};
use vimeo_agent::tools::{self, AuditLog, Disclosure, ToolSelection, Toolset};
use vimeo_ext::upload::Journal;

use self::bearers::Callers;
#[cfg(feature = "stores")]
use super::store::KeyArgs;
use super::tools::no_such_tool;
use crate::context::{Context, variable};
use crate::exit::{Exit, Failure, Result};

/// Serve the tools to an agent over the Model Context Protocol
///
/// On standard input and output, for a client that starts the command, until the input ends; or over HTTP. Logs go to
/// standard error, as many as RUST_LOG asks for: error, warn, info, debug or trace.
#[derive(Debug, Args)]
#[command(after_help = "A client that starts the command is told so, the account being the active one:\n  \
    {\"mcpServers\": {\"vimeo\": {\"command\": \"vimeo\", \"args\": [\"mcp\", \"--read-only\"]}}}\n\n\
    Callers over HTTP need the bearer token in VIMEO_MCP_BEARER, which has 32 characters or more. If it is not set, a \
    token is made and printed on standard error, and only this machine's own addresses can be listened on. Web pages may \
    not call, but for those of --allow-origin.\n\n\
    Calls that show something to more people or send data out need the person's consent: a client with elicitation asks \
    each time, and of others they are refused, unless --allow names their kind.\n\n\
    The file of --bearers names accounts of `vimeo auth`, or with --store of a store as programs with vimeo-ext keep \
    it, whose keys are given as to `vimeo accounts rotate-keys`; a caller with several names one in each call:\n  \
    [[bearer]]\n  sha256 = \"what `printf %s TOKEN | sha256sum` prints\"\n  accounts = [\"work\", \"home\"]\n  \
    scopes = \"public private\"   # all when left out\n\n\
    The accounts of a store are served by:\n  \
    vimeo mcp --http 127.0.0.1:8848 --bearers FILE --store sqlite:accounts.db --key-file FILE\n\n\
    Examples:\n  $ vimeo mcp --sandbox\n  $ vimeo mcp --read-only --toolset read,library")]
pub(crate) struct McpArgs {
    /// Serve over HTTP on this address, at the path /mcp; port 0 lets the system pick one
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Serve several accounts: a file that says which bearer tokens open which of them
    #[arg(long, value_name = "FILE", requires = "http")]
    bearers: Option<PathBuf>,
    /// Take calls without a bearer token, from every program and user of this machine
    #[arg(long, requires = "http", conflicts_with = "bearers")]
    no_bearer: bool,
    /// Take the accounts out of this store: sqlite:///path/to/file or postgres://user@host/database
    #[cfg(feature = "stores")]
    #[arg(long, value_name = "ADDRESS", requires = "bearers")]
    store: Option<String>,
    #[cfg(feature = "stores")]
    #[command(flatten)]
    keys: KeyArgs,
    /// Let web pages of this origin call too, such as http://localhost:6274; may be given more than once
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
    /// Give out these sets of tools; all but more and uploads when left out
    #[arg(long, value_name = "SETS", value_delimiter = ',', value_parser = toolsets())]
    toolset: Vec<Toolset>,
    /// Give out these tools, beside those of --toolset or alone
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// Give out nothing that overwrites, moves or deletes
    #[arg(long)]
    no_destructive: bool,
    /// Allow calls that disclose something without asking: publish lets more people watch, embed, download or open what is
    /// the account's, comments posts under its name, webhooks has events sent to an address
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = disclosures())]
    allow: Vec<Disclosure>,
    /// Write every attempt to change something to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Allow uploads of files below this folder, by the tools of the set uploads; may be given more than once
    #[arg(long, value_name = "FOLDER")]
    uploads: Vec<PathBuf>,
    /// List the tools with the schemas of their answers, which takes four times the place; else they are resources
    #[arg(long)]
    output_schemas: bool,
    /// Answer with text alone and without schemas, for clients that stumble over them
    #[arg(long, conflicts_with = "output_schemas")]
    no_output_schema: bool,
}

fn toolsets() -> impl TypedValueParser<Value = Toolset> {
    PossibleValuesParser::new(Toolset::ALL.map(Toolset::as_str)).try_map(|word| word.parse::<Toolset>())
}

fn disclosures() -> impl TypedValueParser<Value = Disclosure> {
    PossibleValuesParser::new(Disclosure::ALL.map(Disclosure::as_str))
        .try_map(|word| word.parse::<Disclosure>())
}

pub(crate) async fn run(context: &Context<'_>, args: McpArgs) -> Result<Exit> {
    log_to_standard_error();
    let offer = ToolSelection {
        toolsets: args.toolset.clone(),
        names: args.tools.clone(),
        read_only: context.global.read_only,
        no_destructive: args.no_destructive,
    };
    check(&offer, &args.uploads)?;
    let audit = match &args.audit_log {
        Some(path) => {
            let opened = AuditLog::open(path);
            Some(opened.map_err(|error| Failure::file("write the audit log", path, &error))?)
        }
        None => None,
    };
    // Dropped after the server.
    let _noted = FlushAuditOnDrop(audit.clone());
    let (server, bearers) = server(context, &args).await?;
    let server = server
        .server_info("vimeo", env!("CARGO_PKG_VERSION"))
        .selection(offer)
        .audit_log(audit)
        .output_schemas(match (args.output_schemas, args.no_output_schema) {
            (true, _) => OutputSchemas::InToolList,
            (_, true) => OutputSchemas::Omitted,
            _ => OutputSchemas::AsResources,
        })
        .upload_folders(args.uploads)
        .allow(args.allow);
    match args.http {
        Some(address) => {
            serve_http(context, &server, address, args.allow_origin, bearers, args.no_bearer).await?
        }
        None => {
            if context.streams.in_is_terminal() {
                context.streams.hint("a client of the protocol is expected on standard input; Ctrl-C ends");
            }
            server.serve_stdio().await.map_err(failure)?;
        }
    }
    Ok(Exit::Done)
}

/// The server of the account, or of those that the bearers open.
async fn server(context: &Context<'_>, args: &McpArgs) -> Result<(Server, Option<ApiKeys>)> {
    let journal = Journal::in_folder(context.uploads().await?);
    let Some(file) = &args.bearers else {
        let vimeo = context.client_with(context.identity().await?, Some(journal))?;
        return Ok((Server::for_account(vimeo), None));
    };
    if context.global.sandbox {
        return Err(Failure::usage("--bearers names accounts that are logged in, and --sandbox has none"));
    }
    let callers = Callers::read(file)?;
    #[cfg(feature = "stores")]
    if let Some(address) = &args.store {
        let accounts = callers.in_store(context, address, &args.keys, journal).await?;
        return Ok((Server::for_accounts(accounts), Some(callers.api_keys())));
    }
    let accounts = callers.logged_in(context, &journal).await?;
    Ok((Server::for_accounts(accounts), Some(callers.api_keys())))
}

/// Waits, when it is dropped, until what was being attempted is noted as given up.
struct FlushAuditOnDrop(Option<AuditLog>);

impl Drop for FlushAuditOnDrop {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            // What takes longer is no longer stopped by this process.
            let _ = log.flush(Duration::from_secs(1));
        }
    }
}

async fn serve_http(
    context: &Context<'_>,
    server: &Server,
    address: SocketAddr,
    origins: Vec<String>,
    bearers: Option<ApiKeys>,
    no_bearer: bool,
) -> Result<()> {
    let options = HttpOptions::new(address).allowed_origins(origins);
    // Whose a bearer is does not matter without a file: the server has one account.
    let accounts = ["active"];
    let mut made = None;
    let options = match (bearers, variable("VIMEO_MCP_BEARER")?) {
        (Some(bearers), _) => options.api_keys(bearers),
        (None, _) if no_bearer => options.allow_unauthenticated_loopback(),
        (None, Some(token)) => options.api_keys([ApiKey::new(token, accounts)]),
        (None, None) if address.ip().is_loopback() => {
            let (bearer, token) = ApiKey::generate(accounts).map_err(failure)?;
            made = Some(token);
            options.api_keys([bearer])
        }
        (None, None) => options,
    };
    let running = server.serve_http(options).await.map_err(failure)?;
    if let Some(token) = made {
        // Nobody else knows it: whoever starts the server gives it to the callers.
        context.streams.note(&format!("bearer token for callers: {}", token.expose_secret()));
    }
    context.streams.note(&format!("listening on {}", running.url()));
    running.wait().await;
    Ok(())
}

/// Standard output is the protocol's.
fn log_to_standard_error() {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // There is no other subscriber in this process.
    let _ = tracing_subscriber::registry().with(lines).with(logged(&wanted)).try_init();
}

/// What is logged: a level for all, or levels for parts, as `info,vimeo_ext=debug`.
///
/// The protocol's library writes whole messages below warnings, and they hold passwords.
fn logged(wanted: &str) -> Targets {
    const PROTOCOL: &str = "rmcp";
    let usual = || Targets::new().with_default(LevelFilter::WARN);
    let wanted = if wanted.trim().is_empty() { usual() } else { wanted.parse().unwrap_or_else(|_| usual()) };
    let default = wanted.default_level().unwrap_or(LevelFilter::WARN);
    let others = wanted.iter().filter(|(target, _)| !target.starts_with(PROTOCOL));
    let others: Vec<_> = others.map(|(target, level)| (target.to_owned(), level)).collect();
    Targets::new()
        .with_default(default)
        .with_targets(others)
        .with_target(PROTOCOL, default.min(LevelFilter::WARN))
}

/// Refuses what would leave an agent without what was meant for it.
fn check(offer: &ToolSelection, uploads: &[PathBuf]) -> Result<()> {
    if let Some(name) = offer.unknown_name() {
        return Err(no_such_tool(name));
    }
    let mut given_out = tools::all().iter().map(tools::Definition::spec).filter(|spec| offer.includes(spec));
    if given_out.clone().next().is_none() {
        return Err(Failure::usage("none of the tools that are asked for may be given out")
            .next("leave --read-only or --no-destructive out, or name other tools: vimeo tools list"));
    }
    if let Some(folder) = uploads.iter().find(|folder| !folder.is_dir()) {
        return Err(Failure::usage(format!("--uploads {} is not a folder", folder.display())));
    }
    if !uploads.is_empty() && !given_out.any(|spec| spec.toolset == Toolset::Uploads) {
        return Err(Failure::usage("--uploads allows a folder, but no tool that uploads is given out")
            .next("add --toolset read,library,uploads, and leave --read-only out"));
    }
    Ok(())
}

fn failure(error: ServerError) -> Failure {
    let text = error.to_string();
    match error {
        ServerError::AuthRequired(_) => Failure::usage(text).next(
            "set VIMEO_MCP_BEARER to a random token of 32 characters or more, or listen on 127.0.0.1:8848",
        ),
        ServerError::ApiKeyTooShort => Failure::usage(format!("VIMEO_MCP_BEARER: {text}")).next(
            "VIMEO_MCP_BEARER=$(openssl rand -hex 32), or leave it out: a token is made and printed then",
        ),
        ServerError::InvalidOrigin(_) => Failure::usage(text),
        ServerError::Listen { .. } => {
            Failure::new(Exit::Other, text).next("another port; with port 0 the system picks one")
        }
        ServerError::InitializeFailed(_) => Failure::new(Exit::Other, text)
            .next("vimeo mcp is for clients of the Model Context Protocol; from a shell: vimeo tools call"),
        _ => Failure::new(Exit::Other, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages_of_the_protocol_are_never_logged() {
        let levels = [
            LevelFilter::ERROR,
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::TRACE,
        ];
        for (wanted, ours, protocol) in [
            ("", LevelFilter::WARN, LevelFilter::WARN),
            ("debug", LevelFilter::DEBUG, LevelFilter::WARN),
            ("trace", LevelFilter::TRACE, LevelFilter::WARN),
            ("error", LevelFilter::ERROR, LevelFilter::ERROR),
            ("off", LevelFilter::OFF, LevelFilter::OFF),
            ("vimeo_agent=debug", LevelFilter::DEBUG, LevelFilter::WARN),
            ("rmcp=trace,rmcp::service=debug", LevelFilter::WARN, LevelFilter::WARN),
            ("no level at all", LevelFilter::WARN, LevelFilter::WARN),
        ] {
            let logged = logged(wanted);
            for level in levels.map(|level| level.into_level().unwrap()) {
                assert_eq!(
                    logged.would_enable("vimeo_agent::mcp", &level),
                    level <= ours,
                    "{wanted} {level}"
                );
                for target in ["rmcp", "rmcp::service"] {
                    assert_eq!(
                        logged.would_enable(target, &level),
                        level <= protocol,
                        "{wanted} {target} {level}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_gives_out_nothing_that_was_meant_is_refused() {
        let offer = |toolsets: &[Toolset], names: &[&str], read_only, no_destructive| ToolSelection {
            toolsets: toolsets.to_vec(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            read_only,
            no_destructive,
        };
        let here = [PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
        let nowhere = [PathBuf::from("no-such-folder")];
        let cases: [(ToolSelection, &[PathBuf], Option<&str>); 9] = [
            (offer(&[], &[], false, false), &[], None),
            (offer(&[], &[], true, true), &[], None),
            (offer(&[], &["vimeo_me_get"], true, false), &[], None),
            (offer(&[], &["vimeo_nothing"], false, false), &[], Some("vimeo_nothing")),
            (offer(&[], &["vimeo_video_delete"], true, false), &[], Some("none of the tools")),
            (offer(&[], &["vimeo_video_delete"], false, true), &[], Some("none of the tools")),
            (offer(&[], &[], false, false), &here, Some("no tool that uploads")),
            (offer(&[Toolset::Uploads], &[], false, false), &nowhere, Some("not a folder")),
            (offer(&[Toolset::Uploads], &[], false, false), &here, None),
        ];
        for (offer, uploads, refused) in cases {
            let outcome = check(&offer, uploads).map_err(|failure| failure.to_string());
            match refused {
                None => assert_eq!(outcome, Ok(()), "{offer:?}"),
                Some(words) => {
                    assert!(outcome.as_ref().unwrap_err().contains(words), "{offer:?}: {outcome:?}")
                }
            }
        }
    }
}
