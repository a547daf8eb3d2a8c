//! The service layer under `Accounts`: loads, decrypts and updates account records.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use vimeo_api::ResponseOrigin;

use super::keys::{Ciphertext, KeyRing};
use super::refresh::PendingTokens;
use super::{
    Account, AccountId, AccountRecord, AccountRefresher, AccountStore, AccountsError, Status, StatusEvent,
    StoreError, Tokens,
};
use crate::auth::{AuthError, Grant, RefreshError};
use crate::error::KeyError;
use crate::{AccessToken, Vimeo};

/// Loads, decrypts and updates account records, and verifies tokens at Vimeo. Holds the store, the keys and the app's client.
///
/// Separate from `Inner`, because the cached clients' refreshers reference it.
pub(super) struct AccountService {
    pub(super) store: Arc<dyn AccountStore>,
    pub(super) keys: KeyRing,
    /// The app's client. The accounts' clients share its HTTP connection pool, settings and app credentials.
    pub(super) app: Vimeo,
    pub(super) refresher: Option<Arc<dyn AccountRefresher>>,
    pub(super) pending_tokens: PendingTokens,
    /// This process's name as a lease holder.
    pub(super) holder: String,
    /// A counter that increases when a status change is made or seen.
    pub(super) status_changes: watch::Sender<u64>,
}

/// How long to wait for the API to verify a token.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an update is attempted if other writers change the same account concurrently.
const MAX_ATTEMPTS: u32 = 16;

impl AccountService {
    pub(super) fn now(&self) -> DateTime<Utc> {
        // Stores keep times in milliseconds.
        let now = self.app.clock().now();
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Returns the scheme, host and port of the API that the app's client calls. Secrets are encrypted for this API only.
    pub(super) fn api(&self) -> String {
        self.app.api().base_url().origin().ascii_serialization()
    }

    pub(super) fn encrypt(&self, id: &AccountId, tokens: &Tokens) -> Result<Ciphertext, KeyError> {
        tokens.encrypt(&self.keys, id.as_str(), &self.api())
    }

    /// Decrypts the tokens of an account; `None` if it has none.
    pub(super) fn decrypt(&self, record: &AccountRecord) -> Result<Option<Tokens>, KeyError> {
        Ok(Tokens::decrypt(&self.keys, record, &self.api())?.map(|(tokens, _)| tokens))
    }

    /// Whether an account's tokens are bound to one API. Those that earlier versions stored are not.
    pub(super) fn is_bound(&self, record: &AccountRecord) -> Result<bool, KeyError> {
        Ok(Tokens::decrypt(&self.keys, record, &self.api())?.is_none_or(|(_, is_bound)| is_bound))
    }

    /// Binds tokens that an earlier version stored to this API, which has just accepted them.
    pub(super) async fn bind(&self, id: &AccountId, tokens: &Tokens) -> Result<(), AccountsError> {
        self.update(id, |record| {
            let is_same =
                self.decrypt(record)?.is_some_and(|present| present.has_access_token(&tokens.access));
            if !is_same || self.is_bound(record)? {
                return Ok(false);
            }
            record.secrets = Some(self.encrypt(id, tokens)?);
            Ok(true)
        })
        .await?;
        Ok(())
    }

    /// Verifies tokens at this API, then [binds](Self::bind) them to it. If the API rejects them or cannot be reached, they stay
    /// unbound: they may belong to another API.
    pub(super) async fn verify_and_bind(&self, id: &AccountId, tokens: &Tokens) {
        let bound = match self.check_token(&tokens.access).await {
            Ok(()) => self.bind(id, tokens).await,
            Err(error) => Err(error),
        };
        if let Err(error) = bound {
            tracing::warn!(account = %id, %error, "could not bind the account's tokens to this API; trying again at the next use");
        }
    }

    /// Checks that this API accepts a token.
    pub(super) async fn check_token(&self, token: &AccessToken) -> Result<(), AccountsError> {
        match tokio::time::timeout(VERIFY_TIMEOUT, self.app.auth().verify_token(token)).await {
            Ok(verified) => Ok(verified.map(drop)?),
            Err(_) => {
                let error =
                    RefreshError::temporary(format!("the API did not respond within {VERIFY_TIMEOUT:?}"));
                Err(AuthError::Refresh(Arc::new(error)).into())
            }
        }
    }

    /// Returns the latest tokens of an account: renewed ones that are not stored yet, otherwise those in the store.
    pub(super) fn latest(&self, record: &AccountRecord) -> Result<Option<Tokens>, KeyError> {
        let stored = self.decrypt(record)?;
        Ok(self.pending_tokens.get(&record.account.id).or(stored))
    }

    pub(super) async fn record(&self, id: &AccountId) -> Result<AccountRecord, AccountsError> {
        let record = self.store.account(id).await?;
        record.ok_or_else(|| AccountsError::UnknownAccount { account: id.clone() })
    }

    pub(super) async fn get_or_create(&self, id: &AccountId) -> Result<Account, AccountsError> {
        if let Some(record) = self.store.account(id).await? {
            return Ok(record.account);
        }
        let now = self.now();
        let account = Account::new(id.clone(), Status::Pending, now);
        let event = StatusEvent::new(id, None, Some(Status::Pending), None, now);
        let record = AccountRecord { account, secrets: None };
        let (record, new) = self.store.insert_account(&record, &event).await?;
        if new {
            self.announce();
        }
        Ok(record.account)
    }

    /// Updates an account with optimistic concurrency. `change` modifies the latest record and returns whether to write it; it is
    /// called again if another writer was faster.
    pub(super) async fn update(
        &self,
        id: &AccountId,
        mut change: impl FnMut(&mut AccountRecord) -> Result<bool, AccountsError>,
    ) -> Result<AccountRecord, AccountsError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.record(id).await?;
            let mut after = before.clone();
            if !change(&mut after)? {
                return Ok(before);
            }
            let (from, to) = (before.account.status, after.account.status);
            if from != to && !from.can_become(to) {
                return Err(AccountsError::InvalidTransition { account: id.clone(), from, to });
            }
            if let Some(ciphertext) = before.secrets.as_ref().filter(|_| before.secrets != after.secrets) {
                // Never overwrite what another process, which has the key, could still decrypt.
                self.keys.require(&ciphertext.key)?;
            }
            after.account.version = before.account.version.saturating_add(1);
            after.account.changed_at = self.now();
            let event = (from != to).then(|| {
                let reason = after.account.reason.clone();
                StatusEvent::new(id, Some(from), Some(to), reason, after.account.changed_at)
            });
            match self.store.replace_account(&after, event.as_ref()).await {
                Ok(()) => {
                    if event.is_some() {
                        tracing::info!(account = %id, %from, %to, reason = after.account.reason, "account status changed");
                        self.announce();
                    }
                    return Ok(after);
                }
                Err(StoreError::Stale { .. }) => {}
                Err(StoreError::Missing) => break,
                Err(error) => return Err(error.into()),
            }
        }
        match self.store.account(id).await? {
            Some(_) => Err(AccountsError::Contended { account: id.clone() }),
            None => Err(AccountsError::UnknownAccount { account: id.clone() }),
        }
    }

    pub(super) fn announce(&self) {
        self.status_changes.send_modify(|number| *number = number.saturating_add(1));
    }

    /// Returns the user that a token acts for, and asks Vimeo if the grant does not name the user. Fails if Vimeo cannot be asked
    /// and the account already belongs to a user, because the two could then not be compared.
    async fn user_of(&self, id: &AccountId, grant: &Grant) -> Result<Option<String>, AccountsError> {
        if let Some(uri) = grant.user.as_ref().and_then(|user| user.uri.clone()) {
            return Ok(Some(uri));
        }
        match self.app.auth().user_of(&grant.token).await {
            Ok(user) => Ok(user),
            Err(error) => match self.record(id).await?.account.user {
                Some(_) => Err(error.into()),
                None => Ok(None),
            },
        }
    }

    /// Stores the tokens of a login in an account and makes it active.
    pub(super) async fn store_login(
        &self,
        id: &AccountId,
        grant: Grant,
        reason: &str,
    ) -> Result<(Account, Tokens), AccountsError> {
        let user = self.user_of(id, &grant).await?;
        let tokens = Tokens { access: grant.token, refresh: grant.refresh_token };
        let ciphertext = self.encrypt(id, &tokens)?;
        let record = self
            .update(id, |record| {
                let account = &mut record.account;
                if account.status == Status::Disabled {
                    return Err(AccountsError::Disabled { account: id.clone() });
                }
                if let Some(expected) =
                    account.user.as_ref().filter(|expected| Some(*expected) != user.as_ref())
                {
                    return Err(AccountsError::UserMismatch {
                        account: id.clone(),
                        expected: expected.clone(),
                        found: user.clone().unwrap_or_else(|| "no user".to_owned()),
                    });
                }
                account.status = Status::Active;
                account.reason = Some(reason.to_owned());
                account.user = user.clone();
                account.scopes = tokens.access.scopes().cloned();
                account.expires = tokens.access.expires();
                record.secrets = Some(ciphertext.clone());
                Ok(true)
            })
            .await?;
        Ok((record.account, tokens))
    }

    /// Revokes a token that was just granted but is not stored in any account. A failure is only logged.
    pub(super) async fn revoke_orphan(&self, id: &AccountId, token: &AccessToken) {
        match self.app.auth().revoke_token(token).await {
            Ok(()) => tracing::info!(account = %id, "revoked an access token that no account uses"),
            Err(error) if is_token_rejected(&error) => {}
            Err(error) => {
                tracing::warn!(account = %id, %error, "could not revoke an access token that no account uses; it stays valid");
            }
        }
    }

    /// Records that Vimeo rejects an account's token: its user has to log in. Does nothing if the account has a different token
    /// by now.
    pub(super) async fn mark_needs_login(
        &self,
        id: &AccountId,
        tokens: &Tokens,
        reason: &str,
    ) -> Result<AccountRecord, AccountsError> {
        let now = self.now();
        self.update(id, |record| {
            let is_same =
                self.decrypt(record)?.is_some_and(|present| present.has_access_token(&tokens.access));
            if !is_same || !matches!(record.account.status, Status::Active | Status::Expired) {
                return Ok(false);
            }
            let expired = record.account.expires.is_some_and(|expires| expires <= now);
            record.account.status = if expired { Status::Expired } else { Status::Revoked };
            record.account.reason = Some(reason.to_owned());
            // The tokens stay: Vimeo may have been wrong, and `Accounts::verify` then reactivates the account.
            Ok(true)
        })
        .await
    }
}

/// Whether Vimeo itself rejected a token. A `401` that is not in Vimeo's format may come from a proxy, and does not revoke an
/// account.
pub(super) fn is_token_rejected(error: &AuthError) -> bool {
    error.call().is_some_and(|call| call.is_unauthorized() && call.origin() == Some(ResponseOrigin::Api))
}
