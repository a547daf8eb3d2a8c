//! Isolation: no token, response or error of one account reaches another.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use http::Method;
use secrecy::ExposeSecret;
use vimeo_ext::accounts::{Accounts, AccountsError};
use vimeo_ext::upload::{Journal, UploadClient};
use vimeo_sandbox::{Effect, Fault, Host, Sandbox};

use super::{id, memory};
use crate::secrets::{LOGGED, Log};

/// Returns a token's fingerprint in the request log.
async fn fingerprint(http: &reqwest::Client, sandbox: &Sandbox, token: &str) -> String {
    let url = sandbox.url().join("/me").unwrap();
    http.get(url).bearer_auth(token).send().await.unwrap();
    sandbox.request_log().pop().unwrap().token_fingerprint.unwrap()
}

/// One step of the interleaving.
#[derive(Debug, Clone, Copy)]
enum Step {
    Call,
    Upload,
    Verify,
    Revoke,
    Disable,
    Enable,
    LogIn,
}

fn step(random: &mut fastrand::Rng) -> Step {
    match random.u8(..100) {
        0..60 => Step::Call,
        60..74 => Step::Upload,
        74..82 => Step::Verify,
        82..86 => Step::Revoke,
        86..90 => Step::Disable,
        90..95 => Step::Enable,
        _ => Step::LogIn,
    }
}

/// Collects the text of the files in each folder below this one, one entry per folder.
fn texts(folder: &Path, found: &mut Vec<String>) {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => texts(&path, found),
            false => text += &std::fs::read_to_string(path).unwrap(),
        }
    }
    found.extend(Some(text).filter(|text| !text.is_empty()));
}

/// Uses many accounts, in two worlds and in two processes that share a store, with a cache so small that clients are evicted all
/// the time. Returns how many unfinished uploads the accounts have.
async fn interleave(seed: u64, http: &reqwest::Client, links: &UploadClient) -> usize {
    const ACCOUNTS: usize = 24;
    let sandbox = Sandbox::start().await.unwrap();
    let other = sandbox.add_world(1);
    let store = memory();
    let folder = super::test_folder();
    let journal = Journal::in_folder(folder.path().join("journal"));
    for number in 0..ACCOUNTS {
        std::fs::write(folder.path().join(format!("film-{number}-x.mp4")), vec![number as u8; 100]).unwrap();
    }
    // The first uploads fail and stay in the journal until the same account retries them.
    let broken = Fault::new(Effect::Status(400)).host(Host::Upload).method(Method::PATCH).times(30);
    sandbox.add_fault(broken);
    let cache_capacity = std::num::NonZeroUsize::new(5).unwrap();
    let mut processes = Vec::new();
    for _ in 0..2 {
        let app = super::app(&sandbox).http_client(http.clone()).upload_client(links.clone());
        let app = app.journal(journal.clone());
        let accounts = Accounts::builder(app.build().unwrap(), Arc::clone(&store), super::ring());
        processes.push(accounts.cache_capacity(cache_capacity).build().await.unwrap());
    }
    let mut users = Vec::new();
    for number in 0..ACCOUNTS {
        let name = format!("User {number}");
        let world = if number % 3 == 0 { &other } else { sandbox.world() };
        let user = world.add_user(&name);
        processes[0].connect_with_token(&id(&format!("acct-{number}-x")), user.token.as_str()).await.unwrap();
        users.push((world.clone(), user));
    }
    let mut own = HashMap::new();
    for (number, (_, user)) in users.iter().enumerate() {
        own.insert(number.to_string(), fingerprint(http, &sandbox, &user.token).await);
    }
    sandbox.clear_request_log();

    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..6 {
        let round = (0..ACCOUNTS * 2).map(|_| {
            let number = random.usize(..ACCOUNTS);
            let accounts = processes[random.usize(..2)].clone();
            let (world, user) = users[number].clone();
            let step = step(&mut random);
            let film = folder.path().join(format!("film-{number}-x.mp4"));
            async move {
                let id = id(&format!("acct-{number}-x"));
                let uri = format!("/users/{}", user.user_id);
                let failed: Option<String> = match step {
                    Step::Call => match accounts.client(&id).await {
                        Ok(client) => {
                            let call = client.get("/me").query("tag", number as u64).fields("uri").send();
                            match call.await {
                                Ok(me) => {
                                    assert_eq!(me["uri"], uri, "another account's response");
                                    None
                                }
                                Err(error) => Some(format!("{error} {error:?}")),
                            }
                        }
                        Err(error) => Some(format!("{error} {error:?}")),
                    },
                    Step::Upload => match accounts.client(&id).await {
                        Ok(client) => match client.upload(film).send().await {
                            Ok(video) => {
                                let video = client.get(&video.uri).fields("user.uri").send().await;
                                video
                                    .map(|video| assert_eq!(video["user"]["uri"], uri))
                                    .err()
                                    .map(|error| format!("{error:?}"))
                            }
                            Err(error) => Some(format!("{error} {error:?}")),
                        },
                        Err(error) => Some(format!("{error} {error:?}")),
                    },
                    Step::Verify => {
                        accounts.verify(&id).await.err().map(|error| format!("{error} {error:?}"))
                    }
                    Step::Revoke => {
                        world.revoke_token(&user.token);
                        None
                    }
                    Step::Disable => {
                        accounts.disable(&id, "by chance").await.err().map(|error| format!("{error:?}"))
                    }
                    Step::Enable => accounts.enable(&id).await.err().map(|error| format!("{error:?}")),
                    Step::LogIn => match accounts.connect_with_token(&id, user.token.as_str()).await {
                        Err(AccountsError::Vimeo(error)) => panic!("{error:?}"),
                        result => result.err().map(|error| format!("{error} {error:?}")),
                    },
                };
                (number, failed)
            }
        });
        for (number, failed) in join_all(round.collect::<Vec<_>>()).await {
            let Some(failed) = failed else { continue };
            for (other, (_, user)) in users.iter().enumerate() {
                assert!(!failed.contains(&user.token), "a token in an error: {failed}");
                let is_named = failed.contains(&format!("acct-{other}-x"))
                    || failed.contains(&format!("film-{other}-x"))
                    || failed.contains(&format!("/users/{}", user.user_id));
                assert!(other == number || !is_named, "{other} in an error of {number}: {failed}");
            }
        }
    }

    // Every tagged call was sent with its own account's token.
    let mut tagged = 0;
    for line in sandbox.request_log() {
        let mut query = url::form_urlencoded::parse(line.query.as_bytes());
        if let Some((_, tag)) = query.find(|(key, _)| key == "tag") {
            tagged += 1;
            assert_eq!(line.token_fingerprint.as_ref(), Some(&own[tag.as_ref()]), "{line:?}");
        }
        if line.host == vimeo_sandbox::Host::Upload {
            assert!(!line.has_authorization, "{line:?}");
        }
    }
    assert!(tagged > ACCOUNTS, "only {tagged} tagged calls");
    // Each journal folder belongs to one account: IDs, files and upload links.
    let mut unfinished = Vec::new();
    for number in 0..ACCOUNTS {
        let Ok(client) = processes[0].client(&id(&format!("acct-{number}-x"))).await else { continue };
        for entry in client.pending_uploads().unwrap().list().await.unwrap() {
            assert!(
                entry.path.ends_with(format!("film-{number}-x.mp4")),
                "another account's upload: {entry:?}"
            );
            let link = entry.ticket.map(|ticket| ticket.upload_link().expose_secret().to_owned());
            unfinished.push((number, link));
        }
    }
    let mut journals = Vec::new();
    texts(&folder.path().join("journal"), &mut journals);
    assert!(journals.len() > 1, "only {} journal folders", journals.len());
    for text in &journals {
        let named = |number: &usize| {
            text.contains(&format!("acct-{number}-x"))
                || text.contains(&format!("film-{number}-x"))
                || unfinished.iter().any(|(owner, link)| {
                    owner == number && link.as_ref().is_some_and(|link| text.contains(link))
                })
        };
        let owners: BTreeSet<usize> = (0..ACCOUNTS).filter(named).collect();
        assert_eq!(owners.len(), 1, "{owners:?} share a journal folder");
        assert!(users.iter().all(|(_, user)| !text.contains(&user.token)), "a token in a journal");
    }
    let app = super::app(&sandbox).journal(journal).build().unwrap();
    assert!(
        app.pending_uploads().unwrap().list().await.unwrap().is_empty(),
        "the app sees no account's uploads"
    );
    let shown = format!("{processes:?}");
    assert!(users.iter().all(|(_, user)| !shown.contains(&user.token)), "{shown}");
    // Only if logging is captured, which is slow.
    if let Some(logged) = LOGGED.take() {
        assert!(logged.contains("call completed"), "the log contains the calls");
        assert!(users.iter().all(|(_, user)| !logged.contains(&user.token)), "a token in the log");
        let links = unfinished.iter().filter_map(|(_, link)| link.as_ref());
        assert!(links.into_iter().all(|link| !logged.contains(link)), "an upload link in the log");
    }
    unfinished.len()
}

#[tokio::test]
async fn accounts_never_see_each_others_tokens() {
    let _ = tracing::subscriber::set_global_default(Log);
    LOGGED.set(Some(String::new()));
    // Created once, because reading the system's certificates is slow.
    let (http, links) = (crate::http::client(), UploadClient::new().unwrap());
    let mut unfinished = 0;
    for seed in 0..6 {
        unfinished += interleave(seed, &http, &links).await;
    }
    assert!(unfinished > 0, "no unfinished upload was checked");
}

#[tokio::test]
async fn rate_limits_are_per_account() {
    let limit = vimeo_sandbox::RateLimit::new(1_000, 1_000);
    let sandbox = Sandbox::builder().rate_limit(limit).start().await.unwrap();
    let app = super::app(&sandbox).rate_limit_policy(vimeo_ext::RateLimitPolicy::FailFast).build().unwrap();
    let accounts = Accounts::builder(app, memory(), super::ring()).build().await.unwrap();
    let (ann, bob) = (sandbox.add_user("Ann"), sandbox.add_user("Bob"));
    accounts.connect_with_token(&id("ann"), ann.token.as_str()).await.unwrap();
    accounts.connect_with_token(&id("bob"), bob.token.as_str()).await.unwrap();
    sandbox.world().set_rate_limit(&ann.token, vimeo_sandbox::RateLimit::new(2, 2));
    let client = accounts.client(&id("ann")).await.unwrap();
    for _ in 0..2 {
        client.get("/me").send().await.unwrap();
    }
    let error = client.get("/me").send().await.unwrap_err();
    assert!(matches!(error, vimeo_api::Error::RateLimited(_)), "{error:?}");
    accounts.client(&id("bob")).await.unwrap().get("/me").send().await.unwrap();
    // Verifying is limited per account too.
    assert!(accounts.verify(&id("ann")).await.is_err());
    accounts.verify(&id("bob")).await.unwrap();
}
