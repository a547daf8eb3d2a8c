//! Renewing the tokens of accounts, one process and one task at a time.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::core::{Core, is_refused};
use super::{Account, AccountId, AccountsError, Status, Tokens};
use crate::AccessToken;
use crate::auth::{BoxFuture, RefreshError, Refresher};
use crate::timeouts::later_date;

/// Gets new tokens for an account, ahead of their expiry or when Vimeo takes them no longer.
///
/// Vimeo documents no way to refresh a token, so how it is done is the program's. Of all tasks and processes that share a
/// store one asks at a time for each account; the others wait and use what it got.
///
/// ```
/// use vimeo_ext::accounts::{Account, AccountRefresher, Tokens};
/// use vimeo_ext::auth::{BoxFuture, RefreshError};
///
/// struct TokenServer;
///
/// impl AccountRefresher for TokenServer {
///     fn refresh<'a>(
///         &'a self,
///         account: &'a Account,
///         old: &'a Tokens,
///     ) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
///         Box::pin(async move {
///             let Some(_refresh) = &old.refresh else {
///                 return Err(RefreshError::needs_login("Vimeo gave no refresh token"));
///             };
///             Err(RefreshError::temporary(format!("no server for {} yet", account.id)))
///         })
///     }
/// }
/// ```
pub trait AccountRefresher: Send + Sync + 'static {
    /// Tokens to use from now on; `old` are those that expire soon or were refused. Takes at most 45 seconds.
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>>;
}

/// A holder that is gone keeps others waiting so long.
const LEASE: Duration = Duration::from_secs(60);
/// Less than the lease, so that two never ask at once.
const LONGEST: Duration = Duration::from_secs(45);
/// How often those who wait look whether it is done.
const LOOK: Duration = Duration::from_millis(100);
/// From so long before its expiry a token is renewed without asking Vimeo whether it still holds.
pub(super) const AHEAD: Duration = Duration::from_secs(300);

/// Renews one account's token for its client.
pub(super) struct OfAccount {
    pub(super) core: Arc<Core>,
    pub(super) id: AccountId,
}

impl Refresher for OfAccount {
    fn refresh<'a>(
        &'a self,
        old: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async move {
            let tokens = self.core.renew(&self.id, old).await.map_err(as_refresh_error)?;
            Ok(match self.core.refresher {
                Some(_) => tokens.access,
                // Nothing can be done ahead of its expiry: used until Vimeo refuses it.
                None => tokens.access.expiring(None),
            })
        })
    }
}

fn as_refresh_error(error: AccountsError) -> RefreshError {
    match error {
        AccountsError::NeedsLogin { .. } | AccountsError::UnknownAccount { .. } => {
            RefreshError::needs_login(error.to_string())
        }
        AccountsError::Disabled { .. } | AccountsError::Key(_) => RefreshError::refused(error),
        error => RefreshError::temporary(error),
    }
}

impl Core {
    /// Tokens that are not `old`, or `old` when Vimeo still takes it.
    pub(super) async fn renew(
        &self,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Tokens, AccountsError> {
        let lease = format!("renew {id}");
        // A holder of its own for each try, so that two tasks of one process do not take each other's lease for their own.
        let holder = format!("{}-{:016x}", self.holder, fastrand::u64(..));
        loop {
            // Another process may have been faster.
            if let Some(tokens) = self.newer_than(id, old).await? {
                return Ok(tokens);
            }
            let now = self.now();
            if self.store.acquire_lease(&lease, &holder, now, later_date(now, LEASE)).await? {
                break;
            }
            sleep(LOOK.mul_f64(0.5 + fastrand::f64())).await;
        }
        let result = self.renew_with_lease(id, old, &lease, &holder).await;
        if let Err(error) = self.store.release_lease(&lease, &holder).await {
            tracing::warn!(account = %id, %error, "a lease could not be given back and has to lapse");
        }
        result
    }

    /// The account's tokens, when they are others than `old`.
    async fn newer_than(
        &self,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Option<Tokens>, AccountsError> {
        let record = self.record(id).await?;
        match record.account.status {
            Status::Disabled => return Err(AccountsError::Disabled { account: id.clone() }),
            Status::Active | Status::Expired => {}
            status => return Err(AccountsError::NeedsLogin { account: id.clone(), status }),
        }
        Ok(self.open(&record)?.filter(|tokens| {
            !old.is_some_and(|old| tokens.is(old)) && record.account.status == Status::Active
        }))
    }

    async fn renew_with_lease(
        &self,
        id: &AccountId,
        old: Option<&AccessToken>,
        lease: &str,
        holder: &str,
    ) -> Result<Tokens, AccountsError> {
        if let Some(tokens) = self.newer_than(id, old).await? {
            return Ok(tokens);
        }
        let record = self.record(id).await?;
        let status = record.account.status;
        let Some(tokens) = self.open(&record)? else {
            return Err(AccountsError::NeedsLogin { account: id.clone(), status });
        };
        let now = self.now();
        let expires_soon = record.account.expires.is_some_and(|expires| expires <= later_date(now, AHEAD));
        if !expires_soon || self.refresher.is_none() {
            match self.app.auth().verify_token(&tokens.access).await {
                // It is good; what was refused was refused for another reason.
                Ok(_) => return Ok(tokens),
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(refresher) = &self.refresher else {
            return self.needs_login(id, &tokens, "Vimeo takes the access token no longer").await;
        };
        // Asking Vimeo may have taken long. A refresh token may be good once: nobody else must use it meanwhile.
        let now = self.now();
        if !self.store.acquire_lease(lease, holder, now, later_date(now, LEASE)).await? {
            return Err(AccountsError::Contended { account: id.clone() });
        }
        let asked = timeout(LONGEST, refresher.refresh(&record.account, &tokens)).await;
        match asked {
            Ok(Ok(new)) => self.renewed(id, &tokens, new).await,
            Ok(Err(RefreshError::NeedsLogin(reason))) => self.needs_login(id, &tokens, &reason).await,
            Ok(Err(error)) => Err(crate::auth::AuthError::Refresh(Arc::new(error)).into()),
            Err(_) => {
                let error = RefreshError::temporary(format!("the refresher took more than {LONGEST:?}"));
                Err(crate::auth::AuthError::Refresh(Arc::new(error)).into())
            }
        }
    }

    async fn renewed(&self, id: &AccountId, old: &Tokens, mut new: Tokens) -> Result<Tokens, AccountsError> {
        // What the old token was good for says nothing of the new one: without scopes of its own they are not known.
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        let sealed = self.seal(id, &new)?;
        let record = self
            .update(id, |record| {
                // A login that was completed meanwhile counts for more.
                if !self.open(record)?.is_some_and(|present| present.is(&old.access)) {
                    return Ok(false);
                }
                let account = &mut record.account;
                if account.status == Status::Expired {
                    account.status = Status::Active;
                    account.reason = Some("the access token was renewed".to_owned());
                }
                account.scopes = new.access.scopes().cloned();
                account.expires = new.access.expires();
                record.secrets = Some(sealed.clone());
                Ok(true)
            })
            .await?;
        match record.account.status {
            Status::Active => {
                let tokens = self.open(&record)?;
                tokens.ok_or(AccountsError::NeedsLogin { account: id.clone(), status: Status::Pending })
            }
            Status::Disabled => Err(AccountsError::Disabled { account: id.clone() }),
            status => Err(AccountsError::NeedsLogin { account: id.clone(), status }),
        }
    }

    async fn needs_login(
        &self,
        id: &AccountId,
        tokens: &Tokens,
        reason: &str,
    ) -> Result<Tokens, AccountsError> {
        let record = self.lost(id, tokens, reason).await?;
        match record.account.status {
            Status::Disabled => Err(AccountsError::Disabled { account: id.clone() }),
            Status::Active => match self.open(&record)? {
                Some(tokens) => Ok(tokens),
                None => Err(AccountsError::NeedsLogin { account: id.clone(), status: Status::Pending }),
            },
            status => Err(AccountsError::NeedsLogin { account: id.clone(), status }),
        }
    }
}
