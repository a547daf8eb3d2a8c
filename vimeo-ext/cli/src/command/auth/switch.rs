//! `vimeo auth switch`.

use clap::Args;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Make another account the active one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  $ vimeo auth switch anna")]
pub(crate) struct SwitchArgs {
    /// The account; may be left out when there are two
    name: Option<String>,
}

pub(crate) fn run(context: &Context<'_>, args: &SwitchArgs) -> Result<Exit> {
    let name = context.accounts().change(|kept| {
        let wanted = args.name.clone().or_else(|| context.global.account.clone());
        let name = match wanted {
            Some(name) => name,
            None => {
                let mut others = kept.accounts.keys().filter(|name| kept.active.as_ref() != Some(name));
                match (others.next(), others.next()) {
                    (Some(only), None) => only.clone(),
                    _ => {
                        let known: Vec<&str> = kept.accounts.keys().map(String::as_str).collect();
                        return Err(Failure::usage(format!(
                            "name one of the accounts: {}",
                            known.join(", ")
                        )));
                    }
                }
            }
        };
        kept.find(Some(&name))?;
        kept.active = Some(name.clone());
        Ok(name)
    })?;
    context.streams.note(&format!("{name} is the active account"));
    Ok(Exit::Done)
}
