//! Groups and their members.

use super::resolve;
use crate::call::{Call, Outcome};
use crate::protocol::error::ApiError;
use crate::synth::shapes::group::{LIST, members};

pub(crate) fn users(call: &mut Call<'_>) -> Outcome {
    let id = call.params.get("group_id");
    if call.state.collections.get(LIST, id).is_none() {
        return Err(ApiError::not_found("group"));
    }
    resolve::page(call, "User", &members(call.state, id))
}
