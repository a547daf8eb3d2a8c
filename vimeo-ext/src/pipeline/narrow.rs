//! Does less than the token may: for callers who were granted fewer scopes than the account's token has.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, header};
use serde_json::Value;
use url::Url;
use vimeo_api::{Error, MissingScope, Operation, RawResponse, Request};

use super::{Stage, VERIFY};
use crate::{Scope, ScopeSet};

/// Stops calls that need other scopes than these and, where `private` is not among them, takes out of responses what is not
/// for everybody: the token shows its owner's own things whatever they are set to.
pub(crate) struct Narrow<N> {
    /// `None`: all that the token may.
    pub(crate) scopes: Option<Arc<ScopeSet>>,
    /// Where a token can be checked, which tells the path of the base URL.
    pub(crate) verify: Arc<Url>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Narrow<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        match &self.scopes {
            None => self.next.send(request).await,
            // On the heap, so that calls that are not narrowed make no room for it.
            Some(scopes) => Box::pin(self.narrowed(scopes, request)).await,
        }
    }
}

impl<N: Stage> Narrow<N> {
    async fn narrowed(&self, scopes: &ScopeSet, request: &mut Request) -> Result<RawResponse, Error> {
        let Some(operation) = request.operation else {
            let reason = "the description knows no such call, so it cannot be told which scopes it needs";
            return Err(Error::invalid(request.name(), reason));
        };
        if !scopes.contains_all(operation.scopes) {
            return Err(MissingScope::new(operation, Some(scopes.clone()), None).into());
        }
        if scopes.contains(&Scope::Private) || request.method != Method::GET {
            return self.next.send(request).await;
        }
        let prefix = self.verify.path().strip_suffix(VERIFY).unwrap_or_default();
        let path = request.url.path().strip_prefix(prefix).unwrap_or(request.url.path());
        if let Some(video) = video_above(path) {
            let place = format!("{prefix}{video}");
            self.check_video(operation, scopes, request, &video, &place).await?;
        }
        ask_for_privacy(request);
        let mut response = self.next.send(request).await?;
        if !response.status.is_success() || response.body.is_empty() {
            return Ok(response);
        }
        // Reading a flood of values would fill the memory; the call itself ends with the same refusal.
        let Ok(decoded) = vimeo_api::decode::<Value>(&response.body, vimeo_api::DecodeMode::Lenient) else {
            return Ok(response);
        };
        let mut body = decoded.value;
        if is_hidden(&body) {
            return Err(lacks_private(operation, scopes));
        }
        if hide(&mut body)
            && let Ok(body) = serde_json::to_vec(&body)
        {
            response.body = Bytes::from(body);
            response.headers.remove(header::CONTENT_LENGTH);
        }
        Ok(response)
    }

    /// Looks whether everybody may see the video that a call is about.
    async fn check_video(
        &self,
        operation: &'static Operation,
        scopes: &ScopeSet,
        request: &Request,
        video: &str,
        place: &str,
    ) -> Result<(), Error> {
        let mut look = request.clone();
        look.operation = vimeo_api::operation_at(&Method::GET, video);
        look.url.set_path(place);
        look.url.set_query(Some("fields=uri%2Cprivacy.view"));
        let response = self.next.send(&mut look).await?;
        let body = serde_json::from_slice::<Value>(&response.body);
        // It has to be said: what says nothing of itself is not for everybody.
        let view = body.as_ref().ok().and_then(|body| body.pointer("/privacy/view")?.as_str());
        match view {
            Some("anybody") if response.status.is_success() => Ok(()),
            _ => Err(lacks_private(operation, scopes)),
        }
    }
}

/// The video that stands above what is asked for: `/videos/1` of `/videos/1/comments`.
fn video_above(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let mut places = segments.windows(3).filter(|three| three.first() == Some(&"videos"));
    let [_, video, _] = places.next_back()? else { return None };
    Some(format!("/videos/{video}"))
}

/// Names the privacy among the fields, where fields are named.
fn ask_for_privacy(request: &mut Request) {
    let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    if !pairs.iter().any(|(name, value)| name == "fields" && !value.is_empty()) {
        return;
    }
    let mut query = request.url.query_pairs_mut();
    query.clear();
    for (name, value) in pairs {
        match &*name {
            "fields" if !value.is_empty() => {
                query.append_pair("fields", &format!("{value},uri,privacy.view"));
            }
            _ => {
                query.append_pair(&name, &value);
            }
        }
    }
}

/// Whether a thing is not for everybody. Of a video that has to be said; of other things it is so unless they say otherwise.
fn is_hidden(thing: &Value) -> bool {
    let view = thing.pointer("/privacy/view");
    match view.and_then(Value::as_str) {
        Some(view) => view != "anybody",
        None => {
            view.is_some_and(|view| !view.is_null())
                || thing.get("uri").and_then(Value::as_str).is_some_and(is_video)
        }
    }
}

/// Whether a URI names a video, and not something of one.
fn is_video(uri: &str) -> bool {
    uri.strip_prefix("/videos/").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Takes out what is not for everybody, at any depth; says whether there was any.
fn hide(value: &mut Value) -> bool {
    let mut hid = false;
    match value {
        Value::Object(members) => members.retain(|_, member| {
            let stays = !is_hidden(member);
            hid |= !stays || hide(member);
            stays
        }),
        Value::Array(items) => items.retain_mut(|item| {
            let stays = !is_hidden(item);
            hid |= !stays || hide(item);
            stays
        }),
        _ => {}
    }
    hid
}

fn lacks_private(operation: &'static Operation, scopes: &ScopeSet) -> Error {
    let mut missing = MissingScope::new(operation, Some(scopes.clone()), None);
    missing.reported_scope = Some(Scope::Private);
    missing.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn get(url: &str) -> Request {
        Request::new(None, Method::GET, url.parse().unwrap())
    }

    #[test]
    fn the_video_that_a_call_is_about_is_found() {
        for (path, video) in [
            ("/videos/1", None),
            ("/videos/1/", None),
            ("/videos/1:abc/comments", Some("/videos/1:abc")),
            ("/videos/1/texttracks/", Some("/videos/1")),
            ("/videos/1/versions/2/audiotracks", Some("/videos/1")),
            ("/users/7/videos", None),
            ("/users/7/albums/5/videos/9/texttracks", Some("/videos/9")),
            ("/channels/staffpicks/videos", None),
        ] {
            assert_eq!(video_above(path).as_deref(), video, "{path}");
        }
    }

    #[test]
    fn the_privacy_is_asked_for_where_fields_are_named() {
        for (query, asked) in [
            ("", ""),
            ("page=2", "page=2"),
            ("fields=name&page=2", "fields=name%2Curi%2Cprivacy.view&page=2"),
        ] {
            let mut request = get(&format!("https://a.b/users/7/videos?{query}"));
            ask_for_privacy(&mut request);
            assert_eq!(request.url.query().unwrap_or_default(), asked);
        }
    }

    #[test]
    fn what_is_not_for_everybody_is_taken_out_at_any_depth() {
        let video = |view: &str| json!({"uri": "/videos/1", "privacy": {"view": view}});
        let of = |uri: &str| json!({"uri": uri, "metadata": {"connections": {"comments": {"uri": "/videos/1/comments"}}}});
        for (thing, hidden) in [
            (video("anybody"), false),
            (video("nobody"), true),
            (video("unlisted"), true),
            (video("a word that is new"), true),
            (json!({"uri": "/videos/1", "privacy": {"view": {"word": "anybody"}}}), true),
            (json!({"uri": "/videos/1:abc"}), true),
            (json!({"privacy": {"view": "password"}}), true),
            (of("/users/1"), false),
            (of("/videos/1/comments/2"), false),
            (json!(null), false),
        ] {
            assert_eq!(is_hidden(&thing), hidden, "{thing}");
        }
        let mut page =
            json!({"data": [video("anybody"), video("nobody"), {"clip": video("disable"), "type": "like"}]});
        assert!(hide(&mut page));
        assert_eq!(page, json!({"data": [video("anybody"), {"type": "like"}]}));
        assert!(!hide(&mut page));
    }
}
