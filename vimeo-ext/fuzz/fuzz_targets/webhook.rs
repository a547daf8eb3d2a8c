//! The body and the signature of a webhook's request.
#![no_main]

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use vimeo_ext::webhooks::{Encoding, Hash, Receiver, Signature, Verifier, WebhookError};

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (signature, body) = input.split_at(cut);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(signature) {
        headers.insert("x-signature", value);
    }
    let body = Bytes::copy_from_slice(body);
    let builder = || {
        Receiver::builder().kind_at("/type").delivery_id_at("/id").sent_at("/sent").tolerance(Duration::MAX)
    };
    let signed = Verifier::signature(Signature::new("x-signature", Hash::Sha256, Encoding::Hex), "secret");
    let receiver = builder().verifier(signed).build().unwrap();
    let outcome = receiver.receive(&headers, body.clone()).now_or_never().expect("no wait");
    // Without the secret, no signature is valid.
    assert!(matches!(outcome, Err(WebhookError::Forged)), "{outcome:?}");

    let open = builder().verifier(Verifier::none()).build().unwrap();
    if let Ok(event) = open.receive(&headers, body.clone()).now_or_never().expect("no wait") {
        let _ = (event.video_id(), event.live_event_id());
        let copy = open.receive(&headers, body).now_or_never().expect("no wait");
        assert!(copy.is_err(), "one delivery became two events");
    }
});
