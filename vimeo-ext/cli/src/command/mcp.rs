//! `vimeo mcp`: serves the tools over the Model Context Protocol.

mod bearers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use secrecy::ExposeSecret;
use tracing_subscriber::filter::LevelFilter;
use vimeo_agent::mcp::{ApiKey, ApiKeys, HttpOptions, OutputSchemas, Server, ServerError};
use vimeo_agent::tools::{self, AuditLog, Disclosure, ToolSelection, Toolset};
use vimeo_ext::upload::Journal;

use self::bearers::Callers;
#[cfg(feature = "stores")]
use super::store::KeyArgs;
use super::tools::unknown_tool;
use crate::context::{Context, env_var};
use crate::exit::{CliError, ExitCode, Result};
use crate::logging::{self, LogFormat};

/// Serve tools to an AI agent over the Model Context Protocol (MCP)
///
/// Serves on standard input and output until the input ends, for clients that start the command themselves, or over
/// HTTP with --http. Logs go to standard error; RUST_LOG sets the level: error, warn, info, debug or trace [default:
/// warn].
#[derive(Debug, Args)]
#[command(after_help = "Configuration of a client that starts the command and uses the active account:\n  \
    {\"mcpServers\": {\"vimeo\": {\"command\": \"vimeo\", \"args\": [\"mcp\", \"--read-only\"]}}}\n\n\
    HTTP callers authenticate with a bearer token, which is an API key of this server and no token of Vimeo: the one in \
    VIMEO_MCP_BEARER (at least 32 characters). If it is not set, one is generated and printed on standard error, and --http accepts only loopback addresses. Requests from \
    web pages are rejected unless their origin is allowed with --allow-origin.\n\n\
    Calls that show something to more people or send data to third parties need the user's approval: clients that \
    support elicitation prompt each time, calls from other clients are refused. --allow permits a kind of call without \
    approval.\n\n\
    The file for --bearers names accounts of `vimeo auth`. With --store, it names accounts in an account store, whose \
    keys are given as for `vimeo accounts rotate-keys`. A caller with several accounts names one in each call:\n  \
    [[bearer]]\n  sha256 = \"what `printf %s TOKEN | sha256sum` prints\"\n  accounts = [\"work\", \"home\"]\n  \
    scopes = \"public private\"   # default: all\n\n\
    To serve the accounts of a store:\n  \
    vimeo mcp --http 127.0.0.1:8848 --bearers FILE --store sqlite:accounts.db --key-file FILE\n\n\
    Examples:\n  $ vimeo mcp --sandbox\n  $ vimeo mcp --read-only --toolset read,library")]
pub(crate) struct McpArgs {
    /// Serve over HTTP on this address, at path /mcp; port 0 picks a free port
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Serve several accounts: file that maps bearer tokens to accounts
    #[arg(long, value_name = "FILE", requires = "http")]
    bearers: Option<PathBuf>,
    /// Accept calls without a bearer token, from every program and user on this machine
    #[arg(long, requires = "http", conflicts_with = "bearers")]
    no_bearer: bool,
    /// Use the accounts in this store: sqlite:///path/to/file or postgres://user@host/database
    #[cfg(feature = "stores")]
    #[arg(long, value_name = "URL", requires = "bearers")]
    store: Option<String>,
    #[cfg(feature = "stores")]
    #[command(flatten)]
    keys: KeyArgs,
    /// Accept requests from web pages of this origin, e.g. http://localhost:6274 (repeatable)
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
    /// Offer these toolsets [default: read, library, social and webhooks]
    #[arg(long, value_name = "SETS", value_delimiter = ',', value_parser = toolsets())]
    toolset: Vec<Toolset>,
    /// Offer these tools, in addition to --toolset if given
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// Exclude tools that overwrite, move or delete
    #[arg(long)]
    no_destructive: bool,
    /// Allow these kinds of disclosing calls without approval: publish (more people can watch, embed, download or open
    /// the account's content), comments (posts in the account's name), webhooks (sends events to a
    /// URL), spend (uses up AI credits or money)
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = disclosures())]
    allow: Vec<Disclosure>,
    /// Log every attempted change to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Let the tools of the uploads toolset read files below this folder (repeatable)
    #[arg(long, value_name = "FOLDER")]
    uploads: Vec<PathBuf>,
    /// Include output schemas in the tool list, which makes it four times as large [default: provide them as resources]
    #[arg(long)]
    output_schemas: bool,
    /// Return text only and no output schemas, for clients that cannot handle them
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

pub(crate) async fn run(context: &Context<'_>, args: McpArgs) -> Result<ExitCode> {
    // Standard output carries the protocol.
    logging::init(LevelFilter::WARN, LogFormat::Text);
    let selection = ToolSelection {
        toolsets: args.toolset.clone(),
        names: args.tools.clone(),
        read_only: context.global.read_only,
        no_destructive: args.no_destructive,
    };
    check_selection(&selection, &args.uploads)?;
    let audit = match &args.audit_log {
        Some(path) => {
            let opened = AuditLog::open(path);
            Some(opened.map_err(|error| CliError::io("write the audit log", path, &error))?)
        }
        None => None,
    };
    // Dropped after the server.
    let _flush_on_drop = FlushAuditOnDrop(audit.clone());
    let (server, api_keys) = build_server(context, &args).await?;
    let server = server
        .server_info("vimeo", env!("CARGO_PKG_VERSION"))
        .selection(selection)
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
            serve_http(context, &server, address, args.allow_origin, api_keys, args.no_bearer).await?
        }
        None => {
            if context.streams.in_is_terminal() {
                context.streams.hint("waiting for an MCP client on standard input; press Ctrl-C to stop");
            }
            server.serve_stdio().await.map_err(server_error)?;
        }
    }
    Ok(ExitCode::Done)
}

/// Builds the server for the active account, or for the accounts in the bearers file.
async fn build_server(context: &Context<'_>, args: &McpArgs) -> Result<(Server, Option<ApiKeys>)> {
    let journal = Journal::in_folder(context.uploads().await?);
    let Some(file) = &args.bearers else {
        let vimeo = context.client_with(context.identity().await?, Some(journal))?;
        return Ok((Server::for_account(vimeo), None));
    };
    if context.global.sandbox {
        return Err(CliError::usage("--bearers requires logged-in accounts; --sandbox has none"));
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

/// On drop, waits until the audit log has recorded the attempts in flight as cancelled.
struct FlushAuditOnDrop(Option<AuditLog>);

impl Drop for FlushAuditOnDrop {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            // Give up after a second, so that the process ends.
            let _ = log.flush(Duration::from_secs(1));
        }
    }
}

async fn serve_http(
    context: &Context<'_>,
    server: &Server,
    address: SocketAddr,
    origins: Vec<String>,
    api_keys: Option<ApiKeys>,
    no_bearer: bool,
) -> Result<()> {
    let options = HttpOptions::new(address).allowed_origins(origins);
    // Without a bearers file the server has one account; its name does not matter.
    let accounts = ["active"];
    let mut generated = None;
    let options = match (api_keys, env_var("VIMEO_MCP_BEARER")?) {
        (Some(api_keys), _) => options.api_keys(api_keys),
        (None, _) if no_bearer => options.allow_unauthenticated_loopback(),
        (None, Some(token)) => options.api_keys([ApiKey::new(token, accounts)]),
        (None, None) if address.ip().is_loopback() => {
            let (api_key, token) = ApiKey::generate(accounts).map_err(server_error)?;
            generated = Some(token);
            options.api_keys([api_key])
        }
        (None, None) => options,
    };
    let running = server.serve_http(options).await.map_err(server_error)?;
    if let Some(token) = generated {
        // The token exists only here: the person who starts the server passes it on.
        context.streams.note(&format!("bearer token for callers: {}", token.expose_secret()));
    }
    context.streams.note(&format!("listening on {}", running.url()));
    running.wait().await;
    Ok(())
}

/// Rejects option combinations that would leave the agent without the intended tools.
fn check_selection(selection: &ToolSelection, uploads: &[PathBuf]) -> Result<()> {
    if let Some(name) = selection.unknown_name() {
        return Err(unknown_tool(name));
    }
    let mut offered =
        tools::all().iter().map(tools::Definition::spec).filter(|spec| selection.includes(spec));
    if offered.clone().next().is_none() {
        return Err(CliError::usage("none of the requested tools can be offered").with_next_step(
            "remove --read-only or --no-destructive, or name other tools: vimeo tools list",
        ));
    }
    if let Some(folder) = uploads.iter().find(|folder| !folder.is_dir()) {
        return Err(CliError::usage(format!("--uploads {} is not a folder", folder.display())));
    }
    if !uploads.is_empty() && !offered.any(|spec| spec.toolset == Toolset::Uploads) {
        return Err(CliError::usage("--uploads allows a folder, but no upload tool is offered")
            .with_next_step("add --toolset read,library,uploads and remove --read-only"));
    }
    Ok(())
}

fn server_error(error: ServerError) -> CliError {
    let text = error.to_string();
    match error {
        // The library says API key for what this command calls a bearer token.
        ServerError::AuthRequired(address) => CliError::usage(format!(
            "{address} is reachable from other machines, so callers need a bearer token"
        ))
        .with_next_step(
            "set VIMEO_MCP_BEARER to a random token of at least 32 characters, or listen on 127.0.0.1:8848",
        ),
        ServerError::ApiKeyTooShort => CliError::usage(format!(
            "the bearer token in VIMEO_MCP_BEARER has fewer than {} characters",
            ApiKey::MIN_LENGTH
        ))
        .with_next_step(
            "set VIMEO_MCP_BEARER=$(openssl rand -hex 32), or unset it to have a token generated and printed",
        ),
        ServerError::InvalidOrigin(_) => CliError::usage(text),
        ServerError::Listen { .. } => {
            CliError::new(ExitCode::Other, text).with_next_step("use another port; port 0 picks a free one")
        }
        ServerError::InitializeFailed(_) => CliError::new(ExitCode::Other, text).with_next_step(
            "vimeo mcp is for clients of the Model Context Protocol; from a shell, use vimeo tools call",
        ),
        _ => CliError::new(ExitCode::Other, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_selections_without_usable_tools() {
        let selection = |toolsets: &[Toolset], names: &[&str], read_only, no_destructive| ToolSelection {
            toolsets: toolsets.to_vec(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            read_only,
            no_destructive,
        };
        let here = [PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
        let nowhere = [PathBuf::from("no-such-folder")];
        let cases: [(ToolSelection, &[PathBuf], Option<&str>); 9] = [
            (selection(&[], &[], false, false), &[], None),
            (selection(&[], &[], true, true), &[], None),
            (selection(&[], &["vimeo_me_get"], true, false), &[], None),
            (selection(&[], &["vimeo_nothing"], false, false), &[], Some("vimeo_nothing")),
            (selection(&[], &["vimeo_video_delete"], true, false), &[], Some("none of the requested tools")),
            (selection(&[], &["vimeo_video_delete"], false, true), &[], Some("none of the requested tools")),
            (selection(&[], &[], false, false), &here, Some("no upload tool")),
            (selection(&[Toolset::Uploads], &[], false, false), &nowhere, Some("not a folder")),
            (selection(&[Toolset::Uploads], &[], false, false), &here, None),
        ];
        for (selection, uploads, refused) in cases {
            let outcome = check_selection(&selection, uploads).map_err(|failure| failure.to_string());
            match refused {
                None => assert_eq!(outcome, Ok(()), "{selection:?}"),
                Some(words) => {
                    assert!(outcome.as_ref().unwrap_err().contains(words), "{selection:?}: {outcome:?}")
                }
            }
        }
    }
}
