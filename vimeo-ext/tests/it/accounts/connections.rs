//! Stored connections: what is checked, what is refused, what never comes back.

use futures_util::future::join_all;
use vimeo_api::Error as CallError;
use vimeo_ext::accounts::{AccountsError, ConnectionUpdate, NewConnection};
use vimeo_sandbox::Sandbox;

use super::{builder, memory};

fn new(sandbox: &Sandbox, name: &str) -> NewConnection {
    NewConnection::new(name, sandbox.client_id(), sandbox.client_secret(), sandbox.token())
}

#[tokio::test]
async fn a_connection_is_made_once_vimeo_takes_its_credentials() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let connections = accounts.connections();
    let made = connections.create(new(&sandbox, "Marketing").description("The team's")).await.unwrap();
    assert_eq!((made.name.as_str(), made.description.as_deref()), ("Marketing", Some("The team's")));
    assert_eq!((made.version, made.enabled), (1, true));
    assert_eq!(made.client_identifier, sandbox.client_id());
    let shown = format!("{made:?} {:?}", connections.list(None, 10).await.unwrap());
    assert!(!shown.contains(sandbox.token()) && !shown.contains(&sandbox.client_secret()), "{shown}");

    // Three different errors.
    let error = connections.create(new(&sandbox, "Marketing")).await.unwrap_err();
    assert!(matches!(&error, AccountsError::DuplicateName { name } if name == "Marketing"), "{error:?}");
    let sent = sandbox.request_log().len();
    let error = connections.create(new(&sandbox, "Market/ing")).await.unwrap_err();
    assert!(matches!(error, AccountsError::InvalidField { field: "name", .. }), "{error:?}");
    assert_eq!(sandbox.request_log().len(), sent, "nothing was sent");
    let wrong_token = NewConnection::new("b", sandbox.client_id(), sandbox.client_secret(), "wr0ng");
    let wrong_secret = NewConnection::new("b", sandbox.client_id(), "wr0ng", sandbox.token());
    for wrong in [wrong_token, wrong_secret] {
        let error = connections.create(wrong).await.unwrap_err();
        assert!(matches!(error, AccountsError::CredentialsRejected { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error:?}");
    }
    assert_eq!(connections.list(None, 10).await.unwrap().len(), 1, "nothing was stored");

    let client = connections.client(&made.id).await.unwrap();
    let me = client.get("/me").fields("uri").send().await.unwrap();
    assert_eq!(me["uri"], format!("/users/{}", sandbox.user_id()));
}

#[tokio::test]
async fn of_many_who_make_a_name_one_succeeds() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let all = join_all((0..6).map(|_| {
        let connections = accounts.connections();
        let new = new(&sandbox, "one");
        async move { connections.create(new).await }
    }))
    .await;
    assert_eq!(all.iter().filter(|made| made.is_ok()).count(), 1);
    assert!(all.iter().all(|made| matches!(made, Ok(_) | Err(AccountsError::DuplicateName { .. }))));
}

#[tokio::test]
async fn a_write_against_an_old_version_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let store = memory();
    let here = builder(&sandbox, &store).build().await.unwrap().connections();
    let there = builder(&sandbox, &store).build().await.unwrap().connections();
    let made = here.create(new(&sandbox, "one")).await.unwrap();
    let change = |text: &str| ConnectionUpdate::default().description(text.to_owned());
    let (a, b) =
        tokio::join!(here.update(&made.id, 1, change("here")), there.update(&made.id, 1, change("there")));
    let (won, lost) = match (a, b) {
        (Ok(won), lost) | (lost, Ok(won)) => (won, lost),
        neither => panic!("{neither:?}"),
    };
    assert_eq!(won.version, 2);
    let lost = lost.unwrap_err();
    assert!(matches!(lost, AccountsError::StaleVersion { expected: 1, found: 2, .. }), "{lost:?}");
    assert_eq!(here.get(&made.id).await.unwrap(), won);
    let stale = here.remove(&made.id, 1).await.unwrap_err();
    assert!(matches!(stale, AccountsError::StaleVersion { .. }), "{stale:?}");
    here.remove(&made.id, 2).await.unwrap();
    assert!(matches!(here.get(&made.id).await, Err(AccountsError::UnknownConnection { .. })));
}

#[tokio::test]
async fn a_disabled_connection_makes_no_calls() {
    let sandbox = Sandbox::start().await.unwrap();
    let accounts = builder(&sandbox, &memory()).build().await.unwrap();
    let connections = accounts.connections();
    let made = connections.create(new(&sandbox, "one")).await.unwrap();
    let client = connections.client(&made.id).await.unwrap();
    client.get("/me").send().await.unwrap();
    connections.update(&made.id, 1, ConnectionUpdate::default().enabled(false)).await.unwrap();
    let sent = sandbox.request_log().len();
    assert!(matches!(client.get("/me").send().await, Err(CallError::Middleware(_))));
    let error = connections.client(&made.id).await.unwrap_err();
    assert!(matches!(error, AccountsError::DisabledConnection { .. }), "{error:?}");
    assert_eq!(sandbox.request_log().len(), sent);
    let change = ConnectionUpdate::default().enabled(true).name("two");
    let changed = connections.update(&made.id, 2, change).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (3, "two"));
    connections.client(&made.id).await.unwrap().get("/me").send().await.unwrap();
    // New credentials are asked about; those that are refused change nothing.
    let wrong = ConnectionUpdate::default().access_token("wr0ng");
    let error = connections.update(&made.id, 3, wrong).await.unwrap_err();
    assert!(matches!(error, AccountsError::CredentialsRejected { .. }), "{error:?}");
    assert_eq!(connections.get(&made.id).await.unwrap().version, 3);
}
