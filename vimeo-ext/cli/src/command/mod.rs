//! The commands, a file each.

#[cfg(feature = "stores")]
mod accounts;
mod analytics;
mod api;
mod auth;
mod collections;
mod completion;
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
use crate::exit::{Exit, Failure, Result};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Auth(auth::AuthArgs),
    Upload(upload::UploadArgs),
    Uploads(uploads::UploadsArgs),
    Replace(replace::ReplaceArgs),
    Picture(picture::PictureArgs),
    Texttrack(texttrack::TexttrackArgs),
    Videos(videos::VideosArgs),
    Folders(folders::FoldersArgs),
    Showcases(showcases::ShowcasesArgs),
    Live(live::LiveArgs),
    Analytics(analytics::AnalyticsArgs),
    Webhooks(webhooks::WebhooksArgs),
    #[cfg(feature = "stores")]
    Accounts(accounts::AccountsArgs),
    Limits(limits::LimitsArgs),
    Api(api::ApiArgs),
    Ops(ops::OpsArgs),
    Tools(tools::ToolsArgs),
    #[cfg(feature = "mcp")]
    Mcp(mcp::McpArgs),
    /// Run a Vimeo on this machine, for tests and to try things out
    ///
    /// Without a command it prints its addresses and credentials as one line of JSON and serves until it is interrupted.
    Sandbox(Box<vimeo_sandbox::cli::Command>),
    Doctor(doctor::DoctorArgs),
    Completion(completion::CompletionArgs),
    Man(man::ManArgs),
    Help(help::HelpArgs),
}

/// The names that `--json` takes after the first word of a command; `None` for commands without fields of Vimeo's.
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
    Some((resource.known)())
}

/// Does what the command line says. `line` is the whole of it, for the commands that explain it.
pub(crate) async fn run(
    context: &Context<'_>,
    command: Command,
    line: fn() -> clap::Command,
) -> Result<Exit> {
    match command {
        Command::Auth(args) => auth::run(context, args).await,
        Command::Upload(args) => upload::run(context, args).await,
        Command::Uploads(args) => uploads::run(context, args).await,
        Command::Replace(args) => replace::run(context, args).await,
        Command::Picture(args) => picture::run(context, args).await,
        Command::Texttrack(args) => texttrack::run(context, args).await,
        Command::Videos(args) => videos::run(context, args).await,
        Command::Folders(args) => folders::run(context, args).await,
        Command::Showcases(args) => showcases::run(context, args).await,
        Command::Live(args) => live::run(context, args).await,
        Command::Analytics(args) => analytics::run(context, args).await,
        Command::Webhooks(args) => webhooks::run(context, args).await,
        #[cfg(feature = "stores")]
        Command::Accounts(args) => accounts::run(context, args).await,
        Command::Limits(_) => limits::run(context).await,
        Command::Api(args) => api::run(context, args).await,
        Command::Ops(args) => ops::run(context, &args).await,
        Command::Tools(args) => tools::run(context, args).await,
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(context, args).await,
        // Taken before a context is made: it has signals and exit codes of its own.
        Command::Sandbox(_) => Err(Failure::usage("the sandbox's command runs without a context")),
        Command::Doctor(_) => doctor::run(context).await,
        Command::Completion(args) => completion::run(context, &args),
        Command::Man(args) => man::run(context, &args, &line()),
        Command::Help(args) => help::run(context, &args, line()).await,
    }
}
