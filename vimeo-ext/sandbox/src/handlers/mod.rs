//! The handlers of the API's operations.

pub(crate) mod ai;
pub(crate) mod categories;
pub(crate) mod channels;
pub(crate) mod collections;
pub(crate) mod comments;
pub(crate) mod described;
pub(crate) mod duplicates;
pub(crate) mod folders;
pub(crate) mod groups;
pub(crate) mod live;
pub(crate) mod membership;
pub(crate) mod moderators;
pub(crate) mod oauth;
pub(crate) mod pictures;
pub(crate) mod privacy;
pub(crate) mod reference;
pub(crate) mod relations;
pub(crate) mod resolve;
pub(crate) mod showcases;
pub(crate) mod tags;
pub(crate) mod text_tracks;
pub(crate) mod upload;
pub(crate) mod users;
pub(crate) mod versions;
pub(crate) mod videos;
pub(crate) mod webhooks;

use std::sync::Arc;

use serde_json::json;

use crate::call::{Answer, Call, Outcome, Request};
use crate::catalog::Operation;
use crate::protocol::error::ApiError;
use crate::world::registry::WorldHandle;
use crate::world::resolver::WorldResolver;

/// Handles one operation in a locked world.
pub(crate) type Handler = fn(&mut Call<'_>) -> Outcome;

/// Finds the world and the handler for a request without a token.
pub(crate) type WorldOpener =
    fn(&WorldResolver<'_>, &Request, &Operation) -> Result<(Arc<WorldHandle>, Handler), ApiError>;

/// `GET /`: the API's entry point.
pub(crate) fn endpoints(_: &mut Call<'_>) -> Outcome {
    Ok(Answer::ok("endpoint", json!({"path": "/", "methods": ["GET"]})))
}
