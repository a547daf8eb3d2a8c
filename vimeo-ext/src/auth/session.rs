//! The token that a client uses, and how it comes to a new one.
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

/// A token, its header made once, and which one it is in turn.
pub(crate) struct ActiveToken {
    token: AccessToken,
    header: HeaderValue,
    generation: u64,
    /// How long before it expires it is renewed: random, so that many clients do not renew at once.
    refresh_lead: TimeDelta,
}

impl ActiveToken {
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

type Renewal = Shared<BoxFuture<'static, Result<Arc<ActiveToken>, SharedError>>>;

/// Why there is no token to go with.
#[derive(Debug, Clone)]
pub(crate) struct SharedError {
    account: Option<Arc<str>>,
    error: Arc<RefreshError>,
}

impl SharedError {
    pub(crate) fn into_error(self, request: &Request, answer: Option<RawResponse>) -> Error {
        let name = request.name();
        let answer = answer.map(|answer| ApiError::read(request.operation, &name, answer));
        match &*self.error {
            RefreshError::LoginRequired(reason) => {
                LoginRequired::new(name, self.account.as_deref().map(str::to_owned), reason, answer).into()
            }
            RefreshError::Credentials(source) => match source.call().and_then(Error::api).cloned() {
                Some(answer) => AppCredentialsRejected::new(name, answer).into(),
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

/// Holds the token of one account. Clones of a client share it.
pub(crate) struct Session {
    account: Option<Arc<str>>,
    refresher: Option<Arc<dyn Refresher>>,
    /// Whether its tokens are the app's own, which act for no user.
    is_of_app: bool,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Arc<ActiveToken>>,
    generation: u64,
    /// Why asking for a token is of no use until one is given.
    given_up: Option<Arc<RefreshError>>,
    /// Vimeo has said that the token acts for no user.
    has_no_user: bool,
    renewal: Option<Renewal>,
}

/// The longest time before its expiry that a token is renewed, and the shortest.
const MAX_REFRESH_LEAD: f64 = 300.0;
const MIN_REFRESH_LEAD: f64 = 60.0;

impl Session {
    pub(crate) fn new(
        account: Option<Arc<str>>,
        token: Option<AccessToken>,
        refresher: Option<Arc<dyn Refresher>>,
        clock: Clock,
    ) -> Result<Arc<Self>, &'static str> {
        let session = Self { account, refresher, is_of_app: false, clock, state: Mutex::default() };
        if let Some(token) = token {
            session.set(token)?;
        }
        Ok(Arc::new(session))
    }

    /// No token and no way to one.
    pub(crate) fn empty(clock: Clock) -> Arc<Self> {
        Arc::new(Self { account: None, refresher: None, is_of_app: false, clock, state: Mutex::default() })
    }

    /// Tokens of the app alone.
    pub(crate) fn of_app(refresher: Arc<dyn Refresher>, clock: Clock) -> Arc<Self> {
        let refresher = Some(refresher);
        Arc::new(Self { account: None, refresher, is_of_app: true, clock, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or leaves the state whole between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.refresher.is_some()
    }

    pub(crate) fn is_of_app(&self) -> bool {
        self.is_of_app
    }

    /// Whether Vimeo has said that the token acts for no user.
    pub(crate) fn has_no_user(&self) -> bool {
        self.lock().has_no_user
    }

    /// Remembers that the token acts for no user, until another is given.
    pub(crate) fn note_no_user(&self) {
        self.lock().has_no_user = true;
    }

    /// Whether no call goes until a token is given.
    #[cfg(feature = "accounts")]
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().given_up.is_some()
    }

    /// Which token in turn the session has.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// The token as it is, without a thought for its expiry.
    pub(crate) fn token(&self) -> Option<Token> {
        self.lock().held.clone().map(Token)
    }

    /// When a token expired, if its time is over.
    pub(crate) fn expired(&self, held: &ActiveToken) -> Option<DateTime<Utc>> {
        held.token.expires().filter(|at| *at <= self.clock.now())
    }

    /// Uses another token from now on.
    pub(crate) fn set(&self, token: AccessToken) -> Result<(), &'static str> {
        let header = token.header()?;
        let mut state = self.lock();
        (state.given_up, state.has_no_user) = (None, false);
        put(&mut state, token, header);
        Ok(())
    }

    /// Says which scopes the token has, once that is known.
    pub(crate) fn set_scopes(&self, token: AccessToken) {
        let mut state = self.lock();
        if let Some(held) = &state.held
            && let Ok(header) = token.header()
            && header == held.header
        {
            let held =
                ActiveToken { token, header, generation: held.generation, refresh_lead: held.refresh_lead };
            state.held = Some(Arc::new(held));
        }
    }

    /// The token with this header is none: no call is made with it any more.
    pub(crate) fn invalidate(&self, header: &HeaderValue) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.header == header) {
            state.given_up =
                Some(Arc::new(RefreshError::login_required("Vimeo has refused the access token before")));
        }
    }

    /// Lets no call go until a token is given.
    #[cfg(feature = "accounts")]
    pub(crate) fn stop(&self, error: RefreshError) {
        self.lock().given_up = Some(Arc::new(error));
    }

    /// Lets calls go again, with this token. A renewal of it that is under way counts.
    #[cfg(feature = "accounts")]
    pub(crate) fn resume(&self, token: AccessToken) -> Result<(), &'static str> {
        let header = token.header()?;
        let mut state = self.lock();
        (state.given_up, state.has_no_user) = (None, false);
        if state.held.as_ref().is_none_or(|held| held.header != header) {
            put(&mut state, token, header);
        }
        Ok(())
    }

    /// The token to go with; `None` when there is none and no way to one. Renews it when it is about to expire.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Option<Arc<ActiveToken>>, SharedError> {
        let (held, generation) = {
            let state = self.lock();
            if let Some(error) = &state.given_up {
                return Err(self.failure(Arc::clone(error)));
            }
            (state.held.clone(), state.generation)
        };
        let Some(held) = held else {
            return if self.can_refresh() { self.renew(generation).await.map(Some) } else { Ok(None) };
        };
        let Some(expires) = held.token.expires() else { return Ok(Some(held)) };
        let now = self.clock.now();
        // A time before all others is over, too.
        if expires.checked_sub_signed(held.refresh_lead).is_some_and(|due| due > now) {
            return Ok(Some(held));
        }
        if !self.can_refresh() {
            // Vimeo is the judge of its tokens: it may take this one yet.
            return Ok(Some(held));
        }
        match self.renew(generation).await {
            Ok(held) => Ok(Some(held)),
            Err(failure) if expires > now && failure.error.is_temporary() => {
                tracing::warn!(%failure, "the access token could not be renewed, the old one is used on");
                Ok(Some(held))
            }
            Err(failure) => Err(failure),
        }
    }

    /// A token that is newer than the one of this generation: asked for once, whoever asks meanwhile.
    pub(crate) async fn renew(self: &Arc<Self>, generation: u64) -> Result<Arc<ActiveToken>, SharedError> {
        let renewal = {
            let mut state = self.lock();
            if state.generation != generation
                && let Some(held) = &state.held
            {
                return Ok(Arc::clone(held));
            }
            if let Some(error) = &state.given_up {
                return Err(self.failure(Arc::clone(error)));
            }
            match &state.renewal {
                Some(renewal) => renewal.clone(),
                None => {
                    let renewal = Arc::clone(self).start_renewal(state.held.clone(), generation);
                    state.renewal = Some(renewal.clone());
                    renewal
                }
            }
        };
        renewal.await
    }

    /// In a task of its own: a token that can be had only once must not be lost with the call that asked for it.
    fn start_renewal(self: Arc<Self>, old: Option<Arc<ActiveToken>>, generation: u64) -> Renewal {
        let session = Arc::clone(&self);
        let task = tokio::spawn(async move {
            let result = match &session.refresher {
                Some(refresher) => refresher.refresh(old.as_ref().map(|held| &held.token)).await,
                None => Err(RefreshError::login_required("there is no way to a new token")),
            };
            session.finish_renewal(generation, result)
        });
        let outcome = async move {
            task.await.unwrap_or_else(|broken| {
                self.finish_renewal(
                    generation,
                    Err(RefreshError::temporary(format!("the refresher ended refresh_lead: {broken}"))),
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
            Err(reason) => {
                Err(RefreshError::login_required(format!("the new access token is of no use: {reason}")))
            }
        });
        let mut state = self.lock();
        state.renewal = None;
        if state.generation != generation
            && let Some(held) = &state.held
        {
            // A token was given by hand meanwhile, which counts for more.
            return Ok(Arc::clone(held));
        }
        match result {
            Ok((token, header)) => Ok(put(&mut state, token, header)),
            Err(error) => {
                let error = Arc::new(error);
                if !error.is_temporary() {
                    state.given_up = Some(Arc::clone(&error));
                }
                Err(self.failure(error))
            }
        }
    }

    fn failure(&self, error: Arc<RefreshError>) -> SharedError {
        SharedError { account: self.account.clone(), error }
    }
}

fn put(state: &mut State, token: AccessToken, header: HeaderValue) -> Arc<ActiveToken> {
    state.generation = state.generation.saturating_add(1);
    let refresh_lead = TimeDelta::seconds(
        (MIN_REFRESH_LEAD + (MAX_REFRESH_LEAD - MIN_REFRESH_LEAD) * fastrand::f64()) as i64,
    );
    let held = Arc::new(ActiveToken { token, header, generation: state.generation, refresh_lead });
    state.held = Some(Arc::clone(&held));
    held
}

/// The token of a session, for as long as someone looks at it.
pub(crate) struct Token(Arc<ActiveToken>);

impl std::ops::Deref for Token {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0.token
    }
}

impl ActiveToken {
    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }
}
