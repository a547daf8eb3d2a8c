//! `vimeo completion`.

use clap::Args;
use clap_complete::env::Shells;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// What bash needs beside clap's own lines.
const WHOLE_WORDS: &str = include_str!("completion.bash");

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
    if shell.name() == "bash" {
        context.streams.write(&for_bash(&script))?;
    } else {
        context.streams.write(&script)?;
    }
    Ok(Exit::Done)
}

/// Puts our own function in front of the one that bash is told to call.
fn for_bash(script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script).replace("-F _clap_complete_vimeo ", "-F _vimeo ");
    [WHOLE_WORDS, &script].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_calls_our_function_and_that_calls_the_other() {
        let mut script = Vec::new();
        let shells = Shells::builtins();
        let bash = shells.completer("bash").unwrap();
        bash.write_registration("COMPLETE", "vimeo", "vimeo", "vimeo", &mut script).unwrap();
        let script = String::from_utf8(for_bash(&script)).unwrap();
        let (calls, registrations) = ("    _clap_complete_vimeo \"$1\"", "-F _vimeo vimeo\n");
        assert!(script.contains("\n_clap_complete_vimeo() {\n") && script.contains(calls), "{script}");
        assert_eq!(script.matches("complete -o").count(), script.matches(registrations).count(), "{script}");
        assert!(script.contains(registrations) && !script.contains("-F _clap_complete_vimeo"), "{script}");
    }
}
