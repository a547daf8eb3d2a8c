//! The session of a client: its current access token, and renewing it.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::Shared;
use http::HeaderValue;
use vimeo_api::{ApiError, AppCredentialsRejected, Error, LoginRequired, RawResponse, Request};

use super::{AccessToken, AuthError, BoxFuture, RefreshError, Refresher};
use crate::Clock;

/// The token in use, with its `Authorization` header and its generation.
pub(crate) struct ActiveToken {
    token: AccessToken,
    header: HeaderValue,
    generation: u64,
    /// Whether the token is the app's own: it acts for no user.
    is_app_only: bool,
    /// How long before its expiry the token is renewed. Random, so that many clients do not renew at once.
    refresh_lead: TimeDelta,
}

impl ActiveToken {
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    pub(crate) fn is_app_only(&self) -> bool {
        self.is_app_only
    }
}

type Renewal = Shared<BoxFuture<'static, Result<Arc<ActiveToken>, SharedError>>>;

/// Why there is no usable token. Cloned for every call that waited for the same renewal.
#[derive(Debug, Clone)]
pub(crate) struct SharedError {
    account: Option<Arc<str>>,
    error: Arc<RefreshError>,
}

impl SharedError {
    pub(crate) fn into_error(self, request: &Request, response: Option<RawResponse>) -> Error {
        let name = request.name();
        let response = response.map(|response| ApiError::read(request.operation, &name, response));
        match &*self.error {
            RefreshError::LoginRequired(reason) => {
                LoginRequired::new(name, self.account.as_deref().map(str::to_owned), reason, response).into()
            }
            RefreshError::Credentials(source) => match source.call().and_then(Error::api).cloned() {
                Some(response) => AppCredentialsRejected::new(name, response).into(),
                None => Error::Middleware(Box::new(self)),
            },
            RefreshError::Refused(_) | RefreshError::Temporary(_) | RefreshError::GrantFailed(_) => {
                Error::Middleware(Box::new(self))
            }
        }
    }

    pub(crate) fn into_auth_error(self) -> AuthError {
        AuthError::Refresh(self.error)
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.is_temporary() {
            true => write!(f, "{}; try again later", self.error),
            false => write!(f, "{}", self.error),
        }
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Holds the current token of one account. Clones of a client share a session.
pub(crate) struct Session {
    account: Option<Arc<str>>,
    refresher: Option<Arc<dyn Refresher>>,
    /// Whether the refresher's tokens are app-only. A token that the program sets is not.
    is_app_only: bool,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    active: Option<Arc<ActiveToken>>,
    generation: u64,
    /// Why no call is sent until a new token is set.
    stopped: Option<Arc<RefreshError>>,
    /// Vimeo has reported that the token acts for no user.
    has_no_user: bool,
    renewal: Option<Renewal>,
}

/// The longest time before its expiry at which a token is renewed, in seconds.
const MAX_REFRESH_LEAD: f64 = 300.0;
/// The shortest time before its expiry at which a token is renewed, in seconds.
const MIN_REFRESH_LEAD: f64 = 60.0;

impl Session {
    pub(crate) fn new(
        account: Option<Arc<str>>,
        token: Option<AccessToken>,
        refresher: Option<Arc<dyn Refresher>>,
        clock: Clock,
    ) -> Result<Arc<Self>, &'static str> {
        let session = Self { account, refresher, is_app_only: false, clock, state: Mutex::default() };
        if let Some(token) = token {
            session.set(token)?;
        }
        Ok(Arc::new(session))
    }

    /// Creates a session without a token and without a refresher.
    pub(crate) fn empty(clock: Clock) -> Arc<Self> {
        Arc::new(Self { account: None, refresher: None, is_app_only: false, clock, state: Mutex::default() })
    }

    /// Creates a session for app-only tokens.
    pub(crate) fn app_only(refresher: Arc<dyn Refresher>, clock: Clock) -> Arc<Self> {
        let refresher = Some(refresher);
        Arc::new(Self { account: None, refresher, is_app_only: true, clock, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state stays consistent even if a thread panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether the refresher can replace the current token. An app-only token never replaces one that the program set, because
    /// it would act for nobody instead of for that token's user.
    pub(crate) fn can_refresh(&self) -> bool {
        self.refresher.is_some() && !self.has_foreign_token(&self.lock())
    }

    /// Whether the session is for app-only tokens, but the program set another token.
    fn has_foreign_token(&self, state: &State) -> bool {
        self.is_app_only && state.active.as_ref().is_some_and(|active| !active.is_app_only)
    }

    /// Whether the session is for app-only tokens and has no other token.
    pub(crate) fn is_app_only(&self) -> bool {
        self.is_app_only && !self.has_foreign_token(&self.lock())
    }

    /// Whether the token acts for no user: it is app-only, or Vimeo has reported that it has no user.
    pub(crate) fn has_no_user(&self) -> bool {
        let state = self.lock();
        state.has_no_user || (self.is_app_only && !self.has_foreign_token(&state))
    }

    /// Remembers that a token acts for no user, until another one is set. Does nothing if another one is set already.
    pub(crate) fn record_no_user(&self, token: &ActiveToken) {
        let mut state = self.lock();
        if state.generation == token.generation {
            state.has_no_user = true;
        }
    }

    /// Whether calls fail until a new token is set.
    #[cfg(feature = "accounts")]
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped.is_some()
    }

    /// Returns the number of the current token; each new token has a higher one.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Returns the current token, even if it has expired.
    pub(crate) fn token(&self) -> Option<TokenRef> {
        self.lock().active.clone().map(TokenRef)
    }

    /// Returns when a token expired; `None` if it has not.
    pub(crate) fn expired(&self, active: &ActiveToken) -> Option<DateTime<Utc>> {
        active.token.expires().filter(|at| *at <= self.clock.now())
    }

    /// Replaces the token.
    pub(crate) fn set(&self, token: AccessToken) -> Result<(), &'static str> {
        let header = token.header()?;
        let mut state = self.lock();
        (state.stopped, state.has_no_user) = (None, false);
        store(&mut state, token, header, false);
        Ok(())
    }

    /// Sets the scopes of the current token. Does nothing if `token` is not the current one.
    pub(crate) fn set_scopes(&self, token: AccessToken) {
        let mut state = self.lock();
        if let Some(active) = &state.active
            && let Ok(header) = token.header()
            && header == active.header
        {
            let ActiveToken { generation, is_app_only, refresh_lead, .. } = **active;
            state.active =
                Some(Arc::new(ActiveToken { token, header, generation, is_app_only, refresh_lead }));
        }
    }

    /// Marks the token with this header as invalid: calls fail until a new token is set.
    pub(crate) fn invalidate(&self, header: &HeaderValue) {
        let mut state = self.lock();
        if state.active.as_ref().is_some_and(|active| active.header == header) {
            let error = RefreshError::login_required("Vimeo has already rejected the access token");
            state.stopped = Some(Arc::new(error));
        }
    }

    /// Makes calls fail with this error until a new token is set.
    #[cfg(feature = "accounts")]
    pub(crate) fn stop(&self, error: RefreshError) {
        self.lock().stopped = Some(Arc::new(error));
    }

    /// Lets calls continue with this token. If it is the current token, a renewal in progress still replaces it.
    #[cfg(feature = "accounts")]
    pub(crate) fn resume(&self, token: AccessToken) -> Result<(), &'static str> {
        let header = token.header()?;
        let mut state = self.lock();
        (state.stopped, state.has_no_user) = (None, false);
        if state.active.as_ref().is_none_or(|active| active.header != header) {
            store(&mut state, token, header, false);
        }
        Ok(())
    }

    /// Returns the token to send calls with, and renews it first if it is about to expire. `None` if there is neither a token
    /// nor a refresher.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Option<Arc<ActiveToken>>, SharedError> {
        let (active, generation) = {
            let state = self.lock();
            if let Some(error) = &state.stopped {
                return Err(self.shared_error(Arc::clone(error)));
            }
            (state.active.clone(), state.generation)
        };
        let Some(active) = active else {
            return if self.can_refresh() { self.renew(generation).await.map(Some) } else { Ok(None) };
        };
        let Some(expires) = active.token.expires() else { return Ok(Some(active)) };
        let now = self.clock.now();
        // An underflow means that the token expired long ago.
        if expires.checked_sub_signed(active.refresh_lead).is_some_and(|due| due > now) {
            return Ok(Some(active));
        }
        if !self.can_refresh() {
            // Only Vimeo decides whether a token is valid: it may still accept this one.
            return Ok(Some(active));
        }
        match self.renew(generation).await {
            Ok(renewed) => Ok(Some(renewed)),
            Err(error) if expires > now && error.error.is_temporary() => {
                tracing::warn!(%error, "access token refresh failed; using the old token until it expires");
                Ok(Some(active))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns a token that is newer than the one of this generation. Concurrent callers share one renewal.
    pub(crate) async fn renew(self: &Arc<Self>, generation: u64) -> Result<Arc<ActiveToken>, SharedError> {
        let renewal = {
            let mut state = self.lock();
            if state.generation != generation
                && let Some(active) = &state.active
            {
                return Ok(Arc::clone(active));
            }
            if let Some(error) = &state.stopped {
                return Err(self.shared_error(Arc::clone(error)));
            }
            if self.has_foreign_token(&state)
                && let Some(active) = &state.active
            {
                return Ok(Arc::clone(active));
            }
            match &state.renewal {
                Some(renewal) => renewal.clone(),
                None => {
                    let renewal = Arc::clone(self).start_renewal(state.active.clone(), generation);
                    state.renewal = Some(renewal.clone());
                    renewal
                }
            }
        };
        renewal.await
    }

    /// Starts a renewal in its own task: a refresh token may work only once, so its result must not be lost if the call that
    /// needed it is dropped.
    fn start_renewal(self: Arc<Self>, old: Option<Arc<ActiveToken>>, generation: u64) -> Renewal {
        let session = Arc::clone(&self);
        let task = tokio::spawn(async move {
            let result = match &session.refresher {
                Some(refresher) => refresher.refresh(old.as_ref().map(|active| &active.token)).await,
                None => Err(RefreshError::login_required("the client has no refresher")),
            };
            session.finish_renewal(generation, result)
        });
        let outcome = async move {
            task.await.unwrap_or_else(|error| {
                self.finish_renewal(
                    generation,
                    Err(RefreshError::temporary(format!("the refresher did not finish: {error}"))),
                )
            })
        };
        outcome.boxed().shared()
    }

    fn finish_renewal(
        &self,
        generation: u64,
        result: Result<AccessToken, RefreshError>,
    ) -> Result<Arc<ActiveToken>, SharedError> {
        let result = result.and_then(|token| match token.header() {
            Ok(header) => Ok((token, header)),
            Err(reason) => Err(RefreshError::login_required(format!(
                "the refresher returned an invalid access token: {reason}"
            ))),
        });
        let mut state = self.lock();
        state.renewal = None;
        if state.generation != generation
            && let Some(active) = &state.active
        {
            // A token that was set explicitly in the meantime takes precedence.
            return Ok(Arc::clone(active));
        }
        match result {
            Ok((token, header)) => Ok(store(&mut state, token, header, self.is_app_only)),
            Err(error) => {
                let error = Arc::new(error);
                if !error.is_temporary() {
                    state.stopped = Some(Arc::clone(&error));
                }
                Err(self.shared_error(error))
            }
        }
    }

    fn shared_error(&self, error: Arc<RefreshError>) -> SharedError {
        SharedError { account: self.account.clone(), error }
    }
}

fn store(state: &mut State, token: AccessToken, header: HeaderValue, is_app_only: bool) -> Arc<ActiveToken> {
    state.generation = state.generation.saturating_add(1);
    let refresh_lead = TimeDelta::seconds(
        (MIN_REFRESH_LEAD + (MAX_REFRESH_LEAD - MIN_REFRESH_LEAD) * fastrand::f64()) as i64,
    );
    let generation = state.generation;
    let active = Arc::new(ActiveToken { token, header, generation, is_app_only, refresh_lead });
    state.active = Some(Arc::clone(&active));
    active
}

/// A reference to the token that a session had when it was read.
pub(crate) struct TokenRef(Arc<ActiveToken>);

impl std::ops::Deref for TokenRef {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0.token
    }
}
