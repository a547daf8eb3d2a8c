//! `vimeo auth`: manages logins.

mod browser;
mod login;
mod logout;
mod status;
mod switch;
mod token;

use clap::{Args, Subcommand};

#[cfg(feature = "stores")]
pub(crate) use self::browser::{CallbackServer, open as open_browser};
use crate::context::Context;
use crate::exit::{ExitCode, Result};

/// Log in, log out and manage accounts
#[derive(Debug, Args)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: AuthCommand,
}

#[derive(Debug, Subcommand)]
enum AuthCommand {
    Login(login::LoginArgs),
    Status(status::StatusArgs),
    Switch(switch::SwitchArgs),
    Logout(logout::LogoutArgs),
    Token(token::TokenArgs),
}

pub(crate) async fn run(context: &Context<'_>, args: AuthArgs) -> Result<ExitCode> {
    match args.command {
        AuthCommand::Login(args) => login::run(context, args).await,
        AuthCommand::Status(_) => status::run(context).await,
        AuthCommand::Switch(args) => switch::run(context, &args),
        AuthCommand::Logout(args) => logout::run(context, &args).await,
        AuthCommand::Token(_) => token::run(context).await,
    }
}
