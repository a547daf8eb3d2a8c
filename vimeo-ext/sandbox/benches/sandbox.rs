//! Figures of the sandbox beside a bare server in one run: start, small GETs, a large upload.
//!
//! `cargo bench -p vimeo-sandbox --bench sandbox -- [MiB]`

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt as _;
use vimeo_sandbox::{Sandbox, StartError};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many requests are sent one after another on each connection.
const REQUESTS: u32 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mebibytes: u64 = std::env::args()
        .filter(|word| word != "--bench")
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1024);
    start().await?;
    let sandbox = Sandbox::start().await?;
    let bare = bare().await?;

    let token = sandbox.token().to_owned();
    let api = authority(sandbox.url());
    let path = "/me?fields=uri,name";
    let plain = tokio::task::spawn_blocking({
        let bare = bare.clone();
        move || gets(&bare, "/me", "")
    })
    .await??;
    let ours = tokio::task::spawn_blocking(move || gets(&api, path, &token)).await??;
    println!("GET {path}: {ours:.0}/s, bare handler {plain:.0}/s");

    let counting = Sandbox::builder().digest(false).start().await?;
    // A few times each, in turn, since the first of anything is slower.
    for _ in 0..3 {
        for (sandbox, how) in [(&sandbox, "with SHA-256"), (&counting, "without")] {
            let link = upload_link(sandbox, mebibytes << 20).await?;
            let target = bare.clone();
            let plain = tokio::task::spawn_blocking(move || put(&target, "/discard", mebibytes)).await??;
            let host = authority(sandbox.upload_url());
            let ours = tokio::task::spawn_blocking(move || put(&host, &link, mebibytes)).await??;
            println!(
                "upload of {mebibytes} MiB, {how}: {ours:.0} MiB/s, discarding server {plain:.0} MiB/s: {:.2}",
                ours / plain
            );
        }
    }
    Ok(())
}

async fn start() -> Result<(), StartError> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        let sandbox = Sandbox::start().await?;
        times.push(begun.elapsed());
        sandbox.stop().await;
    }
    times.sort();
    println!("start: median {:?}", times.get(50).unwrap_or(&Duration::ZERO));
    Ok(())
}

/// A server that answers GETs with a few bytes and throws bodies away.
async fn bare() -> Result<String, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let router = Router::new().fallback(|request: http::Request<Body>| async {
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        "{\"uri\":\"/users/1\",\"name\":\"Nobody\"}"
    });
    tokio::spawn(vimeo_sandbox_bare::serve(listener, router));
    Ok(address)
}

/// The same connection loop as any hyper server's, with nothing of the sandbox in it.
mod vimeo_sandbox_bare {
    use hyper::server::conn::http1;
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;

    pub(crate) async fn serve(listener: tokio::net::TcpListener, router: axum::Router) {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }
}

fn authority(url: &url::Url) -> String {
    url.authority().to_owned()
}

async fn upload_link(sandbox: &Sandbox, size: u64) -> Result<String, Failure> {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new()
        .post(sandbox.url().join("me/videos?fields=upload.upload_link")?)
        .bearer_auth(sandbox.token())
        .json(&serde_json::json!({"upload": {"approach": "tus", "size": size}}))
        .send()
        .await?
        .json::<serde_json::Value>()
        .await?;
    let link = answer.pointer("/upload/upload_link").and_then(|link| link.as_str()).ok_or("no link")?;
    let link = url::Url::parse(link)?;
    Ok(format!("{}?{}", link.path(), link.query().unwrap_or_default()))
}

fn gets(host: &str, path: &str, token: &str) -> Result<f64, std::io::Error> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: bearer {token}\r\n\r\n");
    let mut buffer = vec![0; 64 * 1024];
    let begun = Instant::now();
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes())?;
        // Answers are smaller than the buffer and come in one piece.
        let _ = stream.read(&mut buffer)?;
    }
    Ok(f64::from(REQUESTS) / begun.elapsed().as_secs_f64())
}

fn put(host: &str, path: &str, mebibytes: u64) -> Result<f64, std::io::Error> {
    let mut stream = TcpStream::connect(host)?;
    let length = mebibytes << 20;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: {host}\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: {length}\r\n\r\n"
    );
    let piece = vec![7; 1 << 20];
    let begun = Instant::now();
    stream.write_all(head.as_bytes())?;
    for _ in 0..mebibytes {
        stream.write_all(&piece)?;
    }
    let mut answer = vec![0; 1024];
    let _ = stream.read(&mut answer)?;
    Ok(mebibytes as f64 / begun.elapsed().as_secs_f64())
}
