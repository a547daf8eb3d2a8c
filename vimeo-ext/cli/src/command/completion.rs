//! `vimeo completion`.

use clap::Args;
use clap_complete::env::Shells;

use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Bash code that completes clap's script.
const BASH_WRAPPER: &str = include_str!("completion.bash");

/// Generate a shell completion script
#[derive(Debug, Args)]
#[command(
    after_help = "The script completes commands, flags, account names and field names. Add the line for your shell to its \
    startup file:\n  \
    bash        source <(vimeo completion -s bash)\n  \
    zsh         source <(vimeo completion -s zsh)\n  \
    fish        vimeo completion -s fish | source\n  \
    powershell  vimeo completion -s powershell | Out-String | Invoke-Expression\n  \
    elvish      eval (vimeo completion -s elvish | slurp)\n\n\
    Examples:\n  $ vimeo completion -s bash"
)]
pub(crate) struct CompletionArgs {
    /// Shell: bash, zsh, fish, powershell or elvish
    #[arg(long, short, value_name = "SHELL")]
    shell: String,
}

pub(crate) fn run(context: &Context<'_>, args: &CompletionArgs) -> Result<ExitCode> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        let known: Vec<&str> = shells.names().collect();
        return Err(CliError::usage(format!(
            "unsupported shell `{}`; supported shells: {}",
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
    Ok(ExitCode::Done)
}

/// Makes bash call the function in `completion.bash`, which calls clap's.
fn for_bash(script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script).replace("-F _clap_complete_vimeo ", "-F _vimeo ");
    [BASH_WRAPPER, &script].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_script_wraps_the_clap_function() {
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
