//! A world as its owner holds it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::events::{EVENT_KINDS, Event};
use super::registry::{ResetScope, WorldHandle};
use super::upload::StoredUpload;
use crate::clock::Clock;
use crate::config::mutation::Mutation;
use crate::config::rate_limit::RateLimit;
use crate::config::scopes::Scopes;
use crate::config::{PullOutcome, Transcode};

/// One independent world of a sandbox: its users, videos, tokens, ids and clock. Clones are the same world.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) handle: Arc<WorldHandle>,
    token: Arc<str>,
}

/// A user of a world and a token for them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The number in `/users/{id}`.
    pub user_id: u64,
    /// A token with all scopes.
    pub token: String,
}

/// Why an event did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// Vimeo has no event of this name.
    #[error("\"{0}\" is no event; known are: {known}", known = EVENT_KINDS.join(", "))]
    UnknownEvent(String),
    /// No resource was named, and the world has no video.
    #[error("the world has no video that it could happen to; name a resource")]
    NoVideo,
}

impl World {
    pub(crate) fn new(handle: Arc<WorldHandle>) -> Self {
        let token = handle.spec().token().into();
        Self { handle, token }
    }

    /// The world's number, as in the journal.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.handle.id
    }

    /// The token of the world's first user, with all scopes unless others were asked for. Obviously fake.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The first user's number, as in `/users/{id}`.
    #[must_use]
    pub fn user_id(&self) -> u64 {
        self.handle.write().0.first_user
    }

    /// The client id of the world's app.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.handle.write().0.app.client_id.clone()
    }

    /// The client secret of the world's app.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.handle.write().0.app.client_secret.clone()
    }

    /// The world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.handle.clock
    }

    /// Puts the world back to where it began, its clock too, or to that with its accounts in place. Other worlds notice
    /// nothing. Tokens that the world began with are good again; those that were issued since are gone, unless accounts
    /// are kept.
    pub fn reset(&self, scope: ResetScope) {
        self.handle.reset(scope);
    }

    /// Another user, with a token of their own.
    #[must_use]
    pub fn add_user(&self, name: &str) -> Account {
        let (mut state, now) = self.handle.write();
        let user_id = state.add_user(name, now);
        Account { user_id, token: state.issue_token(Some(user_id), Scopes::all(), None) }
    }

    /// Another token for the first user.
    #[must_use]
    pub fn issue_token(&self, scopes: impl Into<Scopes>) -> String {
        let (mut state, _) = self.handle.write();
        let user = state.first_user;
        state.issue_token(Some(user), scopes.into(), None)
    }

    /// A token that stands for the app alone, as client credentials give it.
    #[must_use]
    pub fn issue_app_token(&self, scopes: impl Into<Scopes>) -> String {
        self.handle.write().0.issue_token(None, scopes.into(), None)
    }

    /// Lets the first user accept or reject the device that shows this code; `false` when none waits under it.
    pub fn decide_device(&self, user_code: &str, accept: bool) -> bool {
        let (mut state, now) = self.handle.write();
        let user = accept.then_some(state.first_user);
        state.grants.decide_device(user_code, user, now)
    }

    /// Makes a token invalid, as its user can at any time; `false` when it was none of this world's.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.handle.write().0.revoke(token)
    }

    /// Gives a token another rate limit and a fresh window; `false` when it is none of this world's.
    pub fn set_rate_limit(&self, token: &str, limit: RateLimit) -> bool {
        let (mut state, _) = self.handle.write();
        state.token(token).is_some_and(|token| {
            token.rate = limit;
            token.usage = Default::default();
            true
        })
    }

    /// Adds `count` videos of the first user that are ready to play, the last the newest; answers their ids.
    pub fn add_videos(&self, count: usize) -> Vec<u64> {
        let (mut state, now) = self.handle.write();
        let owner = state.first_user;
        state.add_videos(owner, count, now)
    }

    /// What happened in this world that webhooks tell of, the oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.handle.read().0.events.values().cloned().collect()
    }

    /// Lets an event happen, to `resource` or to the newest video, with `payload` laid over what is sent; answers its
    /// number.
    ///
    /// # Errors
    ///
    /// When Vimeo has no such event, or there is no video that it could happen to.
    pub fn trigger(
        &self,
        kind: &str,
        resource: Option<&str>,
        payload: Map<String, Value>,
    ) -> Result<u64, TriggerError> {
        if !EVENT_KINDS.contains(&kind) {
            return Err(TriggerError::UnknownEvent(kind.to_owned()));
        }
        let (mut state, now) = self.handle.write();
        let resource = match resource {
            Some(resource) => resource.to_owned(),
            None => {
                let newest = state.videos.keys().next_back().ok_or(TriggerError::NoVideo)?;
                format!("/videos/{newest}")
            }
        };
        Ok(state.emit(kind, resource, payload, now))
    }

    /// Tells an event again; `false` when there is none of this number.
    pub fn resend(&self, event: u64) -> bool {
        self.handle.write().0.resend(event)
    }

    /// Lets the answers of this world drift, or be as described again.
    pub fn set_mutation(&self, mutation: Option<Mutation>) {
        self.handle.write().0.mutation = mutation;
    }

    /// How uploads of this world become playable from now on; what was uploaded before keeps to the old rule.
    pub fn set_transcode(&self, rule: Transcode) {
        self.handle.write().0.transcode = rule;
    }

    /// What becomes of what this world is to fetch.
    pub fn set_pull(&self, outcome: PullOutcome) {
        self.handle.write().0.pull = outcome;
    }

    /// What arrived of a video's newest upload; `None` for an unknown video and for one that was not uploaded by tus.
    #[must_use]
    pub fn stored_upload(&self, video_id: u64) -> Option<StoredUpload> {
        self.upload(video_id).map(|upload| upload.stored())
    }

    /// The bytes of a video's newest upload, where they are kept and can be read.
    #[must_use]
    pub fn upload_bytes(&self, video_id: u64) -> Option<Bytes> {
        self.upload(video_id)?.bytes()?.ok()
    }

    fn upload(&self, video_id: u64) -> Option<Arc<super::upload::Upload>> {
        let (state, _) = self.handle.write();
        state.videos.get(&video_id)?.latest()?.source.upload().cloned()
    }

    /// The file of a text track, once it was sent.
    #[must_use]
    pub fn text_track_file(&self, video_id: u64, track_id: u64) -> Option<Bytes> {
        let (state, _) = self.handle.write();
        let video = state.videos.get(&video_id)?;
        video.text_tracks.iter().find(|track| track.id == track_id)?.file.clone()
    }

    /// Ends the transcoding of a video's newest version well, whatever the rule; `false` when its upload is not complete.
    pub fn finish_transcode(&self, video_id: u64) -> bool {
        self.end_transcode(video_id, true)
    }

    /// Lets the transcoding of a video's newest version fail; `false` when its upload is not complete.
    pub fn fail_transcode(&self, video_id: u64) -> bool {
        self.end_transcode(video_id, false)
    }

    fn end_transcode(&self, video_id: u64, well: bool) -> bool {
        let (mut state, now) = self.handle.write();
        let latest = state.videos.get(&video_id).and_then(|video| video.latest());
        let Some(version) =
            latest.filter(|version| version.upload.word() == "complete").map(|version| version.id)
        else {
            return false;
        };
        match well {
            true => state.transcoded(video_id, version, now),
            false => state.transcode_failed(video_id, version, now),
        }
        true
    }

    /// Forgets the upload of a video's newest version: its link answers 404 from now on.
    pub fn lose_upload(&self, video_id: u64) -> bool {
        let Some(upload) = self.upload(video_id) else { return false };
        self.handle.write().0.lose_upload(&upload.ticket);
        true
    }
}
