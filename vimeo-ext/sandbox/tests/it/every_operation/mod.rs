//! Every operation of the typed crate, called once through its own builder: all of it decodes, nothing drifts, no read
//! meets a 404 or a 501, and the writes that the sandbox does not do say so.

#[path = "../generated/calls.rs"]
#[rustfmt::skip]
mod calls;
mod furnished;

use std::pin::Pin;

use http::Method;
use serde::de::DeserializeOwned;
use vimeo_api::{Endpoint, Error, Operation};

use furnished::Furnished;

/// What came of a call: what did not fit its type.
pub(super) type Sent = Pin<Box<dyn Future<Output = Result<Vec<String>, Error>>>>;

/// Gives one call its values.
pub(super) struct With<'a> {
    operation: &'static Operation,
    room: &'a Furnished,
}

impl With<'_> {
    /// A parameter that is a text.
    fn text(&self, name: &str) -> String {
        self.room.value(self.operation, name)
    }

    /// A parameter of any other type.
    fn value<T: DeserializeOwned>(&self, name: &str) -> T {
        let text = self.text(name);
        let read = serde_json::from_str(&text).or_else(|_| serde_json::from_value(text.clone().into()));
        read.unwrap_or_else(|error| panic!("{}: {name} is \"{text}\": {error}", self.operation))
    }

    /// The least that the operation takes as its body, or what the room says.
    fn body<T: DeserializeOwned>(&self, least: &str) -> T {
        let body = self.room.body(self.operation).unwrap_or_else(|| least.to_owned());
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{}: {body}: {error}", self.operation))
    }

    fn send<E: Endpoint>(&self, call: E) -> Sent {
        let pending = call.into_call().send();
        Box::pin(async move { Ok(pending.await?.mismatches().iter().map(ToString::to_string).collect()) })
    }
}

/// What became of a number of calls.
#[derive(Default)]
struct Tally {
    good: usize,
    not_built: Vec<&'static str>,
    wrong: Vec<String>,
}

impl Tally {
    async fn call(&mut self, room: &Furnished, (id, call): &calls::Once) {
        let operation = vimeo_api::operation(id).unwrap();
        match call(room.client(operation), &With { operation, room }).await {
            Ok(drift) if drift.is_empty() => self.good += 1,
            Ok(drift) => self.wrong.push(format!("{operation} drifts: {}", drift.join("; "))),
            Err(error) if error.status().is_some_and(|status| status == 501) => self.not_built.push(id),
            Err(error) => {
                let told =
                    error.invalid_parameters().iter().map(|field| format!("{field:?}")).collect::<String>();
                let developer = error.developer_message().unwrap_or_default();
                self.wrong.push(format!("{operation}: {error} {developer} {told}"));
            }
        }
    }
}

fn method(id: &str) -> &'static Method {
    &vimeo_api::operation(id).unwrap().method
}

/// The writes that the sandbox leaves to Vimeo.
const NOT_BUILT: &[&str] = &[
    "convert_access_token",
    "attach_live_event_scene_graphic",
    "export_live_event_viewer_analytics",
    "add_items_to_user_showcases",
    "add_folder_to_user_showcases",
    "upsert_team_custom_metadata_fields",
    "backfill_team_custom_metadata",
    "edit_team_custom_metadata_options",
    "ask_video_ai_question",
    "edit_video_ai_text_track",
    "start_video_ai_transcription",
    "start_video_ai_dubbing",
    "start_video_ai_subtitling",
    "set_video_custom_metadata",
    "trim_video",
    "remove_user_folder_embed_preset",
    "delete_live_events",
    "delete_my_live_events",
    "delete_user_live_events",
    "remove_my_watch_history_video",
    "complete_user_upload",
    "delete_my_payment_method",
    "clear_my_watch_history",
];

#[tokio::test]
async fn every_typed_operation_is_answered_without_drift() {
    assert_eq!(calls::CALLS.len(), 520);
    let mut tally = Tally::default();
    // What is put somewhere is there when it is asked for.
    let room = Furnished::new().await;
    for writes in [true, false] {
        for once in calls::CALLS {
            if *method(once.0) != Method::DELETE && (*method(once.0) == Method::GET) != writes {
                tally.call(&room, once).await;
            }
        }
    }
    // What one takes away another may miss, so that it gets a world of its own; the innermost go first.
    let mut deletions: Vec<_> =
        calls::CALLS.iter().filter(|once| *method(once.0) == Method::DELETE).collect();
    deletions.sort_by_key(|once| {
        std::cmp::Reverse(vimeo_api::operation(once.0).unwrap().path.matches('/').count())
    });
    let mut room = room.another().await;
    for once in deletions {
        let before = tally.wrong.len();
        tally.call(&room, once).await;
        if tally.wrong.len() > before {
            tally.wrong.truncate(before);
            room = room.another().await;
            tally.call(&room, once).await;
        }
    }
    assert_eq!(tally.wrong, [""; 0], "{} of 520 are wrong\n{}", tally.wrong.len(), tally.wrong.join("\n"));
    tally.not_built.sort_unstable();
    let mut not_built = NOT_BUILT.to_vec();
    not_built.sort_unstable();
    assert_eq!(tally.not_built, not_built);
    assert_eq!(tally.good + NOT_BUILT.len(), 520);
}

/// Reads answer in a world with nothing in it too, where the path leads to what is there.
#[tokio::test]
async fn reads_without_parameters_are_answered_in_an_empty_world() {
    let room = Furnished::empty().await;
    let mut tally = Tally::default();
    for once in calls::CALLS {
        let operation = vimeo_api::operation(once.0).unwrap();
        if operation.method == Method::GET && !operation.path.replace("{user_id}", "").contains('{') {
            tally.call(&room, once).await;
        }
    }
    assert_eq!(tally.wrong, [""; 0]);
    assert!(tally.good > 60, "{}", tally.good);
}
