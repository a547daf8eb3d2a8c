//! The lifecycle of an account that has a token: verify, refresh, disable, enable, disconnect.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use super::manager::tokens_if_active;
use super::service::is_token_rejected;
use super::{Account, AccountId, AccountQuery, Accounts, AccountsError, Status, StatusEvent, StoreError};
use crate::auth::RefreshError;
use crate::timeouts::later_date;

impl Accounts {
    /// Asks Vimeo whether the account's token is valid, and updates the account: its scopes and expiry, or its status
    /// [`Revoked`](Status::Revoked) if Vimeo rejects the token. A revoked account whose token Vimeo accepts again becomes
    /// [`Active`](Status::Active).
    ///
    /// Returns the updated account; check its [`status`](Account::status). A rejected token is not an error.
    ///
    /// ```no_run
    /// use vimeo_ext::accounts::{AccountId, Accounts, Status};
    /// # async fn demo(accounts: Accounts, id: AccountId) -> Result<(), vimeo_ext::Error> {
    /// let account = accounts.verify(&id).await?;
    /// if account.status != Status::Active {
    ///     tracing::warn!(account = %account.id, reason = account.reason, "has to log in again");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`] if the account is not connected or its token has expired; [`AccountsError::Disabled`];
    /// [`AccountsError::UnknownAccount`]; [`AccountsError::Vimeo`] if Vimeo could not be reached: the account is unchanged then.
    pub async fn verify(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let service = self.service();
        let record = service.record(id).await?;
        let tokens = match record.account.status {
            status @ Status::Revoked => service
                .decrypt(&record)?
                .ok_or_else(|| AccountsError::LoginRequired { account: id.clone(), status })?,
            _ => tokens_if_active(service, &record)?,
        };
        match service.app.auth().verify_token(&tokens.access).await {
            Ok(grant) => {
                let scopes = grant.scopes().cloned();
                let expires = grant.expires();
                let record = service
                    .update(id, |record| {
                        let is_same =
                            service.decrypt(record)?.is_some_and(|now| now.has_access_token(&tokens.access));
                        let is_bound = service.is_bound(record)?;
                        if is_same && !is_bound {
                            record.secrets = Some(service.encrypt(id, &tokens)?);
                        }
                        let account = &mut record.account;
                        let is_unchanged = account.scopes == scopes && account.expires == expires;
                        account.scopes = scopes.clone().or_else(|| account.scopes.take());
                        account.expires = expires;
                        let is_reactivated = account.status == Status::Revoked;
                        if is_reactivated {
                            account.status = Status::Active;
                            account.reason = Some("Vimeo accepts the access token again".to_owned());
                        }
                        Ok(is_same && (is_reactivated || !is_unchanged || !is_bound))
                    })
                    .await?;
                if record.account.status == Status::Active
                    && let Some(tokens) = service.latest(&record)?
                {
                    self.inner.clients.resume(id, &tokens.access);
                }
                Ok(record.account)
            }
            Err(error) if is_token_rejected(&error) => {
                let record = service
                    .mark_needs_login(
                        id,
                        &tokens,
                        "Vimeo rejected the access token: it was revoked or has expired",
                    )
                    .await?;
                self.inner.evict_if_unusable(&record);
                Ok(record.account)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Renews the account's token without waiting for a call.
    ///
    /// Usually there is no need to call this: calls renew a token automatically when it is about to expire or Vimeo rejects it.
    /// A token that expires within 5 minutes is renewed at once; any other is verified first, and kept if Vimeo accepts it. New
    /// tokens are used at once, and kept in memory while the store cannot be written.
    ///
    /// # Errors
    ///
    /// [`AccountsError::LoginRequired`] if the user has to log in; [`AccountsError::Vimeo`] if the refresh failed and a later attempt
    /// can succeed; [`AccountsError::Disabled`]; [`AccountsError::UnknownAccount`].
    pub async fn refresh(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let service = &self.inner.service;
        let record = service.record(id).await?;
        let status = record.account.status;
        let tokens = service
            .latest(&record)?
            .ok_or_else(|| AccountsError::LoginRequired { account: id.clone(), status })?;
        match service.renew(id, Some(&tokens.access)).await {
            Ok(tokens) => {
                // Even if the store fails below: the old tokens may no longer be valid.
                self.inner.clients.resume(id, &tokens.access);
                let mut account = service.record(id).await?.account;
                account.scopes = tokens.access.scopes().cloned();
                account.expires = tokens.access.expires();
                Ok(account)
            }
            Err(error) => {
                self.inner.evict_if_unusable(&service.record(id).await?);
                Err(error)
            }
        }
    }

    /// Renews the tokens that expire within `ahead` (at most 5 minutes), one after the other, and returns how many were renewed.
    ///
    /// Call it periodically, for example every minute, if accounts that make no calls should stay connected. Accounts that make
    /// calls renew their tokens automatically.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails. An account that cannot be renewed is logged and skipped.
    pub async fn refresh_due(&self, ahead: Duration) -> Result<u64, AccountsError> {
        let service = self.service();
        let before = later_date(service.now(), ahead.min(super::refresh::REFRESH_LEAD));
        let mut query = AccountQuery::default().status(Status::Active).expires_before(before).limit(200);
        let mut renewed = 0;
        loop {
            let page = self.list(query).await?;
            for account in page.accounts {
                match self.refresh(&account.id).await {
                    Ok(_) => renewed = u64::saturating_add(renewed, 1),
                    Err(AccountsError::Store(error)) => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(account = %account.id, %error, "could not renew the account's token; skipping it")
                    }
                }
            }
            match page.next {
                Some(next) => query = next,
                None => return Ok(renewed),
            }
        }
    }

    /// Disables an account: its calls fail, in every process, until it is [enabled](Self::enable). Its token is kept. `reason` is
    /// stored in [`Account::reason`].
    ///
    /// Other processes notice with their next [poll](super::AccountsBuilder::poll_interval).
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`] if there is no such account; [`AccountsError::Store`] if the store fails.
    pub async fn disable(&self, id: &AccountId, reason: &str) -> Result<Account, AccountsError> {
        let record = self
            .service()
            .update(id, |record| {
                let is_enabled = record.account.status != Status::Disabled;
                record.account.status = Status::Disabled;
                record.account.reason = Some(reason.to_owned());
                Ok(is_enabled)
            })
            .await?;
        self.inner.evict_if_unusable(&record);
        Ok(record.account)
    }

    /// Enables a disabled account. It becomes [`Active`](Status::Active) if it has a token, [`Expired`](Status::Expired) if the
    /// token has expired, and [`Pending`](Status::Pending) if it has none. Does nothing if the account is not disabled.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownAccount`] if there is no such account; [`AccountsError::Store`] if the store fails.
    pub async fn enable(&self, id: &AccountId) -> Result<Account, AccountsError> {
        let service = self.service();
        let now = service.now();
        let record = service
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
                account.reason = Some("the account was enabled again".to_owned());
                Ok(true)
            })
            .await?;
        if record.account.status == Status::Active
            && let Some(tokens) = service.latest(&record)?
        {
            self.inner.clients.resume(id, &tokens.access);
        }
        Ok(record.account)
    }

    /// Revokes the account's token at Vimeo, then deletes the account, its pending logins and its earlier events from the store.
    ///
    /// Idempotent: it succeeds if the token is already revoked or the account does not exist, so call it again if it was
    /// interrupted.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Vimeo`] if the token could not be revoked: nothing is deleted then. [`AccountsError::Contended`] if the
    /// account received a new token in the meantime: call it again. [`AccountsError::Store`] if the store fails.
    pub async fn disconnect(&self, id: &AccountId) -> Result<(), AccountsError> {
        let service = self.service();
        let Some(mut record) = service.store.account(id).await? else { return Ok(()) };
        if let Some(tokens) = service.decrypt(&record)? {
            match service.app.auth().revoke_token(&tokens.access).await {
                Ok(()) => {}
                Err(error) if is_token_rejected(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let reason = Some("the account was disconnected".to_owned());
            let event = StatusEvent::new(id, Some(record.account.status), None, reason, service.now());
            match service.store.remove_account(id, record.account.version, &event).await {
                Ok(()) => break,
                Err(StoreError::Missing) => return Ok(()),
                Err(StoreError::Stale { .. }) => match service.store.account(id).await? {
                    Some(latest) if latest.secrets == record.secrets => record = latest,
                    // The account has a new token, which has to be revoked too.
                    Some(_) => return Err(AccountsError::Contended { account: id.clone() }),
                    None => return Ok(()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        service.announce();
        self.inner.clients.stop(id, || RefreshError::login_required("the account was disconnected"));
        Ok(())
    }
}
