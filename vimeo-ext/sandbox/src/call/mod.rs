//! One API request as an operation's handler sees it, and the handler's response.

pub(crate) mod validation;

use std::borrow::Cow;
use std::cell::RefCell;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::catalog::{Operation, Params};
use crate::clock::iso;
use crate::config::Config;
use crate::config::scopes::Scopes;
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::protocol::input::Input;
use crate::protocol::paging::Page;
use crate::protocol::query::Query;
use crate::request_log::bearer;
use crate::world::State;
use crate::world::user::User;
use crate::world::video::Video;

/// A request whose body was read.
pub(crate) struct Request {
    /// As the client sent it, because paging links repeat it.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The access token.
    pub(crate) fn token(&self, config: &Config) -> Option<&str> {
        access_token(&self.headers, &self.query, config)
    }
}

/// The query parameter with the access token, if the configuration allows it.
const QUERY_TOKEN: &str = "access_token";

/// The access token of a request, from the header or, if the configuration allows it, from the query.
pub(crate) fn access_token<'a>(headers: &'a HeaderMap, query: &'a Query, config: &Config) -> Option<&'a str> {
    let from_query = || query.get(QUERY_TOKEN).filter(|_| config.query_token);
    bearer(headers).or_else(from_query)
}

/// The token of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None` for a token of the app without a user.
    pub(crate) user: Option<u64>,
    pub(crate) scopes: Scopes,
}

/// A request to one operation, with the world locked.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: DateTime<Utc>,
    pub(crate) request: &'a Request,
    pub(crate) operation: &'static Operation,
    pub(crate) params: Params,
    /// `None` for operations without a token.
    pub(crate) caller: Option<Caller>,
    pub(crate) selection: Selection,
    /// The base URL of signed links, without a trailing slash.
    pub(crate) upload_base: &'a str,
}

/// The context in which resources are rendered.
#[derive(Clone, Copy)]
pub(crate) struct ResponseView<'a> {
    pub(crate) state: &'a State,
    pub(crate) viewer: Option<u64>,
    pub(crate) upload_base: &'a str,
    /// The users rendered so far, for a page whose items repeat their owner.
    pub(crate) rendered_users: Option<&'a RenderedUsers>,
}

/// Users that were rendered for a page, so that an owner is rendered once and not per item.
#[derive(Debug, Default)]
pub(crate) struct RenderedUsers(RefCell<Vec<RenderedUser>>);

#[derive(Debug)]
struct RenderedUser {
    id: u64,
    viewer: Option<u64>,
    selection: Selection,
    body: Value,
}

impl RenderedUsers {
    /// Returns a user as rendered before, or renders it.
    pub(crate) fn get_or_render(
        &self,
        id: u64,
        viewer: Option<u64>,
        selection: &Selection,
        render: impl FnOnce() -> Value,
    ) -> Value {
        let is_same =
            |user: &&RenderedUser| user.id == id && user.viewer == viewer && user.selection == *selection;
        let rendered = self.0.borrow().iter().find(is_same).map(|user| user.body.clone());
        rendered.unwrap_or_else(|| {
            let body = render();
            let user = RenderedUser { id, viewer, selection: selection.clone(), body: body.clone() };
            self.0.borrow_mut().push(user);
            body
        })
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    /// JSON that is already text.
    JsonText(Vec<u8>),
    Html(String),
    /// A file with this media type.
    Bytes(&'static str, &'static [u8]),
    /// A redirect without a body.
    Redirect(String),
}

/// The response of an operation.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The name in `application/vnd.vimeo.<name>+json`.
    pub(crate) media: Cow<'static, str>,
    pub(crate) body: Content,
    pub(crate) modified: Option<DateTime<Utc>>,
}

impl Answer {
    pub(crate) fn of(status: StatusCode, media: impl Into<Cow<'static, str>>, body: Value) -> Self {
        Self { status, media: media.into(), body: Content::Json(body), modified: None }
    }

    pub(crate) fn ok(media: impl Into<Cow<'static, str>>, body: Value) -> Self {
        Self::of(StatusCode::OK, media, body)
    }

    pub(crate) fn created(media: impl Into<Cow<'static, str>>, body: Value) -> Self {
        Self::of(StatusCode::CREATED, media, body)
    }

    pub(crate) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            media: Cow::Borrowed(""),
            body: Content::Nothing,
            modified: None,
        }
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self { status, media: Cow::Borrowed(""), body: Content::Html(page), modified: None }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self {
            status: StatusCode::FOUND,
            media: Cow::Borrowed(""),
            body: Content::Redirect(to.to_owned()),
            modified: None,
        }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn modified(mut self, at: DateTime<Utc>) -> Self {
        self.modified = Some(at);
        self
    }
}

/// The result of an operation.
pub(crate) type Outcome = Result<Answer, ApiError>;

impl<'a> Call<'a> {
    pub(crate) fn view(&self) -> ResponseView<'_> {
        ResponseView {
            state: self.state,
            viewer: self.viewer(),
            upload_base: self.upload_base,
            rendered_users: None,
        }
    }

    /// Returns the user of the token.
    pub(crate) fn viewer(&self) -> Option<u64> {
        self.caller.as_ref().and_then(|caller| caller.user)
    }

    /// Returns the user of the token, or an error if it has none.
    pub(crate) fn me(&self) -> Result<u64, ApiError> {
        self.viewer().ok_or_else(ApiError::no_user)
    }

    /// Returns the user that the path names; `me` is the caller.
    pub(crate) fn subject(&self) -> Result<u64, ApiError> {
        match self.params.get("user_id") {
            "" | "me" => self.me(),
            name => self.state.find_user(name).map(|user| user.id).ok_or_else(|| ApiError::not_found("user")),
        }
    }

    /// Returns the user that the path names, who must be the caller.
    pub(crate) fn own_subject(&self) -> Result<u64, ApiError> {
        let subject = self.subject()?;
        if self.me()? == subject {
            Ok(subject)
        } else {
            Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The path names a user other than the token's."))
        }
    }

    pub(crate) fn user(&self, id: u64) -> Result<&User, ApiError> {
        self.state.users.get(&id).ok_or_else(|| ApiError::not_found("user"))
    }

    /// Returns the video that the path names, if the caller may see it.
    pub(crate) fn video(&self) -> Result<&Video, ApiError> {
        let viewer = self.viewer();
        self.state
            .video(self.params.id("video_id"))
            .filter(|video| video.visible_to(viewer))
            .ok_or_else(|| ApiError::not_found("video"))
    }

    /// Returns the video that the path names, which must be the caller's.
    pub(crate) fn own_video_to_read(&self) -> Result<&Video, ApiError> {
        let me = self.me()?;
        let video = self.video()?;
        if video.owner != me {
            return Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The video belongs to another user."));
        }
        Ok(video)
    }

    /// Returns the video that the path names for modification; it must be the caller's.
    pub(crate) fn own_video(&mut self) -> Result<&mut Video, ApiError> {
        let id = self.own_video_to_read()?.id;
        self.state.videos.get_mut(&id).ok_or_else(|| ApiError::not_found("video"))
    }

    pub(crate) fn input(&self) -> Result<Input, ApiError> {
        Input::parse(&self.request.headers, &self.request.body)
    }

    /// Returns a page of `items`; only the items on the page are rendered.
    pub(crate) fn page<T>(
        &self,
        media: impl Into<Cow<'static, str>>,
        items: &[T],
        shape: impl Fn(&ResponseView<'_>, &T, &Selection) -> Value,
    ) -> Outcome {
        let mut page = Page::parse(&self.request.query, items.len())?;
        let rendered_users = RenderedUsers::default();
        let view = ResponseView { rendered_users: Some(&rendered_users), ..self.view() };
        // `containing_uri` selects the page that contains the item, or the first page if none does.
        if let (Some(uri), None) = (self.request.query.get("containing_uri"), self.request.query.get("page"))
        {
            let only = Selection::parse(Some("uri"));
            let matches =
                |item: &T| shape(&view, item, &only).get("uri").and_then(Value::as_str) == Some(uri);
            page = items.iter().position(matches).map_or(page, |place| page.containing(place));
        }
        let on_page = items.get(page.range()).unwrap_or_default();
        let data = on_page.iter().map(|item| shape(&view, item, &self.selection));
        let (path, query) = (&self.request.path, &self.request.query);
        let body = match self.state.mutation {
            // The values are to be changed.
            Some(_) => Content::Json(page.envelope(path, query, data.collect())),
            None => Content::JsonText(page.envelope_text(path, query, data)),
        };
        Ok(Answer { status: StatusCode::OK, media: media.into(), body, modified: None })
    }

    /// Returns a query parameter that must be one of the known values.
    pub(crate) fn query_enum(&self, name: &str, known: &[&str], default: &str) -> Result<String, ApiError> {
        match self.request.query.get(name) {
            None | Some("") => Ok(default.to_owned()),
            Some(value) if known.contains(&value) => Ok(value.to_owned()),
            Some(_) => Err(ApiError::invalid_field(name, format!("must be one of {}", known.join(", ")))),
        }
    }

    pub(crate) fn query_bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.request.query.get(name) {
            None | Some("") => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            // Python capitalizes them.
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_field(name, "must be true or false")),
        }
    }

    /// Returns whether the order is descending: `direction`, or the default of the sort order.
    pub(crate) fn descending(&self, default: bool) -> Result<bool, ApiError> {
        let default = if default { "desc" } else { "asc" };
        Ok(self.query_enum("direction", &["asc", "desc"], default)? == "desc")
    }
}

/// Returns a time as responses contain it.
pub(crate) fn time(at: DateTime<Utc>) -> Value {
    Value::String(iso(at))
}
