//! Renewing the tokens of accounts, one process and one task at a time.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::core::{Core, is_refused};
use super::{Account, AccountId, AccountRecord, AccountsError, Status, Tokens};
use crate::AccessToken;
use crate::auth::{AuthError, BoxFuture, RefreshError, Refresher};
use crate::retry::Backoff;
use crate::timeouts::{later, later_date};

/// Gets new tokens for an account, ahead of their expiry or when Vimeo takes them no longer.
///
/// Vimeo documents no way to refresh a token, so how it is done is the program's. Of all tasks and processes that share a
/// store one asks at a time for each account; the others wait and use what it got.
///
/// A task of its own runs it: it goes on when the call that needed the token is dropped or waits no longer. New tokens are
/// used at once, and kept in memory and written again if the store cannot be written.
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
///                 return Err(RefreshError::login_required("Vimeo gave no refresh token"));
///             };
///             Err(RefreshError::temporary(format!("no server for {} yet", account.id)))
///         })
///     }
/// }
/// ```
pub trait AccountRefresher: Send + Sync + 'static {
    /// Tokens to use from now on; `old` are those that expire soon or were refused. Calls wait 45 seconds for it; after ten
    /// minutes it is dropped.
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>>;
}

/// How long a lease lasts: a holder that is gone keeps the others waiting for so long.
const LEASE: Duration = Duration::from_secs(60);
/// How often the lease is prolonged while the refresher runs.
const LEASE_RENEWAL_INTERVAL: Duration = Duration::from_secs(20);
/// How long a call waits while others hold the lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(180);
/// How often those who wait for the lease look whether it is done.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long calls wait for the refresher.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(45);
/// How long the refresher may take before it is dropped.
const REFRESH_LIMIT: Duration = Duration::from_secs(600);
/// How long calls wait for new tokens to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// The pauses before new tokens are written again.
const WRITE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
/// How long new tokens are tried to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// From so long before its expiry a token is renewed without asking Vimeo whether it still holds.
pub(super) const REFRESH_LEAD: Duration = Duration::from_secs(300);

/// New tokens that the store could not be given yet.
#[derive(Default)]
pub(super) struct PendingTokens(Mutex<HashMap<AccountId, Tokens>>);

impl PendingTokens {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Tokens>> {
        // One statement changes it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &AccountId) -> Option<Tokens> {
        self.lock().get(id).cloned()
    }

    fn put(&self, id: &AccountId, tokens: Tokens) {
        self.lock().insert(id.clone(), tokens);
    }

    fn remove(&self, id: &AccountId) {
        self.lock().remove(id);
    }
}

/// Renews one account's token for its client.
pub(super) struct AccountTokenRefresher {
    pub(super) core: Arc<Core>,
    pub(super) id: AccountId,
}

impl Refresher for AccountTokenRefresher {
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
        AccountsError::LoginRequired { .. } | AccountsError::UnknownAccount { .. } => {
            RefreshError::login_required(error.to_string())
        }
        AccountsError::Disabled { .. } | AccountsError::Key(_) => RefreshError::refused(error),
        AccountsError::Vimeo(error) => match *error {
            AuthError::Refresh(_) => RefreshError::temporary(error),
            error => RefreshError::GrantFailed(Box::new(error)),
        },
        error => RefreshError::temporary(error),
    }
}

/// What may work the next time.
fn temporary(reason: impl Into<String>) -> AccountsError {
    AuthError::Refresh(Arc::new(RefreshError::temporary(reason.into()))).into()
}

impl Core {
    /// Tokens that are not `old`, or `old` when Vimeo still takes it.
    pub(super) async fn renew(
        self: &Arc<Self>,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Tokens, AccountsError> {
        let (caller, told) = oneshot::channel();
        let renewal = Renewal {
            core: Arc::clone(self),
            id: id.clone(),
            lease: format!("renew {id}"),
            // A holder of its own for each try, so that two tasks of one process do not take each other's lease for their
            // own.
            holder: format!("{}-{:016x}", self.holder, fastrand::u64(..)),
            caller: Mutex::new(Some(caller)),
        };
        let begun = Instant::now();
        loop {
            // Another process may have been faster.
            if let Some(tokens) = self.newer_than(id, old).await? {
                return Ok(tokens);
            }
            if renewal.acquire().await? {
                break;
            }
            if begun.elapsed() > LEASE_TIMEOUT {
                return Err(temporary(format!("the tokens of account {id} are being renewed elsewhere")));
            }
            sleep(POLL_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
        }
        // What the refresher gets may be had only once, so it must not end with the call that asked for it.
        tokio::spawn(renewal.run(old.cloned()));
        told.await.unwrap_or_else(|_| Err(temporary("the refresher ended early")))
    }

    /// The account's tokens, when they are others than `old`.
    async fn newer_than(
        &self,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Option<Tokens>, AccountsError> {
        let is_newer = |tokens: &Tokens| !old.is_some_and(|old| tokens.is(old));
        let pending_tokens = self.pending_tokens.get(id);
        if let Some(tokens) = pending_tokens.as_ref().filter(|tokens| is_newer(tokens)) {
            return Ok(Some(tokens.clone()));
        }
        let record = self.record(id).await?;
        match record.account.status {
            Status::Disabled => return Err(AccountsError::Disabled { account: id.clone() }),
            Status::Active | Status::Expired => {}
            status => return Err(AccountsError::LoginRequired { account: id.clone(), status }),
        }
        // What the store has then is older still.
        if pending_tokens.is_some() {
            return Ok(None);
        }
        Ok(self.open(&record)?.filter(|tokens| is_newer(tokens) && record.account.status == Status::Active))
    }

    /// The tokens of an account that were renewed, or that came into the store meanwhile.
    fn present(&self, record: &AccountRecord) -> Result<Tokens, AccountsError> {
        let account = record.account.id.clone();
        match record.account.status {
            Status::Disabled => Err(AccountsError::Disabled { account }),
            Status::Active => {
                self.open(record)?.ok_or(AccountsError::LoginRequired { account, status: Status::Pending })
            }
            status => Err(AccountsError::LoginRequired { account, status }),
        }
    }

    /// Puts new tokens in the place of `old`.
    async fn write_renewed(
        &self,
        id: &AccountId,
        old: &Tokens,
        new: &Tokens,
    ) -> Result<AccountRecord, AccountsError> {
        let sealed = self.seal(id, new)?;
        self.update(id, |record| {
            // A login that was completed meanwhile counts for more.
            if !self.open(record)?.is_some_and(|present| present.is(&old.access)) {
                return Ok(false);
            }
            let account = &mut record.account;
            // `Revoked` where another process came in between with the old tokens, which were used up.
            if matches!(account.status, Status::Expired | Status::Revoked) {
                account.status = Status::Active;
                account.reason = Some("the access token was renewed".to_owned());
            }
            // What the old token was good for says nothing of the new one: without scopes of its own they are not known.
            account.scopes = new.access.scopes().cloned();
            account.expires = new.access.expires();
            record.secrets = Some(sealed.clone());
            Ok(true)
        })
        .await
    }

    async fn login_required(
        &self,
        id: &AccountId,
        tokens: &Tokens,
        reason: &str,
    ) -> Result<Tokens, AccountsError> {
        let record = self.lost(id, tokens, reason).await?;
        self.present(&record)
    }
}

/// One renewal, which holds the account's lease.
struct Renewal {
    core: Arc<Core>,
    id: AccountId,
    lease: String,
    holder: String,
    /// Whoever waits for the tokens, until they are told.
    caller: Mutex<Option<oneshot::Sender<Result<Tokens, AccountsError>>>>,
}

impl Renewal {
    async fn acquire(&self) -> Result<bool, AccountsError> {
        let now = self.core.now();
        Ok(self.core.store.acquire_lease(&self.lease, &self.holder, now, later_date(now, LEASE)).await?)
    }

    /// Answers the caller, if that is still to be done. Who waits no longer does not mind.
    fn tell(&self, result: Result<Tokens, AccountsError>) {
        let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(caller) = caller {
            let _ = caller.send(result);
        }
    }

    async fn run(self, old: Option<AccessToken>) {
        let result = self.renew(old.as_ref()).await;
        if let Err(error) = self.core.store.release_lease(&self.lease, &self.holder).await {
            tracing::warn!(account = %self.id, %error, "a lease could not be given back and has to lapse");
        }
        self.tell(result);
    }

    async fn renew(&self, old: Option<&AccessToken>) -> Result<Tokens, AccountsError> {
        let (core, id) = (&self.core, &self.id);
        if let Some(tokens) = core.newer_than(id, old).await? {
            return Ok(tokens);
        }
        let record = core.record(id).await?;
        let status = record.account.status;
        let Some(tokens) = core.open(&record)? else {
            return Err(AccountsError::LoginRequired { account: id.clone(), status });
        };
        let now = core.now();
        let expires_soon =
            record.account.expires.is_some_and(|expires| expires <= later_date(now, REFRESH_LEAD));
        if !expires_soon || core.refresher.is_none() {
            match core.app.auth().verify_token(&tokens.access).await {
                // It is good; what was refused was refused for another reason.
                Ok(_) => {
                    core.bind(id, &tokens).await?;
                    return Ok(tokens);
                }
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(refresher) = core.refresher.clone() else {
            return core.login_required(id, &tokens, "Vimeo takes the access token no longer").await;
        };
        // Asking Vimeo may have taken long. A refresh token may be good once: nobody else must use it meanwhile.
        if !self.acquire().await? {
            return Err(AccountsError::Contended { account: id.clone() });
        }
        match self.refresh(&*refresher, &record.account, &tokens).await {
            Some(Ok(new)) => self.keep(&tokens, new).await,
            Some(Err(RefreshError::LoginRequired(reason))) => core.login_required(id, &tokens, &reason).await,
            Some(Err(error)) => Err(AuthError::Refresh(Arc::new(error)).into()),
            None => Err(temporary(format!("the refresher took more than {REFRESH_LIMIT:?}"))),
        }
    }

    /// Runs the refresher and keeps the lease meanwhile; `None` if it does not come to an end.
    async fn refresh(
        &self,
        refresher: &dyn AccountRefresher,
        account: &Account,
        tokens: &Tokens,
    ) -> Option<Result<Tokens, RefreshError>> {
        let begun = Instant::now();
        let mut refreshed = pin!(refresher.refresh(account, tokens));
        let mut lease = pin!(async {
            loop {
                sleep(LEASE_RENEWAL_INTERVAL).await;
                self.prolong().await;
            }
        });
        let mut told = pin!(async {
            sleep(REFRESH_TIMEOUT).await;
            self.tell(Err(temporary(format!("the refresher takes more than {REFRESH_TIMEOUT:?}"))));
            std::future::pending::<()>().await;
        });
        tokio::select! {
            biased;
            result = &mut refreshed => Some(result),
            () = sleep_until(later(begun, REFRESH_LIMIT)) => {
                tracing::error!(account = %account.id, "the refresher does not end, and is dropped");
                None
            }
            () = &mut lease => None,
            () = &mut told => None,
        }
    }

    async fn prolong(&self) {
        match self.acquire().await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(account = %self.id, "its lease has lapsed, and another holds it"),
            Err(error) => tracing::warn!(account = %self.id, %error, "its lease could not be prolonged"),
        }
    }

    /// Keeps new tokens, which are used from now on whether or not the store takes them at once.
    async fn keep(&self, old: &Tokens, mut new: Tokens) -> Result<Tokens, AccountsError> {
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        self.core.pending_tokens.put(&self.id, new.clone());
        let mut written = pin!(self.write(old, &new));
        tokio::select! {
            biased;
            result = &mut written => return result,
            () = sleep(WRITE_TIMEOUT) => self.tell(Ok(new.clone())),
        }
        written.await
    }

    async fn write(&self, old: &Tokens, new: &Tokens) -> Result<Tokens, AccountsError> {
        let (core, id) = (&self.core, &self.id);
        let begun = Instant::now();
        let mut failures: u32 = 0;
        loop {
            match core.write_renewed(id, old, new).await {
                Ok(record) => {
                    core.pending_tokens.remove(id);
                    return core.present(&record);
                }
                Err(error @ AccountsError::UnknownAccount { .. }) => {
                    core.pending_tokens.remove(id);
                    // It was disconnected meanwhile, which would have revoked them.
                    core.revoke_orphan(id, &new.access).await;
                    return Err(error);
                }
                Err(error) if begun.elapsed() < WRITE_LIMIT => {
                    tracing::warn!(account = %id, %error, "its new tokens could not be written, trying again");
                }
                Err(error) => {
                    tracing::error!(account = %id, %error, "its new tokens are in memory alone, and end with it");
                    return Ok(new.clone());
                }
            }
            self.tell(Ok(new.clone()));
            sleep(WRITE_BACKOFF.delay_at_least_half(failures, fastrand::f64())).await;
            failures = failures.saturating_add(1);
            self.prolong().await;
        }
    }
}
