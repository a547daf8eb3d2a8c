//! The public handle of a world.

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

/// One independent world of a sandbox, with its own users, videos, tokens, IDs and clock. Clones share the same
/// world.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vimeo_sandbox::StartError> {
/// let sandbox = vimeo_sandbox::Sandbox::start().await?;
/// let world = sandbox.add_world(1);
/// world.add_videos(3);
/// assert_ne!(world.token(), sandbox.token());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) handle: Arc<WorldHandle>,
    token: Arc<str>,
}

/// A user of a world and a token of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The ID in `/users/{user_id}`.
    pub user_id: u64,
    /// A token with all scopes.
    pub token: String,
}

/// Why an event could not be triggered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// Vimeo has no event of this type.
    #[error("unknown event type \"{0}\"; known types: {known}", known = EVENT_KINDS.join(", "))]
    UnknownEvent(String),
    /// No resource was named, and the world has no video.
    #[error("the world has no video; name a resource")]
    NoVideo,
}

impl World {
    pub(crate) fn new(handle: Arc<WorldHandle>) -> Self {
        let token = handle.spec().token().into();
        Self { handle, token }
    }

    /// Returns the world's number, as in the request log.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.handle.id
    }

    /// Returns the first user's token. It has all scopes unless configured otherwise, and is obviously fake.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the first user's ID, as in `/users/{user_id}`.
    #[must_use]
    pub fn user_id(&self) -> u64 {
        self.handle.write().0.first_user
    }

    /// Returns the client ID of the world's app.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.handle.write().0.app.client_id.clone()
    }

    /// Returns the client secret of the world's app.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.handle.write().0.app.client_secret.clone()
    }

    /// Returns the world's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.handle.clock
    }

    /// Resets the world. Other worlds are unaffected. The tokens that the world was created with are valid again;
    /// tokens issued since then become invalid, unless the scope is [`ResetScope::Content`].
    pub fn reset(&self, scope: ResetScope) {
        self.handle.reset(scope);
    }

    /// Adds a user with a token.
    #[must_use]
    pub fn add_user(&self, name: &str) -> Account {
        let (mut state, now) = self.handle.write();
        let user_id = state.add_user(name, now);
        Account { user_id, token: state.issue_token(Some(user_id), Scopes::all(), None) }
    }

    /// Issues another token to the first user.
    #[must_use]
    pub fn issue_token(&self, scopes: impl Into<Scopes>) -> String {
        let (mut state, _) = self.handle.write();
        let user = state.first_user;
        state.issue_token(Some(user), scopes.into(), None)
    }

    /// Issues a token of the app without a user, as the client credentials grant does.
    #[must_use]
    pub fn issue_app_token(&self, scopes: impl Into<Scopes>) -> String {
        self.handle.write().0.issue_token(None, scopes.into(), None)
    }

    /// Accepts or rejects the device that shows this code, as the first user. Returns `false` if no device waits
    /// under this code.
    pub fn decide_device(&self, user_code: &str, accept: bool) -> bool {
        let (mut state, now) = self.handle.write();
        let user = accept.then_some(state.first_user);
        state.grants.decide_device(user_code, user, now)
    }

    /// Revokes a token, as its user can at any time. Returns `false` if the world has no such token.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.handle.write().0.revoke(token)
    }

    /// Sets the rate limit of a token and starts a new window. Returns `false` if the world has no such token.
    pub fn set_rate_limit(&self, token: &str, limit: RateLimit) -> bool {
        let (mut state, _) = self.handle.write();
        state.token(token).is_some_and(|token| {
            token.rate = limit;
            token.usage = Default::default();
            true
        })
    }

    /// Adds `count` playable videos of the first user, the last one the newest, and returns their IDs.
    pub fn add_videos(&self, count: usize) -> Vec<u64> {
        let (mut state, now) = self.handle.write();
        let owner = state.first_user;
        state.add_videos(owner, count, now)
    }

    /// Returns the events of this world, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.handle.read().0.events.values().cloned().collect()
    }

    /// Triggers an event for `resource`, or for the newest video, with `payload` merged into the webhook body.
    /// Returns the number of the event.
    ///
    /// # Errors
    ///
    /// If Vimeo has no such event type, or there is no video.
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

    /// Delivers an event again. Returns `false` if it does not exist.
    pub fn resend(&self, event: u64) -> bool {
        self.handle.write().0.resend(event)
    }

    /// Sets how this world's responses differ from the API description; `None` for responses that match it.
    pub fn set_mutation(&self, mutation: Option<Mutation>) {
        self.handle.write().0.mutation = mutation;
    }

    /// Sets how new uploads of this world become playable. Earlier uploads keep their rule.
    pub fn set_transcode(&self, rule: Transcode) {
        self.handle.write().0.transcode = rule;
    }

    /// Sets the outcome of pull uploads in this world.
    pub fn set_pull(&self, outcome: PullOutcome) {
        self.handle.write().0.pull = outcome;
    }

    /// Returns the state of a video's newest upload; `None` for an unknown video and for one that was not uploaded to
    /// the sandbox.
    #[must_use]
    pub fn stored_upload(&self, video_id: u64) -> Option<StoredUpload> {
        self.upload(video_id).map(|upload| upload.stored())
    }

    /// Returns the bytes of a video's newest upload, if they are stored and can be read.
    #[must_use]
    pub fn upload_bytes(&self, video_id: u64) -> Option<Bytes> {
        self.upload(video_id)?.bytes()?.ok()
    }

    fn upload(&self, video_id: u64) -> Option<Arc<super::upload::Upload>> {
        let (state, _) = self.handle.write();
        state.videos.get(&video_id)?.latest()?.source.upload().cloned()
    }

    /// Returns the file of a text track, once it was uploaded.
    #[must_use]
    pub fn text_track_file(&self, video_id: u64, track_id: u64) -> Option<Bytes> {
        let (state, _) = self.handle.write();
        let video = state.videos.get(&video_id)?;
        video.text_tracks.iter().find(|track| track.id == track_id)?.file.clone()
    }

    /// Completes the transcoding of a video's newest version, regardless of the rule. Returns `false` if its upload
    /// is not complete.
    pub fn finish_transcode(&self, video_id: u64) -> bool {
        self.end_transcode(video_id, true)
    }

    /// Fails the transcoding of a video's newest version. Returns `false` if its upload is not complete.
    pub fn fail_transcode(&self, video_id: u64) -> bool {
        self.end_transcode(video_id, false)
    }

    fn end_transcode(&self, video_id: u64, succeeded: bool) -> bool {
        let (mut state, now) = self.handle.write();
        let latest = state.videos.get(&video_id).and_then(|video| video.latest());
        let Some(version) =
            latest.filter(|version| version.upload.as_str() == "complete").map(|version| version.id)
        else {
            return false;
        };
        match succeeded {
            true => state.finish_transcode(video_id, version, now),
            false => state.fail_transcode(video_id, version, now),
        }
        true
    }

    /// Discards the upload of a video's newest version: its link returns 404 from now on. Returns `false` if there is
    /// no such upload.
    pub fn lose_upload(&self, video_id: u64) -> bool {
        let Some(upload) = self.upload(video_id) else { return false };
        self.handle.write().0.lose_upload(&upload.ticket);
        true
    }
}
