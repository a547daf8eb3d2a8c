//! A token that another program prints, such as a password manager.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::exit::{Exit, Failure, Result};

/// Long enough for somebody to touch a key or enter a passphrase.
const LONGEST: Duration = Duration::from_secs(60);

/// No token comes near it.
const MAX_BYTES: u64 = 64 << 10;

/// Runs the command through the shell; its first line of output is the token. It may ask on the terminal.
pub(crate) async fn run_token_command(command: &str) -> Result<SecretString> {
    run(command, LONGEST).await
}

/// The command itself is in no message: people write secrets into it.
async fn run(command: &str, longest: Duration) -> Result<SecretString> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let failed = |why: String| {
        Failure::new(Exit::Auth, format!("the token command {why}"))
            .next("run it by hand; it has to print the token and nothing else")
    };
    let mut process = Command::new(shell);
    process.args([flag, command]).stdout(Stdio::piped()).kill_on_drop(true);
    let unrunnable =
        |error: std::io::Error| failed(format!("cannot be run: {}", crate::exit::reason(&error)));
    let mut running = process.spawn().map_err(unrunnable)?;
    let mut output = Zeroizing::new(Vec::new());
    let ended = tokio::time::timeout(longest, async {
        if let Some(stdout) = running.stdout.take() {
            stdout.take(MAX_BYTES + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > MAX_BYTES {
            return Ok(None);
        }
        running.wait().await.map(Some)
    });
    let ended = ended
        .await
        .map_err(|_| failed(format!("is not done after {} s", longest.as_secs())))?
        .map_err(unrunnable)?;
    let Some(status) = ended else {
        return Err(failed(format!("prints more than {} KiB", MAX_BYTES >> 10)));
    };
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    let text = std::str::from_utf8(&output).map_err(|_| failed("prints no text".to_owned()))?;
    let first = text.lines().next().and_then(super::token);
    first.ok_or_else(|| failed("prints nothing".to_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_command_gives_the_first_line_and_is_bounded() {
        let token = run("echo Bearer t0ken; echo more", LONGEST).await.unwrap();
        assert_eq!(token.expose_secret(), "t0ken");
        let short = Duration::from_millis(50);
        for (command, longest, says) in [
            ("yes hunter2", LONGEST, "prints more than 64 KiB"),
            ("exec sleep 60 # hunter2", short, "is not done after 0 s"),
            ("exit 3 # hunter2", LONGEST, "failed (exit status: 3)"),
            (": hunter2", LONGEST, "prints nothing"),
            ("printf '\\377' # hunter2", LONGEST, "prints no text"),
        ] {
            let failure = run(command, longest).await.unwrap_err();
            assert!(failure.message().contains(says), "{failure}");
            assert!(!failure.message().contains("hunter2"), "{failure}");
        }
    }
}
