//! What becomes of an account once it has a token: looked at, renewed, switched off and on, forgotten.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use super::core::is_refused;
use super::manager::usable;
use super::{Account, AccountId, AccountQuery, Accounts, AccountsError, Status, StatusEvent, StoreError};
use crate::auth::RefreshError;
use crate::timeouts::later_date;

impl Accounts {
    /// Asks Vimeo whether the account's token still holds, and notes what it answers: the scopes, or that it was revoked.
    /// A [`Revoked`](Status::Revoked) account whose token Vimeo takes after all is [`Active`](Status::Active) again.
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`] and [`AccountsError::Disabled`] when there is nothing to ask about;
    /// [`AccountsError::Vimeo`] when Vimeo could not be asked.
    pub async fn verify(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = self.core();
        let record = core.record(id).await?;
        let tokens = match record.account.status {
            status @ Status::Revoked => core
                .open(&record)?
                .ok_or_else(|| AccountsError::LoginRequired { account: id.clone(), status })?,
            _ => usable(core, &record)?,
        };
        match core.app.auth().verify_token(&tokens.access).await {
            Ok(grant) => {
                let scopes = grant.scopes().cloned();
                let expires = grant.expires();
                let record = core
                    .update(id, |record| {
                        let same = core.open(record)?.is_some_and(|now| now.is(&tokens.access));
                        let is_bound = core.is_bound(record)?;
                        if same && !is_bound {
                            record.secrets = Some(core.seal(id, &tokens)?);
                        }
                        let account = &mut record.account;
                        let known = account.scopes == scopes && account.expires == expires;
                        account.scopes = scopes.clone().or_else(|| account.scopes.take());
                        account.expires = expires;
                        let is_back = account.status == Status::Revoked;
                        if is_back {
                            account.status = Status::Active;
                            account.reason = Some("Vimeo takes the access token after all".to_owned());
                        }
                        Ok(same && (is_back || !known || !is_bound))
                    })
                    .await?;
                if record.account.status == Status::Active
                    && let Some(tokens) = core.latest(&record)?
                {
                    self.inner.warm.resume(id, &tokens.access);
                }
                Ok(record.account)
            }
            Err(error) if is_refused(&error) => {
                let record = core.lost(id, &tokens, "Vimeo takes the access token no longer").await?;
                self.inner.settle(&record);
                Ok(record.account)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Renews the account's token now, whether or not it is about to expire.
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`] when only the user can help; [`AccountsError::Vimeo`] when it may work later. New
    /// tokens are used and kept in memory also if the store cannot be written then.
    pub async fn refresh(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = &self.inner.core;
        let record = core.record(id).await?;
        let status = record.account.status;
        let tokens = core
            .latest(&record)?
            .ok_or_else(|| AccountsError::LoginRequired { account: id.clone(), status })?;
        match core.renew(id, Some(&tokens.access)).await {
            Ok(tokens) => {
                // Whatever becomes of the store: the old ones are used up.
                self.inner.warm.resume(id, &tokens.access);
                let mut account = core.record(id).await?.account;
                account.scopes = tokens.access.scopes().cloned();
                account.expires = tokens.access.expires();
                Ok(account)
            }
            Err(error) => {
                self.inner.settle(&core.record(id).await?);
                Err(error)
            }
        }
    }

    /// Renews the tokens that expire within `ahead`, at most five minutes, one after the other; answers how many were. Call it now and then for
    /// accounts that make no calls themselves: those that do are renewed by their calls.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`]. An account that cannot be renewed is noted and passed over.
    pub async fn refresh_due(&self, ahead: Duration) -> Result<u64, AccountsError> {
        let core = self.core();
        let before = later_date(core.now(), ahead.min(super::refresh::REFRESH_LEAD));
        let mut query = AccountQuery::default().status(Status::Active).expires_before(before).limit(200);
        let mut renewed = 0;
        loop {
            let page = self.list(query).await?;
            for account in page.accounts {
                match self.refresh(&account.id).await {
                    Ok(_) => renewed = u64::saturating_add(renewed, 1),
                    Err(AccountsError::Store(error)) => return Err(error.into()),
                    Err(error) => tracing::warn!(account = %account.id, %error, "not renewed"),
                }
            }
            match page.next {
                Some(next) => query = next,
                None => return Ok(renewed),
            }
        }
    }

    /// Switches an account off: it makes no calls, in any process, until it is enabled. Its token is kept.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`].
    pub async fn disable(&self, id: &AccountId, reason: &str) -> Result<Account, AccountsError> {
        let record = self
            .core()
            .update(id, |record| {
                let changes = record.account.status != Status::Disabled;
                record.account.status = Status::Disabled;
                record.account.reason = Some(reason.to_owned());
                Ok(changes)
            })
            .await?;
        self.inner.settle(&record);
        Ok(record.account)
    }

    /// Switches an account on again: to [`Active`](Status::Active) when it has a token, to
    /// [`Expired`](Status::Expired) when that has expired, to [`Pending`](Status::Pending) when it has none.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`].
    pub async fn enable(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let core = self.core();
        let now = core.now();
        let record = core
            .update(id, |record| {
                let account = &mut record.account;
                if account.status != Status::Disabled {
                    return Ok(false);
                }
                account.status = match &record.secrets {
                    None => Status::Pending,
                    Some(_) if account.expires.is_some_and(|expires| expires <= now) => Status::Expired,
                    Some(_) => Status::Active,
                };
                account.reason = Some("it was enabled again".to_owned());
                Ok(true)
            })
            .await?;
        if record.account.status == Status::Active
            && let Some(tokens) = core.latest(&record)?
        {
            self.inner.warm.resume(id, &tokens.access);
        }
        Ok(record.account)
    }

    /// Revokes the account's token at Vimeo, then forgets the account and all that is known of it.
    ///
    /// When it ends early it can be called again: a token that is revoked already is no obstacle. An account that does not
    /// exist is fine.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Vimeo`] when Vimeo could not be asked: then nothing is forgotten.
    pub async fn disconnect(&self, id: &AccountId) -> Result<(), AccountsError> {
        let core = self.core();
        let Some(mut record) = core.store.account(id).await? else { return Ok(()) };
        if let Some(tokens) = core.open(&record)? {
            match core.app.auth().revoke_token(&tokens.access).await {
                Ok(()) => {}
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let reason = Some("it was disconnected".to_owned());
            let event = StatusEvent::new(id, Some(record.account.status), None, reason, core.now());
            match core.store.remove_account(id, record.account.version, &event).await {
                Ok(()) => break,
                Err(StoreError::Missing) => return Ok(()),
                Err(StoreError::Stale { .. }) => match core.store.account(id).await? {
                    Some(latest) if latest.secrets == record.secrets => record = latest,
                    // It has come to another token, which has to be revoked as well.
                    Some(_) => return Err(AccountsError::Contended { account: id.clone() }),
                    None => return Ok(()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        core.announce();
        self.inner.warm.stop(id, || RefreshError::login_required("the account was disconnected"));
        Ok(())
    }
}
