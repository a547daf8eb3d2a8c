//! Accounts: lifecycle, stores and isolation.

mod conformance;
mod connections;
mod failing_store;
mod isolation;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod kills;
mod lifecycle;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod processes;
mod records;
mod refreshing;
mod setup;
mod sharing;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod stores;
#[cfg(feature = "sqlite")]
mod upgrades;

use std::sync::Arc;

use url::Url;
use url::form_urlencoded::Serializer;
use vimeo_ext::accounts::{AccountStore, Accounts, AccountsBuilder};
use vimeo_ext::auth::AppCredentials;
use vimeo_sandbox::Sandbox;

pub(crate) use self::setup::{app, id, memory, ring};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/back";

/// Creates a folder for a test. Sets the usual umask, because files that a group can write are rejected.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn test_folder() -> tempfile::TempDir {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    tempfile::tempdir().unwrap()
}

pub(crate) fn credentials(sandbox: &Sandbox) -> AppCredentials {
    AppCredentials::new(sandbox.client_id(), sandbox.client_secret())
}

pub(crate) fn builder(sandbox: &Sandbox, store: &Arc<dyn AccountStore>) -> AccountsBuilder {
    Accounts::builder(app(sandbox).build().unwrap(), Arc::clone(store), ring()).redirect_uri(REDIRECT)
}

/// Opens an authorization link as a user, accepts or rejects it, and returns the callback URL.
pub(crate) async fn visit(link: &Url, user: u64, accepts: bool) -> String {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(link.query_pairs());
    form.append_pair("user", &user.to_string());
    form.append_pair("decision", if accepts { "accept" } else { "reject" });
    let browser = crate::http::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser
        .post(link.join("/oauth/authorize").unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.finish())
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 302);
    page.headers()["location"].to_str().unwrap().to_owned()
}
