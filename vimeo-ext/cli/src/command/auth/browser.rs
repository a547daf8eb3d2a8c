//! The user's browser comes back to this machine.

use std::time::Duration;

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

    /// Waits for the browser; gives the path and query it came with. What asks for another path gets 404.
    pub(crate) async fn callback(&self) -> Result<String> {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { continue };
            // Somebody who connects and says nothing must not hold the login up.
            let asked = tokio::time::timeout(Duration::from_secs(5), target(&mut stream)).await;
            let Ok(Some(target)) = asked else { continue };
            let is_callback = target == "/callback" || target.starts_with("/callback?");
            let answer = if is_callback { PAGE } else { NOT_FOUND };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
            if is_callback {
                return Ok(target);
            }
        }
    }
}

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nReferrer-Policy: no-referrer\r\n\
    Cache-Control: no-store\r\nConnection: close\r\n\r\n\
    <!doctype html><title>vimeo</title><p>Back to the terminal: it says whether the login worked.</p>";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The target of a GET request, once its head is read.
async fn target(stream: &mut TcpStream) -> Option<String> {
    const MOST: u64 = 16 << 10;
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(stream, MOST)).lines();
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
