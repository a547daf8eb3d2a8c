//! Connecting an account: by a browser login, or with an existing token.
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

/// The result of connecting an account.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinkedAccount {
    /// The account, which is now active.
    pub account: Account,
    /// The scopes that were requested but not granted. Empty after [`Accounts::connect_with_token`], which requests none.
    pub missing_scopes: Vec<Scope>,
}

impl Accounts {
    /// Returns the authorization link to which to redirect the account's user, and creates the account if it does not exist.
    ///
    /// The link works once, within the [login lifetime](super::AccountsBuilder::login_lifetime). A connected account stays
    /// connected, with its old token, until the new login is completed. The pending login is stored encrypted, so any process can
    /// complete it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Disabled`] if the account is disabled. [`AccountsError::Vimeo`] with [`AuthError::NoApp`] if the app's
    /// credentials are missing, or with [`AuthError::InvalidCallback`] if the
    /// [redirect URI](super::AccountsBuilder::redirect_uri) is missing or invalid. [`AccountsError::Store`] if the store fails.
    pub async fn authorization_link(
        &self,
        id: &AccountId,
        scopes: impl Into<ScopeSet>,
    ) -> Result<Url, AccountsError> {
        let account = self.get_or_create(id).await?;
        if account.status == Status::Disabled {
            return Err(AccountsError::Disabled { account: id.clone() });
        }
        let service = self.service();
        let redirect_uri = self.inner.redirect_uri.clone().ok_or_else(|| {
            AuthError::InvalidCallback(
                "no redirect URI is set; set one with AccountsBuilder::redirect_uri".to_owned(),
            )
        })?;
        let login = service.app.auth().authorization(redirect_uri)?.scopes(scopes).begin()?;
        let plain = Zeroizing::new(serde_json::to_vec(&login).map_err(|_| KeyError::TooLong)?);
        let now = service.now();
        let record = LoginRecord {
            key: login_key(login.state()),
            account: id.clone(),
            secrets: service.keys.encrypt(&Owner::Login(id.as_str()), &plain)?,
            expires: later_date(now, self.inner.login_lifetime),
        };
        service.store.put_login(&record, now).await?;
        Ok(login.url().clone())
    }

    /// Completes a login without checking whose browser came back. Services with their own user sessions should call
    /// [`complete_for`](Self::complete_for) instead.
    ///
    /// `callback` is the URL that the user came back to, or only its query. The account is looked up in the store by the
    /// callback's `state`; the URL does not contain it.
    ///
    /// This method cannot tell whose browser came back. An attacker could send the link of their own account to another person,
    /// whose Vimeo account would then be connected to the attacker's.
    ///
    /// A login can be completed once. After any error, send the user to a new link. A token that Vimeo granted but that could not
    /// be stored is revoked. The login completes even if this future is dropped.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownLogin`] if no pending login matches the callback. [`AccountsError::Vimeo`] with
    /// [`AuthError::Denied`] if the user denied the request, or with another error if the code could not be exchanged.
    /// [`AccountsError::UserMismatch`] if a different Vimeo user logged in than before. [`AccountsError::Disabled`] if the account is
    /// disabled. [`AccountsError::Store`] if the store fails.
    pub async fn complete(&self, callback: &str) -> Result<LinkedAccount, AccountsError> {
        self.spawn_login(callback, None).await
    }

    /// Completes a login for the account of the user who is logged in to your service in the browser that came back. The login of
    /// another account is rejected.
    ///
    /// `callback` is the URL that the user came back to, or only its query. A login can be completed once. After any error, send
    /// the user to a new link. A token that Vimeo granted but that could not be stored is revoked. The login completes even if
    /// this future is dropped.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountId, Accounts};
    /// # async fn demo(accounts: Accounts, session_user: &str, callback: &str) -> Result<(), vimeo_ext::Error> {
    /// let id = AccountId::new(session_user)?; // from your session, not from the URL
    /// let linked = accounts.complete_for(&id, callback).await?;
    /// if !linked.missing_scopes.is_empty() {
    ///     tracing::warn!(missing_scopes = ?linked.missing_scopes, "the user did not grant every scope");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownLogin`] if no pending login matches the callback, or the login was started for another account.
    /// Otherwise as [`complete`](Self::complete).
    pub async fn complete_for(&self, id: &AccountId, callback: &str) -> Result<LinkedAccount, AccountsError> {
        self.spawn_login(callback, Some(id)).await
    }

    async fn spawn_login(
        &self,
        callback: &str,
        expected: Option<&AccountId>,
    ) -> Result<LinkedAccount, AccountsError> {
        // Runs in its own task: the login and its code work only once, so a browser that disconnects must not interrupt this.
        let (accounts, callback, expected) = (self.clone(), callback.to_owned(), expected.cloned());
        let task = tokio::spawn(async move { accounts.finish_login(&callback, expected.as_ref()).await });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::unavailable(error).into()),
        }
    }

    async fn finish_login(
        &self,
        callback: &str,
        expected: Option<&AccountId>,
    ) -> Result<LinkedAccount, AccountsError> {
        let service = self.service();
        let state = callback_state(callback).ok_or(AccountsError::UnknownLogin)?;
        let pending = service.store.take_login(&login_key(&state), service.now()).await?;
        let pending = pending.ok_or(AccountsError::UnknownLogin)?;
        let id = &pending.account;
        if expected.is_some_and(|expected| expected != id) {
            tracing::warn!(account = %id, "login rejected: its callback arrived in the session of another account");
            return Err(AccountsError::UnknownLogin);
        }
        let owner = Owner::Login(id.as_str());
        let plain = service.keys.decrypt(&owner, &pending.secrets)?;
        let login: Authorization =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        // Never send the code to a different API than the one that issued it.
        owner.check_api(Some(login.url().origin().ascii_serialization()), &service.api())?;
        let grant = service.app.auth().exchange_code(&login, callback).await?;
        let missing_scopes =
            grant.scopes().map_or_else(Vec::new, |granted| login.scopes().difference(granted));
        let token = grant.token.clone();
        match service.store_login(id, grant, "the user logged in").await {
            Ok((account, tokens)) => {
                self.inner.clients.resume(id, &tokens.access);
                Ok(LinkedAccount { account, missing_scopes })
            }
            Err(error) => {
                // The store may have written the tokens but failed to confirm it.
                if let Ok(record) = service.record(id).await
                    && service
                        .decrypt(&record)
                        .is_ok_and(|tokens| tokens.is_some_and(|tokens| tokens.has_access_token(&token)))
                {
                    self.inner.clients.resume(id, &token);
                    return Ok(LinkedAccount { account: record.account, missing_scopes });
                }
                service.revoke_orphan(id, &token).await;
                Err(error)
            }
        }
    }

    /// Connects an account with an existing access token, and creates the account if it does not exist.
    ///
    /// The token is verified at Vimeo, which reports its user and scopes. If the token cannot be stored, it is not revoked: it
    /// belongs to the caller.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountId, Accounts};
    /// # async fn demo(accounts: Accounts, token: String) -> Result<(), vimeo_ext::Error> {
    /// let linked = accounts.connect_with_token(&AccountId::new("user 7")?, token).await?;
    /// tracing::info!(user = linked.account.user, "connected");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::CredentialsRejected`] if Vimeo rejects the token; [`AccountsError::UserMismatch`] if the token acts for a
    /// different Vimeo user than before; [`AccountsError::Disabled`] if the account is disabled; [`AccountsError::Vimeo`] if
    /// Vimeo could not be reached; [`AccountsError::Store`] if the store fails.
    pub async fn connect_with_token(
        &self,
        id: &AccountId,
        token: impl Into<AccessToken>,
    ) -> Result<LinkedAccount, AccountsError> {
        let service = self.service();
        let token = token.into();
        let grant = service
            .app
            .auth()
            .verify_token(&token)
            .await
            .map_err(|error| rejected_credentials("access token", error))?;
        self.get_or_create(id).await?;
        let (account, tokens) = service.store_login(id, grant, "connected with an existing token").await?;
        self.inner.clients.resume(id, &tokens.access);
        Ok(LinkedAccount { account, missing_scopes: Vec::new() })
    }
}

/// Converts an error of verifying credentials: to `CredentialsRejected` if Vimeo rejected them, otherwise to `Vimeo`.
pub(super) fn rejected_credentials(what: &'static str, error: AuthError) -> AccountsError {
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

/// Returns the key under which the store finds a pending login.
fn login_key(state: &str) -> String {
    hex(&Sha256::digest(state))
}

fn callback_state(callback: &str) -> Option<String> {
    let query = callback.split_once('?').map_or(callback, |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let state = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "state");
    state.map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty())
}
