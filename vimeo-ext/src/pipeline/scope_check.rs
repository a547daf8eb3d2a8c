//! Checks a call's scopes before it is sent, and explains a `403` afterwards.

use std::sync::Arc;

use http::{Method, StatusCode};
use vimeo_api::{
    ApiError, Error, MissingScope, Operation, RawResponse, Request, ResponseOrigin, UploadAccessDenied,
};

use super::Stage;
use crate::Scope;
use crate::auth::{CallCredentials, Session};

/// Stops a call whose token is known to lack a scope, and turns a `403` into a specific error.
pub(crate) struct ScopeCheck<N> {
    pub(crate) session: Arc<Session>,
    /// Whether calls are stopped. A `403` is explained in any case.
    pub(crate) enforce: bool,
    pub(crate) next: N,
}

impl<N: Stage> Stage for ScopeCheck<N> {
    async fn send(&self, request: &mut Request) -> Result<RawResponse, Error> {
        // A call with its own credentials does not use this token.
        let operation = request.operation.filter(|_| request.extensions.get::<CallCredentials>().is_none());
        let Some(operation) = operation else { return self.next.send(request).await };
        if self.enforce
            && let Some(token) = self.session.token()
            && let Some(granted) = token.scopes()
            && !granted.contains_all(operation.scopes)
        {
            return Err(MissingScope::new(operation, Some(granted.clone()), None).into());
        }
        let response = self.next.send(request).await?;
        if response.status == StatusCode::FORBIDDEN {
            return self.explain(operation, &request.name(), response);
        }
        Ok(response)
    }
}

impl<N> ScopeCheck<N> {
    /// Returns [`Error::MissingScope`] if the response says so or the token is known to lack the scope, and
    /// [`Error::UploadAccessDenied`] for a new upload without an error code. Any other response is passed on.
    fn explain(
        &self,
        operation: &'static Operation,
        name: &str,
        response: RawResponse,
    ) -> Result<RawResponse, Error> {
        let error = ApiError::read(Some(operation), name, response.clone());
        if error.origin() == ResponseOrigin::Intermediary || error.quota().is_some() {
            return Ok(response);
        }
        let token = self.session.token();
        let granted = token.as_ref().and_then(|token| token.scopes());
        let covered = granted.map(|granted| granted.contains_all(operation.scopes));
        if error.missing_scope().is_some() || covered == Some(false) {
            let granted = granted.cloned();
            return Err(MissingScope::new(operation, granted, Some(error)).into());
        }
        // An error code means another reason.
        if begins_upload(operation) && error.error_code().is_none() {
            return Err(UploadAccessDenied::new(covered.is_some(), error).into());
        }
        Ok(response)
    }
}

/// Whether the operation creates a video, or a version of one, for an upload.
fn begins_upload(operation: &Operation) -> bool {
    operation.method == Method::POST
        && operation.scopes.contains(&Scope::Upload)
        && (operation.path.ends_with("/videos") || operation.path.ends_with("/versions"))
}
