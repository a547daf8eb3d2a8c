//! Rejected tokens, and the API that a token is bound to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::json;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{AccountStore, Accounts, AccountsError, KeyError, NewConnection, Status};

use super::super::{id, ring};
use crate::fake::{Fake, respond};
use vimeo_ext::auth::AppCredentials;

const ACCEPTS: u8 = 0;
const PROXY: u8 = 1;
const REJECTS: u8 = 2;

/// Accepts the token, rejects it as Vimeo does, or responds as a proxy would.
fn vimeo(mode: &Arc<AtomicU8>) -> Fake {
    let mode = Arc::clone(mode);
    Fake::new(move |seen, _| match mode.load(Ordering::SeqCst) {
        PROXY => respond(401).body("<html><title>Proxy: sign in</title></html>"),
        REJECTS => respond(401).json(json!({"error": "No.", "error_code": 8003})),
        _ if seen.path == "/oauth/verify" => {
            respond(200).json(json!({"scope": "public private", "user": {"uri": "/users/7"}}))
        }
        _ => respond(200).json(json!({"token": seen.token(), "access_token": "app"})),
    })
}

async fn process(fake: &Fake, store: &Arc<dyn AccountStore>, base_url: &str) -> Accounts {
    let app = fake.builder().app("app", "secret").base_url(base_url).build().unwrap();
    Accounts::builder(app, Arc::clone(store), ring()).build().await.unwrap()
}

const VIMEO: &str = "https://api.vimeo.com";

pub(super) async fn only_vimeo_revokes_and_the_token_is_kept(store: Arc<dyn AccountStore>) {
    let mode = Arc::new(AtomicU8::new(ACCEPTS));
    let fake = vimeo(&mode);
    let here = process(&fake, &store, VIMEO).await;
    let there = process(&fake, &store, VIMEO).await;
    let ann = id("ann");
    here.connect_with_token(&ann, "t0ken").await.unwrap();
    let (client, remote_client) = (here.client(&ann).await.unwrap(), there.client(&ann).await.unwrap());

    mode.store(PROXY, Ordering::SeqCst);
    for _ in 0..2 {
        let error = client.get("/me").send().await.unwrap_err();
        assert!(error.is_intermediary(), "{error:?}");
        assert!(matches!(here.verify(&ann).await, Err(AccountsError::Vimeo(_))));
    }
    assert_eq!(here.get(&ann).await.unwrap().unwrap().status, Status::Active);
    assert!(
        matches!(here.disconnect(&ann).await, Err(AccountsError::Vimeo(_))),
        "a proxy's response does not count as revoked"
    );
    here.client(&ann).await.unwrap();

    mode.store(REJECTS, Ordering::SeqCst);
    for (accounts, client) in [(&here, &client), (&there, &remote_client)] {
        assert!(matches!(client.get("/me").send().await, Err(CallError::LoginRequired(_))));
        // At once, in every process that has noticed.
        let error = accounts.client(&ann).await.unwrap_err();
        assert!(matches!(error, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{error:?}");
    }
    let cold = process(&fake, &store, VIMEO).await.client(&ann).await.unwrap_err();
    assert!(matches!(cold, AccountsError::LoginRequired { status: Status::Revoked, .. }), "{cold:?}");
    assert!(
        store.account(&ann).await.unwrap().unwrap().secrets.is_some(),
        "the token is kept, because Vimeo may have been wrong"
    );
    assert_eq!(here.verify(&ann).await.unwrap().status, Status::Revoked);

    mode.store(ACCEPTS, Ordering::SeqCst);
    let account = here.verify(&ann).await.unwrap();
    assert_eq!((account.status, account.user.as_deref()), (Status::Active, Some("/users/7")));
    assert_eq!(here.client(&ann).await.unwrap().get("/me").send().await.unwrap()["token"], "t0ken");
    assert_eq!(client.get("/me").send().await.unwrap()["token"], "t0ken", "existing clients continue");
}

pub(super) async fn tokens_are_sent_only_to_their_api(store: Arc<dyn AccountStore>) {
    let mode = Arc::new(AtomicU8::new(ACCEPTS));
    let fake = vimeo(&mode);
    let here = process(&fake, &store, VIMEO).await;
    let ann = id("ann");
    here.connect_with_token(&ann, "t0ken").await.unwrap();
    let new = NewConnection::new("c", AppCredentials::new("app", "s"), "t0ken");
    let connection = here.connections().create(new).await.unwrap();
    let before = store.account(&ann).await.unwrap();

    // The same store and key, but the URL of another API, which would accept or reject any token.
    for (mode_there, base_url) in [(ACCEPTS, "https://staging.example"), (REJECTS, "http://127.0.0.1:9")] {
        let other = vimeo(&Arc::new(AtomicU8::new(mode_there)));
        let there = process(&other, &store, base_url).await;
        for error in [
            there.client(&ann).await.map(drop).unwrap_err(),
            there.verify(&ann).await.map(drop).unwrap_err(),
            there.refresh(&ann).await.map(drop).unwrap_err(),
            there.disconnect(&ann).await.unwrap_err(),
            there.connections().client(&connection.id).await.map(drop).unwrap_err(),
        ] {
            let AccountsError::Key(KeyError::ApiMismatch { encrypted_for, .. }) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(encrypted_for, VIMEO);
            assert!(error.to_string().contains(base_url) && !error.to_string().contains("t0ken"), "{error}");
        }
        assert_eq!(other.count(), 0, "nothing is sent there");
    }
    assert_eq!(store.account(&ann).await.unwrap(), before);
    // Another path at the same origin is the same API.
    let proxied = process(&fake, &store, "https://api.vimeo.com/v3").await;
    assert_eq!(proxied.client(&ann).await.unwrap().get("/me").send().await.unwrap()["token"], "t0ken");
}
