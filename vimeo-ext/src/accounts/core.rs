//! What the accounts' parts have in common: the store, the keys, the app, and the one way to change a record.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use vimeo_api::ResponseOrigin;

use super::keys::{KeyRing, Sealed};
use super::refresh::PendingTokens;
use super::{
    Account, AccountId, AccountRecord, AccountRefresher, AccountStore, AccountsError, Status, StatusEvent,
    StoreError, Tokens,
};
use crate::auth::{AuthError, Grant, RefreshError};
use crate::error::KeyError;
use crate::{AccessToken, Vimeo};

pub(super) struct Core {
    pub(super) store: Arc<dyn AccountStore>,
    pub(super) keys: KeyRing,
    /// The client of the app: whose connections, settings and credentials the accounts' clients use.
    pub(super) app: Vimeo,
    pub(super) refresher: Option<Arc<dyn AccountRefresher>>,
    pub(super) pending_tokens: PendingTokens,
    /// What this process calls itself in leases.
    pub(super) holder: String,
    /// Moves on when this process has changed a status.
    pub(super) news: watch::Sender<u64>,
}

/// How long the API may take to say whether it takes a token that is to be bound to it.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);
/// So often a change is tried when others change the same account meanwhile.
const MAX_ATTEMPTS: u32 = 16;

impl Core {
    pub(super) fn now(&self) -> DateTime<Utc> {
        // What the store keeps has no finer parts.
        let now = self.app.clock().now();
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// The scheme, host and port of the API that the app's client calls. What is sealed here is for it and no other.
    pub(super) fn api(&self) -> String {
        self.app.api().base_url().origin().ascii_serialization()
    }

    pub(super) fn seal(&self, id: &AccountId, tokens: &Tokens) -> Result<Sealed, KeyError> {
        tokens.seal(&self.keys, id.as_str(), &self.api())
    }

    /// The tokens of an account; `None` when it has none.
    pub(super) fn open(&self, record: &AccountRecord) -> Result<Option<Tokens>, KeyError> {
        Ok(Tokens::open(&self.keys, record, &self.api())?.map(|(tokens, _)| tokens))
    }

    /// Whether an account's tokens are bound to the API that they are for. Those of earlier versions are not yet.
    pub(super) fn is_bound(&self, record: &AccountRecord) -> Result<bool, KeyError> {
        Ok(Tokens::open(&self.keys, record, &self.api())?.is_none_or(|(_, is_bound)| is_bound))
    }

    /// Binds tokens of an earlier version to the API that has just taken them.
    pub(super) async fn bind(&self, id: &AccountId, tokens: &Tokens) -> Result<(), AccountsError> {
        self.update(id, |record| {
            let is_same = self.open(record)?.is_some_and(|present| present.is(&tokens.access));
            if !is_same || self.is_bound(record)? {
                return Ok(false);
            }
            record.secrets = Some(self.seal(id, tokens)?);
            Ok(true)
        })
        .await?;
        Ok(())
    }

    /// As [`bind`](Self::bind), once the API has been asked whether it takes them. Tokens stay as they are if it does not, or
    /// cannot be asked: another may be meant.
    pub(super) async fn verify_and_bind(&self, id: &AccountId, tokens: &Tokens) {
        let bound = match self.takes(&tokens.access).await {
            Ok(()) => self.bind(id, tokens).await,
            Err(error) => Err(error),
        };
        if let Err(error) = bound {
            tracing::warn!(account = %id, %error, "its tokens are not bound to this API yet");
        }
    }

    /// That the API takes a token.
    pub(super) async fn takes(&self, token: &AccessToken) -> Result<(), AccountsError> {
        match tokio::time::timeout(VERIFY_TIMEOUT, self.app.auth().verify_token(token)).await {
            Ok(verified) => Ok(verified.map(drop)?),
            Err(_) => {
                let error = RefreshError::temporary(format!("the API did not answer in {VERIFY_TIMEOUT:?}"));
                Err(AuthError::Refresh(Arc::new(error)).into())
            }
        }
    }

    /// The latest tokens of an account: those that could not be written yet, else those in the store.
    pub(super) fn latest(&self, record: &AccountRecord) -> Result<Option<Tokens>, KeyError> {
        let stored = self.open(record)?;
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

    /// Changes an account: `change` is given its latest state, again when another writer was faster, and says whether there
    /// is something to write.
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
            if let Some(sealed) = before.secrets.as_ref().filter(|_| before.secrets != after.secrets) {
                // Written over, it would be lost to whoever has the key.
                self.keys.knows(&sealed.key)?;
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
                        tracing::info!(account = %id, %from, %to, reason = after.account.reason, "account changed");
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
        self.news.send_modify(|number| *number = number.saturating_add(1));
    }

    /// The user that a token acts for, where the grant does not name them: whether it may go into an account depends on it.
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

    /// Puts the tokens of a login into an account.
    pub(super) async fn logged_in(
        &self,
        id: &AccountId,
        grant: Grant,
        reason: &str,
    ) -> Result<(Account, Tokens), AccountsError> {
        let user = self.user_of(id, &grant).await?;
        let tokens = Tokens { access: grant.token, refresh: grant.refresh_token };
        let sealed = self.seal(id, &tokens)?;
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
                record.secrets = Some(sealed.clone());
                Ok(true)
            })
            .await?;
        Ok((record.account, tokens))
    }

    /// Revokes a token that was just granted and goes into no account, so that nobody is left with it. If that cannot be
    /// done there is nobody to tell but the log.
    pub(super) async fn revoke_orphan(&self, id: &AccountId, token: &AccessToken) {
        match self.app.auth().revoke_token(token).await {
            Ok(()) => tracing::info!(account = %id, "an access token that goes into no account was revoked"),
            Err(error) if is_refused(&error) => {}
            Err(error) => {
                tracing::warn!(account = %id, %error, "an access token that goes into no account is not revoked");
            }
        }
    }

    /// Notes that Vimeo takes a token no longer. An account that has come to another token meanwhile stays as it is.
    pub(super) async fn lost(
        &self,
        id: &AccountId,
        tokens: &Tokens,
        reason: &str,
    ) -> Result<AccountRecord, AccountsError> {
        let now = self.now();
        self.update(id, |record| {
            let same = self.open(record)?.is_some_and(|present| present.is(&tokens.access));
            if !same || !matches!(record.account.status, Status::Active | Status::Expired) {
                return Ok(false);
            }
            let expired = record.account.expires.is_some_and(|expires| expires <= now);
            record.account.status = if expired { Status::Expired } else { Status::Revoked };
            record.account.reason = Some(reason.to_owned());
            // The tokens stay: Vimeo may have been wrong, and then `Accounts::verify` brings the account back.
            Ok(true)
        })
        .await
    }
}

/// Whether Vimeo itself said that a token is none. A `401` without its words may be a proxy's, and is no reason to give an
/// account up.
pub(super) fn is_refused(error: &AuthError) -> bool {
    error.call().is_some_and(|call| call.is_unauthorized() && call.origin() == Some(ResponseOrigin::Api))
}
