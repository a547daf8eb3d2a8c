//! Entry points for fuzz targets into private code that parses untrusted input. Compiled with `--cfg fuzzing` only.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::machine::{Command, Event, Inputs, UploadStateMachine};
use super::options::UploadOptions;
use super::plan::{Chunking, Plan};
use super::{link_redaction, wire};
use crate::error::TransientError;
use crate::upload::journal::PendingUpload;

/// The maximum number of commands of an upload of [`SIZE`] bytes: each failure and each byte of progress is one.
const MAX_COMMANDS: usize = 100_000;
const SIZE: u64 = 1000;

/// Runs an upload whose server responds with the input, eight bytes per response.
///
/// # Panics
///
/// If a command asks for bytes outside the file or before the server's offset, or if the upload does not end.
pub fn upload_responses(input: &[u8]) {
    let retry = UploadOptions::default_retry();
    let plan = Plan::new(SIZE, Chunking::Whole, None);
    let mut machine = UploadStateMachine::new(SIZE, plan, retry, None).new_upload(input.len() % 2 == 0);
    let mut responses = input.chunks(8);
    let mut event = Event::Started;
    let now = Inputs { elapsed: Duration::ZERO, random: 0.5, min_offset: 0 };
    for _ in 0..MAX_COMMANDS {
        let command = machine.on(event, now);
        assert!(machine.acknowledged() <= SIZE);
        event = match command {
            Command::Done { .. } | Command::Fail(_) => return,
            Command::Wait(_) => Event::WaitElapsed,
            Command::Probe => response_event(responses.next(), false),
            Command::Send(range) => {
                assert!(range.start < range.end && range.end <= SIZE, "{range:?}");
                response_event(responses.next(), true)
            }
        };
    }
    panic!("the upload did not end");
}

/// One response: a kind, a number and an offset as a header.
fn response_event(bytes: Option<&[u8]>, is_patch: bool) -> Event {
    let Some([kind, low, high, text @ ..]) = bytes else {
        return Event::RequestFailed(TransientError::Dropped);
    };
    let number = u16::from_le_bytes([*low, *high]);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(text) {
        headers.insert("upload-offset", value);
    }
    let offset = match kind % 2 {
        0 => wire::header_number(&headers, "upload-offset"),
        _ => Some(u64::from(number)),
    };
    match kind % 5 {
        0 | 1 if is_patch => Event::Sent { offset },
        0 | 1 => Event::Probed { offset, length: (kind % 3 == 0).then_some(u64::from(number)) },
        2 => Event::RequestFailed(TransientError::Stalled),
        _ => Event::ErrorStatus {
            status: number % 600,
            retry_after: (kind % 3 == 0).then_some(Duration::from_secs(u64::from(number))),
        },
    }
}

/// Parses a journal entry. A parsed entry can be written and parsed again to the same value.
///
/// # Panics
///
/// If it cannot.
pub fn journal_entry(input: &[u8]) {
    let Ok(entry) = serde_json::from_slice::<PendingUpload>(input) else { return };
    let written = serde_json::to_value(&entry).expect("an entry that was read can be written");
    let again: PendingUpload =
        serde_json::from_value(written.clone()).expect("an entry that was written can be read");
    assert_eq!(serde_json::to_value(&again).expect("and written again"), written);
}

/// Redacts an upload link in a text, between the two halves of the input.
///
/// # Panics
///
/// If the capability is still in the text.
pub fn link_redaction(input: &[u8]) {
    const CAPABILITY: &str = "f00dfeedc0ffee42";
    let link = format!("https://files.tus.vimeo.com/files/vimeo-prod/{CAPABILITY}");
    let text = String::from_utf8_lossy(input);
    let (before, after) = text.split_at(text.floor_char_boundary(text.len() / 2));
    for given in [format!("{before}{link}{after}"), format!("{before} /files/{CAPABILITY} {after}")] {
        let shown = link_redaction::without_link(&given, &link);
        // A longer word that contains the capability is another word.
        if !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '%' || c == '&')
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            assert!(!shown.contains(CAPABILITY), "{given:?} is shown as {shown:?}");
        }
    }
}
