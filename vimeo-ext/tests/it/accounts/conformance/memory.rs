//! The conformance suite for the in-memory store.

use std::fmt::Write;
use std::sync::Arc;

use vimeo_ext::accounts::{AccountQuery, AccountStore, MemoryStore, ServiceStore};

use super::TestStore;

/// Returns everything that a store's methods return.
async fn dump(store: Arc<dyn AccountStore>) -> Vec<u8> {
    let (mut bytes, mut text) = (Vec::new(), String::new());
    for record in store.accounts(&AccountQuery::default().limit(1_000)).await.unwrap() {
        write!(text, "{record:?}").unwrap();
        bytes.extend(record.secrets.into_iter().flat_map(|sealed| sealed.bytes));
    }
    for record in store.connections(None, 1_000).await.unwrap() {
        write!(text, "{record:?}").unwrap();
        bytes.extend(record.secrets.bytes);
    }
    write!(text, "{:?}", store.events(0, 1_000).await.unwrap()).unwrap();
    bytes.extend(text.into_bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_store_conforms() {
    super::run(async || {
        let store: Arc<dyn ServiceStore> = Arc::new(MemoryStore::default());
        let same_store = Arc::clone(&store);
        TestStore {
            store,
            dump: Box::new(move || Box::pin(dump(Arc::<dyn ServiceStore>::clone(&same_store)))),
        }
    })
    .await;
}
