//! A whole response: two bytes choose the status and the decode mode, the rest is the body.
#![no_main]

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, StatusCode};
use libfuzzer_sys::fuzz_target;
use vimeo_ext::api::{Client, DecodeMode, RawResponse, Request, Transport, TransportFuture};

/// Gives every request the same response.
struct Canned(StatusCode, Bytes);

impl Transport for Canned {
    fn send(&self, _: Request) -> TransportFuture<'_> {
        let response = RawResponse::new(self.0, HeaderMap::new(), self.1.clone());
        Box::pin(async { Ok(response) })
    }
}

fuzz_target!(|input: &[u8]| {
    let [status, strict, body @ ..] = input else { return };
    let status =
        StatusCode::from_u16([200, 201, 400, 401, 403, 404, 429, 500][usize::from(status % 8)]).unwrap();
    let decode_mode = if strict % 2 == 0 { DecodeMode::Lenient } else { DecodeMode::Strict };
    let transport = Canned(status, Bytes::copy_from_slice(body));
    let client = Client::builder().transport(transport).decode_mode(decode_mode).build().unwrap();
    // The transport responds at once, so each call completes at once.
    let video = client.videos().get_video(1_u64).send().now_or_never().expect("no wait");
    let page = client.videos().list_my_videos().send().now_or_never().expect("no wait");
    for text in [format!("{video:?}"), format!("{page:?}")] {
        assert!(!text.contains("\"password\": \""));
    }
    if let (Err(error), true) = (&video, status.is_success()) {
        // A decode error has a message.
        assert!(!error.to_string().is_empty());
    }
});
