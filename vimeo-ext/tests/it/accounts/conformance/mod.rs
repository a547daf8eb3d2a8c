//! The conformance suite that runs against every store.

mod accounts;
mod connections;
mod documents;
mod expiring;
mod keys;
mod memory;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use vimeo_ext::accounts::{AccountId, AccountStore, Ciphertext, KeyId, LoginRecord, ServiceStore};

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + Duration::from_secs(seconds)
}

/// A new store, and a function that dumps everything in it, as a thief would read it.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn ServiceStore>,
    pub(crate) dump: Box<dyn Fn() -> BoxFuture<'static, Vec<u8>>>,
}

/// Runs the whole suite.
pub(crate) async fn run(new_store: impl AsyncFn() -> TestStore) {
    run_record_tests(new_store().await.store, "one").await;
    documents::run(new_store().await.store).await;
    // Each of these needs its own store, because it looks at everything in it.
    keys::dump_contains_no_secret(new_store().await).await;
    keys::rotates_keys_under_concurrent_writes(new_store().await.store).await;
    keys::wrong_key_overwrites_nothing(new_store().await.store).await;
    keys::damaged_secrets_are_reported_and_kept(new_store().await.store).await;
    refusals::only_vimeo_revokes_and_the_token_is_kept(new_store().await.store).await;
    refusals::tokens_are_sent_only_to_their_api(new_store().await.store).await;
}

/// The tests of records. All names start with `prefix`.
async fn run_record_tests(store: Arc<dyn AccountStore>, prefix: &str) {
    accounts::concurrent_inserts_create_one_account(&store, prefix).await;
    accounts::account_records_round_trip(&store, prefix).await;
    accounts::concurrent_updates_have_one_winner(&store, prefix).await;
    accounts::lists_accounts_by_filter_and_page(&store, prefix).await;
    accounts::removes_an_account_with_its_logins_and_events(&store, prefix).await;
    accounts::events_are_ordered(&store, prefix).await;
    expiring::login_is_taken_once_before_expiry(&store, prefix).await;
    expiring::pending_logins_are_limited(&store, prefix).await;
    expiring::lease_has_one_holder_until_expiry(&store, prefix).await;
    expiring::use_once_succeeds_once(&store, prefix).await;
    connections::connections_have_unique_names_and_versions(&store, prefix).await;
    expiring::quotas_are_never_leased_twice(&store, prefix).await;
    expiring::sweep_deletes_expired_records(&store, prefix).await;
}

fn login(id: &AccountId, prefix: &str, key: &str, lifetime: u64) -> LoginRecord {
    LoginRecord {
        key: format!("{prefix} {key}"),
        account: id.clone(),
        secrets: Ciphertext { key: KeyId::new("k1"), bytes: vec![1, 2, 3] },
        expires: at(lifetime),
    }
}
