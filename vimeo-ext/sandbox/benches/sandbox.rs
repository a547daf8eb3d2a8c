//! Compares the sandbox with a bare server in one run: start, memory, small GETs, full pages of a list, a large upload.
//!
//! `cargo bench -p vimeo-sandbox --bench sandbox -- [MiB]`

#![allow(clippy::print_stdout, reason = "this prints figures")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt as _;
use vimeo_sandbox::{Sandbox, StartError};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The number of videos on a full page.
const PAGE: usize = 100;

/// The number of clients that list at a time.
const LISTING_CLIENTS: usize = 16;

/// The number of requests sent sequentially per connection.
const REQUESTS: u32 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mebibytes: u64 = std::env::args()
        .filter(|word| word != "--bench")
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1024);
    start().await?;
    tokio::task::spawn_blocking(start_command).await??;
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

    sandbox.add_videos(PAGE);
    let api = authority(sandbox.url());
    let token = sandbox.token().to_owned();
    let path = format!("/me/videos?per_page={PAGE}");
    let (pages, alone, meanwhile) =
        tokio::task::spawn_blocking(move || list_pages(&api, &path, &token)).await??;
    println!(
        "GET /me/videos with {PAGE} videos: {pages:.1}/s at {LISTING_CLIENTS} connections; \
         GET /me?fields=uri while 2 list takes {:.1} times as long",
        meanwhile / alone
    );

    let counting = Sandbox::builder().digest(false).start().await?;
    // Alternate a few times, because the first run is slower.
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

/// Starts the command a few times, and prints the time to its first response and the memory it has then.
fn start_command() -> Result<(), Failure> {
    let mut times = Vec::new();
    let mut memory = None;
    for _ in 0..20 {
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vimeo-sandbox")).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(command.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let text = |name: &str| ready.get(name).and_then(|text| text.as_str()).ok_or("no ready line");
        get_whole(&authority(&text("url")?.parse()?), "/me?fields=uri", text("token")?)?;
        times.push(begun.elapsed());
        memory = resident_kibibytes(command.id());
        command.kill()?;
        command.wait()?;
    }
    times.sort();
    println!("vimeo-sandbox: median {:?} to the first response", times.get(10).unwrap_or(&Duration::ZERO));
    if let Some(kibibytes) = memory {
        println!("vimeo-sandbox: {:.1} MiB resident after it", kibibytes as f64 / 1024.0);
    }
    Ok(())
}

/// The resident memory of a process, where the system tells it in a file.
fn resident_kibibytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A server that responds to GETs with a few bytes and discards bodies.
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

/// The connection loop of a plain hyper server, without the sandbox.
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
    let response = reqwest::Client::new()
        .post(sandbox.url().join("me/videos?fields=upload.upload_link")?)
        .bearer_auth(sandbox.token())
        .json(&serde_json::json!({"upload": {"approach": "tus", "size": size}}))
        .send()
        .await?
        .json::<serde_json::Value>()
        .await?;
    let link = response.pointer("/upload/upload_link").and_then(|link| link.as_str()).ok_or("no link")?;
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
        // Responses are smaller than the buffer and arrive at once.
        let _ = stream.read(&mut buffer)?;
    }
    Ok(f64::from(REQUESTS) / begun.elapsed().as_secs_f64())
}

/// Returns full pages per second at [`LISTING_CLIENTS`] connections, and the median time in seconds of a small request
/// without clients that list, and while two list.
fn list_pages(host: &str, path: &str, token: &str) -> Result<(f64, f64, f64), std::io::Error> {
    let small = || median(100, || get_whole(host, "/me?fields=uri", token));
    let alone = small()?;
    let (_, meanwhile) = while_listing(2, || get_whole(host, path, token), small);
    let (rate, ()) = while_listing(
        LISTING_CLIENTS,
        || get_whole(host, path, token),
        || std::thread::sleep(Duration::from_secs(5)),
    );
    Ok((rate, alone, meanwhile?))
}

/// The median time of some requests, in seconds.
fn median(count: usize, request: impl Fn() -> Result<usize, std::io::Error>) -> Result<f64, std::io::Error> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        request()?;
        times.push(begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(count / 2).copied().unwrap_or_default())
}

/// Returns how many requests per second some clients sent during `work`, and what `work` returned.
fn while_listing<R>(
    clients: usize,
    request: impl Fn() -> Result<usize, std::io::Error> + Sync,
    work: impl FnOnce() -> R,
) -> (f64, R) {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    let (stop, pages) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let begun = Instant::now();
        for _ in 0..clients {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) && request().is_ok() {
                    pages.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let result = work();
        let rate = f64::from(pages.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        (rate, result)
    })
}

/// Sends a request on a connection of its own and reads the whole response.
fn get_whole(host: &str, path: &str, token: &str) -> Result<usize, std::io::Error> {
    let mut stream = TcpStream::connect(host)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    stream.read_to_end(&mut Vec::new())
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
    let mut response = vec![0; 1024];
    let _ = stream.read(&mut response)?;
    Ok(mebibytes as f64 / begun.elapsed().as_secs_f64())
}
