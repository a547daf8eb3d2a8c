//! Calls every operation of the typed crate once, through its own builder: every response matches its schema, no read returns
//! 404 or 501, and the writes that the sandbox does not implement return 501.

#[path = "../generated/calls.rs"]
#[rustfmt::skip]
mod calls;
mod populated_world;
mod write_back;

use std::pin::Pin;

use http::Method;
use serde::de::DeserializeOwned;
use vimeo_api::{Endpoint, Error, Operation};

use populated_world::PopulatedWorld;

/// The result of a call: its schema mismatches.
pub(super) type Sent = Pin<Box<dyn Future<Output = Result<Vec<String>, Error>>>>;

/// Provides the parameters and the body of one call.
pub(super) struct With<'a> {
    operation: &'static Operation,
    world: &'a PopulatedWorld,
}

impl With<'_> {
    /// A string parameter.
    fn text(&self, name: &str) -> String {
        self.world.value(self.operation, name)
    }

    /// A parameter of any other type.
    fn value<T: DeserializeOwned>(&self, name: &str) -> T {
        let text = self.text(name);
        let read = serde_json::from_str(&text).or_else(|_| serde_json::from_value(text.clone().into()));
        read.unwrap_or_else(|error| panic!("{}: {name} is \"{text}\": {error}", self.operation))
    }

    /// The body for the operation: `minimal`, unless the world provides another.
    fn body<T: DeserializeOwned>(&self, minimal: &str) -> T {
        let body = self.world.body(self.operation).unwrap_or_else(|| minimal.to_owned());
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{}: {body}: {error}", self.operation))
    }

    fn send<E: Endpoint>(&self, call: E) -> Sent {
        let pending = call.into_call().send();
        Box::pin(async move { Ok(pending.await?.mismatches().iter().map(ToString::to_string).collect()) })
    }
}

/// The outcomes of several calls.
#[derive(Default)]
struct Tally {
    succeeded: usize,
    not_implemented: Vec<&'static str>,
    failures: Vec<String>,
}

impl Tally {
    async fn call(&mut self, world: &PopulatedWorld, (id, call): &calls::OperationCall) {
        let operation = vimeo_api::operation(id).unwrap();
        match call(world.client(operation), &With { operation, world }).await {
            Ok(mismatches) if mismatches.is_empty() => self.succeeded += 1,
            Ok(mismatches) => self
                .failures
                .push(format!("{operation} does not match its schema: {}", mismatches.join("; "))),
            Err(error) if error.status().is_some_and(|status| status == 501) => self.not_implemented.push(id),
            Err(error) => {
                let invalid =
                    error.invalid_parameters().iter().map(|field| format!("{field:?}")).collect::<String>();
                let developer = error.developer_message().unwrap_or_default();
                self.failures.push(format!("{operation}: {error} {developer} {invalid}"));
            }
        }
    }
}

fn method(id: &str) -> &'static Method {
    &vimeo_api::operation(id).unwrap().method
}

/// The writes that the sandbox does not implement.
const NOT_IMPLEMENTED: &[&str] = &[
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
async fn every_operation_matches_its_schema() {
    assert_eq!(calls::CALLS.len(), 520);
    let mut tally = Tally::default();
    // Writes come before reads, so that reads find what was added.
    let world = PopulatedWorld::new().await;
    for writes in [true, false] {
        for once in calls::CALLS {
            if *method(once.0) != Method::DELETE && (*method(once.0) == Method::GET) != writes {
                tally.call(&world, once).await;
            }
        }
    }
    // Deletions, innermost first. One that fails because of an earlier one is repeated in a new world.
    let mut deletions: Vec<_> =
        calls::CALLS.iter().filter(|once| *method(once.0) == Method::DELETE).collect();
    deletions.sort_by_key(|once| {
        std::cmp::Reverse(vimeo_api::operation(once.0).unwrap().path.matches('/').count())
    });
    let mut world = world.another().await;
    for once in deletions {
        let before = tally.failures.len();
        tally.call(&world, once).await;
        if tally.failures.len() > before {
            tally.failures.truncate(before);
            world = world.another().await;
            tally.call(&world, once).await;
        }
    }
    assert_eq!(
        tally.failures,
        [""; 0],
        "{} of 520 failed\n{}",
        tally.failures.len(),
        tally.failures.join("\n")
    );
    tally.not_implemented.sort_unstable();
    let mut not_implemented = NOT_IMPLEMENTED.to_vec();
    not_implemented.sort_unstable();
    assert_eq!(tally.not_implemented, not_implemented);
    assert_eq!(tally.succeeded + NOT_IMPLEMENTED.len(), 520);
}

/// Reads whose path has no parameters succeed in an empty world.
#[tokio::test]
async fn reads_succeed_in_empty_world() {
    let world = PopulatedWorld::empty().await;
    let mut tally = Tally::default();
    for once in calls::CALLS {
        let operation = vimeo_api::operation(once.0).unwrap();
        if operation.method == Method::GET && !operation.path.replace("{user_id}", "").contains('{') {
            tally.call(&world, once).await;
        }
    }
    assert_eq!(tally.failures, [""; 0]);
    assert!(tally.succeeded > 60, "{}", tally.succeeded);
}
