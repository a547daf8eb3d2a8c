//! Records of connections.

use std::sync::Arc;

use futures_util::future::join_all;
use vimeo_ext::accounts::{AccountStore, ConnectionId, ConnectionRecord, StoreError};

use super::super::records::connection;

pub(super) async fn connections_have_unique_names_and_versions(store: &Arc<dyn AccountStore>, prefix: &str) {
    let name = |name: &str| format!("{prefix} {name}");
    let all = join_all((0..12).map(|number| {
        let (store, record) = (Arc::clone(store), connection(&format!("{prefix}{number}"), &name("one")));
        tokio::spawn(async move { (store.insert_connection(&record).await, record) })
    }))
    .await;
    let mut inserted: Vec<ConnectionRecord> = Vec::new();
    for result in all {
        match result.unwrap() {
            (Ok(()), record) => inserted.push(record),
            (Err(StoreError::DuplicateName), _) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    let [one] = inserted.as_slice() else { panic!("{inserted:?}") };
    assert_eq!(store.connection(&one.connection.id).await.unwrap().as_ref(), Some(one));
    assert_eq!(store.connection_by_name(&name("one")).await.unwrap().as_ref(), Some(one));

    let all = join_all((0..12).map(|number| {
        let (store, mut record) = (Arc::clone(store), one.clone());
        record.connection.version = 2;
        record.connection.description = Some(format!("writer {number}"));
        record.connection.enabled = false;
        tokio::spawn(async move { store.replace_connection(&record).await.map(|()| record) })
    }))
    .await;
    let mut winners = Vec::new();
    for result in all {
        match result.unwrap() {
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
    let duplicate = store.replace_connection(&two).await;
    assert!(matches!(duplicate, Err(StoreError::DuplicateName)), "{duplicate:?}");
    two.connection.name = name("three");
    store.replace_connection(&two).await.unwrap();
    assert_eq!(store.connection_by_name(&name("two")).await.unwrap(), None);
    let listed = store.connections(Some(&name("one")), 1).await.unwrap();
    assert_eq!(listed, [two.clone()]);

    let stale = store.remove_connection(&two.connection.id, 1).await;
    assert!(matches!(stale, Err(StoreError::Stale { found: 2 })), "{stale:?}");
    store.remove_connection(&two.connection.id, 2).await.unwrap();
    let missing = store.remove_connection(&two.connection.id, 2).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
    let unknown = ConnectionId::new(name("unknown"));
    assert_eq!(store.connection(&unknown).await.unwrap(), None);
}
