//! `vimeo completion`.

use clap::Args;
use clap_complete::env::Shells;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Print what makes a shell complete commands, flags and the names of accounts
#[derive(Debug, Args)]
#[command(after_help = "Put it where the shell reads it at its start:\n  \
    bash        source <(vimeo completion -s bash)\n  \
    zsh         source <(vimeo completion -s zsh)\n  \
    fish        vimeo completion -s fish | source\n  \
    powershell  vimeo completion -s powershell | Out-String | Invoke-Expression\n  \
    elvish      eval (vimeo completion -s elvish | slurp)\n\n\
    Examples:\n  $ vimeo completion -s bash")]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, powershell or elvish
    #[arg(long, short, value_name = "SHELL")]
    shell: String,
}

pub(crate) fn run(context: &Context<'_>, args: &CompletionArgs) -> Result<Exit> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        let known: Vec<&str> = shells.names().collect();
        return Err(Failure::usage(format!(
            "`{}` is no shell that is known; there are {}",
            args.shell,
            known.join(", ")
        )));
    };
    let mut script = Vec::new();
    shell.write_registration("COMPLETE", "vimeo", "vimeo", "vimeo", &mut script)?;
    context.streams.write(&script)?;
    Ok(Exit::Done)
}
