//! Categories: a short fixed list, without videos.

use serde_json::Value;

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::ApiError;
use crate::synth::shapes::category::{CATEGORIES, shape};

fn find(call: &Call<'_>) -> Result<(&'static str, &'static str), ApiError> {
    let requested = call.params.get("category");
    CATEGORIES
        .into_iter()
        .find(|(identifier, _)| *identifier == requested)
        .ok_or_else(|| ApiError::not_found("category"))
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let sort = call.query_enum("sort", &["last_video_featured_time", "name"], "name")?;
    let mut all = CATEGORIES.to_vec();
    if call.descending(sort != "name")? {
        all.reverse();
    }
    call.page("category", &all, shape)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = find(call)?;
    Ok(Answer::ok("category", shape(&call.view(), &found, &call.selection)))
}

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    find(call)?;
    call.page::<()>("video", &[], |_, (), _| Value::Null)
}
