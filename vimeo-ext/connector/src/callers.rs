//! Who calls: authenticates API keys, and limits what each may call and how often.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;
use vimeo_ext::accounts::AccountId;

use crate::error::ApiError;
use crate::keys::{AccountAccess, KeyId, KeyPolicy, RouteGroup, VerifiedKey};
use crate::service::Service;

/// The caller of a request, by its API key.
#[derive(Debug, Clone)]
pub(crate) struct Caller(VerifiedKey);

impl Caller {
    pub(crate) fn key(&self) -> &KeyId {
        &self.0.id
    }

    pub(crate) fn verified(&self) -> &VerifiedKey {
        &self.0
    }

    pub(crate) fn policy(&self) -> &KeyPolicy {
        &self.0.policy
    }

    /// Checks that the caller may call a route that concerns all accounts.
    pub(crate) fn check_all_accounts(&self) -> Result<(), ApiError> {
        match self.policy().accounts {
            AccountAccess::All => Ok(()),
            AccountAccess::Prefix(_) | AccountAccess::Only(_) => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "account_not_allowed",
                "the route concerns all accounts, and this API key is limited to some; use a key without that limit",
            )),
        }
    }

    /// Returns the ID of an account that the caller may use.
    pub(crate) fn account(&self, identifier: &str) -> Result<AccountId, ApiError> {
        let id = AccountId::new(identifier)?;
        if !self.policy().accounts.includes(id.as_str()) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "account_not_allowed",
                format!("this API key may not use the account {id}"),
            ));
        }
        Ok(id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // `authenticate` inserts it; a route without that layer has no callers.
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthorized)
    }
}

/// Lets only callers pass whose API key may call this group of routes, at the rate that the key allows. Without a group, every
/// API key may call.
pub(crate) async fn authenticate(
    State((service, group)): State<(Arc<Service>, Option<RouteGroup>)>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&service, group, request.headers()).await {
        Ok((caller, _in_flight)) => {
            service.metrics.count_key(caller.key());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Returns the caller, and the permit that counts its request as in flight.
async fn admit(
    service: &Service,
    group: Option<RouteGroup>,
    headers: &HeaderMap,
) -> Result<(Caller, OwnedSemaphorePermit), ApiError> {
    let text = bearer(headers).ok_or_else(unauthorized)?;
    let key = service.keys.verify(text).await?.ok_or_else(unauthorized)?;
    if let Some(group) = group
        && !key.policy.allows_route(group)
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "route_not_allowed",
            format!("this API key may not call the routes of the group {}", group.as_str()),
        ));
    }
    let caller = Caller(key);
    if group.is_some_and(RouteGroup::is_of_all_accounts) {
        caller.check_all_accounts()?;
    }
    if let Some(limit) = caller.policy().requests_per_minute {
        service.limiters.check(caller.key(), limit)?;
    }
    let in_flight = service.limiters.begin_request(caller.key())?;
    Ok((caller, in_flight))
}

/// Returns the bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    // Of two keys, a proxy and the service could choose different ones.
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn unauthorized() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the API key is missing, wrong or revoked; send one as `Authorization: Bearer KEY`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bearer_tokens_only() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(bearer(&headers), expected, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
        let mut two = HeaderMap::new();
        for value in ["Bearer abc", "Bearer def"] {
            two.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        assert_eq!(bearer(&two), None);
    }
}
