//! What is kept for a while: logins, leases and budgets.

use std::sync::Arc;

use futures_util::future::join_all;
use vimeo_ext::accounts::{AccountId, AccountRecord, AccountStore, LoginRecord, Status};
use vimeo_ext::rate_limit::{LeaseRequest, UsageReport};

use super::super::records::{account, event};
use super::{at, login};

pub(super) async fn a_login_is_taken_once_and_in_time(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} login")).unwrap();
    store.insert_account(&account(&id, Status::Pending), &event(&id, None, None)).await.unwrap();
    let good = login(&id, prefix, "good", 60);
    store.put_login(&good, at(0)).await.unwrap();
    let all = join_all((0..16).map(|_| {
        let (store, key) = (Arc::clone(store), good.key.clone());
        tokio::spawn(async move { store.take_login(&key, at(59)).await.unwrap() })
    }))
    .await;
    let taken: Vec<_> = all.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [good]);
    let late = login(&id, prefix, "late", 60);
    store.put_login(&late, at(0)).await.unwrap();
    assert_eq!(store.take_login(&late.key, at(60)).await.unwrap(), None);
    assert_eq!(store.take_login("no such login", at(0)).await.unwrap(), None);
}

/// Who asks for links over and over keeps the latest, and nobody else loses theirs.
pub(super) async fn waiting_logins_are_few(store: &Arc<dyn AccountStore>, prefix: &str) {
    let (many, one) =
        (AccountId::new(format!("{prefix} many")).unwrap(), AccountId::new(format!("{prefix} one")).unwrap());
    for id in [&many, &one] {
        store.insert_account(&account(id, Status::Pending), &event(id, None, None)).await.unwrap();
    }
    store.put_login(&login(&one, prefix, "others", 5), at(0)).await.unwrap();
    store.put_login(&login(&many, prefix, "short", 5), at(0)).await.unwrap();
    let most = u64::from(LoginRecord::MAX_PENDING);
    for number in 0..most + 3 {
        // By its time the first has ended.
        let login = login(&many, prefix, &format!("number {number}"), 60 + number);
        store.put_login(&login, at(6)).await.unwrap();
    }
    let there =
        async |key: &str| store.take_login(&format!("{prefix} {key}"), at(0)).await.unwrap().is_some();
    assert!(!there("short").await && there("others").await);
    for number in 0..most + 3 {
        assert_eq!(there(&format!("number {number}")).await, number >= 3, "{number}");
    }
}

pub(super) async fn a_lease_has_one_holder_and_lapses(store: &Arc<dyn AccountStore>, prefix: &str) {
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
    assert!(lease(&holders[0], 5, 20).await, "prolonged");
    assert!(!lease("other", 19, 30).await);
    assert!(lease("other", 20, 30).await, "lapsed");
    store.release_lease(&name, &holders[0]).await.unwrap();
    assert!(!lease(&holders[0], 21, 40).await, "only its holder gives it back");
    store.release_lease(&name, "other").await.unwrap();
    assert!(lease(&holders[0], 21, 40).await);
}

pub(super) async fn a_name_is_used_once(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = format!("{prefix} once");
    let all = join_all((0..16).map(|_| {
        let (store, name) = (Arc::clone(store), name.clone());
        tokio::spawn(async move { store.use_once(&name, at(0), at(10)).await.unwrap() })
    }))
    .await;
    assert_eq!(all.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 1);
    assert!(!store.use_once(&name, at(9), at(20)).await.unwrap());
    assert!(store.use_once(&name, at(10), at(20)).await.unwrap(), "remembered for so long and no longer");
    store.sweep(at(30), at(0)).await.unwrap();
}

pub(super) async fn budgets_are_shared_out_and_never_twice(store: &Arc<dyn AccountStore>, prefix: &str) {
    const POOLS: usize = 20;
    let all = join_all((0..16).map(|number| {
        let (store, prefix) = (Arc::clone(store), prefix.to_owned());
        tokio::spawn(async move {
            let mut report = UsageReport::new(format!("h{number}"), 100, 90, at(0));
            (report.reported_reset, report.resets_at) = (Some(at(60)), Some(at(60)));
            // Each asks for some in an order of its own, and for one of them twice.
            let places = (0..POOLS).filter(|place| (place + number) % 4 > 0).map(|place| match number % 2 {
                0 => place,
                _ => POOLS - 1 - place,
            });
            let mut places: Vec<usize> = places.collect();
            places.push(places[0]);
            let question = |place| LeaseRequest::new(format!("{prefix} budget {place}"), report.clone());
            let asked: Vec<LeaseRequest> = places.iter().map(|place| question(*place)).collect();
            let leases = store.lease_quotas(&asked).await.unwrap();
            assert_eq!(leases.len(), asked.len());
            places.into_iter().zip(leases.into_iter().map(|lease| lease.calls)).collect::<Vec<_>>()
        })
    }))
    .await;
    let mut given = [0; POOLS];
    for (place, calls) in all.into_iter().flat_map(Result::unwrap) {
        given[place] += calls;
    }
    assert!(given.iter().all(|given| *given > 0 && *given <= 90), "{given:?} of 90 each");
    assert!(store.lease_quotas(&[]).await.unwrap().is_empty());
}

pub(super) async fn sweeping_drops_what_has_ended(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} swept")).unwrap();
    let record: AccountRecord = account(&id, Status::Pending);
    store.insert_account(&record, &event(&id, None, Some(Status::Pending))).await.unwrap();
    store.put_login(&login(&id, prefix, "ended", 10), at(0)).await.unwrap();
    store.put_login(&login(&id, prefix, "waits", 30), at(0)).await.unwrap();
    let last = store.last_event().await.unwrap();
    store.sweep(at(20), at(1)).await.unwrap();
    assert_eq!(store.take_login(&format!("{prefix} ended"), at(0)).await.unwrap(), None);
    assert!(store.take_login(&format!("{prefix} waits"), at(0)).await.unwrap().is_some());
    assert_eq!(store.last_event().await.unwrap(), last, "the numbering goes on");
    assert!(store.account(&id).await.unwrap().is_some());
}
