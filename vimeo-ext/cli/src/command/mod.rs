//! The commands, one module each.

#[cfg(feature = "stores")]
mod accounts;
mod ai;
mod analytics;
mod api;
mod args;
mod auth;
mod collections;
mod completion;
#[cfg(feature = "stores")]
mod connections;
mod doctor;
mod folders;
mod help;
mod limits;
mod live;
mod man;
#[cfg(feature = "mcp")]
mod mcp;
mod ops;
mod picture;
mod replace;
#[cfg(feature = "connector")]
mod serve;
mod showcases;
#[cfg(feature = "stores")]
mod store;
mod texttrack;
mod tools;
mod upload;
mod uploads;
mod videos;
mod webhooks;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Auth(auth::AuthArgs),
    Upload(upload::UploadArgs),
    Uploads(uploads::UploadsArgs),
    Replace(replace::ReplaceArgs),
    Picture(picture::PictureArgs),
    Texttrack(texttrack::TexttrackArgs),
    Ai(ai::AiArgs),
    Videos(videos::VideosArgs),
    Folders(folders::FoldersArgs),
    Showcases(showcases::ShowcasesArgs),
    Live(live::LiveArgs),
    Analytics(analytics::AnalyticsArgs),
    Webhooks(webhooks::WebhooksArgs),
    #[cfg(feature = "stores")]
    Accounts(accounts::AccountsArgs),
    #[cfg(feature = "stores")]
    Connections(connections::ConnectionsArgs),
    Limits(limits::LimitsArgs),
    Api(api::ApiArgs),
    Ops(ops::OpsArgs),
    Tools(tools::ToolsArgs),
    #[cfg(feature = "mcp")]
    Mcp(mcp::McpArgs),
    #[cfg(feature = "connector")]
    Serve(serve::ServeArgs),
    /// Run the sandbox, a Vimeo API server on localhost, for testing
    ///
    /// Without a subcommand, prints its URLs and credentials as one line of JSON and runs until interrupted.
    Sandbox(Box<vimeo_sandbox::cli::Command>),
    Doctor(doctor::DoctorArgs),
    Completion(completion::CompletionArgs),
    Man(man::ManArgs),
    Help(help::HelpArgs),
}

impl Command {
    /// Returns whether the command ends itself after a signal, when its work in flight is done.
    pub(crate) fn handles_signals(&self) -> bool {
        match self {
            #[cfg(feature = "connector")]
            Self::Serve(args) => args.is_server(),
            _ => false,
        }
    }
}

/// Returns the field names that `--json` accepts for a command, given its first word; `None` if it has no fields.
pub(crate) fn fields_of(word: &str) -> Option<Vec<&'static str>> {
    let resource = match word {
        "videos" => &videos::VIDEOS,
        "folders" => &folders::FOLDERS,
        "showcases" => &showcases::SHOWCASES,
        "live" => &live::EVENTS,
        "analytics" => &analytics::ANALYTICS,
        "webhooks" => &webhooks::WEBHOOKS,
        _ => return None,
    };
    Some((resource.field_names)())
}

/// Runs a command. `command_tree` builds the complete clap command, for `help` and `man`.
pub(crate) async fn run(
    context: &Context<'_>,
    command: Command,
    command_tree: fn() -> clap::Command,
) -> Result<ExitCode> {
    match command {
        Command::Auth(args) => auth::run(context, args).await,
        Command::Upload(args) => upload::run(context, args).await,
        Command::Uploads(args) => uploads::run(context, args).await,
        Command::Replace(args) => replace::run(context, args).await,
        Command::Picture(args) => picture::run(context, args).await,
        Command::Texttrack(args) => texttrack::run(context, args).await,
        Command::Ai(args) => ai::run(context, args).await,
        Command::Videos(args) => videos::run(context, args).await,
        Command::Folders(args) => folders::run(context, args).await,
        Command::Showcases(args) => showcases::run(context, args).await,
        Command::Live(args) => live::run(context, args).await,
        Command::Analytics(args) => analytics::run(context, args).await,
        Command::Webhooks(args) => webhooks::run(context, args).await,
        #[cfg(feature = "stores")]
        Command::Accounts(args) => accounts::run(context, args).await,
        #[cfg(feature = "stores")]
        Command::Connections(args) => connections::run(context, args).await,
        Command::Limits(_) => limits::run(context).await,
        Command::Api(args) => api::run(context, args).await,
        Command::Ops(args) => ops::run(context, &args).await,
        Command::Tools(args) => tools::run(context, args).await,
        #[cfg(feature = "connector")]
        Command::Serve(args) => serve::run(context, args).await,
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(context, args).await,
        // Handled in `lib.rs` before a context exists: the sandbox has its own signals and exit codes.
        Command::Sandbox(_) => Err(CliError::usage("the sandbox command runs without a context")),
        Command::Doctor(_) => doctor::run(context).await,
        Command::Completion(args) => completion::run(context, &args),
        Command::Man(args) => man::run(context, &args, &command_tree()),
        Command::Help(args) => help::run(context, &args, command_tree()).await,
    }
}
