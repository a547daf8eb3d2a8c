//! What every store must do; run over each of them.

mod accounts;
mod connections;
mod expiring;
mod keys;
mod memory;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use vimeo_ext::accounts::{AccountId, AccountStore, Ciphertext, KeyId, LoginRecord};

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + Duration::from_secs(seconds)
}

/// A store that is new, and a way to read all that it keeps as whoever steals it would.
pub(crate) struct Fresh {
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) dump: Box<dyn Fn() -> BoxFuture<'static, Vec<u8>>>,
}

/// Runs the whole suite.
pub(crate) async fn run(fresh: impl AsyncFn() -> Fresh) {
    records(fresh().await.store, "one").await;
    // Each with a store of its own: they look at all that is kept.
    keys::a_dump_holds_no_secret(fresh().await).await;
    keys::keys_are_rotated_while_others_work(fresh().await.store).await;
    keys::a_wrong_key_overwrites_nothing(fresh().await.store).await;
    keys::what_is_damaged_is_told_and_left_as_it_is(fresh().await.store).await;
    refusals::only_vimeo_revokes_and_the_token_is_kept(fresh().await.store).await;
    refusals::a_token_goes_to_its_own_api_alone(fresh().await.store).await;
}

/// What a store does with records. Names begin with `prefix`.
async fn records(store: Arc<dyn AccountStore>, prefix: &str) {
    accounts::one_of_many_makes_an_account(&store, prefix).await;
    accounts::records_come_back_whole(&store, prefix).await;
    accounts::one_of_many_writers_wins(&store, prefix).await;
    accounts::accounts_are_listed_in_order_by_filter_and_page(&store, prefix).await;
    accounts::what_is_removed_is_gone_with_all_that_belonged_to_it(&store, prefix).await;
    accounts::changes_are_told_in_their_order(&store, prefix).await;
    expiring::a_login_is_taken_once_and_in_time(&store, prefix).await;
    expiring::waiting_logins_are_few(&store, prefix).await;
    expiring::a_lease_has_one_holder_and_lapses(&store, prefix).await;
    expiring::a_name_is_used_once(&store, prefix).await;
    connections::connections_have_one_name_and_one_next_version(&store, prefix).await;
    expiring::budgets_are_shared_out_and_never_twice(&store, prefix).await;
    expiring::sweeping_drops_what_has_ended(&store, prefix).await;
}

fn login(id: &AccountId, prefix: &str, key: &str, lasts: u64) -> LoginRecord {
    LoginRecord {
        key: format!("{prefix} {key}"),
        account: id.clone(),
        secrets: Ciphertext { key: KeyId::new("k1"), bytes: vec![1, 2, 3] },
        expires: at(lasts),
    }
}
