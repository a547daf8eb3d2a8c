//! Encryption at rest, as the accounts use it.

use vimeo_ext::accounts::{AccountsError, Key, KeyError, KeyRing, NewConnection, Rotation};
use vimeo_sandbox::Sandbox;

use super::{builder, id, memory};

fn accounts(
    sandbox: &Sandbox,
    store: &std::sync::Arc<dyn vimeo_ext::accounts::AccountStore>,
    keys: KeyRing,
) -> vimeo_ext::accounts::AccountsBuilder {
    let app = super::app(sandbox).build().unwrap();
    vimeo_ext::accounts::Accounts::builder(app, std::sync::Arc::clone(store), keys)
}

#[tokio::test]
async fn keys_are_rotated_while_others_work() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let (old, new) = (Key::generate(), Key::generate());
    let before = accounts(&sandbox, &store, KeyRing::new(old.clone())).build().await.unwrap();
    let mut users = Vec::new();
    for number in 0..5 {
        let user = sandbox.add_user(&format!("User {number}"));
        before.connect_with_token(&id(&number.to_string()), user.token.as_str()).await.unwrap();
        users.push(user);
    }
    before.get_or_create(&id("pending")).await.unwrap();
    let connection = NewConnection::new("c", sandbox.client_id(), sandbox.client_secret(), sandbox.token());
    let connection = before.connections().create(connection).await.unwrap();

    let ring = KeyRing::new(new.clone()).with_old(old.clone());
    let rotating = accounts(&sandbox, &store, ring).build().await.unwrap();
    let rotation: Rotation = rotating.rotate_keys().await.unwrap();
    assert_eq!((rotation.accounts, rotation.connections), (5, 1));
    assert_eq!(rotating.rotate_keys().await.unwrap(), Rotation::default(), "nothing is left to do");

    let after = accounts(&sandbox, &store, KeyRing::new(new)).build().await.unwrap();
    for (number, user) in users.iter().enumerate() {
        let client = after.client(&id(&number.to_string())).await.unwrap();
        let me = client.get("/me").fields("uri").send().await.unwrap();
        assert_eq!(me["uri"], format!("/users/{}", user.user_id));
    }
    after.connections().client(&connection.id).await.unwrap();
    // With the old key alone there is a clear error now.
    let error = before.client(&id("1")).await.unwrap_err();
    assert!(matches!(error, AccountsError::Key(KeyError::UnknownKey { .. })), "{error:?}");
}

#[tokio::test]
async fn a_wrong_key_overwrites_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let right = builder(&sandbox, &store).build().await.unwrap();
    let a = id("a");
    right.connect_with_token(&a, sandbox.token()).await.unwrap();
    let kept = store.account(&a).await.unwrap().unwrap();

    let wrong = accounts(&sandbox, &store, KeyRing::new(Key::generate())).build().await.unwrap();
    let unknown = |error: AccountsError| {
        let text = error.to_string();
        assert!(matches!(error, AccountsError::Key(KeyError::UnknownKey { .. })), "{error:?}");
        assert!(text.contains("with_old") && text.contains("nothing was overwritten"), "{text}");
    };
    unknown(wrong.client(&a).await.unwrap_err());
    unknown(wrong.verify(&a).await.unwrap_err());
    unknown(wrong.connect_with_token(&a, sandbox.token()).await.unwrap_err());
    unknown(wrong.disconnect(&a).await.unwrap_err());
    unknown(wrong.rotate_keys().await.unwrap_err());
    assert_eq!(store.account(&a).await.unwrap().unwrap(), kept);
    right.client(&a).await.unwrap().get("/me").send().await.unwrap();
}
