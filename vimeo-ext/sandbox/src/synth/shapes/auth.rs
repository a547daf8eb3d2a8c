//! Responses of the token operations.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::user;
use crate::call::{ResponseView, time};
use crate::config::scopes::Scopes;
use crate::protocol::fields::{Object, Selection};

/// Renders the app that a token belongs to.
pub(crate) fn app(view: &ResponseView<'_>) -> Value {
    let app = &view.state.app;
    json!({"name": app.name, "uri": format!("/apps/{}", app.id)})
}

/// An issued token.
pub(crate) struct Issued<'a> {
    pub(crate) text: &'a str,
    pub(crate) scopes: &'a Scopes,
    pub(crate) user: Option<u64>,
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) refresh: Option<&'a str>,
}

/// Renders an issued token with its user.
pub(crate) fn token(view: &ResponseView<'_>, issued: &Issued<'_>, selection: &Selection) -> Value {
    let Issued { text, scopes, user, expires, refresh } = *issued;
    let user = user.and_then(|id| view.state.users.get(&id));
    Object::new(selection)
        .put("access_token", text)
        .put("token_type", "bearer")
        .put("scope", scopes.to_string())
        .with("app", |_| app(view))
        .with_if(expires.is_some(), "expires_on", |_| expires.map_or(Value::Null, time))
        .with_if(refresh.is_some(), "refresh_token", |_| refresh.into())
        .with_if(user.is_some(), "user", |selection| {
            // The user is the viewer of their own token.
            let view = ResponseView { viewer: user.map(|user| user.id), ..*view };
            user.map_or(Value::Null, |owner| user::user(&view, owner, selection))
        })
        .build()
}
