//! What becomes of an account's token when a call with it is refused, and where the token may go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::json;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{AccountStore, Accounts, AccountsError, KeyError, NewConnection, Status};

use super::super::{id, ring};
use crate::fake::{Fake, answer};

const TAKES: u8 = 0;
const PROXY: u8 = 1;
const REFUSES: u8 = 2;

/// A Vimeo that takes the token or refuses it, and a proxy that answers in its place.
fn vimeo(mode: &Arc<AtomicU8>) -> Fake {
    let mode = Arc::clone(mode);
    Fake::new(move |seen, _| match mode.load(Ordering::SeqCst) {
        PROXY => answer(401).body("<html><title>Proxy: sign in</title></html>"),
        REFUSES => answer(401).json(json!({"error": "No.", "error_code": 8003})),
        _ if seen.path == "/oauth/verify" => {
            answer(200).json(json!({"scope": "public private", "user": {"uri": "/users/7"}}))
        }
        _ => answer(200).json(json!({"token": seen.token(), "access_token": "app"})),
    })
}

async fn process(fake: &Fake, store: &Arc<dyn AccountStore>, base_url: &str) -> Accounts {
    let app = fake.builder().app("app", "secret").base_url(base_url).build().unwrap();
    Accounts::builder(app, Arc::clone(store), ring()).build().await.unwrap()
}

const VIMEO: &str = "https://api.vimeo.com";

pub(super) async fn only_vimeo_revokes_and_the_token_is_kept(store: Arc<dyn AccountStore>) {
    let mode = Arc::new(AtomicU8::new(TAKES));
    let fake = vimeo(&mode);
    let here = process(&fake, &store, VIMEO).await;
    let there = process(&fake, &store, VIMEO).await;
    let ann = id("ann");
    here.connect_with_token(&ann, "t0ken").await.unwrap();
    let (client, far) = (here.client(&ann).await.unwrap(), there.client(&ann).await.unwrap());

    mode.store(PROXY, Ordering::SeqCst);
    for _ in 0..2 {
        let error = client.get("/me").send().await.unwrap_err();
        assert!(error.is_intermediary(), "{error:?}");
        assert!(matches!(here.verify(&ann).await, Err(AccountsError::Vimeo(_))));
    }
    assert_eq!(here.get(&ann).await.unwrap().unwrap().status, Status::Active);
    assert!(matches!(here.disconnect(&ann).await, Err(AccountsError::Vimeo(_))), "a proxy revokes nothing");
    here.client(&ann).await.unwrap();

    mode.store(REFUSES, Ordering::SeqCst);
    for (accounts, client) in [(&here, &client), (&there, &far)] {
        assert!(matches!(client.get("/me").send().await, Err(CallError::LoginRequired(_))));
        // At once, in every process that has seen it.
        let error = accounts.client(&ann).await.unwrap_err();
        assert!(matches!(error, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{error:?}");
    }
    let fresh = process(&fake, &store, VIMEO).await.client(&ann).await.unwrap_err();
    assert!(matches!(fresh, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{fresh:?}");
    assert!(store.account(&ann).await.unwrap().unwrap().secrets.is_some(), "Vimeo may have been wrong");
    assert_eq!(here.verify(&ann).await.unwrap().status, Status::Revoked);

    mode.store(TAKES, Ordering::SeqCst);
    let account = here.verify(&ann).await.unwrap();
    assert_eq!((account.status, account.user.as_deref()), (Status::Active, Some("/users/7")));
    assert_eq!(here.client(&ann).await.unwrap().get("/me").send().await.unwrap()["token"], "t0ken");
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "t0ken", "clients in use go on");
}

pub(super) async fn a_token_goes_to_its_own_api_alone(store: Arc<dyn AccountStore>) {
    let mode = Arc::new(AtomicU8::new(TAKES));
    let fake = vimeo(&mode);
    let here = process(&fake, &store, VIMEO).await;
    let ann = id("ann");
    here.connect_with_token(&ann, "t0ken").await.unwrap();
    let connection = here.connections().create(NewConnection::new("c", "app", "s", "t0ken")).await.unwrap();
    let before = store.account(&ann).await.unwrap();

    // The same store and key, and by mistake another address, which would take any token or refuse it.
    for (mode_there, base_url) in [(TAKES, "https://staging.example"), (REFUSES, "http://127.0.0.1:9")] {
        let other = vimeo(&Arc::new(AtomicU8::new(mode_there)));
        let there = process(&other, &store, base_url).await;
        for error in [
            there.client(&ann).await.map(drop).unwrap_err(),
            there.verify(&ann).await.map(drop).unwrap_err(),
            there.refresh(&ann).await.map(drop).unwrap_err(),
            there.disconnect(&ann).await.unwrap_err(),
            there.connections().client(&connection.id).await.map(drop).unwrap_err(),
        ] {
            let AccountsError::Key(KeyError::ApiMismatch { sealed_for, .. }) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(sealed_for, VIMEO);
            assert!(error.to_string().contains(base_url) && !error.to_string().contains("t0ken"), "{error}");
        }
        assert_eq!(other.count(), 0, "nothing is sent there");
    }
    assert_eq!(store.account(&ann).await.unwrap(), before);
    // Another path at the same address is the same API.
    let proxied = process(&fake, &store, "https://api.vimeo.com/v3").await;
    assert_eq!(proxied.client(&ann).await.unwrap().get("/me").send().await.unwrap()["token"], "t0ken");
}
