//! Records that expire: logins, leases and quotas.

use std::sync::Arc;

use futures_util::future::join_all;
use vimeo_ext::accounts::{AccountId, AccountRecord, AccountStore, LoginRecord, Status};
use vimeo_ext::rate_limit::{LeaseRequest, UsageReport};

use super::super::records::{account, event};
use super::{at, login};

pub(super) async fn login_is_taken_once_before_expiry(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} login")).unwrap();
    store.insert_account(&account(&id, Status::Pending), &event(&id, None, None)).await.unwrap();
    let valid = login(&id, prefix, "valid", 60);
    store.put_login(&valid, at(0)).await.unwrap();
    let all = join_all((0..16).map(|_| {
        let (store, key) = (Arc::clone(store), valid.key.clone());
        tokio::spawn(async move { store.take_login(&key, at(59)).await.unwrap() })
    }))
    .await;
    let taken: Vec<_> = all.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [valid]);
    let expired = login(&id, prefix, "expired", 60);
    store.put_login(&expired, at(0)).await.unwrap();
    assert_eq!(store.take_login(&expired.key, at(60)).await.unwrap(), None);
    assert_eq!(store.take_login("no such login", at(0)).await.unwrap(), None);
}

/// An account that requests many links keeps the latest logins, and other accounts keep theirs.
pub(super) async fn pending_logins_are_limited(store: &Arc<dyn AccountStore>, prefix: &str) {
    let (many, one) =
        (AccountId::new(format!("{prefix} many")).unwrap(), AccountId::new(format!("{prefix} one")).unwrap());
    for id in [&many, &one] {
        store.insert_account(&account(id, Status::Pending), &event(id, None, None)).await.unwrap();
    }
    store.put_login(&login(&one, prefix, "others", 5), at(0)).await.unwrap();
    store.put_login(&login(&many, prefix, "short", 5), at(0)).await.unwrap();
    let max = u64::from(LoginRecord::MAX_PENDING);
    for number in 0..max + 3 {
        // The first login has expired by then.
        let login = login(&many, prefix, &format!("number {number}"), 60 + number);
        store.put_login(&login, at(6)).await.unwrap();
    }
    let exists =
        async |key: &str| store.take_login(&format!("{prefix} {key}"), at(0)).await.unwrap().is_some();
    assert!(!exists("short").await && exists("others").await);
    for number in 0..max + 3 {
        assert_eq!(exists(&format!("number {number}")).await, number >= 3, "{number}");
    }
}

pub(super) async fn lease_has_one_holder_until_expiry(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = format!("{prefix} lease");
    let all = join_all((0..16).map(|number| {
        let (store, name) = (Arc::clone(store), name.clone());
        tokio::spawn(async move {
            let holder = format!("h{number}");
            let got = store.acquire_lease(&name, &holder, at(0), at(10)).await.unwrap();
            got.then_some(holder)
        })
    }))
    .await;
    let holders: Vec<String> = all.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    let lease = async |holder: &str, now, until| {
        store.acquire_lease(&name, holder, at(now), at(until)).await.unwrap()
    };
    assert!(lease(&holders[0], 5, 20).await, "extended");
    assert!(!lease("other", 19, 30).await);
    assert!(lease("other", 20, 30).await, "expired");
    store.release_lease(&name, &holders[0]).await.unwrap();
    assert!(!lease(&holders[0], 21, 40).await, "only the holder releases it");
    store.release_lease(&name, "other").await.unwrap();
    assert!(lease(&holders[0], 21, 40).await);
}

pub(super) async fn use_once_succeeds_once(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = format!("{prefix} once");
    let all = join_all((0..16).map(|_| {
        let (store, name) = (Arc::clone(store), name.clone());
        tokio::spawn(async move { store.use_once(&name, at(0), at(10)).await.unwrap() })
    }))
    .await;
    assert_eq!(all.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 1);
    assert!(!store.use_once(&name, at(9), at(20)).await.unwrap());
    assert!(store.use_once(&name, at(10), at(20)).await.unwrap(), "remembered until it expires");
    store.sweep(at(30), at(0)).await.unwrap();
}

pub(super) async fn quotas_are_never_leased_twice(store: &Arc<dyn AccountStore>, prefix: &str) {
    const POOLS: usize = 20;
    let all = join_all((0..16).map(|number| {
        let (store, prefix) = (Arc::clone(store), prefix.to_owned());
        tokio::spawn(async move {
            let mut report = UsageReport::new(format!("h{number}"), 100, 90, at(0));
            (report.reported_reset, report.resets_at) = (Some(at(60)), Some(at(60)));
            // Each holder requests some pools in its own order, and one of them twice.
            let pools = (0..POOLS).filter(|pool| (pool + number) % 4 > 0).map(|pool| match number % 2 {
                0 => pool,
                _ => POOLS - 1 - pool,
            });
            let mut pools: Vec<usize> = pools.collect();
            pools.push(pools[0]);
            let request = |pool| LeaseRequest::new(format!("{prefix} pool {pool}"), report.clone());
            let requests: Vec<LeaseRequest> = pools.iter().map(|pool| request(*pool)).collect();
            let leases = store.lease_quotas(&requests).await.unwrap();
            assert_eq!(leases.len(), requests.len());
            pools.into_iter().zip(leases.into_iter().map(|lease| lease.calls)).collect::<Vec<_>>()
        })
    }))
    .await;
    let mut leased = [0; POOLS];
    for (pool, calls) in all.into_iter().flat_map(Result::unwrap) {
        leased[pool] += calls;
    }
    assert!(leased.iter().all(|calls| *calls > 0 && *calls <= 90), "{leased:?} of 90 each");
    assert!(store.lease_quotas(&[]).await.unwrap().is_empty());
}

pub(super) async fn sweep_deletes_expired_records(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} swept")).unwrap();
    let record: AccountRecord = account(&id, Status::Pending);
    store.insert_account(&record, &event(&id, None, Some(Status::Pending))).await.unwrap();
    store.put_login(&login(&id, prefix, "expired", 10), at(0)).await.unwrap();
    store.put_login(&login(&id, prefix, "pending", 30), at(0)).await.unwrap();
    let last = store.last_event().await.unwrap();
    store.sweep(at(20), at(1)).await.unwrap();
    assert_eq!(store.take_login(&format!("{prefix} expired"), at(0)).await.unwrap(), None);
    assert!(store.take_login(&format!("{prefix} pending"), at(0)).await.unwrap().is_some());
    assert_eq!(store.last_event().await.unwrap(), last, "event numbers are not reused");
    assert!(store.account(&id).await.unwrap().is_some());
}
