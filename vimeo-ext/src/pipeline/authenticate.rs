//! Puts the access token on what goes to the API, and on nothing else.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use url::{Host, Position, Url};
use vimeo_api::{ApiError, Error, LoginRequired, RawResponse, Request, ResponseOrigin};

use super::Stage;
use crate::auth::{ActiveToken, CallCredentials, Session};

/// Adds the token, asks for a new one when it is refused, and sends the call once more with that.
pub(crate) struct Authenticate<N> {
    pub(crate) session: Arc<Session>,
    /// Where a token can be checked; its scheme, host and port are those of the API.
    pub(crate) verify: Arc<Url>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Authenticate<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        // A layer may have put it there, or have led the request elsewhere.
        request.headers.remove(header::AUTHORIZATION);
        if !same_origin(&request.url, &self.verify) {
            request.headers.remove(header::COOKIE);
            return self.next.send(request).await;
        }
        if !is_private(&request.url) {
            return Err(Error::invalid(request.name(), "the access token goes over https only"));
        }
        match request.extensions.get::<CallCredentials>() {
            Some(CallCredentials::App(app)) => {
                let header = app.header(&request.name())?;
                return self.send_with(request, header).await;
            }
            Some(CallCredentials::Token(header)) => {
                let header = header.clone();
                return self.send_with(request, header).await;
            }
            None => {}
        }
        if self.session.has_no_user() && self.is_about_the_user(request) {
            return Err(LoginRequired::no_user(request.name(), None).into());
        }
        let Some(held) = self.session.current().await.map_err(|failure| failure.into_error(request, None))?
        else {
            return self.next.send(request).await;
        };
        let answer = self.send_with(request, held.header().clone()).await?;
        if !is_refusal(&answer) {
            return Ok(answer);
        }
        if self.session.is_app_only()
            && let Some(error) = self.lacks_user(request, &answer)
        {
            // Another token of the app would be refused as well.
            return Err(error);
        }
        if !self.session.can_refresh() {
            // On the heap, as it happens once: every call would else make room for it.
            return Box::pin(self.refused(request, &held, answer)).await;
        }
        let refused = held;
        let held = match self.session.renew(refused.generation()).await {
            Ok(held) => held,
            Err(failure) => return Err(failure.into_error(request, Some(answer))),
        };
        if held.header() == refused.header() {
            // The refresher stands by the token: the answer is about the call.
            return Ok(answer);
        }
        let again = self.send_with(request, held.header().clone()).await?;
        if is_refusal(&again) {
            return Err(self.login_required(request, "the new token was refused as well", again));
        }
        Ok(again)
    }
}

impl<N: Stage> Authenticate<N> {
    async fn send_with(&self, request: &mut Request, header: HeaderValue) -> Result<RawResponse, Error> {
        request.headers.insert(header::AUTHORIZATION, header);
        let result = self.next.send(request).await;
        // The steps before, the user's among them, have no business with it.
        request.headers.remove(header::AUTHORIZATION);
        result
    }

    /// Whether the call is about whoever the token acts for.
    fn is_about_the_user(&self, request: &Request) -> bool {
        let base = self.verify.path().strip_suffix(VERIFY).unwrap_or_default();
        let path = request.url.path().strip_prefix(base).unwrap_or_default();
        path == "/me" || path.starts_with("/me/")
    }

    /// The error of a call that needs a user, refused because the token is the app's own; it is remembered, so that such
    /// calls are not sent again.
    fn lacks_user(&self, request: &Request, answer: &RawResponse) -> Option<Error> {
        let name = request.name();
        let error = ApiError::read(request.operation, &name, answer.clone());
        let says_so = error.developer_message().is_some_and(|text| text.contains("no user credentials"));
        let is_about_the_user = self.is_about_the_user(request);
        let lacks = says_so || is_about_the_user && error.error_code() == Some(NOT_AUTHENTICATED);
        if lacks && is_about_the_user {
            self.session.record_no_user();
        }
        lacks.then(|| LoginRequired::no_user(name, Some(error)).into())
    }

    /// A token that cannot be renewed was refused: only when Vimeo says that it is no token at all, it is given up.
    async fn refused(
        &self,
        request: &Request,
        held: &ActiveToken,
        answer: RawResponse,
    ) -> Result<RawResponse, Error> {
        if request.url.path() != self.verify.path() {
            let mut verify = Request::new(None, Method::GET, Url::clone(&self.verify));
            if let Some(accept) = request.headers.get(header::ACCEPT) {
                verify.headers.insert(header::ACCEPT, accept.clone());
            }
            let verdict = self.send_with(&mut verify, held.header().clone()).await;
            let Ok(verdict) = verdict else { return Ok(answer) };
            if acts_for_nobody(&verdict)
                && let Some(error) = self.lacks_user(request, &answer)
            {
                return Err(error);
            }
            if !is_surely_refusal(&verdict) {
                return Ok(answer);
            }
        } else if !is_surely_refusal(&answer) {
            return Ok(answer);
        }
        self.session.invalidate(held.header());
        let reason = match self.session.expired(held) {
            Some(at) => format!("the access token expired on {}", at.format("%Y-%m-%d at %H:%M UTC")),
            None => "Vimeo takes the access token no longer".to_owned(),
        };
        Err(self.login_required(request, &reason, answer))
    }

    fn login_required(&self, request: &Request, reason: &str, answer: RawResponse) -> Error {
        let name = request.name();
        let answer = ApiError::read(request.operation, &name, answer);
        let account = self.session.account().map(str::to_owned);
        LoginRequired::new(name, account, reason, Some(answer)).into()
    }
}

/// Where a token is checked, behind the path of the base URL.
pub(crate) const VERIFY: &str = "/oauth/verify";

/// Vimeo's number for a call without a token that it takes. A token of the app alone is none where a user is needed.
const NOT_AUTHENTICATED: i64 = 8003;

/// Whether the token was refused. What a proxy or a firewall says is not about the token.
fn is_refusal(answer: &RawResponse) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && answer.origin() != ResponseOrigin::Intermediary
}

/// Whether it was Vimeo that refused the token.
fn is_surely_refusal(answer: &RawResponse) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && answer.origin() == ResponseOrigin::Api
}

/// Whether Vimeo knows the token, as one of an app without a user.
fn acts_for_nobody(verdict: &RawResponse) -> bool {
    #[derive(serde::Deserialize)]
    struct Verdict {
        user: Option<serde::de::IgnoredAny>,
    }
    verdict.status.is_success()
        && serde_json::from_slice::<Verdict>(&verdict.body).is_ok_and(|verdict| verdict.user.is_none())
}

/// Whether all before the path is the same: scheme, host and port, which are normal in a [`Url`]. A user name makes it
/// another.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one[..Position::BeforePath] == other[..Position::BeforePath]
}

fn is_private(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}
