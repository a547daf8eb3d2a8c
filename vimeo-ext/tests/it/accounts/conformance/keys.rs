//! Encryption at rest, and key rotation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use vimeo_ext::accounts::{
    AccountQuery, AccountRecord, AccountStore, Accounts, AccountsBuilder, AccountsError, ConnectionRecord,
    ConnectionUpdate, Key, KeyError, KeyRing, KeyRotation, NewConnection, RotationReport,
};
use vimeo_sandbox::Sandbox;

use super::super::{REDIRECT, app, credentials, id, visit};
use super::TestStore;

fn builder(sandbox: &Sandbox, store: &Arc<dyn AccountStore>, keys: KeyRing) -> AccountsBuilder {
    Accounts::builder(app(sandbox).build().unwrap(), Arc::clone(store), keys).redirect_uri(REDIRECT)
}

fn connection(sandbox: &Sandbox, name: &str) -> NewConnection {
    NewConnection::new(name, credentials(sandbox), sandbox.token())
}

/// Returns all records of a store.
async fn all(store: &Arc<dyn AccountStore>) -> (Vec<AccountRecord>, Vec<ConnectionRecord>) {
    let accounts = store.accounts(&AccountQuery::default().limit(1_000)).await.unwrap();
    (accounts, store.connections(None, 1_000).await.unwrap())
}

/// Whether the bytes contain a secret as plain text, hexadecimal digits or base64.
fn contains(haystack: &[u8], secret: &str) -> bool {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    [secret, &hex, &STANDARD_NO_PAD.encode(secret)]
        .iter()
        .any(|form| haystack.windows(form.len()).any(|window| window == form.as_bytes()))
}

pub(super) async fn dump_contains_no_secret(test_store: TestStore) {
    let sandbox = Sandbox::builder().token_lifetime(Duration::from_secs(3_600)).start().await.unwrap();
    let key = Key::generate();
    let store: Arc<dyn AccountStore> = test_store.store.clone();
    let accounts = builder(&sandbox, &store, KeyRing::new(key.clone())).build().await.unwrap();
    let (with_token, linked) = (id("connected by token"), id("connected by link"));
    accounts.connect_with_token(&with_token, sandbox.token()).await.unwrap();
    let link = accounts.authorization_link(&linked, "private").await.unwrap();
    let pending = accounts.authorization_link(&linked, "private").await.unwrap();
    let callback = visit(&link, sandbox.user_id(), true).await;
    accounts.complete(&callback).await.unwrap();
    accounts.connections().create(connection(&sandbox, "one")).await.unwrap();
    accounts.client(&linked).await.unwrap().get("/me").send().await.unwrap();
    // The secrets are in the store.
    assert_eq!(test_store.store.keys_in_use().await.unwrap()[0].key, *key.id());
    let part = |url: &str, name: &str| {
        let query = url.split_once('?').unwrap().1;
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    let secrets = [
        sandbox.token().to_owned(),
        sandbox.client_secret(),
        part(pending.as_str(), "state"),
        part(link.as_str(), "state"),
        part(&callback, "code"),
    ];
    let dump = (test_store.dump)().await;
    assert!(
        contains(&dump, "connected by token") && contains(&dump, key.id().as_str()),
        "the dump is of this store"
    );
    for secret in secrets {
        assert!(!secret.is_empty() && !contains(&dump, &secret), "a secret in the dump");
    }
}

pub(super) async fn rotates_keys_under_concurrent_writes(store: Arc<dyn AccountStore>) {
    let sandbox = Sandbox::start().await.unwrap();
    let (old, new) = (Key::generate(), Key::generate());
    let before = builder(&sandbox, &store, KeyRing::new(old.clone())).build().await.unwrap();
    let mut users = Vec::new();
    for number in 0..5 {
        let user = sandbox.add_user(&format!("User {number}"));
        before.connect_with_token(&id(&number.to_string()), user.token.as_str()).await.unwrap();
        users.push(user);
    }
    before.get_or_create(&id("pending")).await.unwrap();
    before.authorization_link(&id("pending"), "private").await.unwrap();
    let created = before.connections().create(connection(&sandbox, "c")).await.unwrap();

    // All processes have the new key, and the old one to decrypt. One rotates while another writes.
    let ring = KeyRing::new(new.clone()).with_old(old.clone());
    let rotating = builder(&sandbox, &store, ring.clone()).build().await.unwrap();
    let working = rotating.clone();
    let work = tokio::spawn(async move {
        for _ in 0..5 {
            working.disable(&id("3"), "for a moment").await.unwrap();
            working.enable(&id("3")).await.unwrap();
        }
    });
    let reported = Arc::new(AtomicU64::new(0));
    let progress = Arc::clone(&reported);
    let rotation = KeyRotation::new(Arc::clone(&store), ring.clone())
        .on_progress(move |done, total| {
            assert!(progress.swap(done, Ordering::Relaxed) <= done && done <= total)
        })
        .run()
        .await
        .unwrap();
    work.await.unwrap();
    assert_eq!((rotation.accounts, rotation.connections, rotation.already_current), (5, 1, 0));
    assert_eq!((reported.load(Ordering::Relaxed), rotation.remaining, rotation.pending_logins), (6, 0, 1));
    assert!(rotation.is_complete());
    let again: RotationReport = rotating.rotate_keys().await.unwrap();
    assert_eq!(
        (again.accounts, again.connections, again.already_current),
        (0, 0, 6),
        "nothing is left to do"
    );

    let after = builder(&sandbox, &store, KeyRing::new(new)).build().await.unwrap();
    for (number, user) in users.iter().enumerate() {
        let client = after.client(&id(&number.to_string())).await.unwrap();
        let me = client.get("/me").fields("uri").send().await.unwrap();
        assert_eq!(me["uri"], format!("/users/{}", user.user_id));
    }
    after.connections().client(&created.id).await.unwrap();
    // An update that was read before the rotation cannot restore the old ciphertext.
    let update = ConnectionUpdate::default().description(Some("read before".to_owned()));
    let stale = rotating.connections().update(&created.id, created.version, update).await.unwrap_err();
    assert!(matches!(stale, AccountsError::StaleVersion { expected: 1, found: 2, .. }), "{stale:?}");
    // A process with only the old key gets a clear error.
    let error = before.client(&id("1")).await.unwrap_err();
    assert!(matches!(error, AccountsError::Key(KeyError::UnknownKey { .. })), "{error:?}");

    // If a forgotten process keeps writing with the old key, another rotation re-encrypts its records.
    let late = id("late");
    let forgotten = Arc::clone(&store);
    let (app, ring_of_old) = (app(&sandbox).build().unwrap(), KeyRing::new(old));
    let token = sandbox.token().to_owned();
    let late_writer = Accounts::builder(app, forgotten, ring_of_old).build().await.unwrap();
    late_writer.connect_with_token(&late, token.as_str()).await.unwrap();
    assert_eq!(rotating.rotate_keys().await.unwrap().accounts, 1);
}

pub(super) async fn wrong_key_overwrites_nothing(store: Arc<dyn AccountStore>) {
    let sandbox = Sandbox::start().await.unwrap();
    let (first, second) = (Key::generate(), Key::generate());
    let right = builder(&sandbox, &store, KeyRing::new(first.clone())).build().await.unwrap();
    let (a, z) = (id("a"), id("z"));
    right.connect_with_token(&a, sandbox.token()).await.unwrap();
    let created = right.connections().create(connection(&sandbox, "c")).await.unwrap();
    // The last account uses another key, so that a rotation that checked only the first key would start to write.
    let ring = KeyRing::new(second).with_old(first.clone());
    let other = builder(&sandbox, &store, ring).build().await.unwrap();
    other.connect_with_token(&z, sandbox.token()).await.unwrap();
    let before = all(&store).await;

    let assert_unknown_key = |error: AccountsError| {
        let text = error.to_string();
        assert!(matches!(error, AccountsError::Key(KeyError::UnknownKey { .. })), "{error:?}");
        assert!(text.contains("with_old") && text.contains("nothing was overwritten"), "{text}");
    };
    let wrong = builder(&sandbox, &store, KeyRing::new(Key::generate())).build().await.unwrap();
    assert_unknown_key(wrong.client(&a).await.unwrap_err());
    assert_unknown_key(wrong.verify(&a).await.unwrap_err());
    assert_unknown_key(wrong.connect_with_token(&a, sandbox.token()).await.unwrap_err());
    assert_unknown_key(wrong.disconnect(&a).await.unwrap_err());
    assert_unknown_key(wrong.rotate_keys().await.unwrap_err());
    assert_unknown_key(wrong.connections().client(&created.id).await.unwrap_err());
    let update = ConnectionUpdate::default().access_token(sandbox.token());
    assert_unknown_key(wrong.connections().update(&created.id, 1, update).await.unwrap_err());
    let half =
        builder(&sandbox, &store, KeyRing::new(Key::generate()).with_old(first)).build().await.unwrap();
    assert_unknown_key(half.rotate_keys().await.unwrap_err());
    assert_eq!(all(&store).await, before);
    right.client(&a).await.unwrap().get("/me").send().await.unwrap();
}

pub(super) async fn damaged_secrets_are_reported_and_kept(store: Arc<dyn AccountStore>) {
    let sandbox = Sandbox::start().await.unwrap();
    let (old, new) = (Key::generate(), Key::generate());
    let accounts = builder(&sandbox, &store, KeyRing::new(old.clone())).build().await.unwrap();
    for name in ["a", "b", "c"] {
        accounts.connect_with_token(&id(name), sandbox.token()).await.unwrap();
    }
    // An attacker who can write to the store copies the tokens of a to b.
    let copied = store.account(&id("a")).await.unwrap().unwrap().secrets;
    let mut tampered = store.account(&id("b")).await.unwrap().unwrap();
    tampered.secrets = copied;
    tampered.account.version += 1;
    store.replace_account(&tampered, None).await.unwrap();
    let fresh = builder(&sandbox, &store, KeyRing::new(old.clone())).build().await.unwrap();
    let error = fresh.client(&id("b")).await.unwrap_err();
    assert!(matches!(error, AccountsError::Key(KeyError::Damaged { .. })), "{error:?}");

    let ring = KeyRing::new(new).with_old(old);
    let rotation = KeyRotation::new(Arc::clone(&store), ring).run().await.unwrap();
    assert_eq!((rotation.accounts, rotation.remaining), (2, 0));
    assert_eq!((rotation.damaged.as_slice(), rotation.is_complete()), (&["account b".to_owned()][..], false));
    assert_eq!(store.account(&id("b")).await.unwrap().unwrap(), tampered);
}
