//! Stored connections: validation, versions, secrets.

use futures_util::future::join_all;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{AccountsError, ConnectionUpdate, NewConnection};
use vimeo_ext::auth::AppCredentials;
use vimeo_sandbox::Sandbox;

use super::{builder, credentials, memory};

fn new(sandbox: &Sandbox, name: &str) -> NewConnection {
    NewConnection::new(name, credentials(sandbox), sandbox.token())
}

#[tokio::test]
async fn creates_connection_after_verifying_credentials() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let connections = accounts.connections();
    let created = connections.create(new(&sandbox, "Marketing").description("The team's")).await.unwrap();
    assert_eq!((created.name.as_str(), created.description.as_deref()), ("Marketing", Some("The team's")));
    assert_eq!((created.version, created.enabled), (1, true));
    assert_eq!(created.client_identifier, sandbox.client_id());
    let shown = format!("{created:?} {:?}", connections.list(None, 10).await.unwrap());
    assert!(!shown.contains(sandbox.token()) && !shown.contains(&sandbox.client_secret()), "{shown}");

    // Each problem has its own error.
    let error = connections.create(new(&sandbox, "Marketing")).await.unwrap_err();
    assert!(matches!(&error, AccountsError::DuplicateName { name } if name == "Marketing"), "{error:?}");
    let sent = sandbox.request_log().len();
    let error = connections.create(new(&sandbox, "Market/ing")).await.unwrap_err();
    assert!(matches!(error, AccountsError::InvalidField { field: "name", .. }), "{error:?}");
    assert_eq!(sandbox.request_log().len(), sent, "nothing was sent");
    let wrong_token = NewConnection::new("b", credentials(&sandbox), "wr0ng");
    let wrong_app = AppCredentials::new(sandbox.client_id(), "wr0ng");
    let wrong_secret = NewConnection::new("b", wrong_app, sandbox.token());
    for wrong in [wrong_token, wrong_secret] {
        let error = connections.create(wrong).await.unwrap_err();
        assert!(matches!(error, AccountsError::CredentialsRejected { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error:?}");
    }
    assert_eq!(connections.list(None, 10).await.unwrap().len(), 1, "nothing was stored");

    let client = connections.client(&created.id).await.unwrap();
    let me = client.get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", sandbox.user_id()));
}

#[tokio::test]
async fn verifies_stored_credentials_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let connections = builder(&sandbox, &memory()).build().await.unwrap().connections();
    let token = sandbox.issue_token("public private");
    let with_token = NewConnection::new("one", credentials(&sandbox), token.as_str());
    let created = connections.create(with_token).await.unwrap();
    assert_eq!(connections.verify(&created.id).await.unwrap(), created);
    assert!(sandbox.world().revoke_token(&token));
    let error = connections.verify(&created.id).await.unwrap_err();
    assert!(matches!(error, AccountsError::CredentialsRejected { what: "access token", .. }), "{error:?}");
    let disable = ConnectionUpdate::default().enabled(false);
    connections.update(&created.id, created.version, disable).await.unwrap();
    let sent = sandbox.request_log().len();
    let error = connections.verify(&created.id).await.unwrap_err();
    assert!(matches!(error, AccountsError::DisabledConnection { .. }), "{error:?}");
    assert_eq!(sandbox.request_log().len(), sent, "a disabled connection makes no calls");
}

#[tokio::test]
async fn concurrent_creates_of_one_name_have_one_winner() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let all = join_all((0..6).map(|_| {
        let connections = accounts.connections();
        let new = new(&sandbox, "one");
        async move { connections.create(new).await }
    }))
    .await;
    assert_eq!(all.iter().filter(|created| created.is_ok()).count(), 1);
    assert!(all.iter().all(|created| matches!(created, Ok(_) | Err(AccountsError::DuplicateName { .. }))));
}

#[tokio::test]
async fn rejects_stale_versions() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let here = builder(&sandbox, &store).build().await.unwrap().connections();
    let there = builder(&sandbox, &store).build().await.unwrap().connections();
    let created = here.create(new(&sandbox, "one")).await.unwrap();
    let update = |text: &str| ConnectionUpdate::default().description(text.to_owned());
    let (a, b) = tokio::join!(
        here.update(&created.id, 1, update("here")),
        there.update(&created.id, 1, update("there"))
    );
    let (won, lost) = match (a, b) {
        (Ok(won), lost) | (lost, Ok(won)) => (won, lost),
        neither => panic!("{neither:?}"),
    };
    assert_eq!(won.version, 2);
    let lost = lost.unwrap_err();
    assert!(matches!(lost, AccountsError::StaleVersion { expected: 1, found: 2, .. }), "{lost:?}");
    assert_eq!(here.get(&created.id).await.unwrap(), won);
    let stale = here.remove(&created.id, 1).await.unwrap_err();
    assert!(matches!(stale, AccountsError::StaleVersion { .. }), "{stale:?}");
    here.remove(&created.id, 2).await.unwrap();
    assert!(matches!(here.get(&created.id).await, Err(AccountsError::UnknownConnection { .. })));
}

#[tokio::test]
async fn disabled_connection_makes_no_calls() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let connections = accounts.connections();
    let created = connections.create(new(&sandbox, "one")).await.unwrap();
    let client = connections.client(&created.id).await.unwrap();
    client.get("/me").send().await.unwrap();
    connections.update(&created.id, 1, ConnectionUpdate::default().enabled(false)).await.unwrap();
    let sent = sandbox.request_log().len();
    assert!(matches!(client.get("/me").send().await, Err(CallError::Middleware(_))));
    let error = connections.client(&created.id).await.unwrap_err();
    assert!(matches!(error, AccountsError::DisabledConnection { .. }), "{error:?}");
    assert_eq!(sandbox.request_log().len(), sent);
    let update = ConnectionUpdate::default().enabled(true).name("two");
    let updated = connections.update(&created.id, 2, update).await.unwrap();
    assert_eq!((updated.version, updated.name.as_str()), (3, "two"));
    connections.client(&created.id).await.unwrap().get("/me").send().await.unwrap();
    // New credentials are verified; rejected ones change nothing.
    let wrong = ConnectionUpdate::default().access_token("wr0ng");
    let error = connections.update(&created.id, 3, wrong).await.unwrap_err();
    assert!(matches!(error, AccountsError::CredentialsRejected { .. }), "{error:?}");
    assert_eq!(connections.get(&created.id).await.unwrap().version, 3);
}
