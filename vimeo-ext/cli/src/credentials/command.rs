//! A token that another program prints, such as a password manager.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use tokio::process::Command;

use crate::exit::{Exit, Failure, Result};

/// Long enough for somebody to touch a key or enter a passphrase.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command through the shell; its first line of output is the token. It may ask on the terminal.
pub(crate) async fn run_token_command(command: &str) -> Result<SecretString> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let failed = |why: String| {
        Failure::new(Exit::Auth, format!("the token command `{command}` {why}"))
            .next("run it by hand; it has to print the token and nothing else")
    };
    let mut process = Command::new(shell);
    process.args([flag, command]).stdout(Stdio::piped()).kill_on_drop(true);
    let running = process.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
    let output = tokio::time::timeout(PATIENCE, running.wait_with_output())
        .await
        .map_err(|_| failed(format!("is not done after {} s", PATIENCE.as_secs())))?
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed ({})", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("prints no text".to_owned()))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(token.into()),
        _ => Err(failed("prints nothing".to_owned())),
    }
}
