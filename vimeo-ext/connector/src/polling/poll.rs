//! One poll of one account.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header;
use tokio::time::timeout;
use vimeo_agent::tools::PolledEvent;
use vimeo_ext::accounts::{AccountId, AccountsError, Document, StoreError};
use vimeo_ext::api::types::{self, SortDirection, Video};
use vimeo_ext::rate_limit::RateLimitStatus;
use vimeo_ext::{RateLimitPolicy, Vimeo};

use super::Polling;
use super::checkpoint::{Checkpoint, KnownComments, PolledVideo, Privacy};
use super::event::FoundEvent;
use super::outbox;
use super::page_plan::PagePlan;
use super::subscriptions::{self, Subscription};

/// The collection of the checkpoints.
const CHECKPOINTS: &str = "event-checkpoints";

/// The fields that a poll reads of each video.
const VIDEO_FIELDS: &str = "uri,created_time,modified_time,privacy.view,privacy.embed,privacy.comments,\
                            privacy.download,privacy.add,metadata.connections.comments.total";

/// The fields that a poll reads of each comment.
const COMMENT_FIELDS: &str = "uri,text,created_on,user.uri,user.name";

/// Items on a page.
const PER_PAGE: u32 = 100;

/// The maximum number of pages of videos that a poll reads.
const MAX_PAGES: u32 = 5;

/// The maximum number of videos whose comments a poll reads.
const MAX_COMMENTED_VIDEOS: usize = 20;

/// The maximum number of pages of a video's comments that a poll reads.
const MAX_COMMENT_PAGES: u32 = 5;

/// How long a poll may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a process has an account for itself.
const LEASE_TTL: TimeDelta = TimeDelta::minutes(3);

/// Vimeo's error code for a page past the end of a list.
const PAGE_PAST_END: i64 = 2286;

/// What became of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PollOutcome {
    /// The account was polled.
    Done,
    /// Another process polls the account, or has polled it in this interval.
    Elsewhere,
    /// The account's rate limit is low, so that its calls have priority.
    Yielded,
    /// The account cannot make calls: it is not connected, or disabled.
    Unusable,
    /// The account is gone, or has no subscriptions.
    Ended,
    /// A call or the store failed.
    Failed,
}

impl PollOutcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Elsewhere => "elsewhere",
            Self::Yielded => "yielded",
            Self::Unusable => "unusable",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// Why a poll ended early.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] vimeo_ext::api::Error),
}

impl Polling {
    /// Polls an account unless another process does, or has done so in this interval.
    pub(super) async fn poll(&self, account: &str, interval: Option<i64>) -> PollOutcome {
        let lease = format!("event poll {}", subscriptions::document_id(account));
        let now = self.clock.now();
        let until = now.checked_add_signed(LEASE_TTL).unwrap_or(now);
        let outcome = match self.store.acquire_lease(&lease, &self.holder, now, until).await {
            Ok(true) => {
                let outcome = match timeout(POLL_TIMEOUT, self.poll_leased(account, interval)).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(error)) => outcome_of(account, &error),
                    Err(_) => {
                        tracing::warn!(account, "a poll took too long; the next one continues");
                        PollOutcome::Failed
                    }
                };
                if let Err(error) = self.store.release_lease(&lease, &self.holder).await {
                    tracing::warn!(%error, account, "the lease of a poll was not released; it expires");
                }
                outcome
            }
            Ok(false) => PollOutcome::Elsewhere,
            Err(error) => outcome_of(account, &error.into()),
        };
        self.metrics.count_poll(outcome.as_str());
        outcome
    }

    async fn poll_leased(&self, account: &str, interval: Option<i64>) -> Result<PollOutcome, PollError> {
        let now = self.clock.now();
        let subscriptions = subscriptions::list(&*self.store, account, now).await?;
        if subscriptions.is_empty() {
            self.end(account).await?;
            return Ok(PollOutcome::Ended);
        }
        for subscription in &subscriptions {
            if let Err(error) = subscriptions::reencrypt(&*self.store, &self.accounts, subscription).await {
                tracing::error!(%error, subscription = subscription.id, "the secret was not encrypted again");
            }
        }
        let id = subscriptions::document_id(account);
        let stored = self.store.document(CHECKPOINTS, &id, now).await?;
        let mut checkpoint: Option<Checkpoint> = match &stored {
            Some(document) => serde_json::from_slice(&document.content)
                .inspect_err(
                    |error| tracing::error!(%error, account, "the checkpoint is damaged; starting again"),
                )
                .ok(),
            None => None,
        };
        if let (Some(interval), Some(known)) = (interval, &checkpoint)
            && known.is_polled(interval)
        {
            return Ok(PollOutcome::Elsewhere);
        }
        let account_id = AccountId::new(account).map_err(AccountsError::from)?;
        let client = match self.accounts.client(&account_id).await {
            // Another account with this identifier would get its subscriptions.
            Err(AccountsError::UnknownAccount { .. }) => {
                self.forget(account).await?;
                return Ok(PollOutcome::Ended);
            }
            client => client?,
        };
        if is_low(&client.rate_limiter().status()) {
            return Ok(PollOutcome::Yielded);
        }
        let mut poll = Poll {
            polling: self,
            client: &client,
            account,
            subscriptions: &subscriptions,
            checkpoint: checkpoint.take(),
            commented: 0,
        };
        // What was read before a failure is kept: its events are in the outbox.
        let result = poll.read_videos().await;
        // An event that was not stored has to be found again.
        let is_stored = !matches!(result, Err(PollError::Store(_)));
        if let Some(mut checkpoint) = poll.checkpoint.filter(|_| is_stored) {
            if result.is_ok() {
                checkpoint.interval = interval.unwrap_or(checkpoint.interval);
            }
            checkpoint.compact();
            let content = serde_json::to_vec(&checkpoint).unwrap_or_default();
            match stored {
                Some(document) => {
                    let version = document.version.saturating_add(1);
                    let changed = Document { version, ..Document::new(id, content) };
                    self.store.replace_document(CHECKPOINTS, &changed).await?;
                }
                None => self.store.insert_document(CHECKPOINTS, &Document::new(id, content), now).await?,
            }
        }
        result.map(|is_complete| if is_complete { PollOutcome::Done } else { PollOutcome::Yielded })
    }

    /// Deletes what is stored of an account that is not polled any more.
    async fn end(&self, account: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.take_document(CHECKPOINTS, &subscriptions::document_id(account), now).await?;
        subscriptions::unwatch(&*self.store, account, now).await
    }

    /// Deletes the subscriptions of an account and its checkpoint.
    pub(crate) async fn forget(&self, account: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        for subscription in subscriptions::list(&*self.store, account, now).await? {
            subscriptions::delete(&*self.store, account, &subscription.id, now).await?;
        }
        self.end(account).await
    }
}

fn outcome_of(account: &str, error: &PollError) -> PollOutcome {
    match error {
        PollError::Accounts(AccountsError::LoginRequired { .. } | AccountsError::Disabled { .. }) => {
            PollOutcome::Unusable
        }
        PollError::Call(vimeo_ext::api::Error::LoginRequired(_)) => PollOutcome::Unusable,
        PollError::Call(vimeo_ext::api::Error::RateLimited(_)) => PollOutcome::Yielded,
        error => {
            tracing::warn!(%error, account, "a poll failed; the next one continues");
            PollOutcome::Failed
        }
    }
}

/// Whether less than a quarter of a limit is left, or calls are blocked. The rest is for the account's own calls.
fn is_low(status: &RateLimitStatus) -> bool {
    status.blocked_until.is_some()
        || status.waiting > 0
        || status
            .windows
            .iter()
            .filter(|window| window.resets_at.is_some())
            .any(|window| window.remaining < window.limit.div_ceil(4))
}

/// A running poll.
struct Poll<'a> {
    polling: &'a Polling,
    client: &'a Vimeo,
    account: &'a str,
    subscriptions: &'a [Subscription],
    /// `None` until the first response, if the account was never polled.
    checkpoint: Option<Checkpoint>,
    /// How many videos' comments were read.
    commented: usize,
}

/// A page of videos.
struct VideoPage {
    videos: Vec<Video>,
    is_last: bool,
    /// The time of the response, by Vimeo's clock.
    at: DateTime<Utc>,
}

impl Poll<'_> {
    /// Reads the videos that were modified since the last poll, and then older ones where the last poll stopped; returns
    /// whether the rate limit allowed all of that.
    async fn read_videos(&mut self) -> Result<bool, PollError> {
        let resume_at = self.checkpoint.as_ref().map_or(2, |checkpoint| checkpoint.next_page);
        let known_until = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.modified_until);
        let mut modified_until = known_until;
        let mut plan = PagePlan::new(resume_at);
        let mut is_complete = true;
        for read in 1..=MAX_PAGES {
            let page = self.page(plan.current()).await?;
            // In the first poll, every video is new.
            let mut reached_known = known_until.is_none();
            for video in &page.videos {
                modified_until = modified_until.max(video.modified_time);
                reached_known |=
                    known_until.is_some_and(|known| video.modified_time.is_some_and(|at| at < known));
            }
            let is_last = page.is_last;
            self.record(page.videos, page.at).await?;
            if !plan.advance(reached_known, is_last) {
                break;
            }
            if read < MAX_PAGES && is_low(&self.client.rate_limiter().status()) {
                is_complete = false;
                break;
            }
        }
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.modified_until = modified_until;
            checkpoint.next_page = plan.current();
        }
        Ok(is_complete)
    }

    async fn page(&mut self, number: u32) -> Result<VideoPage, PollError> {
        let call = self.client.api().videos().list_my_videos().into_call();
        let call = call
            .query("sort", types::UserVideoSort::ModifiedTime)
            .query("direction", SortDirection::Desc)
            .query("per_page", PER_PAGE)
            .query("page", number)
            .fields(VIDEO_FIELDS)
            .extension(RateLimitPolicy::FailFast);
        let response = match call.send().await {
            Ok(response) => response,
            // The list became shorter.
            Err(error) if error.error_code() == Some(PAGE_PAST_END) => {
                return Ok(VideoPage { videos: Vec::new(), is_last: true, at: self.polling.clock.now() });
            }
            Err(error) => return Err(error.into()),
        };
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let at = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let at = at.map_or_else(|| self.polling.clock.now(), |date| date.to_utc());
        let page = response.into_inner();
        let is_last = page.next().is_none();
        Ok(VideoPage { videos: page.data.unwrap_or_default(), is_last, at })
    }

    /// Records videos, and stores the events that they give.
    async fn record(&mut self, videos: Vec<Video>, at: DateTime<Utc>) -> Result<(), PollError> {
        let wants_comments = self.subscriptions.iter().any(|one| one.wants(PolledEvent::CommentAdd));
        for video in videos {
            let Some(video) = polled(video) else { continue };
            let (id, total) = (video.id, video.comments.unwrap_or_default());
            let checkpoint = self.checkpoint.get_or_insert_with(|| Checkpoint::new(self.account, at));
            let changes = checkpoint.record(video, at);
            if let Some(change) = changes.privacy {
                let event = FoundEvent::of_privacy(self.account, id, &change, self.polling.clock.now());
                self.add(&event).await?;
            }
            if let Some(known) = changes.comments {
                let known = match wants_comments {
                    // The next poll finds the difference again.
                    true if self.commented >= MAX_COMMENTED_VIDEOS => continue,
                    true => self.read_comments(id, &known, total).await?,
                    false => KnownComments { total, since: at.timestamp(), known: Vec::new() },
                };
                if let Some(checkpoint) = &mut self.checkpoint {
                    checkpoint.record_comments(id, known);
                }
            }
        }
        Ok(())
    }

    /// Reads the new comments on a video, the latest first, and stores their events.
    async fn read_comments(
        &mut self,
        video: u64,
        known: &KnownComments,
        total: u64,
    ) -> Result<KnownComments, PollError> {
        self.commented = self.commented.saturating_add(1);
        let mut new = Vec::new();
        for number in 1..=MAX_COMMENT_PAGES {
            let call = self.client.api().videos().list_video_comments(video).into_call();
            let call = call
                .query("direction", SortDirection::Desc)
                .query("per_page", PER_PAGE)
                .query("page", number)
                .fields(COMMENT_FIELDS)
                .extension(RateLimitPolicy::FailFast);
            let page = match call.send().await {
                Ok(response) => response.into_inner(),
                Err(error) if error.error_code() == Some(PAGE_PAST_END) => break,
                // The video was deleted, or its comments are closed.
                Err(error) if error.status().is_some_and(|status| status == 403 || status == 404) => break,
                Err(error) => return Err(error.into()),
            };
            let has_next = page.next().is_some();
            let mut reached_known = false;
            for comment in page.data.unwrap_or_default() {
                let (Some(uri), Some(created)) = (comment.uri.clone(), comment.created_on) else { continue };
                let Some(id) = last_number(&uri) else { continue };
                if !known.is_new(id, created) {
                    reached_known = true;
                    continue;
                }
                let now = self.polling.clock.now();
                self.add(&FoundEvent::of_comment(self.account, video, &comment, &uri, now)).await?;
                new.push((id, created));
            }
            if reached_known || !has_next {
                break;
            }
            if number == MAX_COMMENT_PAGES {
                let count = new.len();
                tracing::warn!(
                    account = self.account,
                    video,
                    count,
                    "more new comments than a poll reads; older ones give no events"
                );
            }
        }
        Ok(known.after(&new, total))
    }

    /// Stores an event for the subscriptions that want it.
    async fn add(&self, event: &FoundEvent) -> Result<(), PollError> {
        let polling = self.polling;
        for subscription in self.subscriptions.iter().filter(|one| one.wants(event.event)) {
            let body = event.body(self.account, &subscription.id);
            let now = polling.clock.now();
            if outbox::add(&*polling.store, &subscription.id, &event.id, event.event, body, now).await? {
                polling.metrics.count_event(event.event.as_str());
            }
        }
        Ok(())
    }
}

/// Returns what a poll needs of a video; `None` if Vimeo did not send its ID.
fn polled(video: Video) -> Option<PolledVideo> {
    let id = last_number(video.uri.as_deref()?)?;
    let privacy = video.privacy.map(|privacy| *privacy).unwrap_or_default();
    let connections = video.metadata.and_then(|metadata| metadata.connections);
    Some(PolledVideo {
        id,
        created_at: video.created_time,
        privacy: Privacy {
            view: privacy.view.map(|view| view.to_string()),
            embed: privacy.embed.map(|embed| embed.to_string()),
            comments: privacy.comments.map(|comments| comments.to_string()),
            download: privacy.download,
            add: privacy.add,
        },
        comments: connections
            .and_then(|connections| connections.comments)
            .and_then(|comments| comments.total),
    })
}

/// Returns the number at the end of a URI. An unlisted video's hash may follow it.
fn last_number(uri: &str) -> Option<u64> {
    uri.rsplit('/').next()?.split(':').next()?.parse().ok()
}
