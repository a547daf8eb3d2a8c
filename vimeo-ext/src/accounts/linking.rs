//! Giving an account its token: by a login, or one that is at hand.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::keys::Owner;
use super::{Account, AccountId, Accounts, AccountsError, KeyError, LoginRecord, Status, StoreError};
use crate::auth::{AuthError, Authorization};
use crate::hex::hex;
use crate::timeouts::later_date;
use crate::{AccessToken, Scope, ScopeSet};

/// A login that was completed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinkedAccount {
    /// The account, which is active now.
    pub account: Account,
    /// What was asked for and not granted.
    pub missing: Vec<Scope>,
}

impl Accounts {
    /// Where to send the account's user so that they let the app in. Good once, and for the
    /// [login lifetime](super::AccountsBuilder::login_lifetime). An account that is logged in stays so until it is completed.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Disabled`]; [`AuthError::NoApp`]; [`AuthError::InvalidCallback`] without a redirect URI.
    pub async fn authorization_link(
        &self,
        id: &AccountId,
        scopes: impl Into<ScopeSet>,
    ) -> Result<Url, AccountsError> {
        let account = self.get_or_create(id).await?;
        if account.status == Status::Disabled {
            return Err(AccountsError::Disabled { account: id.clone() });
        }
        let core = self.core();
        let redirect_uri = self.inner.redirect_uri.clone().ok_or_else(|| {
            AuthError::InvalidCallback(
                "there is no redirect URI; give one with AccountsBuilder::redirect_uri".to_owned(),
            )
        })?;
        let login = core.app.auth().authorization(redirect_uri)?.scopes(scopes).begin()?;
        let plain = Zeroizing::new(serde_json::to_vec(&login).map_err(|_| KeyError::TooLong)?);
        let now = core.now();
        let record = LoginRecord {
            key: login_key(login.state()),
            account: id.clone(),
            secrets: core.keys.seal(&Owner::Login(id.as_str()), &plain)?,
            expires: later_date(now, self.inner.login_lifetime),
        };
        core.store.put_login(&record, now).await?;
        Ok(login.url().clone())
    }

    /// Ends a login: `callback` is the URL that a user came back to, or its query. Which account it is for stands in the
    /// store, not in the URL.
    ///
    /// It is not known here whose browser came back. Somebody could send the link of an account of their own to a stranger,
    /// who lets the app in and so puts their Vimeo into it. A service that knows who is before it calls
    /// [`complete_for`](Self::complete_for).
    ///
    /// The login is used up by this, whatever comes of it: after an error send the user to a new link. A token that was
    /// granted and goes into no account is revoked.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownLogin`] when no login waits for it; [`AuthError::Denied`] when the user said no;
    /// [`AccountsError::UserMismatch`] when another user logged in than before; [`AccountsError::Disabled`].
    pub async fn complete(&self, callback: &str) -> Result<LinkedAccount, AccountsError> {
        self.complete_with(callback, None).await
    }

    /// As [`complete`](Self::complete), for the account of whoever is logged in to your service in the browser that came
    /// back: another account's link gives them nothing.
    ///
    /// # Errors
    ///
    /// As [`complete`](Self::complete), and [`AccountsError::UnknownLogin`] when the login was begun for another account.
    pub async fn complete_for(&self, id: &AccountId, callback: &str) -> Result<LinkedAccount, AccountsError> {
        self.complete_with(callback, Some(id)).await
    }

    async fn complete_with(
        &self,
        callback: &str,
        expected: Option<&AccountId>,
    ) -> Result<LinkedAccount, AccountsError> {
        // In a task of its own: the login and its code are good once, so a browser that goes away must not end this halfway.
        let (accounts, callback, expected) = (self.clone(), callback.to_owned(), expected.cloned());
        let task = tokio::spawn(async move { accounts.exchange(&callback, expected.as_ref()).await });
        match task.await {
            Ok(linked) => linked,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::unavailable(error).into()),
        }
    }

    async fn exchange(
        &self,
        callback: &str,
        expected: Option<&AccountId>,
    ) -> Result<LinkedAccount, AccountsError> {
        let core = self.core();
        let state = state_of(callback).ok_or(AccountsError::UnknownLogin)?;
        let waiting = core.store.take_login(&login_key(&state), core.now()).await?;
        let waiting = waiting.ok_or(AccountsError::UnknownLogin)?;
        let id = &waiting.account;
        if expected.is_some_and(|expected| expected != id) {
            tracing::warn!(account = %id, "its link came back in another's browser");
            return Err(AccountsError::UnknownLogin);
        }
        let owner = Owner::Login(id.as_str());
        let plain = core.keys.open(&owner, &waiting.secrets)?;
        let login: Authorization =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        // Its code would be of no use at another API, and lost to it.
        owner.check_api(Some(login.url().origin().ascii_serialization()), &core.api())?;
        let grant = core.app.auth().complete(&login, callback).await?;
        let missing = grant.scopes().map_or_else(Vec::new, |granted| login.scopes().difference(granted));
        let token = grant.token.clone();
        match core.logged_in(id, grant, "the user logged in").await {
            Ok((account, tokens)) => {
                self.inner.warm.resume(id, &tokens.access);
                Ok(LinkedAccount { account, missing })
            }
            Err(error) => {
                // A store may have written what it could not confirm.
                if let Ok(record) = core.record(id).await
                    && core.open(&record).is_ok_and(|tokens| tokens.is_some_and(|tokens| tokens.is(&token)))
                {
                    self.inner.warm.resume(id, &token);
                    return Ok(LinkedAccount { account: record.account, missing });
                }
                core.revoke_orphan(id, &token).await;
                Err(error)
            }
        }
    }

    /// Gives an account a token that you have; makes the account when there is none. Vimeo is asked whom it acts for and
    /// what it may do. A token that does not go into the account is not revoked: it is yours.
    ///
    /// # Errors
    ///
    /// [`AccountsError::CredentialsRejected`] when Vimeo does not take it; [`AccountsError::UserMismatch`];
    /// [`AccountsError::Disabled`].
    pub async fn connect_with_token(
        &self,
        id: &AccountId,
        token: impl Into<AccessToken>,
    ) -> Result<Account, AccountsError> {
        let core = self.core();
        let token = token.into();
        let grant =
            core.app.auth().verify_token(&token).await.map_err(|error| refused("access token", error))?;
        self.get_or_create(id).await?;
        let (account, tokens) = core.logged_in(id, grant, "a token was given").await?;
        self.inner.warm.resume(id, &tokens.access);
        Ok(account)
    }
}

/// Credentials that Vimeo does not take are an error of their own; that it could not be asked is not.
pub(super) fn refused(what: &'static str, error: AuthError) -> AccountsError {
    let client_error = error.call().is_some_and(|call| {
        let status = call.status().map(|status| status.as_u16());
        matches!(status, Some(400 | 401 | 403)) && !call.is_intermediary()
    });
    if client_error {
        AccountsError::CredentialsRejected { what, source: Box::new(error) }
    } else {
        error.into()
    }
}

/// What a login is found by in the store.
fn login_key(state: &str) -> String {
    hex(&Sha256::digest(state))
}

fn state_of(callback: &str) -> Option<String> {
    let query = callback.split_once('?').map_or(callback, |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let state = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "state");
    state.map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty())
}
