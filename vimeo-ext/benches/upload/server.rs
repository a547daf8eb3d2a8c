//! A tus server that discards every byte, so that the bench measures the client.
//!
//! Each connection has its own thread. Over plain TCP, the kernel discards the bytes of a body without copying them, if the system
//! supports it. Over TLS, the server decrypts them first.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::AnyError;

/// The bytes discarded at once.
const DISCARD_SIZE: usize = 1024 * 1024;

/// Serves until standard input ends. Prints the addresses on the first line.
pub(crate) fn run(folder: &Path) -> Result<(), AnyError> {
    let plain = TcpListener::bind("127.0.0.1:0")?;
    let secure = TcpListener::bind("127.0.0.1:0")?;
    let config = Arc::new(certified(&folder.join("certificate.pem"))?);
    println!("http://{} https://{}", plain.local_addr()?, secure.local_addr()?);
    io::stdout().flush()?;

    let uploads: Uploads = Arc::default();
    let base = format!("http://{}", plain.local_addr()?);
    {
        let (uploads, base) = (Arc::clone(&uploads), base.clone());
        thread::spawn(move || accept(&plain, |socket| serve(Plain(socket), &uploads, &base)));
    }
    let base = format!("https://{}", secure.local_addr()?);
    thread::spawn(move || {
        accept(&secure, |socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            let socket =
                Buffered { reader: BufReader::with_capacity(DISCARD_SIZE / 4, socket.try_clone()?), socket };
            serve(Secure(StreamOwned::new(connection, socket)), &uploads, &base)
        });
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Creates a self-signed certificate for this run and writes it to a file for the clients.
fn certified(file: &Path) -> Result<ServerConfig, AnyError> {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(file, own.cert.pem())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(config.with_single_cert(vec![own.cert.der().clone()], key)?)
}

fn accept<F>(listener: &TcpListener, serve: F)
where
    F: Fn(TcpStream) -> io::Result<()> + Clone + Send + Sync,
{
    thread::scope(|scope| {
        for socket in listener.incoming().flatten() {
            let serve = &serve;
            // A client that disconnects is not an error.
            scope.spawn(move || drop(serve(socket)));
        }
    });
}

/// The uploads by path.
type Uploads = Arc<Mutex<HashMap<String, Upload>>>;

#[derive(Clone, Copy)]
struct Upload {
    size: u64,
    offset: u64,
}

fn serve(mut line: impl Connection, uploads: &Uploads, base: &str) -> io::Result<()> {
    let mut rest = Vec::new();
    while let Some(request) = Request::read(&mut line, &mut rest)? {
        let lock = || uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let response = match request.method.as_str() {
            "POST" => {
                let mut body = std::mem::take(&mut rest);
                let missing = request.length.saturating_sub(body.len() as u64);
                (&mut line).take(missing).read_to_end(&mut body)?;
                let body: serde_json::Value = serde_json::from_slice(&body)?;
                let size = body.pointer("/upload/size").and_then(serde_json::Value::as_u64).unwrap_or(0);
                let number = lock().len() + 1;
                lock().insert(format!("/files/{number}"), Upload { size, offset: 0 });
                let json = serde_json::json!({
                    "uri": format!("/videos/{number}"),
                    "upload": { "approach": "tus", "upload_link": format!("{base}/files/{number}") },
                });
                let json = json.to_string();
                format!(
                    "200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
                    json.len()
                )
            }
            "HEAD" => match lock().get(&request.path) {
                Some(upload) => format!(
                    "200 OK\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {}\r\nUpload-Length: {}\r\n\r\n",
                    upload.offset, upload.size
                ),
                None => "404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            },
            "PATCH" => {
                if request.waits {
                    line.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                    line.flush()?;
                }
                let mut missing = request.length.saturating_sub(rest.len() as u64);
                rest.clear();
                while missing > 0 {
                    let most = usize::try_from(missing).unwrap_or(usize::MAX).min(DISCARD_SIZE);
                    match line.discard(most)? {
                        0 => return Ok(()),
                        dropped => missing -= dropped as u64,
                    }
                }
                let offset = match lock().get_mut(&request.path) {
                    Some(upload) => {
                        upload.offset += request.length;
                        upload.offset
                    }
                    None => request.length,
                };
                format!("204 No Content\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n\r\n")
            }
            _ => "405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        line.write_all(b"HTTP/1.1 ")?;
        line.write_all(response.as_bytes())?;
        line.flush()?;
    }
    Ok(())
}

struct Request {
    method: String,
    path: String,
    length: u64,
    /// Whether the client sends the body only after a `100 Continue`.
    waits: bool,
}

impl Request {
    /// Reads a request head, and leaves the start of the body in `rest`.
    fn read(line: &mut impl Connection, rest: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let mut buffer = [0; 16 * 1024];
        let end = loop {
            if let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            match line.read(&mut buffer)? {
                0 => return Ok(None),
                read => rest.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            }
        };
        let head: Vec<u8> = rest.drain(..end + 4).collect();
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let mut words = head.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let header = |name: &str| {
            let found = head.lines().filter_map(|line| line.split_once(':'));
            found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
        };
        Ok(Some(Self {
            method,
            path: target.split('?').next().unwrap_or_default().to_owned(),
            length: header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0),
            waits: header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")),
        }))
    }
}

/// A connection whose bytes can be discarded.
trait Connection: Read + Write {
    /// Discards at most this many bytes. Returns 0 at the end of the connection.
    fn discard(&mut self, most: usize) -> io::Result<usize>;
}

struct Plain(TcpStream);

impl Connection for Plain {
    #[cfg(target_os = "linux")]
    fn discard(&mut self, most: usize) -> io::Result<usize> {
        use rustix::net::{RecvFlags, recv};
        use std::cell::RefCell;
        thread_local! {
            // Never written to: with this flag, the kernel discards the bytes instead of copying them.
            static UNTOUCHED: RefCell<Vec<u8>> = RefCell::new(vec![0; DISCARD_SIZE]);
        }
        UNTOUCHED.with_borrow_mut(|buffer| {
            let buffer = buffer.get_mut(..most.min(DISCARD_SIZE)).unwrap_or_default();
            Ok(recv(&self.0, buffer, RecvFlags::TRUNC)?.0)
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn discard(&mut self, most: usize) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let most = most.min(buffer.len());
        self.0.read(buffer.get_mut(..most).unwrap_or_default())
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A socket that is read in large pieces, because a TLS session reads small ones.
struct Buffered {
    reader: BufReader<TcpStream>,
    socket: TcpStream,
}

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

struct Secure(StreamOwned<ServerConnection, Buffered>);

impl Connection for Secure {
    fn discard(&mut self, most: usize) -> io::Result<usize> {
        let mut buffer = [0; 32 * 1024];
        let most = most.min(buffer.len());
        self.0.read(buffer.get_mut(..most).unwrap_or_default())
    }
}

impl Read for Secure {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Secure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
