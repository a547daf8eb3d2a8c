//! What every store must do; run over each of them.

mod accounts;
mod connections;
mod passing;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use vimeo_ext::accounts::{AccountId, AccountStore, KeyId, LoginRecord, Sealed};

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + Duration::from_secs(seconds)
}

/// Runs the whole suite. Names begin with `prefix`, since a store may hold what others have put there.
pub(crate) async fn run(store: Arc<dyn AccountStore>, prefix: &str) {
    accounts::one_of_many_makes_an_account(&store, prefix).await;
    accounts::records_come_back_whole(&store, prefix).await;
    accounts::one_of_many_writers_wins(&store, prefix).await;
    accounts::accounts_are_listed_in_order_by_filter_and_page(&store, prefix).await;
    accounts::what_is_removed_is_gone_with_all_that_belonged_to_it(&store, prefix).await;
    accounts::changes_are_told_in_their_order(&store, prefix).await;
    passing::a_login_is_taken_once_and_in_time(&store, prefix).await;
    passing::a_lease_has_one_holder_and_lapses(&store, prefix).await;
    connections::connections_have_one_name_and_one_next_version(&store, prefix).await;
    passing::a_budget_is_shared_out_and_never_twice(&store, prefix).await;
    passing::sweeping_drops_what_has_ended(&store, prefix).await;
}

fn login(id: &AccountId, prefix: &str, key: &str, lasts: u64) -> LoginRecord {
    LoginRecord {
        key: format!("{prefix} {key}"),
        account: id.clone(),
        secrets: Sealed { key: KeyId::new("k1"), bytes: vec![1, 2, 3] },
        expires: at(lasts),
    }
}

#[tokio::test]
async fn the_memory_store_conforms() {
    run(super::memory(), "m").await;
}
