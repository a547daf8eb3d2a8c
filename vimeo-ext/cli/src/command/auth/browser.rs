//! The user's browser comes back to this machine.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::exit::{Exit, Failure, Result};

/// Where the browser is sent back to: a listener on the loopback address for one login.
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    pub(crate) async fn listen(port: u16) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Failure::new(
                Exit::Other,
                format!("cannot listen on 127.0.0.1:{port}: {}", crate::exit::reason(&error)),
            )
            .next("name another port with --redirect-port, or use --device")
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// Waits for the browser; gives the path and query it came with. What comes without the state of this login, or asks
    /// for another path, is told so, and the login goes on.
    pub(crate) async fn callback(&self, state: &str) -> Result<String> {
        let mut visits = FuturesUnordered::new();
        loop {
            tokio::select! {
                // Nobody who connects and says nothing holds the others up.
                accepted = self.listener.accept(), if visits.len() < MAX_VISITS => {
                    if let Ok((stream, _)) = accepted {
                        visits.push(tokio::time::timeout(LONGEST_VISIT, visit(stream, state)));
                    }
                }
                Some(visit) = visits.next() => {
                    if let Ok(Some(target)) = visit {
                        return Ok(target);
                    }
                }
            }
        }
    }
}

/// How many connections are served side by side.
const MAX_VISITS: usize = 64;

/// How long one may take.
const LONGEST_VISIT: Duration = Duration::from_secs(5);

/// What a page gets for its answer.
fn page(status: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nReferrer-Policy: no-referrer\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n<!doctype html><title>vimeo</title><p>{text}"
    )
}

/// Answers one connection; gives the target when it is the callback of this login.
async fn visit(mut stream: TcpStream, state: &str) -> Option<String> {
    let target = target(&mut stream).await?;
    let is_callback = target == "/callback" || target.starts_with("/callback?");
    let is_ours = is_callback && has_state(&target, state);
    let answer = match (is_callback, is_ours) {
        (false, _) => page("404 Not Found", "There is nothing here."),
        // The status is that of the right one: other pages learn nothing about the login that waits.
        (true, false) => page(
            "200 OK",
            "This belongs to another login, and nothing was done. Use the address that the terminal shows now.",
        ),
        (true, true) => page("200 OK", "Back to the terminal: it says whether the login worked."),
    };
    // A browser that is gone by now has come back all the same.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    is_ours.then_some(target)
}

/// Whether a callback carries the state of this login.
fn has_state(target: &str, state: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    // Whether it is the right one is checked once more, in constant time, when the login is completed.
    states.next().is_some_and(|(_, given)| given == state) && states.next().is_none()
}

/// The target of a GET request, once its head is read.
async fn target(stream: &mut TcpStream) -> Option<String> {
    const MAX_REQUEST_BYTES: u64 = 16 << 10;
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(stream, MAX_REQUEST_BYTES)).lines();
    let first = lines.next_line().await.ok()??;
    while lines.next_line().await.ok()?.is_some_and(|line| !line.is_empty()) {}
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET").then(|| target.to_owned())
}

/// Opens the page in the user's browser; `false` when that cannot be.
pub(crate) fn open(url: &str) -> bool {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let quiet = std::process::Stdio::null;
    std::process::Command::new(program)
        .args(first)
        .arg(url)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn()
        .is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn only_the_callback_with_the_right_state_ends_the_login() {
        let loopback = Loopback::listen(0).await.unwrap();
        let port = loopback.port;
        let mut waiting = std::pin::pin!(loopback.callback("right"));
        let others = async {
            // They stay, and say nothing.
            let mut silent = Vec::new();
            for _ in 0..3 {
                silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
            }
            for (target, says) in [
                ("/callback?x", "nothing was done"),
                ("/callback", "nothing was done"),
                ("/callback?code=c&state=wrong", "nothing was done"),
                ("/callback?code=c&state=", "nothing was done"),
                ("/callback?state=right&state=wrong", "nothing was done"),
                ("/favicon.ico", "HTTP/1.1 404"),
            ] {
                let answer = ask(port, &format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
                assert!(answer.contains(says), "{target}: {answer}");
            }
            silent
        };
        let silent = tokio::select! {
            target = &mut waiting => panic!("the login ended with {target:?}"),
            silent = others => silent,
        };
        let good = "GET /callback?code=c%20d&state=right HTTP/1.1\r\nHost: x\r\n\r\n";
        let (target, answer) = tokio::join!(waiting, ask(port, good));
        assert_eq!(target.unwrap(), "/callback?code=c%20d&state=right");
        assert!(answer.contains("Back to the terminal"), "{answer}");
        drop(silent);
    }
}
