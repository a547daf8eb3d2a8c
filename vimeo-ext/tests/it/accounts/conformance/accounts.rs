//! Records of accounts and their events.

use std::sync::Arc;

use futures_util::future::join_all;
use vimeo_ext::ScopeSet;
use vimeo_ext::accounts::{
    AccountId, AccountQuery, AccountStore, Ciphertext, KeyId, Status, StatusEvent, StoreError,
};

use super::super::records::{account, event};
use super::{at, login};

pub(super) async fn concurrent_inserts_create_one_account(store: &Arc<dyn AccountStore>, prefix: &str) {
    let id = AccountId::new(format!("{prefix} race")).unwrap();
    let (record, created) = (account(&id, Status::Pending), event(&id, None, Some(Status::Pending)));
    let before = store.last_event().await.unwrap();
    let all = join_all((0..24).map(|_| {
        let (store, record, created) = (Arc::clone(store), record.clone(), created.clone());
        tokio::spawn(async move { store.insert_account(&record, &created).await.unwrap() })
    }))
    .await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|(_, new)| *new).count(), 1);
    assert!(all.iter().all(|(found, _)| *found == record));
    let events = store.events(before, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.account == id).count(), 1);
}

pub(super) async fn account_records_round_trip(store: &Arc<dyn AccountStore>, prefix: &str) {
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
        record.secrets = Some(Ciphertext { key: KeyId::new("k1"), bytes: vec![0, 255, 7] });
        store.replace_account(&record, None).await.unwrap();
        assert_eq!(store.account(&id).await.unwrap().as_ref(), Some(&record));
    }
    let unknown = AccountId::new(format!("{prefix} unknown")).unwrap();
    assert_eq!(store.account(&unknown).await.unwrap(), None);
}

pub(super) async fn concurrent_updates_have_one_winner(store: &Arc<dyn AccountStore>, prefix: &str) {
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
    for result in all {
        match result.unwrap() {
            (number, Ok(())) => winners.push(number),
            (_, Err(StoreError::Stale { found: 2 })) => {}
            (number, other) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let record = store.account(&id).await.unwrap().unwrap();
    assert_eq!(record.account.reason, Some(format!("writer {}", winners[0])));
    let events = store.events(before, 100).await.unwrap();
    assert_eq!(
        events.iter().filter(|event| event.account == id).count(),
        1,
        "rejected updates insert no event"
    );

    let unknown = AccountId::new(format!("{prefix} unknown")).unwrap();
    let missing = store.replace_account(&account(&unknown, Status::Active), None).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
}

/// Returns the IDs on all pages of a query.
async fn list_all(store: &Arc<dyn AccountStore>, mut query: AccountQuery) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = store.accounts(&query).await.unwrap();
        let is_full = page.len() == query.limit as usize;
        assert!(page.len() <= query.limit as usize);
        names.extend(page.iter().map(|record| record.account.id.as_str().to_owned()));
        match page.last() {
            Some(last) if is_full => query = query.after(last.account.id.clone()),
            _ => return names,
        }
    }
}

pub(super) async fn lists_accounts_by_filter_and_page(store: &Arc<dyn AccountStore>, prefix: &str) {
    // Byte order differs from dictionary order.
    let names = ["B", "a", "b", "Ä", "a b", "a_b", "0", "10", "9", "é", "z"];
    for (number, name) in names.iter().enumerate() {
        let id = AccountId::new(format!("{prefix} list {name}")).unwrap();
        let mut record = account(&id, if number % 2 == 0 { Status::Active } else { Status::Expired });
        record.account.user = Some(format!("/users/{prefix}{}", number % 3));
        record.account.expires = (number % 4 != 0).then(|| at(number as u64 * 10));
        record.secrets = (number % 5 != 0)
            .then(|| Ciphertext { key: KeyId::new(if number > 5 { "new" } else { "old" }), bytes: vec![1] });
        store.insert_account(&record, &event(&id, None, None)).await.unwrap();
    }
    let start = AccountId::new(format!("{prefix} list")).unwrap();
    let expected = |matches: &dyn Fn(usize) -> bool| {
        let mut expected: Vec<String> = names
            .iter()
            .enumerate()
            .filter(|(number, _)| matches(*number))
            .map(|(_, name)| format!("{prefix} list {name}"))
            .collect();
        expected.sort();
        expected
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
            AccountQuery::default().not_encrypted_with(KeyId::new("new")),
            expected(&|number| number % 5 != 0 && number <= 5),
        ),
    ];
    for (query, expected) in cases {
        for limit in [1, 3, 1_000] {
            let query = query.clone().after(start.clone()).limit(limit);
            let mut found = list_all(store, query.clone()).await;
            found.retain(|name| name.starts_with(&format!("{prefix} list ")));
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

pub(super) async fn removes_an_account_with_its_logins_and_events(
    store: &Arc<dyn AccountStore>,
    prefix: &str,
) {
    let id = AccountId::new(format!("{prefix} gone")).unwrap();
    store.insert_account(&account(&id, Status::Active), &event(&id, None, None)).await.unwrap();
    store.put_login(&login(&id, prefix, "gone", 60), at(0)).await.unwrap();
    let removed = event(&id, Some(Status::Active), None);
    let stale = store.remove_account(&id, 2, &removed).await;
    assert!(matches!(stale, Err(StoreError::Stale { found: 1 })), "{stale:?}");
    assert!(store.account(&id).await.unwrap().is_some());
    store.remove_account(&id, 1, &removed).await.unwrap();
    assert_eq!(store.account(&id).await.unwrap(), None);
    assert_eq!(store.take_login(&format!("{prefix} gone"), at(0)).await.unwrap(), None);
    let events: Vec<StatusEvent> = store.events(0, 10_000).await.unwrap();
    let own: Vec<_> = events.into_iter().filter(|event| event.account == id).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!((own[0].from, own[0].to), (Some(Status::Active), None));
    let missing = store.remove_account(&id, 1, &removed).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
}

pub(super) async fn events_are_ordered(store: &Arc<dyn AccountStore>, prefix: &str) {
    let before = store.last_event().await.unwrap();
    let ids: Vec<_> = (0..12).map(|n| AccountId::new(format!("{prefix} event {n}")).unwrap()).collect();
    join_all(ids.iter().map(|id| {
        let (store, id) = (Arc::clone(store), id.clone());
        tokio::spawn(async move {
            let mut created = event(&id, None, Some(Status::Pending));
            created.reason = Some("new".to_owned());
            store.insert_account(&account(&id, Status::Pending), &created).await.unwrap();
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
