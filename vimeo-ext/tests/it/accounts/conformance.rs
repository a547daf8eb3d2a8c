//! What every store must do; run over each of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use vimeo_ext::ScopeSet;
use vimeo_ext::accounts::{
    AccountId, AccountQuery, AccountRecord, AccountStore, ConnectionId, ConnectionRecord, KeyId, LoginRecord,
    Sealed, Status, StatusEvent, StoreError,
};
use vimeo_ext::budget::BudgetReport;

use super::records::{account, connection, event};

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + Duration::from_secs(seconds)
}

/// Runs the whole suite. Names begin with `prefix`, since a store may hold what others have put there.
pub(crate) async fn run(store: Arc<dyn AccountStore>, prefix: &str) {
    one_of_many_makes_an_account(&store, prefix).await;
    records_come_back_whole(&store, prefix).await;
    one_of_many_writers_wins(&store, prefix).await;
    accounts_are_listed_in_order_by_filter_and_page(&store, prefix).await;
    what_is_removed_is_gone_with_all_that_belonged_to_it(&store, prefix).await;
    changes_are_told_in_their_order(&store, prefix).await;
    a_login_is_taken_once_and_in_time(&store, prefix).await;
    a_lease_has_one_holder_and_lapses(&store, prefix).await;
    connections_have_one_name_and_one_next_version(&store, prefix).await;
    a_budget_is_shared_out_and_never_twice(&store, prefix).await;
    sweeping_drops_what_has_ended(&store, prefix).await;
}

async fn one_of_many_makes_an_account(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} race")).unwrap();
    let (record, made) = (account(&id, Status::Pending), event(&id, None, Some(Status::Pending)));
    let before = store.last_event().await.unwrap();
    let all = join_all((0..24).map(|_| {
        let (store, record, made) = (Arc::clone(store), record.clone(), made.clone());
        tokio::spawn(async move { store.insert_account(&record, &made).await.unwrap() })
    }))
    .await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|(_, new)| *new).count(), 1);
    assert!(all.iter().all(|(found, _)| *found == record));
    let events = store.events(before, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.account == id).count(), 1);
}

async fn records_come_back_whole(store: &Arc<dyn AccountStore>, prefix: &str) {
    for status in Status::ALL {
        let id = AccountId::new(format!("{prefix} whole {status} ü'\"")).unwrap();
        let mut record = account(&id, status);
        store.insert_account(&record, &event(&id, None, Some(status))).await.unwrap();
        assert_eq!(store.account(&id).await.unwrap().as_ref(), Some(&record));
        record.account.version = 2;
        record.account.reason = Some("why".to_owned());
        record.account.user = Some("/users/7".to_owned());
        record.account.scopes = Some(ScopeSet::from("private new_scope"));
        record.account.expires = Some(at(60));
        record.account.changed_at = at(1);
        record.secrets = Some(Sealed { key: KeyId::new("k1"), bytes: vec![0, 255, 7] });
        store.replace_account(&record, None).await.unwrap();
        assert_eq!(store.account(&id).await.unwrap().as_ref(), Some(&record));
    }
    let nobody = AccountId::new(format!("{prefix} nobody")).unwrap();
    assert_eq!(store.account(&nobody).await.unwrap(), None);
}

async fn one_of_many_writers_wins(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} writers")).unwrap();
    store.insert_account(&account(&id, Status::Active), &event(&id, None, None)).await.unwrap();
    let before = store.last_event().await.unwrap();
    let all = join_all((0..16).map(|number| {
        let (store, id) = (Arc::clone(store), id.clone());
        tokio::spawn(async move {
            let mut record = account(&id, Status::Revoked);
            record.account.version = 2;
            record.account.reason = Some(format!("writer {number}"));
            let change = event(&id, Some(Status::Active), Some(Status::Revoked));
            (number, store.replace_account(&record, Some(&change)).await)
        })
    }))
    .await;
    let mut winners = Vec::new();
    for done in all {
        match done.unwrap() {
            (number, Ok(())) => winners.push(number),
            (_, Err(StoreError::Stale { found: 2 })) => {}
            (number, other) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let record = store.account(&id).await.unwrap().unwrap();
    assert_eq!(record.account.reason, Some(format!("writer {}", winners[0])));
    let events = store.events(before, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.account == id).count(), 1, "losers leave no event");

    let nobody = AccountId::new(format!("{prefix} nobody")).unwrap();
    let missing = store.replace_account(&account(&nobody, Status::Active), None).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
}

/// All pages of a query.
async fn walk(store: &Arc<dyn AccountStore>, mut query: AccountQuery) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = store.accounts(&query).await.unwrap();
        let full = page.len() == query.limit as usize;
        assert!(page.len() <= query.limit as usize);
        names.extend(page.iter().map(|record| record.account.id.as_str().to_owned()));
        match page.last() {
            Some(last) if full => query = query.after(last.account.id.clone()),
            _ => return names,
        }
    }
}

async fn accounts_are_listed_in_order_by_filter_and_page(store: &Arc<dyn AccountStore>, prefix: &str) {
    // Their order by bytes is not that of a dictionary.
    let names = ["B", "a", "b", "Ä", "a b", "a_b", "0", "10", "9", "é", "z"];
    for (number, name) in names.iter().enumerate() {
        let id = AccountId::new(format!("{prefix} list {name}")).unwrap();
        let mut record = account(&id, if number % 2 == 0 { Status::Active } else { Status::Expired });
        record.account.user = Some(format!("/users/{prefix}{}", number % 3));
        record.account.expires = (number % 4 != 0).then(|| at(number as u64 * 10));
        record.secrets = (number % 5 != 0)
            .then(|| Sealed { key: KeyId::new(if number > 5 { "new" } else { "old" }), bytes: vec![1] });
        store.insert_account(&record, &event(&id, None, None)).await.unwrap();
    }
    let start = AccountId::new(format!("{prefix} list")).unwrap();
    let expected = |keep: &dyn Fn(usize) -> bool| {
        let mut kept: Vec<String> = names
            .iter()
            .enumerate()
            .filter(|(number, _)| keep(*number))
            .map(|(_, name)| format!("{prefix} list {name}"))
            .collect();
        kept.sort();
        kept
    };
    let cases: Vec<(AccountQuery, Vec<String>)> = vec![
        (AccountQuery::default(), expected(&|_| true)),
        (AccountQuery::default().status(Status::Active), expected(&|number| number % 2 == 0)),
        (AccountQuery::default().user(format!("/users/{prefix}1")), expected(&|number| number % 3 == 1)),
        (AccountQuery::default().expires_before(at(50)), expected(&|number| number % 4 != 0 && number < 5)),
        (
            AccountQuery::default().status(Status::Expired).user(format!("/users/{prefix}0")),
            expected(&|number| number % 2 == 1 && number % 3 == 0),
        ),
        (
            AccountQuery::default().sealed_without(KeyId::new("new")),
            expected(&|number| number % 5 != 0 && number <= 5),
        ),
    ];
    for (query, expected) in cases {
        for limit in [1, 3, 1_000] {
            let query = query.clone().after(start.clone()).limit(limit);
            let mut found = walk(store, query.clone()).await;
            found.retain(|name| name.starts_with(&format!("{prefix} list ")));
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

async fn what_is_removed_is_gone_with_all_that_belonged_to_it(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} gone")).unwrap();
    store.insert_account(&account(&id, Status::Active), &event(&id, None, None)).await.unwrap();
    store.put_login(&login(&id, prefix, "gone", 60)).await.unwrap();
    let farewell = event(&id, Some(Status::Active), None);
    let stale = store.remove_account(&id, 2, &farewell).await;
    assert!(matches!(stale, Err(StoreError::Stale { found: 1 })), "{stale:?}");
    assert!(store.account(&id).await.unwrap().is_some());
    store.remove_account(&id, 1, &farewell).await.unwrap();
    assert_eq!(store.account(&id).await.unwrap(), None);
    assert_eq!(store.take_login(&format!("{prefix} gone"), at(0)).await.unwrap(), None);
    let events: Vec<StatusEvent> = store.events(0, 10_000).await.unwrap();
    let own: Vec<_> = events.into_iter().filter(|event| event.account == id).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!((own[0].from, own[0].to), (Some(Status::Active), None));
    let missing = store.remove_account(&id, 1, &farewell).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
}

async fn changes_are_told_in_their_order(store: &Arc<dyn AccountStore>, prefix: &str) {
    let before = store.last_event().await.unwrap();
    let ids: Vec<_> = (0..12).map(|n| AccountId::new(format!("{prefix} event {n}")).unwrap()).collect();
    join_all(ids.iter().map(|id| {
        let (store, id) = (Arc::clone(store), id.clone());
        tokio::spawn(async move {
            let mut made = event(&id, None, Some(Status::Pending));
            made.reason = Some("new".to_owned());
            store.insert_account(&account(&id, Status::Pending), &made).await.unwrap();
        })
    }))
    .await;
    let mut seen = Vec::new();
    let mut after = before;
    loop {
        let batch = store.events(after, 5).await.unwrap();
        let Some(last) = batch.last() else { break };
        assert!(batch.len() <= 5 && batch.is_sorted_by_key(|event| event.number));
        assert!(batch.iter().all(|event| event.number > after));
        after = last.number;
        seen.extend(batch.into_iter().filter(|event| ids.contains(&event.account)));
    }
    assert_eq!(seen.len(), ids.len());
    assert!(seen.iter().all(|event| event.to == Some(Status::Pending) && event.from.is_none()));
    assert!(seen.iter().all(|event| event.reason.as_deref() == Some("new") && event.at == at(0)));
    assert!(store.last_event().await.unwrap() >= after);
}

fn login(id: &AccountId, prefix: &str, key: &str, lasts: u64) -> LoginRecord {
    LoginRecord {
        key: format!("{prefix} {key}"),
        account: id.clone(),
        secrets: Sealed { key: KeyId::new("k1"), bytes: vec![1, 2, 3] },
        expires: at(lasts),
    }
}

async fn a_login_is_taken_once_and_in_time(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} login")).unwrap();
    store.insert_account(&account(&id, Status::Pending), &event(&id, None, None)).await.unwrap();
    let good = login(&id, prefix, "good", 60);
    store.put_login(&good).await.unwrap();
    let all = join_all((0..16).map(|_| {
        let (store, key) = (Arc::clone(store), good.key.clone());
        tokio::spawn(async move { store.take_login(&key, at(59)).await.unwrap() })
    }))
    .await;
    let taken: Vec<_> = all.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [good]);
    let late = login(&id, prefix, "late", 60);
    store.put_login(&late).await.unwrap();
    assert_eq!(store.take_login(&late.key, at(60)).await.unwrap(), None);
    assert_eq!(store.take_login("no such login", at(0)).await.unwrap(), None);
}

async fn a_lease_has_one_holder_and_lapses(store: &Arc<dyn AccountStore>, prefix: &str) {
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

async fn connections_have_one_name_and_one_next_version(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = |name: &str| format!("{prefix} {name}");
    let all = join_all((0..12).map(|number| {
        let (store, record) = (Arc::clone(store), connection(&format!("{prefix}{number}"), &name("one")));
        tokio::spawn(async move { (store.insert_connection(&record).await, record) })
    }))
    .await;
    let mut made: Vec<ConnectionRecord> = Vec::new();
    for done in all {
        match done.unwrap() {
            (Ok(()), record) => made.push(record),
            (Err(StoreError::DuplicateName), _) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    let [one] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!(store.connection(&one.connection.id).await.unwrap().as_ref(), Some(one));
    assert_eq!(store.connection_named(&name("one")).await.unwrap().as_ref(), Some(one));

    let all = join_all((0..12).map(|number| {
        let (store, mut record) = (Arc::clone(store), one.clone());
        record.connection.version = 2;
        record.connection.description = Some(format!("writer {number}"));
        record.connection.enabled = false;
        tokio::spawn(async move { store.replace_connection(&record).await.map(|()| record) })
    }))
    .await;
    let mut winners = Vec::new();
    for done in all {
        match done.unwrap() {
            Ok(record) => winners.push(record),
            Err(StoreError::Stale { found: 2 }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.connection(&one.connection.id).await.unwrap(), winners.pop());

    let mut two = connection(&format!("{prefix}two"), &name("two"));
    store.insert_connection(&two).await.unwrap();
    two.connection.version = 2;
    two.connection.name = name("one");
    let taken = store.replace_connection(&two).await;
    assert!(matches!(taken, Err(StoreError::DuplicateName)), "{taken:?}");
    two.connection.name = name("three");
    store.replace_connection(&two).await.unwrap();
    assert_eq!(store.connection_named(&name("two")).await.unwrap(), None);
    let listed = store.connections(Some(&name("one")), 1).await.unwrap();
    assert_eq!(listed, [two.clone()]);

    let stale = store.remove_connection(&two.connection.id, 1).await;
    assert!(matches!(stale, Err(StoreError::Stale { found: 2 })), "{stale:?}");
    store.remove_connection(&two.connection.id, 2).await.unwrap();
    let missing = store.remove_connection(&two.connection.id, 2).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
    let nobody = ConnectionId::new(name("nobody"));
    assert_eq!(store.connection(&nobody).await.unwrap(), None);
}

async fn a_budget_is_shared_out_and_never_twice(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = format!("{prefix} budget");
    let all = join_all((0..16).map(|number| {
        let (store, name) = (Arc::clone(store), name.clone());
        tokio::spawn(async move {
            let mut report = BudgetReport::new(format!("h{number}"), 100, 90, at(0));
            report.resets_at = Some(at(60));
            store.lease_budget(&name, &report).await.unwrap().calls
        })
    }))
    .await;
    let given: u64 = all.into_iter().map(Result::unwrap).sum();
    assert!(given > 0 && given <= 90, "{given} of 90");
}

async fn sweeping_drops_what_has_ended(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} swept")).unwrap();
    let record: AccountRecord = account(&id, Status::Pending);
    store.insert_account(&record, &event(&id, None, Some(Status::Pending))).await.unwrap();
    store.put_login(&login(&id, prefix, "ended", 10)).await.unwrap();
    store.put_login(&login(&id, prefix, "waits", 30)).await.unwrap();
    let last = store.last_event().await.unwrap();
    store.sweep(at(20), at(1)).await.unwrap();
    assert_eq!(store.take_login(&format!("{prefix} ended"), at(0)).await.unwrap(), None);
    assert!(store.take_login(&format!("{prefix} waits"), at(0)).await.unwrap().is_some());
    assert_eq!(store.last_event().await.unwrap(), last, "the numbering goes on");
    assert!(store.account(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_memory_store_conforms() {
    run(super::memory(), "m").await;
}
