//! `vimeo serve`, killed with SIGKILL during progressive uploads: each becomes exactly one video with the right bytes.

use std::io::Write;
use std::net::TcpStream;

use http::Method;
use serde_json::{Value, json};
use vimeo_sandbox::{Effect, Fault, Host, Phase};

use crate::harness::Harness;
use crate::serve::{Service, create_key};

const ARGS: [&str; 4] = ["--spool-folder", "spool", "--spool-limit", "64M"];

/// The number of bytes of the file, and of each of its parts.
const SIZE: usize = 3 * PART;
const PART: usize = 700_000;

/// An upload, as a client with the upload token alone sees it.
struct Upload<'a> {
    harness: &'a Harness,
    film: Vec<u8>,
    /// The path with the secret: the port of the service changes.
    path: String,
}

impl<'a> Upload<'a> {
    fn start(harness: &'a Harness, service: &Service) -> Self {
        let created = create_key(harness, &[]);
        let key = created["key"].as_str().unwrap();
        let token = json!({"access_token": harness.sandbox.token()});
        assert_eq!(service.call(harness, key, "PUT", "/v1/accounts/a/access-token", token).0, 200);
        let (_, token) = service.call(harness, key, "POST", "/v1/accounts/a/upload-tokens", json!({}));
        let token = token["upload_url"].as_str().unwrap().split("token=").nth(1).unwrap();
        let file = json!({"file_name": "Surf.mp4"});
        let (status, upload) = service.call(harness, token, "POST", "/v1/progressive-uploads", file);
        assert_eq!(status, 201, "{upload}");
        let path = upload["upload_url"].as_str().unwrap().strip_prefix(&service.url).unwrap().to_owned();
        let film = (0..SIZE).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        Self { harness, film, path }
    }

    /// Returns the `Content-Range` of a part, and its bytes. The last one tells the size.
    fn part(&self, number: usize) -> (String, &[u8]) {
        let (start, end) = (number * PART, (number + 1) * PART);
        let total = if end == SIZE { SIZE.to_string() } else { "*".to_owned() };
        (format!("bytes {start}-{}/{total}", end - 1), &self.film[start..end])
    }

    fn send(&self, service: &Service, number: usize) -> Value {
        let (range, bytes) = self.part(number);
        self.harness.runtime.block_on(async {
            let request = crate::http::client().put(format!("{}{}", service.url, self.path));
            let response = request.header("content-range", range).body(bytes.to_vec()).send().await.unwrap();
            let body = response.bytes().await.unwrap();
            serde_json::from_slice(&body).unwrap()
        })
    }

    /// Sends half of a part; returns the open connection.
    fn send_half(&self, service: &Service, number: usize) -> TcpStream {
        let (range, bytes) = self.part(number);
        let mut connection = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nhost: a\r\ncontent-range: {range}\r\ncontent-length: {PART}\r\n\r\n",
            self.path
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&bytes[..PART / 2]).unwrap();
        connection
    }

    fn get(&self, service: &Service) -> Value {
        let (status, upload) = service.call(self.harness, "", "GET", &self.path, Value::Null);
        assert_eq!(status, 200, "{upload}");
        upload
    }

    /// Whether a part is being received.
    fn has_part_file(&self) -> bool {
        let id = self.path.split(['/', '?']).nth(3).unwrap();
        let files = std::fs::read_dir(self.harness.path("spool").join(id)).unwrap();
        files.map(|file| file.unwrap().path()).any(|path| path.extension().is_some_and(|name| name == "part"))
    }

    /// Waits until Vimeo has the file, and asserts that it is the only video and has the right bytes.
    fn assert_one_video(&self, service: &Service) {
        let done = loop {
            let upload = self.get(service);
            match upload["state"].as_str().unwrap() {
                "sending" => std::thread::yield_now(),
                _ => break upload,
            }
        };
        assert_eq!(done["state"], "done", "{done}");
        let list = self.harness.run(&["videos", "list", "--json=uri,name"]).json();
        assert_eq!(list, json!([{"uri": done["video_uri"], "name": "Surf.mp4"}]));
        let id = done["video_uri"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        assert!(self.harness.sandbox.upload_bytes(id).unwrap() == self.film, "the bytes differ");
    }
}

#[test]
fn acknowledged_parts_survive_kills_between_and_during_parts() {
    let harness = Harness::new();
    let service = Service::start(&harness, &ARGS);
    let upload = Upload::start(&harness, &service);
    assert_eq!(upload.send(&service, 2)["total_bytes"], SIZE);
    service.kill();
    let service = Service::start(&harness, &ARGS);
    let received = json!([{"first": 2 * PART, "last": SIZE - 1}]);
    assert_eq!(upload.get(&service)["received"], received);
    upload.send(&service, 0);
    let connection = upload.send_half(&service, 1);
    while !upload.has_part_file() {
        std::thread::yield_now();
    }
    service.kill();
    drop(connection);
    let service = Service::start(&harness, &ARGS);
    assert_eq!(upload.get(&service)["received_bytes"], 2 * PART);
    // The client cannot know whether its last acknowledged part arrived: it sends that again too.
    upload.send(&service, 0);
    assert_eq!(upload.send(&service, 1)["received_bytes"], SIZE);
    upload.assert_one_video(&service);
    assert!(!upload.has_part_file());
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn kills_while_the_file_is_sent_make_no_second_video() {
    let harness = Harness::new();
    let stall = |method: Method, phase| Fault::new(Effect::Stall).method(method).phase(phase);
    // The creation without a response, before and after the video exists; then the bytes without one.
    let faults = [
        stall(Method::POST, Phase::Before).path("/me/videos"),
        stall(Method::POST, Phase::AfterCommit).path("/me/videos"),
        stall(Method::PATCH, Phase::Before).host(Host::Upload),
        stall(Method::PATCH, Phase::AfterCommit).host(Host::Upload),
    ];
    let service = Service::start(&harness, &ARGS);
    let upload = Upload::start(&harness, &service);
    for number in [1, 2] {
        upload.send(&service, number);
    }
    let mut faults = faults.into_iter();
    harness.sandbox.add_fault(faults.next().unwrap());
    upload.send(&service, 0);
    let mut service = service;
    loop {
        // The request has arrived and gets no response.
        while harness.sandbox.pending_faults() > 0 {
            std::thread::yield_now();
        }
        service.kill();
        let next = faults.next();
        let is_last = next.is_none();
        if let Some(fault) = next {
            harness.sandbox.add_fault(fault);
        }
        service = Service::start(&harness, &ARGS);
        if is_last {
            break;
        }
    }
    upload.assert_one_video(&service);
    assert_eq!(service.stop().0, Some(0));
}
