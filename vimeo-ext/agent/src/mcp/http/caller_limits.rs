//! Limits per caller: a share of the sessions and of the requests in flight, so that no caller can use up another's.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The maximum number of open connections, over all callers.
pub(super) const MAX_CONNECTIONS: usize = 1_024;

/// The maximum number of requests in flight over all callers, including responses that are still streamed. The other
/// connections stay free for requests whose caller is not known yet.
const MAX_REQUESTS: usize = MAX_CONNECTIONS / 4 * 3;

/// The minimum share of requests in flight per caller, however many callers there are.
const MIN_REQUESTS_PER_CALLER: usize = 8;

/// The maximum number of sessions over all callers.
const MAX_SESSIONS: usize = 10_000;

/// The maximum number of sessions per caller.
const MAX_SESSIONS_PER_CALLER: usize = 1_000;

/// The minimum share of sessions per caller, however many callers there are.
const MIN_SESSIONS_PER_CALLER: usize = 16;

/// The limits of all callers, by their [ID](super::super::api_key::Caller::id).
pub(super) struct CallerLimits {
    sessions_per_caller: NonZeroUsize,
    requests_per_caller: usize,
    /// Ends all sessions.
    shutdown: CancellationToken,
    callers: Mutex<HashMap<String, CallerState>>,
}

struct CallerState {
    /// The sessions of the older protocol, each with the token that ends it.
    sessions: LruCache<String, CancellationToken>,
    requests: Arc<Semaphore>,
}

impl CallerLimits {
    /// Divides the limits among a number of callers. All their sessions end with `shutdown`.
    pub(super) fn new(callers: usize, shutdown: CancellationToken) -> Self {
        let callers = callers.max(1);
        let sessions = (MAX_SESSIONS / callers).clamp(MIN_SESSIONS_PER_CALLER, MAX_SESSIONS_PER_CALLER);
        Self {
            sessions_per_caller: NonZeroUsize::new(sessions).unwrap_or(NonZeroUsize::MIN),
            requests_per_caller: (MAX_REQUESTS / callers).max(MIN_REQUESTS_PER_CALLER),
            shutdown,
            callers: Mutex::default(),
        }
    }

    /// Returns a permit for one more request of the caller; `None` if the caller has reached its limit.
    pub(super) fn acquire(&self, caller: &str) -> Option<OwnedSemaphorePermit> {
        let requests = self.with_state(caller, |state| Arc::clone(&state.requests));
        requests.try_acquire_owned().ok()
    }

    /// Adds a session of the caller; returns the caller's session that ends because of it, if any.
    pub(super) fn add_session(&self, caller: &str, session: String) -> Option<String> {
        let end = self.shutdown.child_token();
        let evicted = self.with_state(caller, |state| state.sessions.push(session.clone(), end));
        let (name, end) = evicted.filter(|(name, _)| *name != session)?;
        end.cancel();
        Some(name)
    }

    /// Returns the token that is cancelled when the session ends; `None` if the caller has no such session.
    pub(super) fn session(&self, caller: &str, session: &str) -> Option<CancellationToken> {
        self.with_state(caller, |state| state.sessions.get(session).cloned())
    }

    /// Returns the token that is cancelled when all sessions end.
    pub(super) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Ends a session of the caller and stops its running calls.
    pub(super) fn end_session(&self, caller: &str, session: &str) {
        if let Some(end) = self.with_state(caller, |state| state.sessions.pop(session)) {
            end.cancel();
        }
    }

    fn with_state<T>(&self, caller: &str, change: impl FnOnce(&mut CallerState) -> T) -> T {
        // A panic cannot leave it inconsistent: each change is one insertion or removal.
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let state = callers.entry(caller.to_owned()).or_insert_with(|| CallerState {
            sessions: LruCache::new(self.sessions_per_caller),
            requests: Arc::new(Semaphore::new(self.requests_per_caller)),
        });
        change(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_sessions_evict_the_callers_own_oldest() {
        let limits = CallerLimits::new(2, CancellationToken::new());
        let per_caller = limits.sessions_per_caller.get();
        assert_eq!(limits.add_session("quiet", "the only one".to_owned()), None);
        for number in 0..per_caller {
            assert_eq!(limits.add_session("greedy", number.to_string()), None);
        }
        assert_eq!(limits.add_session("greedy", "one more".to_owned()).as_deref(), Some("0"));
        assert!(limits.session("greedy", "0").is_none() && limits.session("greedy", "1").is_some());
        assert!(limits.session("quiet", "the only one").is_some());
        assert!(limits.session("greedy", "the only one").is_none(), "another caller's session");
        assert_eq!(limits.add_session("greedy", "one more".to_owned()), None, "the same session again");
    }

    #[tokio::test]
    async fn an_evicted_session_is_cancelled() {
        let limits = CallerLimits::new(10_000, CancellationToken::new());
        limits.add_session("a", "first".to_owned());
        let first = limits.session("a", "first").unwrap();
        for number in 0..MIN_SESSIONS_PER_CALLER {
            limits.add_session("a", number.to_string());
        }
        first.cancelled().await;
    }

    #[test]
    fn request_permits_are_per_caller() {
        let limits = CallerLimits::new(200, CancellationToken::new());
        let permits: Vec<_> = (0..MIN_REQUESTS_PER_CALLER).map(|_| limits.acquire("greedy")).collect();
        assert!(permits.iter().all(Option::is_some));
        assert!(limits.acquire("greedy").is_none());
        assert!(limits.acquire("quiet").is_some());
        drop(permits);
        assert!(limits.acquire("greedy").is_some());
    }
}
