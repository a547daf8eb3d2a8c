//! Receives the redirect of the browser login on this machine.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::exit::{CliError, ExitCode, Result};

/// A listener on the loopback address that receives the redirect of one login.
pub(crate) struct CallbackServer {
    listener: TcpListener,
    port: u16,
}

impl CallbackServer {
    pub(crate) async fn listen(port: u16) -> Result<Self> {
        let failed = |error: std::io::Error| {
            CliError::new(
                ExitCode::Other,
                format!("cannot listen on 127.0.0.1:{port}: {}", crate::exit::reason(&error)),
            )
            .with_next_step("choose another port with --redirect-port, or use --device")
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// Waits for the redirect and returns its path and query. Requests for other paths, or without the state of this
    /// login, get an error page, and the login continues.
    pub(crate) async fn callback(&self, state: &str) -> Result<String> {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                // Idle connections do not block the others.
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        connections.push(tokio::time::timeout(CONNECTION_TIMEOUT, serve_connection(stream, state)));
                    }
                }
                Some(served) = connections.next() => {
                    if let Ok(Some(target)) = served {
                        return Ok(target);
                    }
                }
            }
        }
    }
}

/// Maximum number of concurrent connections.
const MAX_CONNECTIONS: usize = 64;

/// How long a connection can take.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Renders an HTML response.
fn html_response(status: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nReferrer-Policy: no-referrer\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n<!doctype html><title>vimeo</title><p>{text}"
    )
}

/// Serves one connection. Returns the request target if it is the callback of this login.
async fn serve_connection(mut stream: TcpStream, state: &str) -> Option<String> {
    let target = target(&mut stream).await?;
    let is_callback = target == "/callback" || target.starts_with("/callback?");
    let is_ours = is_callback && has_state(&target, state);
    let response = match (is_callback, is_ours) {
        (false, _) => html_response("404 Not Found", "Page not found."),
        // Same status as the valid callback: other pages learn nothing about the pending login.
        (true, false) => html_response(
            "200 OK",
            "This link belongs to another login. Nothing was changed. Use the link that the terminal shows now.",
        ),
        (true, true) => html_response("200 OK", "Return to the terminal to see whether the login succeeded."),
    };
    // Ignore write errors: the callback was received even if the browser is gone.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
    is_ours.then_some(target)
}

/// Whether a callback has the state of this login.
fn has_state(target: &str, state: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    // Completing the login checks the state once more, in constant time.
    states.next().is_some_and(|(_, given)| given == state) && states.next().is_none()
}

/// Reads the head of a request and returns the target if the method is GET.
async fn target(stream: &mut TcpStream) -> Option<String> {
    const MAX_REQUEST_BYTES: u64 = 16 << 10;
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(stream, MAX_REQUEST_BYTES)).lines();
    let first = lines.next_line().await.ok()??;
    while lines.next_line().await.ok()?.is_some_and(|line| !line.is_empty()) {}
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET").then(|| target.to_owned())
}

/// Opens a URL in the user's browser. Returns `false` if no browser could be started.
pub(crate) fn open(url: &str) -> bool {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let null = std::process::Stdio::null;
    std::process::Command::new(program)
        .args(first)
        .arg(url)
        .stdin(null())
        .stdout(null())
        .stderr(null())
        .spawn()
        .is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn send(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn only_the_matching_state_ends_the_login() {
        let loopback = CallbackServer::listen(0).await.unwrap();
        let port = loopback.port;
        let mut waiting = std::pin::pin!(loopback.callback("right"));
        let others = async {
            // Idle connections that stay open.
            let mut idle = Vec::new();
            for _ in 0..3 {
                idle.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
            }
            for (target, expected) in [
                ("/callback?x", "Nothing was changed"),
                ("/callback", "Nothing was changed"),
                ("/callback?code=c&state=wrong", "Nothing was changed"),
                ("/callback?code=c&state=", "Nothing was changed"),
                ("/callback?state=right&state=wrong", "Nothing was changed"),
                ("/favicon.ico", "HTTP/1.1 404"),
            ] {
                let response = send(port, &format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
                assert!(response.contains(expected), "{target}: {response}");
            }
            idle
        };
        let idle = tokio::select! {
            target = &mut waiting => panic!("the login ended with {target:?}"),
            idle = others => idle,
        };
        let good = "GET /callback?code=c%20d&state=right HTTP/1.1\r\nHost: x\r\n\r\n";
        let (target, response) = tokio::join!(waiting, send(port, good));
        assert_eq!(target.unwrap(), "/callback?code=c%20d&state=right");
        assert!(response.contains("Return to the terminal"), "{response}");
        drop(idle);
    }
}
