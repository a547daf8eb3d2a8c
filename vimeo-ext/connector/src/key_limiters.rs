//! The limits of the API keys in this process: their rate, and how many requests in flight and event streams each has.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use crate::keys::KeyId;

/// How many keys' rate limiters a process keeps.
const MAX_LIMITERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// The maximum number of event streams of one key.
const MAX_STREAMS: usize = 32;

/// The maximum number of requests of one key that wait for their responses.
const MAX_IN_FLIGHT: usize = 1_024;

/// The limits of the API keys, in this process.
pub(crate) struct KeyLimiters {
    limiters: Mutex<LruCache<(KeyId, NonZeroU32), Arc<DefaultDirectRateLimiter>>>,
    in_flight: Mutex<LruCache<KeyId, Arc<Semaphore>>>,
    streams: Mutex<LruCache<KeyId, Arc<Semaphore>>>,
}

impl Default for KeyLimiters {
    fn default() -> Self {
        Self {
            limiters: Mutex::new(LruCache::new(MAX_LIMITERS)),
            in_flight: Mutex::new(LruCache::new(MAX_LIMITERS)),
            streams: Mutex::new(LruCache::new(MAX_LIMITERS)),
        }
    }
}

impl KeyLimiters {
    /// Returns the permit for one more event stream of the key.
    pub(crate) fn begin_stream(&self, key: &KeyId) -> Result<OwnedSemaphorePermit, ApiError> {
        permit(&self.streams, key, MAX_STREAMS).ok_or_else(|| {
            let detail = format!("this API key already has {MAX_STREAMS} event streams; close one first");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
        })
    }

    /// Returns the permit for one more request in flight of the key.
    pub(crate) fn begin_request(&self, key: &KeyId) -> Result<OwnedSemaphorePermit, ApiError> {
        permit(&self.in_flight, key, MAX_IN_FLIGHT).ok_or_else(|| {
            let detail = format!(
                "this API key already has {MAX_IN_FLIGHT} requests in flight; wait for their responses"
            );
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_in_flight", detail).retry_after(1)
        })
    }

    /// Counts a request of the key.
    pub(crate) fn check(&self, key: &KeyId, per_minute: NonZeroU32) -> Result<(), ApiError> {
        let limiter = {
            let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)));
            Arc::clone(limiters.get_or_insert((key.clone(), per_minute), new))
        };
        limiter.check().map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let detail = format!("this API key may make {per_minute} requests a minute; wait");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit", detail)
                .retry_after(wait.as_secs().saturating_add(1))
        })
    }
}

/// Takes one of the key's permits, if one is left.
fn permit(
    permits: &Mutex<LruCache<KeyId, Arc<Semaphore>>>,
    key: &KeyId,
    max: usize,
) -> Option<OwnedSemaphorePermit> {
    let of_key = {
        let mut permits = permits.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(permits.get_or_insert(key.clone(), || Arc::new(Semaphore::new(max))))
    };
    of_key.try_acquire_owned().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_limit() {
        let limiters = KeyLimiters::default();
        let (a, b) = (KeyId::new("a"), KeyId::new("b"));
        let two = NonZeroU32::new(2).unwrap();
        assert!(limiters.check(&a, two).is_ok() && limiters.check(&a, two).is_ok());
        assert_eq!(limiters.check(&a, two).unwrap_err().code(), "rate_limit");
        assert!(limiters.check(&b, two).is_ok());
    }

    #[test]
    fn a_key_has_only_so_many_requests_in_flight() {
        let limiters = KeyLimiters::default();
        let (a, b) = (KeyId::new("a"), KeyId::new("b"));
        let mut permits: Vec<_> = (0..MAX_IN_FLIGHT).map(|_| limiters.begin_request(&a).unwrap()).collect();
        assert_eq!(limiters.begin_request(&a).unwrap_err().code(), "too_many_in_flight");
        assert!(limiters.begin_request(&b).is_ok());
        permits.pop();
        assert!(limiters.begin_request(&a).is_ok());
    }

    #[test]
    fn a_key_can_hold_only_so_many_streams() {
        let limiters = KeyLimiters::default();
        let (a, b) = (KeyId::new("a"), KeyId::new("b"));
        let mut permits: Vec<_> = (0..MAX_STREAMS).map(|_| limiters.begin_stream(&a).unwrap()).collect();
        assert_eq!(limiters.begin_stream(&a).unwrap_err().code(), "too_many_streams");
        assert!(limiters.begin_stream(&b).is_ok());
        permits.pop();
        assert!(limiters.begin_stream(&a).is_ok());
    }
}
