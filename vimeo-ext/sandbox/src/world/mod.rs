//! Worlds: independent states in one process.
//!
//! A token or a signed link determines the world of a request. Worlds share nothing: neither IDs, nor time, nor rate
//! limits.

pub(crate) mod ai_jobs;
pub(crate) mod collections;
pub(crate) mod entities;
pub(crate) mod events;
pub(crate) mod fixture;
pub(crate) mod grants;
pub(crate) mod handle;
mod lifecycle;
pub(crate) mod outbox;
pub(crate) mod registry;
pub(crate) mod relations;
pub(crate) mod resolver;
mod schedule;
pub(crate) mod serde_helpers;
pub(crate) mod snapshot;
pub(crate) mod spec;
pub(crate) mod token_index;
pub(crate) mod upload;
pub(crate) mod user;
mod users;
mod versions;
pub(crate) mod video;
mod videos;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::Mode;
use crate::config::mutation::Mutation;
use crate::config::{Config, PullOutcome, Transcode};
use crate::persistence::table::Table;
use crate::protocol::ids::Ids;
use crate::protocol::links::{LinkTarget, Target};
use collections::{Channel, Folder, Showcase, Webhook};
use entities::Collections;
use events::Event;
use grants::Grants;
use relations::Relations;
use schedule::DueEvent;
use token_index::TokenIndex;
use upload::Upload;
use user::{App, Token, TokenKey, User};
pub(crate) use versions::NewSource;
use video::Video;

/// The state of one world.
///
/// The derived implementations define the stored format: a new field needs `#[serde(default)]`, so that state of
/// older releases can still be read. Data that grows with use belongs in a [`Table`]; any other field is written as a
/// whole when it changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) id: u64,
    pub(crate) seed: u64,
    pub(crate) ids: Ids,
    #[serde(skip)]
    pub(crate) config: Arc<Config>,
    pub(crate) app: App,
    /// The user that the world was created with.
    pub(crate) first_user: u64,
    pub(crate) users: Table<User>,
    pub(crate) videos: Table<Video>,
    pub(crate) folders: Table<Folder>,
    pub(crate) showcases: Table<Showcase>,
    pub(crate) channels: Table<Channel>,
    pub(crate) webhooks: Table<Webhook>,
    #[serde(default)]
    pub(crate) events: Table<Event>,
    /// Events in delivery, in order, each with the number of its deliveries at the time its delivery started. They
    /// are stored, so that the end of the process loses none.
    #[serde(default, rename = "untold")]
    undelivered: VecDeque<(u64, Option<usize>)>,
    /// Undelivered events that have not been sent to the webhook dispatcher yet.
    #[serde(skip)]
    outbox: Vec<u64>,
    /// Whether an event was scheduled since the last check.
    #[serde(skip)]
    schedule_changed: bool,
    /// Users and the videos that they like.
    pub(crate) likes: Relations,
    /// Users and the videos in their Watch Later queues.
    pub(crate) watch_later: Relations,
    /// Users and the users that they follow.
    pub(crate) follows: Relations,
    /// Users and the channels that they follow.
    pub(crate) subscriptions: Relations,
    /// Collections without rules of their own.
    #[serde(default, rename = "shelves")]
    pub(crate) collections: Collections,
    /// When anything last changed, for lists that do not record this themselves.
    #[serde(default)]
    pub(crate) changed: Option<DateTime<Utc>>,
    pub(crate) grants: Grants,
    tokens: BTreeMap<TokenKey, Token>,
    #[serde(skip)]
    index: Arc<TokenIndex>,
    #[serde(with = "serde_helpers::tickets")]
    uploads: BTreeMap<String, Arc<Upload>>,
    #[serde(with = "serde_helpers::pairs")]
    schedule: BTreeMap<(DateTime<Utc>, u64), DueEvent>,
    scheduled: u64,
    /// How uploads of this world become playable.
    pub(crate) transcode: Transcode,
    /// The outcome of pull uploads in this world.
    pub(crate) pull: PullOutcome,
    /// How responses differ from the API description.
    #[serde(default, rename = "drift")]
    pub(crate) mutation: Option<Mutation>,
    /// Hashes of the fields other than tables as last written, so that only changed fields are written.
    #[serde(skip)]
    written: BTreeMap<String, u64>,
    /// The mode of the clock as last written.
    #[serde(skip)]
    written_clock: Option<Mode>,
}

impl State {
    pub(crate) fn new(
        id: u64,
        seed: u64,
        config: Arc<Config>,
        index: Arc<TokenIndex>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut ids = Ids::new(seed);
        let (transcode, pull, mutation) = (config.transcode, config.pull.clone(), config.mutation);
        let app = App {
            id: ids.id(),
            name: "Sandbox app".to_owned(),
            client_id: format!("sandbox-client-{id}"),
            client_secret: format!("sandbox-secret-{id}"),
        };
        index.claim(&TokenKey::of(&app.client_id), id);
        let mut state = Self {
            id,
            seed,
            ids,
            config,
            app,
            first_user: 0,
            users: Table::default(),
            videos: Table::default(),
            folders: Table::default(),
            showcases: Table::default(),
            channels: Table::default(),
            webhooks: Table::default(),
            events: Table::default(),
            undelivered: VecDeque::new(),
            outbox: Vec::new(),
            schedule_changed: false,
            likes: Relations::default(),
            watch_later: Relations::default(),
            follows: Relations::default(),
            subscriptions: Relations::default(),
            collections: Collections::default(),
            changed: None,
            grants: Grants::default(),
            tokens: BTreeMap::new(),
            index,
            uploads: BTreeMap::new(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            transcode,
            pull,
            mutation,
            written: BTreeMap::new(),
            written_clock: None,
        };
        state.first_user = state.add_user("Sandbox User", now);
        state
    }

    /// Returns a copy for a request that changes nothing, so that its response can be rendered without the lock. It shares
    /// its content with this state, and later changes do not show in it. It has no tokens, grants, uploads or scheduled
    /// events.
    pub(crate) fn share(&self) -> Self {
        Self {
            id: self.id,
            seed: self.seed,
            ids: self.ids.clone(),
            config: Arc::clone(&self.config),
            app: self.app.clone(),
            first_user: self.first_user,
            users: self.users.share(),
            videos: self.videos.share(),
            folders: self.folders.share(),
            showcases: self.showcases.share(),
            channels: self.channels.share(),
            webhooks: self.webhooks.share(),
            events: self.events.share(),
            undelivered: VecDeque::new(),
            outbox: Vec::new(),
            schedule_changed: false,
            likes: self.likes.clone(),
            watch_later: self.watch_later.clone(),
            follows: self.follows.clone(),
            subscriptions: self.subscriptions.clone(),
            collections: self.collections.clone(),
            changed: self.changed,
            grants: Grants::default(),
            tokens: BTreeMap::new(),
            index: Arc::clone(&self.index),
            uploads: BTreeMap::new(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            transcode: self.transcode,
            pull: self.pull.clone(),
            mutation: self.mutation,
            written: BTreeMap::new(),
            written_clock: None,
        }
    }

    /// Returns the ancestors of a folder, outermost first.
    pub(crate) fn ancestors(&self, folder: &Folder) -> impl Iterator<Item = &Folder> {
        let mut above = Vec::new();
        let mut next = folder.parent;
        // A hand-written state can contain a cycle of folders.
        while let Some(parent) = next.and_then(|id| self.folders.get(&id))
            && above.len() < self.folders.len()
        {
            above.push(parent);
            next = parent.parent;
        }
        above.into_iter().rev()
    }

    /// Returns whether a folder is the one with this ID or inside it.
    pub(crate) fn is_below(&self, folder: &Folder, id: u64) -> bool {
        folder.id == id || self.ancestors(folder).any(|above| above.id == id)
    }

    /// Returns a signed link to the upload host, as path and query, valid from `since`, and its expiry.
    pub(crate) fn signed(&self, target: Target, since: DateTime<Utc>) -> (String, DateTime<Utc>) {
        let lifetime = TimeDelta::from_std(self.config.link_lifetime).unwrap_or(TimeDelta::MAX);
        let expires = since.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
        (LinkTarget { world: self.id, target }.signed(self.seed, expires), expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_copy_keeps_its_content() {
        let now = DateTime::UNIX_EPOCH;
        let mut state = State::new(1, 7, Arc::new(Config::default()), Arc::default(), now);
        let user = state.first_user;
        let videos = state.add_videos(user, 3, now);
        state.likes.add(user, 5, now);
        let content = |state: &State| {
            let mut content = serde_json::to_value(state).unwrap();
            let members = content.as_object_mut().unwrap();
            // Nothing of these is in a response with a page.
            members.retain(|name, _| {
                !["grants", "tokens", "untold", "uploads", "schedule", "scheduled"].contains(&name.as_str())
            });
            content
        };
        let before = content(&state);
        let copy = state.share();
        assert_eq!(content(&copy), before);

        state.remove_video(videos.first().copied().unwrap(), now);
        state.likes.remove(user, 5);
        state.users.get_mut(&user).unwrap().name.push('!');
        assert_eq!(content(&copy), before);
        assert_ne!(content(&state), before);
    }
}
