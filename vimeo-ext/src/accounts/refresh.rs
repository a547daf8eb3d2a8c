//! Renewing the tokens of accounts: one renewal per account at a time, among all processes.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::service::{AccountService, is_token_rejected};
use super::{Account, AccountId, AccountRecord, AccountsError, Status, Tokens};
use crate::AccessToken;
use crate::auth::{AuthError, BoxFuture, RefreshError, Refresher};
use crate::retry::Backoff;
use crate::timeouts::{later, later_date};

/// Gets new tokens for an account, before they expire or after Vimeo rejects them.
///
/// Vimeo documents no way to refresh a token, so the program decides where new ones come from. Among all tasks and processes
/// that share a store, one refresh runs at a time for each account; the others wait and use its result.
///
/// A refresh runs in its own task. It continues if the call that needed the token is dropped or times out. New tokens are used
/// at once; if the store cannot be written, they are kept in memory and the write is retried for 24 hours.
///
/// An async closure that receives the account and its old tokens is a refresher:
///
/// ```no_run
/// use vimeo_ext::accounts::{Account, AccountsBuilder, Tokens};
/// use vimeo_ext::auth::RefreshError;
///
/// # async fn request_tokens(account: &str, refresh_token: &str) -> Result<Tokens, std::io::Error> { todo!() }
/// # fn demo(builder: AccountsBuilder) -> AccountsBuilder {
/// builder.refresher(|account: Account, old: Tokens| async move {
///     let Some(refresh_token) = old.expose_refresh() else {
///         return Err(RefreshError::login_required("Vimeo sent no refresh token"));
///     };
///     request_tokens(account.id.as_str(), refresh_token).await.map_err(RefreshError::temporary)
/// })
/// # }
/// ```
///
/// Implement the trait for a type that has state of its own:
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
///             let Some(_refresh_token) = &old.refresh else {
///                 return Err(RefreshError::login_required("Vimeo sent no refresh token"));
///             };
///             Err(RefreshError::temporary(format!("the token server has no entry for {}", account.id)))
///         })
///     }
/// }
/// ```
pub trait AccountRefresher: Send + Sync + 'static {
    /// Returns the tokens to use from now on. `old` are the tokens that expire soon or were rejected. Calls wait for up to 45
    /// seconds; after 10 minutes the refresh is aborted.
    ///
    /// Tokens without scopes have unknown scopes. Set them with [`AccessToken::with_scopes`], so that calls that require other
    /// scopes fail before they are sent.
    ///
    /// # Errors
    ///
    /// [`RefreshError::Temporary`] if a later attempt can succeed: the old token is used until it expires.
    /// [`RefreshError::LoginRequired`] if the user has to log in: the account becomes [`Expired`](Status::Expired) or
    /// [`Revoked`](Status::Revoked).
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>>;
}

impl<F, R> AccountRefresher for F
where
    F: Fn(Account, Tokens) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Tokens, RefreshError>> + Send + 'static,
{
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Tokens,
    ) -> BoxFuture<'a, Result<Tokens, RefreshError>> {
        Box::pin(self(account.clone(), old.clone()))
    }
}

/// How long a renewal lease lasts. If its holder dies, the others wait for this long.
const LEASE_TTL: Duration = Duration::from_secs(60);
/// How often the lease is renewed while the refresher runs.
const LEASE_RENEWAL_INTERVAL: Duration = Duration::from_secs(20);
/// How long a call waits for a lease that another holder has.
const LEASE_TIMEOUT: Duration = Duration::from_secs(180);
/// How often a waiting call polls for the lease and for new tokens.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long calls wait for the refresher.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(45);
/// How long the refresher may run before it is aborted.
const REFRESH_ABORT_TIMEOUT: Duration = Duration::from_secs(600);
/// How long calls wait for new tokens to be stored.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// The delays between attempts to store new tokens.
const WRITE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
/// How long storing new tokens is retried.
const WRITE_MAX_ELAPSED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long before its expiry a token is renewed without verifying it first.
pub(super) const REFRESH_LEAD: Duration = Duration::from_secs(300);

/// New tokens that are not stored yet, because the store failed.
#[derive(Default)]
pub(super) struct PendingTokens(Mutex<HashMap<AccountId, Tokens>>);

impl PendingTokens {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Tokens>> {
        // A single statement changes the map, so a panic cannot leave it inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &AccountId) -> Option<Tokens> {
        self.lock().get(id).cloned()
    }

    fn insert(&self, id: &AccountId, tokens: Tokens) {
        self.lock().insert(id.clone(), tokens);
    }

    fn remove(&self, id: &AccountId) {
        self.lock().remove(id);
    }
}

/// Renews one account's token for its client.
pub(super) struct AccountTokenRefresher {
    pub(super) service: Arc<AccountService>,
    pub(super) id: AccountId,
}

impl Refresher for AccountTokenRefresher {
    fn refresh<'a>(
        &'a self,
        old: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async move {
            let tokens = self.service.renew(&self.id, old).await.map_err(as_refresh_error)?;
            Ok(match self.service.refresher {
                Some(_) => tokens.access,
                // Without a refresher, the token is used until Vimeo rejects it, whatever its expiry.
                None => tokens.access.with_expiry(None),
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

/// An error for which a later attempt can succeed.
fn temporary(reason: impl Into<String>) -> AccountsError {
    AuthError::Refresh(Arc::new(RefreshError::temporary(reason.into()))).into()
}

impl AccountService {
    /// Returns tokens that differ from `old`, or `old` if Vimeo still accepts it.
    pub(super) async fn renew(
        self: &Arc<Self>,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Tokens, AccountsError> {
        let (caller, result) = oneshot::channel();
        let renewal = Renewal {
            service: Arc::clone(self),
            id: id.clone(),
            lease: format!("renew {id}"),
            // Unique per renewal, so that two tasks of one process do not share a lease.
            holder: format!("{}-{:016x}", self.holder, fastrand::u64(..)),
            caller: Mutex::new(Some(caller)),
        };
        let started_at = Instant::now();
        loop {
            // Another process may have renewed the tokens.
            if let Some(tokens) = self.newer_than(id, old).await? {
                return Ok(tokens);
            }
            if renewal.acquire().await? {
                break;
            }
            if started_at.elapsed() > LEASE_TIMEOUT {
                return Err(temporary(format!(
                    "another process is still renewing the tokens of account {id}"
                )));
            }
            sleep(POLL_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
        }
        // A refresh token may work only once, so the renewal must not end with the call that needed it.
        tokio::spawn(renewal.run(old.cloned()));
        result.await.unwrap_or_else(|_| Err(temporary("the refresher panicked or was aborted")))
    }

    /// Returns the account's tokens if they differ from `old`.
    async fn newer_than(
        &self,
        id: &AccountId,
        old: Option<&AccessToken>,
    ) -> Result<Option<Tokens>, AccountsError> {
        let is_newer = |tokens: &Tokens| !old.is_some_and(|old| tokens.has_access_token(old));
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
        // The tokens in the store are older than the pending ones.
        if pending_tokens.is_some() {
            return Ok(None);
        }
        Ok(self
            .decrypt(&record)?
            .filter(|tokens| is_newer(tokens) && record.account.status == Status::Active))
    }

    /// Returns the tokens in a record that was just written or read.
    fn tokens_in(&self, record: &AccountRecord) -> Result<Tokens, AccountsError> {
        let account = record.account.id.clone();
        match record.account.status {
            Status::Disabled => Err(AccountsError::Disabled { account }),
            Status::Active => {
                self.decrypt(record)?.ok_or(AccountsError::LoginRequired { account, status: Status::Pending })
            }
            status => Err(AccountsError::LoginRequired { account, status }),
        }
    }

    /// Replaces the tokens `old` with `new` in the store.
    async fn replace_tokens(
        &self,
        id: &AccountId,
        old: &Tokens,
        new: &Tokens,
    ) -> Result<AccountRecord, AccountsError> {
        let ciphertext = self.encrypt(id, new)?;
        self.update(id, |record| {
            // A login that was completed in the meantime takes precedence.
            if !self.decrypt(record)?.is_some_and(|present| present.has_access_token(&old.access)) {
                return Ok(false);
            }
            let account = &mut record.account;
            // `Revoked` if another process tried the old tokens in the meantime and Vimeo rejected them.
            if matches!(account.status, Status::Expired | Status::Revoked) {
                account.status = Status::Active;
                account.reason = Some("the access token was renewed".to_owned());
            }
            // The old token's scopes do not apply to the new one. If it has none, its scopes are unknown.
            account.scopes = new.access.scopes().cloned();
            account.expires = new.access.expires();
            record.secrets = Some(ciphertext.clone());
            Ok(true)
        })
        .await
    }

    /// Marks the account as needing a login; returns its tokens if it has new ones by now.
    async fn require_login(
        &self,
        id: &AccountId,
        tokens: &Tokens,
        reason: &str,
    ) -> Result<Tokens, AccountsError> {
        let record = self.mark_needs_login(id, tokens, reason).await?;
        self.tokens_in(&record)
    }
}

/// One renewal. It holds the account's renewal lease.
struct Renewal {
    service: Arc<AccountService>,
    id: AccountId,
    lease: String,
    holder: String,
    /// The call that waits for the result, until it is sent.
    caller: Mutex<Option<oneshot::Sender<Result<Tokens, AccountsError>>>>,
}

impl Renewal {
    async fn acquire(&self) -> Result<bool, AccountsError> {
        let now = self.service.now();
        Ok(self
            .service
            .store
            .acquire_lease(&self.lease, &self.holder, now, later_date(now, LEASE_TTL))
            .await?)
    }

    /// Sends the result to the caller, unless that was done before. Does nothing if the caller no longer waits.
    fn respond(&self, result: Result<Tokens, AccountsError>) {
        let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(caller) = caller {
            let _ = caller.send(result);
        }
    }

    async fn run(self, old: Option<AccessToken>) {
        let result = self.renew(old.as_ref()).await;
        if let Err(error) = self.service.store.release_lease(&self.lease, &self.holder).await {
            tracing::warn!(account = %self.id, %error, "could not release the renewal lease; other processes wait until it expires");
        }
        self.respond(result);
    }

    async fn renew(&self, old: Option<&AccessToken>) -> Result<Tokens, AccountsError> {
        let (service, id) = (&self.service, &self.id);
        if let Some(tokens) = service.newer_than(id, old).await? {
            return Ok(tokens);
        }
        let record = service.record(id).await?;
        let status = record.account.status;
        let Some(tokens) = service.decrypt(&record)? else {
            return Err(AccountsError::LoginRequired { account: id.clone(), status });
        };
        let now = service.now();
        let expires_soon =
            record.account.expires.is_some_and(|expires| expires <= later_date(now, REFRESH_LEAD));
        if !expires_soon || service.refresher.is_none() {
            match service.app.auth().verify_token(&tokens.access).await {
                // The token is valid: the call was refused for another reason.
                Ok(_) => {
                    service.bind(id, &tokens).await?;
                    return Ok(tokens);
                }
                Err(error) if is_token_rejected(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(refresher) = service.refresher.clone() else {
            return service
                .require_login(id, &tokens, "Vimeo rejected the access token: it was revoked or has expired")
                .await;
        };
        // Verifying may have outlasted the lease. A refresh token may work only once, so only the lease holder may use it.
        if !self.acquire().await? {
            return Err(AccountsError::Contended { account: id.clone() });
        }
        match self.refresh(&*refresher, &record.account, &tokens).await {
            Some(Ok(new)) => self.store(&tokens, new).await,
            Some(Err(RefreshError::LoginRequired(reason))) => {
                service.require_login(id, &tokens, &reason).await
            }
            Some(Err(error)) => Err(AuthError::Refresh(Arc::new(error)).into()),
            None => Err(temporary(format!("the refresher was aborted after {REFRESH_ABORT_TIMEOUT:?}"))),
        }
    }

    /// Runs the refresher and renews the lease in the meantime. `None` if the refresher was aborted.
    async fn refresh(
        &self,
        refresher: &dyn AccountRefresher,
        account: &Account,
        tokens: &Tokens,
    ) -> Option<Result<Tokens, RefreshError>> {
        let started_at = Instant::now();
        let mut refreshed = pin!(refresher.refresh(account, tokens));
        let mut renew_lease = pin!(async {
            loop {
                sleep(LEASE_RENEWAL_INTERVAL).await;
                self.renew_lease().await;
            }
        });
        let mut release_caller = pin!(async {
            sleep(REFRESH_TIMEOUT).await;
            let reason = format!(
                "the refresher did not finish within {REFRESH_TIMEOUT:?}; it continues in the background"
            );
            self.respond(Err(temporary(reason)));
            std::future::pending::<()>().await;
        });
        tokio::select! {
            biased;
            result = &mut refreshed => Some(result),
            () = sleep_until(later(started_at, REFRESH_ABORT_TIMEOUT)) => {
                tracing::error!(account = %account.id, "token refresher aborted after {REFRESH_ABORT_TIMEOUT:?}");
                None
            }
            () = &mut renew_lease => None,
            () = &mut release_caller => None,
        }
    }

    async fn renew_lease(&self) {
        match self.acquire().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(account = %self.id, "the renewal lease expired and another process holds it");
            }
            Err(error) => tracing::warn!(account = %self.id, %error, "could not extend the renewal lease"),
        }
    }

    /// Stores new tokens. They are used from now on, even if the store fails.
    async fn store(&self, old: &Tokens, mut new: Tokens) -> Result<Tokens, AccountsError> {
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        self.service.pending_tokens.insert(&self.id, new.clone());
        let mut written = pin!(self.write(old, &new));
        tokio::select! {
            biased;
            result = &mut written => return result,
            () = sleep(WRITE_TIMEOUT) => self.respond(Ok(new.clone())),
        }
        written.await
    }

    async fn write(&self, old: &Tokens, new: &Tokens) -> Result<Tokens, AccountsError> {
        let (service, id) = (&self.service, &self.id);
        let started_at = Instant::now();
        let mut failures: u32 = 0;
        loop {
            match service.replace_tokens(id, old, new).await {
                Ok(record) => {
                    service.pending_tokens.remove(id);
                    return service.tokens_in(&record);
                }
                Err(error @ AccountsError::UnknownAccount { .. }) => {
                    service.pending_tokens.remove(id);
                    // The account was disconnected in the meantime, so its new token has to be revoked too.
                    service.revoke_orphan(id, &new.access).await;
                    return Err(error);
                }
                Err(error) if started_at.elapsed() < WRITE_MAX_ELAPSED => {
                    tracing::warn!(account = %id, %error, "could not store the account's new tokens; retrying");
                }
                Err(error) => {
                    tracing::error!(account = %id, %error, "giving up storing the account's new tokens; they are lost when this process ends");
                    return Ok(new.clone());
                }
            }
            self.respond(Ok(new.clone()));
            sleep(WRITE_BACKOFF.delay_at_least_half(failures, fastrand::f64())).await;
            failures = failures.saturating_add(1);
            self.renew_lease().await;
        }
    }
}
