//! The suite over the store in memory.

use std::fmt::Write;
use std::sync::Arc;

use vimeo_ext::accounts::{AccountQuery, AccountStore, MemoryStore};

use super::Fresh;

/// All that can be had out of a store through its own methods.
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
async fn the_memory_store_conforms() {
    super::run(async || {
        let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
        let dumped = Arc::clone(&store);
        Fresh { store, dump: Box::new(move || Box::pin(dump(Arc::clone(&dumped)))) }
    })
    .await;
}
