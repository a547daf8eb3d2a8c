//! When accounts are polled, and the loops that do it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};
use vimeo_ext::accounts::StoreError;

use super::Polling;
use super::subscriptions;

/// How many accounts a process polls at the same time.
const CONCURRENCY: usize = 8;

/// The maximum number of accounts whose polls a process plans for an interval.
const MAX_ACCOUNTS: usize = 1_000_000;

/// The pause after the store failed.
const STORE_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The shortest and the longest pause between two passes over the outbox.
const OUTBOX_INTERVALS: (TimeDelta, TimeDelta) = (TimeDelta::seconds(1), TimeDelta::seconds(30));

/// The number of the interval at a time, counted since 1970.
fn interval_at(now: DateTime<Utc>, interval: Duration) -> i64 {
    let length = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    now.timestamp_millis().div_euclid(length)
}

/// Returns when an account is polled in an interval: at a point that its identifier determines, moved by at most a twentieth of
/// the interval, so that accounts are spread and two polls of one are never much closer than the interval.
fn due_at(account: &str, number: i64, interval: Duration) -> DateTime<Utc> {
    let length = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    let place = part_of(length.saturating_mul(19).checked_div(20).unwrap_or(length), &[account.as_bytes()]);
    let jitter = part_of(length.checked_div(20).unwrap_or(0), &[account.as_bytes(), &number.to_be_bytes()]);
    let start = number.saturating_mul(i64::try_from(length).unwrap_or(i64::MAX));
    let offset = i64::try_from(place.saturating_add(jitter)).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(start.saturating_add(offset)).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Returns a part of a length that a hash determines.
fn part_of(length: u64, inputs: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    inputs.iter().for_each(|input| hash.update(input));
    let digest = hash.finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(length).unwrap_or(0)
}

impl Polling {
    /// Polls and delivers until the future is dropped; returns only if this service does not poll.
    pub(crate) async fn run(&self) {
        let Some(interval) = self.interval else { return };
        tokio::join!(self.poll_regularly(interval), self.poll_new_accounts(), self.deliver_regularly());
    }

    async fn poll_regularly(&self, interval: Duration) {
        loop {
            let number = interval_at(self.clock.now(), interval);
            match self.planned(number, interval).await {
                Ok(planned) => {
                    stream::iter(planned)
                        .then(|(due, account)| async move {
                            self.sleep_until(due).await;
                            account
                        })
                        .for_each_concurrent(CONCURRENCY, |account| async move {
                            self.poll(&account, Some(number)).await;
                            self.stored.notify_one();
                        })
                        .await;
                    self.sleep_until(start_of(number.saturating_add(1), interval)).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the accounts to poll cannot be read; trying again");
                    sleep(STORE_RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Returns the accounts to poll in an interval, in order.
    async fn planned(
        &self,
        number: i64,
        interval: Duration,
    ) -> Result<Vec<(DateTime<Utc>, String)>, StoreError> {
        let accounts = self.polled_accounts().await?;
        let mut planned: Vec<_> =
            accounts.into_iter().map(|account| (due_at(&account, number, interval), account)).collect();
        planned.sort_unstable();
        Ok(planned)
    }

    async fn polled_accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut accounts = Vec::new();
        let mut after = Some(String::new());
        while let Some(start) = after
            && accounts.len() < MAX_ACCOUNTS
        {
            let (page, next) = subscriptions::polled_accounts(&*self.store, &start, self.clock.now()).await?;
            accounts.extend(page);
            after = next;
        }
        Ok(accounts)
    }

    /// Polls new accounts at once, so that changes count from the subscription on.
    async fn poll_new_accounts(&self) {
        let mut queue = self.new_account_queue.lock().await;
        while let Some(account) = queue.recv().await {
            self.poll(&account, None).await;
        }
    }

    async fn deliver_regularly(&self) {
        loop {
            let pause = match self.deliver_due().await {
                Ok(next) => {
                    let (min, max) = OUTBOX_INTERVALS;
                    let pause = next.map_or(max, |at| at.signed_duration_since(self.clock.now()));
                    pause.clamp(min, max).to_std().unwrap_or(STORE_RETRY_INTERVAL)
                }
                Err(error) => {
                    tracing::warn!(%error, "events cannot be read from the store; trying again");
                    STORE_RETRY_INTERVAL
                }
            };
            // Stored events need not wait.
            let _ = timeout(pause, self.stored.notified()).await;
        }
    }

    /// Polls every account with subscriptions once, whatever the interval.
    pub(super) async fn poll_all(&self) -> Result<(), StoreError> {
        let accounts = self.polled_accounts().await?;
        stream::iter(accounts)
            .for_each_concurrent(CONCURRENCY, |account| async move {
                self.poll(&account, None).await;
            })
            .await;
        Ok(())
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        // A clock that was set back makes the pause no longer than a minute at a time.
        while let Ok(left) = time.signed_duration_since(self.clock.now()).to_std()
            && !left.is_zero()
        {
            sleep(left.min(Duration::from_secs(60))).await;
        }
    }
}

/// Returns when an interval starts.
fn start_of(number: i64, interval: Duration) -> DateTime<Utc> {
    let length = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(number.saturating_mul(length)).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn accounts_are_spread_over_the_interval() {
        let interval = Duration::from_secs(600);
        let number = interval_at(DateTime::from_timestamp(1_700_000_000, 0).unwrap(), interval);
        let start = start_of(number, interval);
        let mut parts: BTreeMap<i64, u32> = BTreeMap::new();
        for account in 0..1_000 {
            let account = format!("user {account}");
            let due = due_at(&account, number, interval);
            let offset = (due - start).num_milliseconds();
            assert!((0..600_000).contains(&offset), "{account} {offset}");
            assert_eq!(interval_at(due, interval), number);
            *parts.entry(offset / 60_000).or_default() += 1;
            let next = due_at(&account, number + 1, interval);
            let gap = (next - due).num_milliseconds();
            assert!((570_000..=630_000).contains(&gap), "{account} {gap}");
            assert_eq!(due, due_at(&account, number, interval));
        }
        assert!(parts.len() == 10 && parts.values().all(|count| (50..200).contains(count)), "{parts:?}");
    }
}
