//! Users.

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::ApiError;
use crate::synth::shapes::user;
use crate::world::user::User;

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let id = call.subject()?;
    answer(call, id)
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let id = call.own_subject()?;
    let mut input = call.input()?;
    let (name, bio) = (input.string("name"), input.string("bio"));
    let (location, gender) = (input.string("location"), input.string("gender"));
    // Responses have the whole URL; a client that sends it back changes nothing.
    let unchanged = call.user(id)?.link();
    let link = input.string("link").filter(|link| *link != unchanged);
    input.finish()?;
    let has_link = |user: &User| user.id != id && link.as_deref().is_some_and(|word| user.is_called(word));
    if call.state.users.values().any(has_link) {
        return Err(ApiError::invalid_field("link", "is already used by another user"));
    }
    let user = call.state.users.get_mut(&id).ok_or_else(|| ApiError::not_found("user"))?;
    if let Some(name) = name {
        user.name = name;
    }
    if bio.is_some() {
        user.bio = bio;
    }
    if let Some(location) = location {
        user.location = location;
    }
    if let Some(gender) = gender {
        user.gender = gender;
    }
    if link.is_some() {
        user.link_name = link;
    }
    answer(call, id)
}

pub(crate) fn search(call: &mut Call<'_>) -> Outcome {
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let descending = call.descending(false)?;
    let mut found: Vec<&User> =
        call.state.users.values().filter(|user| user.name.to_lowercase().contains(&query)).collect();
    if call.query_enum("sort", &["alphabetical", "date", "relevant"], "date")? == "alphabetical" {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if descending {
        found.reverse();
    }
    call.page("user", &found, |view, found, selection| user::user(view, found, selection))
}

fn answer(call: &Call<'_>, id: u64) -> Outcome {
    let found = call.user(id)?;
    Ok(Answer::ok("user", user::user(&call.view(), found, &call.selection)))
}
