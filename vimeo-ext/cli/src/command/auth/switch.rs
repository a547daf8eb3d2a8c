//! `vimeo auth switch`.

use clap::Args;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Switch the active account
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth switch anna")]
pub(crate) struct SwitchArgs {
    /// Account name; optional if there are two accounts
    name: Option<String>,
}

pub(crate) fn run(context: &Context<'_>, args: &SwitchArgs) -> Result<ExitCode> {
    let name = context.accounts().change(|file| {
        let requested = args.name.clone().or_else(|| context.global.account.clone());
        let name = match requested {
            Some(name) => name,
            None => {
                let mut others = file.accounts.keys().filter(|name| file.active.as_ref() != Some(name));
                match (others.next(), others.next()) {
                    (Some(only), None) => only.clone(),
                    _ => {
                        let known: Vec<&str> = file.accounts.keys().map(String::as_str).collect();
                        return Err(CliError::usage(format!(
                            "name one of the accounts: {}",
                            known.join(", ")
                        )));
                    }
                }
            }
        };
        file.find(Some(&name))?;
        file.active = Some(name.clone());
        Ok(name)
    })?;
    context.streams.note(&format!("switched to account {name}"));
    Ok(ExitCode::Done)
}
