//! Limits a client to fewer scopes than its token has, for callers who were granted less than the account.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, header};
use serde_json::Value;
use url::Url;
use vimeo_api::{Error, MissingScope, Operation, RawResponse, Request};

use super::{Stage, VERIFY};
use crate::{Scope, ScopeSet};

/// Stops calls that need other scopes than these. Without the scope `private`, it also removes from responses whatever is not
/// public, because a token shows its owner's own items regardless of their privacy.
pub(crate) struct ScopeFilter<N> {
    /// `None` for all scopes of the token.
    pub(crate) scopes: Option<Arc<ScopeSet>>,
    /// The URL that checks a token, from which the path of the base URL is derived.
    pub(crate) verify: Arc<Url>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for ScopeFilter<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        match &self.scopes {
            None => self.next.send(request).await,
            // On the heap, so that the futures of other calls stay small.
            Some(scopes) => Box::pin(self.send_filtered(scopes, request)).await,
        }
    }
}

impl<N: Stage> ScopeFilter<N> {
    async fn send_filtered(&self, scopes: &ScopeSet, request: &mut Request) -> Result<RawResponse, Error> {
        let Some(operation) = request.operation else {
            let reason = "the API description has no such call, so the scopes that it needs are unknown";
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
        if let Some(video) = parent_video(path) {
            let full_path = format!("{prefix}{video}");
            self.check_video(operation, scopes, request, &video, &full_path).await?;
        }
        request_privacy(request);
        let mut response = self.next.send(request).await?;
        if !response.status.is_success() || response.body.is_empty() {
            return Ok(response);
        }
        // Decoding a body with too many values would exhaust memory. The call itself then fails with the same error.
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

    /// Checks that the video that a call is about is public.
    async fn check_video(
        &self,
        operation: &'static Operation,
        scopes: &ScopeSet,
        request: &Request,
        video: &str,
        full_path: &str,
    ) -> Result<(), Error> {
        let mut check = request.clone();
        check.operation = vimeo_api::operation_at(&Method::GET, video);
        check.url.set_path(full_path);
        check.url.set_query(Some("fields=uri%2Cprivacy.view"));
        let response = self.next.send(&mut check).await?;
        let body = serde_json::from_slice::<Value>(&response.body);
        // A video without a stated privacy is not public.
        let view = body.as_ref().ok().and_then(|body| body.pointer("/privacy/view")?.as_str());
        match view {
            Some("anybody") if response.status.is_success() => Ok(()),
            _ => Err(lacks_private(operation, scopes)),
        }
    }
}

/// The video that a path is below: `/videos/1` for `/videos/1/comments`.
fn parent_video(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let mut matches = segments.windows(3).filter(|three| three.first() == Some(&"videos"));
    let [_, video, _] = matches.next_back()? else { return None };
    Some(format!("/videos/{video}"))
}

/// Adds the privacy to `fields`, if the request sets `fields`.
fn request_privacy(request: &mut Request) {
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

/// Whether an item is not public. A video is public only if it says so; any other item unless it says otherwise.
fn is_hidden(item: &Value) -> bool {
    let view = item.pointer("/privacy/view");
    match view.and_then(Value::as_str) {
        Some(view) => view != "anybody",
        None => {
            view.is_some_and(|view| !view.is_null())
                || item.get("uri").and_then(Value::as_str).is_some_and(is_video)
        }
    }
}

/// Whether a URI is that of a video, and not of anything below one.
fn is_video(uri: &str) -> bool {
    uri.strip_prefix("/videos/").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Removes items that are not public, at any depth. Returns whether there were any.
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
    fn finds_the_video_of_a_path() {
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
            assert_eq!(parent_video(path).as_deref(), video, "{path}");
        }
    }

    #[test]
    fn adds_privacy_to_named_fields() {
        for (query, expected) in [
            ("", ""),
            ("page=2", "page=2"),
            ("fields=name&page=2", "fields=name%2Curi%2Cprivacy.view&page=2"),
        ] {
            let mut request = get(&format!("https://a.b/users/7/videos?{query}"));
            request_privacy(&mut request);
            assert_eq!(request.url.query().unwrap_or_default(), expected);
        }
    }

    #[test]
    fn removes_items_that_are_not_public_at_any_depth() {
        let video = |view: &str| json!({"uri": "/videos/1", "privacy": {"view": view}});
        let of = |uri: &str| json!({"uri": uri, "metadata": {"connections": {"comments": {"uri": "/videos/1/comments"}}}});
        for (item, hidden) in [
            (video("anybody"), false),
            (video("nobody"), true),
            (video("unlisted"), true),
            (video("a new value"), true),
            (json!({"uri": "/videos/1", "privacy": {"view": {"value": "anybody"}}}), true),
            (json!({"uri": "/videos/1:abc"}), true),
            (json!({"privacy": {"view": "password"}}), true),
            (of("/users/1"), false),
            (of("/videos/1/comments/2"), false),
            (json!(null), false),
        ] {
            assert_eq!(is_hidden(&item), hidden, "{item}");
        }
        let mut page =
            json!({"data": [video("anybody"), video("nobody"), {"clip": video("disable"), "type": "like"}]});
        assert!(hide(&mut page));
        assert_eq!(page, json!({"data": [video("anybody"), {"type": "like"}]}));
        assert!(!hide(&mut page));
    }
}
