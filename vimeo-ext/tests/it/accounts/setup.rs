//! Fixtures for accounts. The agent's tests use them too.

use std::sync::Arc;

use vimeo_ext::accounts::{AccountId, AccountStore, Key, KeyRing, MemoryStore};
use vimeo_ext::{RetryPolicy, Vimeo, VimeoBuilder};
use vimeo_sandbox::Sandbox;

pub(crate) fn id(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

pub(crate) fn memory() -> Arc<dyn AccountStore> {
    Arc::new(MemoryStore::default())
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(Key::from_bytes([7; 32]))
}

/// Returns a client builder with the sandbox's app credentials.
pub(crate) fn app(sandbox: &Sandbox) -> VimeoBuilder {
    Vimeo::builder()
        .app(sandbox.client_id(), sandbox.client_secret())
        .base_url(sandbox.url().as_str())
        .retry(RetryPolicy::never())
}
