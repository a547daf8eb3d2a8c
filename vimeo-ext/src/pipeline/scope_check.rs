//! Checks a call's scopes before it is sent, and explains refusals after.

use std::sync::Arc;

use http::{Method, StatusCode};
use vimeo_api::{
    ApiError, Error, MissingScope, Operation, RawResponse, Request, ResponseOrigin, UploadAccessDenied,
};

use super::Stage;
use crate::Scope;
use crate::auth::{CallCredentials, Session};

/// Stops a call whose token is known to lack a scope, and reads a `403` for what it says.
pub(crate) struct ScopeCheck<N> {
    pub(crate) session: Arc<Session>,
    /// Whether calls are stopped; refusals are explained in any case.
    pub(crate) stops: bool,
    pub(crate) next: N,
}

impl<N: Stage> Stage for ScopeCheck<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        // A call with credentials of its own says nothing of this token.
        let operation = request.operation.filter(|_| request.extensions.get::<CallCredentials>().is_none());
        let Some(operation) = operation else { return self.next.send(request).await };
        if self.stops
            && let Some(token) = self.session.token()
            && let Some(granted) = token.scopes()
            && !granted.contains_all(operation.scopes)
        {
            return Err(MissingScope::new(operation, Some(granted.clone()), None).into());
        }
        let answer = self.next.send(request).await?;
        if answer.status == StatusCode::FORBIDDEN {
            return self.explain(operation, &request.name(), answer);
        }
        Ok(answer)
    }
}

impl<N> ScopeCheck<N> {
    /// A scope is missing where the answer says so, or where the token is known to lack it. All else is Vimeo's refusal,
    /// in its own words.
    fn explain(
        &self,
        operation: &'static Operation,
        name: &str,
        answer: RawResponse,
    ) -> Result<RawResponse, Error> {
        let error = ApiError::read(Some(operation), name, answer.clone());
        if error.origin() == ResponseOrigin::Intermediary || error.quota().is_some() {
            return Ok(answer);
        }
        let token = self.session.token();
        let granted = token.as_ref().and_then(|token| token.scopes());
        let covered = granted.map(|granted| granted.contains_all(operation.scopes));
        if error.missing_scope().is_some() || covered == Some(false) {
            let granted = granted.cloned();
            return Err(MissingScope::new(operation, granted, Some(error)).into());
        }
        // What Vimeo has a number for is something else.
        if begins_upload(operation) && error.error_code().is_none() {
            return Err(UploadAccessDenied::new(covered.is_some(), error).into());
        }
        Ok(answer)
    }
}

/// Whether the operation makes a video, or a version of one, that bytes are to go to.
fn begins_upload(operation: &Operation) -> bool {
    operation.method == Method::POST
        && operation.scopes.contains(&Scope::Upload)
        && (operation.path.ends_with("/videos") || operation.path.ends_with("/versions"))
}
