//! Documents.

use std::sync::Arc;

use futures_util::future::join_all;
use vimeo_ext::accounts::{Document, ServiceStore, StoreError};

use super::at;

pub(super) async fn run(store: Arc<dyn ServiceStore>) {
    documents_have_unique_ids_and_versions(&*store).await;
    documents_are_listed_by_collection_in_byte_order(&*store).await;
    expired_documents_are_neither_returned_nor_in_the_way(&*store).await;
    one_caller_takes_a_document(&store).await;
}

async fn documents_have_unique_ids_and_versions(store: &dyn ServiceStore) {
    let first = Document::new("a", "one");
    store.insert_document("unique", &first, at(0)).await.unwrap();
    let again = store.insert_document("unique", &Document::new("a", "two"), at(0)).await;
    assert!(matches!(again, Err(StoreError::DuplicateName)), "{again:?}");
    assert_eq!(store.document("unique", "a", at(0)).await.unwrap().as_ref(), Some(&first));
    let second = Document { version: 2, ..Document::new("a", "two") };
    store.replace_document("unique", &second).await.unwrap();
    let stale = store.replace_document("unique", &second).await;
    assert!(matches!(stale, Err(StoreError::Stale { found: 2 })), "{stale:?}");
    let missing = store.replace_document("unique", &Document { version: 2, ..Document::new("b", "") }).await;
    assert!(matches!(missing, Err(StoreError::Missing)), "{missing:?}");
    assert_eq!(store.document("unique", "a", at(0)).await.unwrap(), Some(second));
    assert_eq!(store.document("other", "a", at(0)).await.unwrap(), None);
}

async fn documents_are_listed_by_collection_in_byte_order(store: &dyn ServiceStore) {
    for id in ["b", "A", "é", "a", "_"] {
        store.insert_document("list", &Document::new(id, id), at(0)).await.unwrap();
    }
    store.insert_document("lists", &Document::new("c", ""), at(0)).await.unwrap();
    let ids = async |after: &str, limit| -> Vec<String> {
        let found = store.documents("list", after, limit, at(0)).await.unwrap();
        found.into_iter().map(|document| document.id).collect()
    };
    assert_eq!(ids("", 100).await, ["A", "_", "a", "b", "é"]);
    assert_eq!(ids("_", 2).await, ["a", "b"]);
    assert_eq!(ids("é", 2).await, [""; 0]);
}

async fn expired_documents_are_neither_returned_nor_in_the_way(store: &dyn ServiceStore) {
    let document = |content: &str, lifetime| Document::new("x", content).expires(at(lifetime));
    store.insert_document("expiry", &document("old", 60), at(0)).await.unwrap();
    assert!(store.document("expiry", "x", at(59)).await.unwrap().is_some());
    assert_eq!(store.document("expiry", "x", at(60)).await.unwrap(), None);
    assert_eq!(store.documents("expiry", "", 10, at(60)).await.unwrap(), []);
    let new = document("new", 120);
    store.insert_document("expiry", &new, at(60)).await.unwrap();
    store.sweep_documents(at(61)).await.unwrap();
    assert_eq!(store.document("expiry", "x", at(61)).await.unwrap(), Some(new));
    assert_eq!(store.take_document("expiry", "x", at(120)).await.unwrap(), None);
    store.insert_document("expiry", &document("last", 130), at(125)).await.unwrap();
    store.sweep_documents(at(130)).await.unwrap();
    assert_eq!(store.document("expiry", "x", at(0)).await.unwrap(), None);
}

async fn one_caller_takes_a_document(store: &Arc<dyn ServiceStore>) {
    let document = Document::new("once", "x");
    store.insert_document("take", &document, at(0)).await.unwrap();
    let all = join_all((0..16).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.take_document("take", "once", at(1)).await.unwrap() })
    }))
    .await;
    let taken: Vec<_> = all.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [document]);
}
