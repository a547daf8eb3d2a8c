//! One request to the API as an operation sees it, and what the operation answers.

pub(crate) mod validation;

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::catalog::{Operation, Params};
use crate::clock::iso;
use crate::config::scopes::Scopes;
use crate::protocol::error::{ApiError, PERMISSION_DENIED};
use crate::protocol::fields::Selection;
use crate::protocol::input::Input;
use crate::protocol::paging::Page;
use crate::protocol::query::Query;
use crate::world::State;
use crate::world::user::User;
use crate::world::video::Video;

/// A request that was read.
pub(crate) struct Request {
    /// As the client wrote it: paging links repeat it.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None` for a token that stands for the app alone.
    pub(crate) user: Option<u64>,
    pub(crate) scopes: Scopes,
}

/// A request to one operation, with the world open.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: DateTime<Utc>,
    pub(crate) request: &'a Request,
    pub(crate) operation: &'static Operation,
    pub(crate) params: Params,
    /// `None` for the operations that take no token.
    pub(crate) caller: Option<Caller>,
    pub(crate) selection: Selection,
    /// Where signed links lead, without a closing slash.
    pub(crate) upload_base: &'a str,
}

/// What a shape needs to know beside the thing itself.
#[derive(Clone, Copy)]
pub(crate) struct ResponseView<'a> {
    pub(crate) state: &'a State,
    pub(crate) viewer: Option<u64>,
    pub(crate) upload_base: &'a str,
}

/// What stands in an answer.
#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    Html(String),
    /// A file of that media type.
    Bytes(&'static str, &'static [u8]),
    /// Nothing but where to go.
    Redirect(String),
}

/// What an operation answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The thing in `application/vnd.vimeo.<thing>+json`.
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

/// What an operation comes to.
pub(crate) type Outcome = Result<Answer, ApiError>;

impl<'a> Call<'a> {
    pub(crate) fn view(&self) -> ResponseView<'_> {
        ResponseView { state: self.state, viewer: self.viewer(), upload_base: self.upload_base }
    }

    /// The user behind the token.
    pub(crate) fn viewer(&self) -> Option<u64> {
        self.caller.as_ref().and_then(|caller| caller.user)
    }

    /// The user behind the token, who must be there.
    pub(crate) fn me(&self) -> Result<u64, ApiError> {
        self.viewer().ok_or_else(ApiError::no_user)
    }

    /// The user whom the path names, or the caller where the path says `me`.
    pub(crate) fn subject(&self) -> Result<u64, ApiError> {
        match self.params.get("user_id") {
            "" | "me" => self.me(),
            name => {
                self.state.user_called(name).map(|user| user.id).ok_or_else(|| ApiError::not_found("user"))
            }
        }
    }

    /// The user whom the path names, who must be the caller: nobody writes in another's account.
    pub(crate) fn own_subject(&self) -> Result<u64, ApiError> {
        let subject = self.subject()?;
        if self.me()? == subject {
            Ok(subject)
        } else {
            Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The path names another user than the token's."))
        }
    }

    pub(crate) fn user(&self, id: u64) -> Result<&User, ApiError> {
        self.state.users.get(&id).ok_or_else(|| ApiError::not_found("user"))
    }

    /// The video that the path names, if the caller may know of it.
    pub(crate) fn video(&self) -> Result<&Video, ApiError> {
        let viewer = self.viewer();
        self.state
            .video(self.params.id("video_id"))
            .filter(|video| video.visible_to(viewer))
            .ok_or_else(|| ApiError::not_found("video"))
    }

    /// The video that the path names, to change it; it must be the caller's.
    pub(crate) fn own_video(&mut self) -> Result<&mut Video, ApiError> {
        let me = self.me()?;
        let video = self.video()?;
        if video.owner != me {
            return Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The video belongs to another user."));
        }
        let id = video.id;
        self.state.videos.get_mut(&id).ok_or_else(|| ApiError::not_found("video"))
    }

    pub(crate) fn input(&self) -> Result<Input, ApiError> {
        Input::parse(&self.request.headers, &self.request.body)
    }

    /// A page of `things`, each made into JSON only when it is on the page.
    pub(crate) fn page<T>(
        &self,
        media: impl Into<Cow<'static, str>>,
        things: &[T],
        shape: impl Fn(&ResponseView<'_>, &T, &Selection) -> Value,
    ) -> Outcome {
        let mut page = Page::parse(&self.request.query, things.len())?;
        let view = self.view();
        // The page on which one thing stands, where that is what is asked for; the first where it stands on none.
        if let (Some(uri), None) = (self.request.query.get("containing_uri"), self.request.query.get("page"))
        {
            let only = Selection::parse(Some("uri"));
            let is_it =
                |thing: &T| shape(&view, thing, &only).get("uri").and_then(Value::as_str) == Some(uri);
            page = things.iter().position(is_it).map_or(page, |place| page.containing(place));
        }
        let on_page = things.get(page.range()).unwrap_or_default();
        let data = on_page.iter().map(|thing| shape(&view, thing, &self.selection)).collect();
        Ok(Answer::ok(media, page.envelope(&self.request.path, &self.request.query, data)))
    }

    /// A query parameter that must be one of the known words.
    pub(crate) fn query_word(&self, name: &str, known: &[&str], default: &str) -> Result<String, ApiError> {
        match self.request.query.get(name) {
            None | Some("") => Ok(default.to_owned()),
            Some(word) if known.contains(&word) => Ok(word.to_owned()),
            Some(_) => Err(ApiError::invalid_field(name, format!("must be one of {}", known.join(", ")))),
        }
    }

    pub(crate) fn query_truth(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.request.query.get(name) {
            None | Some("") => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            // Python writes them with a capital.
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_field(name, "must be true or false")),
        }
    }

    /// Whether the list is to be turned round: `direction`, or what the sorting means without it.
    pub(crate) fn descending(&self, default: bool) -> Result<bool, ApiError> {
        let default = if default { "desc" } else { "asc" };
        Ok(self.query_word("direction", &["asc", "desc"], default)? == "desc")
    }
}

/// A time as an answer carries it.
pub(crate) fn time(at: DateTime<Utc>) -> Value {
    Value::String(iso(at))
}
