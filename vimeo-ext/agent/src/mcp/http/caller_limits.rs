//! What a caller may hold at once: a share of the sessions and of the requests, so that none of them can take another's.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The most connections that are open at once, whoever they are from.
pub(super) const MAX_CONNECTIONS: usize = 1_024;

/// The requests, answers that are still streamed included, that all callers together may have under way: the rest of the
/// connections stay free for those whose caller is not known yet.
const MAX_REQUESTS: usize = MAX_CONNECTIONS / 4 * 3;

/// The fewest requests of a caller, however many callers there are.
const MIN_REQUESTS: usize = 8;

/// The sessions of all callers together that are remembered.
const MAX_SESSIONS: usize = 10_000;

/// The most and the fewest sessions of a caller.
const MAX_SESSIONS_PER_BEARER: usize = 1_000;
const MIN_SESSIONS: usize = 16;

/// The limits of all callers, each known by its [id](super::super::access::Caller::id).
pub(super) struct CallerLimits {
    sessions_each: NonZeroUsize,
    requests_each: usize,
    /// Ends all sessions.
    shutdown: CancellationToken,
    callers: Mutex<HashMap<String, CallerState>>,
}

struct CallerState {
    /// The sessions of the older era, each with what ends it.
    sessions: LruCache<String, CancellationToken>,
    requests: Arc<Semaphore>,
}

impl CallerLimits {
    /// Limits for so many callers, whose sessions all end with `shutdown`.
    pub(super) fn among(callers: usize, shutdown: CancellationToken) -> Self {
        let callers = callers.max(1);
        let sessions = (MAX_SESSIONS / callers).clamp(MIN_SESSIONS, MAX_SESSIONS_PER_BEARER);
        Self {
            sessions_each: NonZeroUsize::new(sessions).unwrap_or(NonZeroUsize::MIN),
            requests_each: (MAX_REQUESTS / callers).max(MIN_REQUESTS),
            shutdown,
            callers: Mutex::default(),
        }
    }

    /// A place for one more request of this caller, held for as long as it is kept; `None` when all are taken.
    pub(super) fn request(&self, caller: &str) -> Option<OwnedSemaphorePermit> {
        let requests = self.of(caller, |state| Arc::clone(&state.requests));
        requests.try_acquire_owned().ok()
    }

    /// Remembers a session that the caller began; answers the one of the caller's that is over for it.
    pub(super) fn begin(&self, caller: &str, session: String) -> Option<String> {
        let end = self.shutdown.child_token();
        let over = self.of(caller, |state| state.sessions.push(session.clone(), end));
        let (name, over) = over.filter(|(name, _)| *name != session)?;
        over.cancel();
        Some(name)
    }

    /// What is cancelled when this session of the caller's ends; `None` when the caller has no such session.
    pub(super) fn session(&self, caller: &str, session: &str) -> Option<CancellationToken> {
        self.of(caller, |state| state.sessions.get(session).cloned())
    }

    /// What is cancelled when all sessions end.
    pub(super) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Ends a session of the caller's: what is under way in it stops.
    pub(super) fn end(&self, caller: &str, session: &str) {
        if let Some(end) = self.of(caller, |state| state.sessions.pop(session)) {
            end.cancel();
        }
    }

    fn of<T>(&self, caller: &str, look: impl FnOnce(&mut CallerState) -> T) -> T {
        // Each change is one insertion or removal.
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let state = callers.entry(caller.to_owned()).or_insert_with(|| CallerState {
            sessions: LruCache::new(self.sessions_each),
            requests: Arc::new(Semaphore::new(self.requests_each)),
        });
        look(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_begins_too_many_sessions_loses_its_own_oldest_and_nobody_elses() {
        let limits = CallerLimits::among(2, CancellationToken::new());
        let each = limits.sessions_each.get();
        assert_eq!(limits.begin("quiet", "the only one".to_owned()), None);
        for number in 0..each {
            assert_eq!(limits.begin("greedy", number.to_string()), None);
        }
        assert_eq!(limits.begin("greedy", "one more".to_owned()).as_deref(), Some("0"));
        assert!(limits.session("greedy", "0").is_none() && limits.session("greedy", "1").is_some());
        assert!(limits.session("quiet", "the only one").is_some());
        assert!(limits.session("greedy", "the only one").is_none(), "it is another's");
        assert_eq!(limits.begin("greedy", "one more".to_owned()), None, "the same one again");
    }

    #[tokio::test]
    async fn a_session_that_makes_place_for_another_is_stopped() {
        let limits = CallerLimits::among(10_000, CancellationToken::new());
        limits.begin("a", "first".to_owned());
        let first = limits.session("a", "first").unwrap();
        for number in 0..MIN_SESSIONS {
            limits.begin("a", number.to_string());
        }
        first.cancelled().await;
    }

    #[test]
    fn a_caller_who_takes_all_its_requests_leaves_those_of_others() {
        let limits = CallerLimits::among(200, CancellationToken::new());
        let taken: Vec<_> = (0..MIN_REQUESTS).map(|_| limits.request("greedy")).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(limits.request("greedy").is_none());
        assert!(limits.request("quiet").is_some());
        drop(taken);
        assert!(limits.request("greedy").is_some());
    }
}
