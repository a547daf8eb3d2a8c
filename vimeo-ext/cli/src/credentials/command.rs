//! Tokens printed by another program, such as a password manager.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::exit::{CliError, ExitCode, Result};

/// Long enough to touch a security key or enter a passphrase.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum output of the command; far more than any token.
const MAX_BYTES: u64 = 64 << 10;

/// Runs the command in a shell and returns the first line of its output. The command can prompt on the terminal.
pub(crate) async fn run_token_command(command: &str) -> Result<SecretString> {
    run(command, COMMAND_TIMEOUT).await
}

/// Error messages never contain the command, because it can contain secrets.
async fn run(command: &str, timeout: Duration) -> Result<SecretString> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let failed = |reason: String| {
        CliError::new(ExitCode::Auth, format!("the token command {reason}"))
            .with_next_step("run the command by hand; it must print the token and nothing else")
    };
    let mut process = Command::new(shell);
    process.args([flag, command]).stdout(Stdio::piped()).kill_on_drop(true);
    let io_error = |error: std::io::Error| failed(format!("cannot be run: {}", crate::exit::reason(&error)));
    let mut child = process.spawn().map_err(io_error)?;
    let mut output = Zeroizing::new(Vec::new());
    let ended = tokio::time::timeout(timeout, async {
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_BYTES + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > MAX_BYTES {
            return Ok(None);
        }
        child.wait().await.map(Some)
    });
    let ended = ended
        .await
        .map_err(|_| failed(format!("timed out after {} s", timeout.as_secs())))?
        .map_err(io_error)?;
    let Some(status) = ended else {
        return Err(failed(format!("printed more than {} KiB", MAX_BYTES >> 10)));
    };
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    let text = std::str::from_utf8(&output).map_err(|_| failed("printed invalid UTF-8".to_owned()))?;
    let first = text.lines().next().and_then(super::parse_token);
    first.ok_or_else(|| failed("printed nothing".to_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn token_command_returns_first_line_within_limits() {
        let token = run("echo Bearer t0ken; echo more", COMMAND_TIMEOUT).await.unwrap();
        assert_eq!(token.expose_secret(), "t0ken");
        let short = Duration::from_millis(50);
        for (command, timeout, expected) in [
            ("yes hunter2", COMMAND_TIMEOUT, "printed more than 64 KiB"),
            ("exec sleep 60 # hunter2", short, "timed out after 0 s"),
            ("exit 3 # hunter2", COMMAND_TIMEOUT, "failed (exit status: 3)"),
            (": hunter2", COMMAND_TIMEOUT, "printed nothing"),
            ("printf '\\377' # hunter2", COMMAND_TIMEOUT, "printed invalid UTF-8"),
        ] {
            let failure = run(command, timeout).await.unwrap_err();
            assert!(failure.message().contains(expected), "{failure}");
            assert!(!failure.message().contains("hunter2"), "{failure}");
        }
    }
}
