//! Adds the access token to requests to the API, and to no other request.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use url::{Position, Url};
use vimeo_api::{ApiError, Error, LoginRequired, RawResponse, Request, ResponseOrigin, is_loopback};

use super::Stage;
use crate::auth::{ActiveToken, CallCredentials, Session};

/// Adds the access token. If the API rejects it, requests a new one and sends the call once more.
pub(crate) struct Authenticate<N> {
    pub(crate) session: Arc<Session>,
    /// The URL that checks a token; its scheme, host and port are those of the API.
    pub(crate) verify: Arc<Url>,
    pub(crate) next: N,
}

impl<N: Stage> Stage for Authenticate<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        // Middleware may have set the header, or may have changed the URL.
        request.headers.remove(header::AUTHORIZATION);
        if !same_origin(&request.url, &self.verify) {
            request.headers.remove(header::COOKIE);
            return self.next.send(request).await;
        }
        if request.url.scheme() != "https" && !is_loopback(&request.url) {
            return Err(Error::invalid(request.name(), "the access token is sent over https only"));
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
        let Some(token) =
            self.session.current().await.map_err(|failure| failure.into_error(request, None))?
        else {
            return self.next.send(request).await;
        };
        let response = self.send_with(request, token.header().clone()).await?;
        if !is_rejection(&response) {
            return Ok(response);
        }
        if token.is_app_only()
            && let Some(error) = self.lacks_user(request, &token, &response)
        {
            // Another token of the app would be rejected as well.
            return Err(error);
        }
        if !self.session.can_refresh() {
            // On the heap, because it is rare; otherwise every call's future would be larger.
            return Box::pin(self.check_rejected_token(request, &token, response)).await;
        }
        let rejected = token;
        let token = match self.session.renew(rejected.generation()).await {
            Ok(token) => token,
            Err(failure) => return Err(failure.into_error(request, Some(response))),
        };
        if token.header() == rejected.header() {
            // The refresher returned the same token, so the response is about the call.
            return Ok(response);
        }
        let second = self.send_with(request, token.header().clone()).await?;
        if is_rejection(&second) {
            return Err(self.login_required(request, "Vimeo rejected the new access token as well", second));
        }
        Ok(second)
    }
}

impl<N: Stage> Authenticate<N> {
    async fn send_with(&self, request: &mut Request, header: HeaderValue) -> Result<RawResponse, Error> {
        request.headers.insert(header::AUTHORIZATION, header);
        let result = self.next.send(request).await;
        // The outer stages, including middleware, must not see it.
        request.headers.remove(header::AUTHORIZATION);
        result
    }

    /// Whether the call is about the token's user.
    fn is_about_the_user(&self, request: &Request) -> bool {
        let base = self.verify.path().strip_suffix(VERIFY).unwrap_or_default();
        let path = request.url.path().strip_prefix(base).unwrap_or_default();
        path == "/me" || path.starts_with("/me/")
    }

    /// Returns the error of a call that was rejected because it needs a user and the token is the app's own. The session records
    /// this, so that such calls are not sent again.
    fn lacks_user(&self, request: &Request, token: &ActiveToken, response: &RawResponse) -> Option<Error> {
        let name = request.name();
        let error = ApiError::read(request.operation, &name, response.clone());
        let says_so = error.developer_message().is_some_and(|text| text.contains("no user credentials"));
        let is_about_the_user = self.is_about_the_user(request);
        let lacks = says_so || is_about_the_user && error.error_code() == Some(NOT_AUTHENTICATED);
        if lacks && is_about_the_user {
            self.session.record_no_user(token);
        }
        lacks.then(|| LoginRequired::no_user(name, Some(error)).into())
    }

    /// Handles the rejection of a token that cannot be renewed. The token is invalidated only if Vimeo itself says that it is not
    /// valid.
    async fn check_rejected_token(
        &self,
        request: &Request,
        token: &ActiveToken,
        response: RawResponse,
    ) -> Result<RawResponse, Error> {
        if request.url.path() != self.verify.path() {
            let mut verify = Request::new(None, Method::GET, Url::clone(&self.verify));
            if let Some(accept) = request.headers.get(header::ACCEPT) {
                verify.headers.insert(header::ACCEPT, accept.clone());
            }
            let check = self.send_with(&mut verify, token.header().clone()).await;
            let Ok(check) = check else { return Ok(response) };
            if has_no_user(&check)
                && let Some(error) = self.lacks_user(request, token, &response)
            {
                return Err(error);
            }
            if !is_rejection_by_api(&check) {
                return Ok(response);
            }
        } else if !is_rejection_by_api(&response) {
            return Ok(response);
        }
        self.session.invalidate(token.header());
        let reason = match self.session.expired(token) {
            Some(at) => format!("the access token expired on {}", at.format("%Y-%m-%d at %H:%M UTC")),
            None => "Vimeo rejected the access token: it was revoked or has expired".to_owned(),
        };
        Err(self.login_required(request, &reason, response))
    }

    fn login_required(&self, request: &Request, reason: &str, response: RawResponse) -> Error {
        let name = request.name();
        let response = ApiError::read(request.operation, &name, response);
        let account = self.session.account().map(str::to_owned);
        LoginRequired::new(name, account, reason, Some(response)).into()
    }
}

/// The path that checks a token, below the base URL.
pub(crate) const VERIFY: &str = "/oauth/verify";

/// Vimeo's error code for a call without a valid token. A token of the app alone is not valid for a call that needs a user.
const NOT_AUTHENTICATED: i64 = 8003;

/// Whether the token was rejected. The response of a proxy or a firewall is not about the token.
fn is_rejection(response: &RawResponse) -> bool {
    response.status == StatusCode::UNAUTHORIZED && response.origin() != ResponseOrigin::Intermediary
}

/// Whether Vimeo itself rejected the token.
fn is_rejection_by_api(response: &RawResponse) -> bool {
    response.status == StatusCode::UNAUTHORIZED && response.origin() == ResponseOrigin::Api
}

/// Whether the check shows that the token is valid and belongs to an app without a user.
fn has_no_user(check: &RawResponse) -> bool {
    #[derive(serde::Deserialize)]
    struct TokenInfo {
        user: Option<serde::de::IgnoredAny>,
    }
    check.status.is_success()
        && serde_json::from_slice::<TokenInfo>(&check.body).is_ok_and(|token| token.user.is_none())
}

/// Whether two URLs have the same scheme, host, port and user name.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one[..Position::BeforePath] == other[..Position::BeforePath]
}
