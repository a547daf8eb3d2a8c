//! Moderators of a channel.

use serde_json::Value;

use super::channels::{find, find_own};
use super::relations::people;
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, InvalidField};
use crate::synth::resolve::shape;
use crate::synth::shapes::user as shape;

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let ids: Vec<u64> = find(call)?.moderators.iter().copied().collect();
    people(call, &ids)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let user = call.subject()?;
    if !find(call)?.moderators.contains(&user) {
        return Err(ApiError::not_found("moderator of the channel"));
    }
    Ok(Answer::ok("user", shape::user(&call.view(), call.user(user)?, &call.selection)))
}

pub(crate) fn add(call: &mut Call<'_>) -> Outcome {
    let user = call.subject()?;
    change(call, |moderators, _| {
        moderators.insert(user);
    })?;
    Ok(Answer::no_content().status(http::StatusCode::OK))
}

pub(crate) fn add_many(call: &mut Call<'_>) -> Outcome {
    let users = body_users(call)?;
    change(call, |moderators, _| moderators.extend(users))?;
    Ok(Answer::no_content().status(http::StatusCode::OK))
}

/// Replaces all moderators except the owner; returns all of them.
pub(crate) fn replace(call: &mut Call<'_>) -> Outcome {
    let users = body_users(call)?;
    change(call, |moderators, owner| {
        moderators.retain(|user| *user == owner);
        moderators.extend(users);
    })?;
    let ids: Vec<String> = find(call)?.moderators.iter().map(u64::to_string).collect();
    let shapes = ids.iter().filter_map(|id| shape(&call.view(), "User", id, &call.selection));
    Ok(Answer::ok("user", Value::Array(shapes.collect())))
}

pub(crate) fn remove(call: &mut Call<'_>) -> Outcome {
    let user = call.subject()?;
    remove_all(call, &[user])
}

pub(crate) fn remove_many(call: &mut Call<'_>) -> Outcome {
    let users = body_users(call)?;
    remove_all(call, &users)
}

fn remove_all(call: &mut Call<'_>, users: &[u64]) -> Outcome {
    change(call, |moderators, owner| moderators.retain(|user| *user == owner || !users.contains(user)))?;
    Ok(Answer::no_content())
}

fn change(
    call: &mut Call<'_>,
    apply: impl FnOnce(&mut std::collections::BTreeSet<u64>, u64),
) -> Result<(), ApiError> {
    let now = call.now;
    let channel = find_own(call)?;
    apply(&mut channel.moderators, channel.owner);
    channel.modified = now;
    Ok(())
}

/// The users in a body of `{"user_uri": …}`, or of an array of these.
fn body_users(call: &Call<'_>) -> Result<Vec<u64>, ApiError> {
    let input = call.input()?;
    let one = std::slice::from_ref(input.root());
    let items = input.root().as_array().map_or(one, Vec::as_slice);
    let uris = items.iter().filter_map(|item| item.get("user_uri")?.as_str());
    let mut users = Vec::new();
    for uri in uris {
        let user = call.state.find_user(uri.trim_start_matches("/users/"));
        users.push(user.ok_or_else(|| ApiError::not_found("user"))?.id);
    }
    match users.is_empty() {
        true => Err(ApiError::invalid(vec![
            InvalidField::new("user_uri", "is required").with_code(EMPTY_PARAMETER),
        ])),
        false => Ok(users),
    }
}
