//! Stores that earlier releases wrote.

use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::json;
use vimeo_ext::accounts::{
    AccountQuery, AccountStore, AccountsError, Ciphertext, KeyError, SqliteStore, Status,
};
use vimeo_sandbox::Sandbox;

use super::records::connection;
use super::{builder, id, ring};

/// Restores a database as that release left it, and opens it.
async fn restore(path: &Path, dump: &'static str) -> Arc<dyn AccountStore> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(dump).execute(&pool).await.unwrap();
    pool.close().await;
    Arc::new(SqliteStore::open(path).await.unwrap())
}

/// Encrypts a secret of `owner` as earlier releases did, with the key of [`ring`].
fn sealed(owner: &str, plain: &serde_json::Value) -> Ciphertext {
    let (nonce, plain) = (XNonce::generate(), plain.to_string());
    let payload = Payload { msg: plain.as_bytes(), aad: owner.as_bytes() };
    let bytes = XChaCha20Poly1305::new(&[7; 32].into()).encrypt(&nonce, payload).unwrap();
    Ciphertext { key: ring().current().clone(), bytes: [nonce.as_slice(), &bytes].concat() }
}

#[tokio::test]
async fn old_unbound_tokens_are_bound_on_use() {
    let folder = super::test_folder();
    let dump = include_str!("stores_of_releases/unbound_tokens.sql");
    let store = restore(&folder.path().join("accounts.db"), dump).await;
    // APIs at three addresses, one of which rejects the token.
    let sandbox = Sandbox::start().await.unwrap();
    let stranger = Sandbox::start().await.unwrap();
    assert!(stranger.world().revoke_token(stranger.token()));
    let other = Sandbox::start().await.unwrap();

    let here = builder(&sandbox, &store).build().await.unwrap();
    let accounts = here.list(AccountQuery::default()).await.unwrap().accounts;
    let found: Vec<_> = accounts.iter().map(|account| (account.id.as_str(), account.status)).collect();
    let expected = [("connected", Status::Active), ("disabled", Status::Disabled), ("new", Status::Pending)];
    assert_eq!(found, expected);
    let before = store.account(&id("connected")).await.unwrap().unwrap();

    // The token is not bound to an API that rejects it.
    let wrong = builder(&stranger, &store).build().await.unwrap();
    wrong.client(&id("connected")).await.unwrap();
    assert_eq!(store.account(&id("connected")).await.unwrap().unwrap(), before);

    let client = here.client(&id("connected")).await.unwrap();
    let me = client.get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], "/users/900000123");
    let bound = store.account(&id("connected")).await.unwrap().unwrap();
    assert_eq!(bound.account.version, before.account.version + 1);
    assert_ne!(bound.secrets, before.secrets);
    assert_eq!(store.last_event().await.unwrap(), 6, "binding is not a status change");
    // From now on the token is sent to that API only, and it is bound only once.
    for sandbox in [&stranger, &other] {
        let there = builder(sandbox, &store).build().await.unwrap();
        let error = there.client(&id("connected")).await.unwrap_err();
        assert!(matches!(error, AccountsError::Key(KeyError::ApiMismatch { .. })), "{error:?}");
    }
    let again = builder(&sandbox, &store).build().await.unwrap();
    again.client(&id("connected")).await.unwrap().get("/me").send().await.unwrap();
    assert_eq!(store.account(&id("connected")).await.unwrap().unwrap(), bound);
    assert_eq!(sandbox.request_log().iter().filter(|line| line.path == "/oauth/verify").count(), 1);

    // A disabled account is bound when it is used again, for example by verifying it.
    assert_eq!(here.enable(&id("disabled")).await.unwrap().status, Status::Active);
    here.verify(&id("disabled")).await.unwrap();
    let there = builder(&other, &store).build().await.unwrap();
    let error = there.client(&id("disabled")).await.unwrap_err();
    assert!(matches!(error, AccountsError::Key(KeyError::ApiMismatch { .. })), "{error:?}");
}

#[tokio::test]
async fn old_unbound_connections_are_bound_on_use() {
    let store = super::memory();
    let (sandbox, other) = (Sandbox::start().await.unwrap(), Sandbox::start().await.unwrap());
    let mut old = connection("c1", "one");
    old.connection.client_identifier = sandbox.client_id();
    let secrets = json!({"client_secret": sandbox.client_secret(), "access_token": sandbox.token()});
    old.secrets = sealed("connection\0c1", &secrets);
    store.insert_connection(&old).await.unwrap();

    let here = builder(&sandbox, &store).build().await.unwrap();
    let there = builder(&other, &store).build().await.unwrap();
    let client = here.connections().client(&old.connection.id).await.unwrap();
    client.get("/me").send().await.unwrap();
    let bound = store.connection(&old.connection.id).await.unwrap().unwrap();
    assert_eq!(bound.connection.version, old.connection.version + 1);
    let error = there.connections().client(&old.connection.id).await.unwrap_err();
    assert!(matches!(error, AccountsError::Key(KeyError::ApiMismatch { .. })), "{error:?}");
    here.connections().client(&old.connection.id).await.unwrap();
    assert_eq!(store.connection(&old.connection.id).await.unwrap().unwrap(), bound);
}
