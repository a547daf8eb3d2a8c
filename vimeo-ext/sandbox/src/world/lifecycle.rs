//! How a world is reset, stored and restored.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::State;
use super::spec::WorldSpec;
use super::token_index::TokenIndex;
use super::user::TokenKey;
use crate::clock::Mode;
use crate::config::Config;
use crate::config::scopes::Scopes;
use crate::persistence::table::{self, Watched};

impl State {
    /// Adds the first user's tokens; the error is a token that belongs to another world.
    pub(crate) fn add_first_user_tokens(&mut self, tokens: &[(String, Scopes)]) -> Result<(), String> {
        let user = Some(self.first_user);
        for (text, scopes) in tokens {
            if !self.add_token(text, user, scopes.clone(), None) {
                return Err(text.clone());
            }
        }
        Ok(())
    }

    /// Resets the world to its specification.
    pub(crate) fn reset(&mut self, spec: &WorldSpec, now: DateTime<Utc>) {
        self.index.release_all(self.id);
        let (config, index) = (Arc::clone(&self.config), Arc::clone(&self.index));
        *self = Self::new(self.id, spec.seed, config, index, now);
        // This world had them until now, so no other world can.
        let _ = self.add_first_user_tokens(&spec.tokens);
    }

    /// Removes everything except the app, its users and their tokens.
    pub(crate) fn clear_content(&mut self, now: DateTime<Utc>) {
        let (config, index) = (Arc::clone(&self.config), Arc::clone(&self.index));
        // A separate index, so that the tokens stay claimed.
        let mut fresh = Self::new(self.id, self.seed, config, Arc::default(), now);
        fresh.index = index;
        fresh.ids = self.ids.clone();
        fresh.app = self.app.clone();
        fresh.first_user = self.first_user;
        fresh.users = std::mem::take(&mut self.users);
        fresh.tokens = std::mem::take(&mut self.tokens);
        fresh.transcode = self.transcode;
        fresh.pull = self.pull.clone();
        fresh.mutation = self.mutation;
        *self = fresh;
    }

    /// Claims the tokens and the client ID of this world; the error is one that another world has, in which case none
    /// is claimed.
    pub(crate) fn register_tokens(&mut self, id: u64, index: &TokenIndex) -> Result<(), TokenKey> {
        self.id = id;
        let client_id = TokenKey::of(&self.app.client_id);
        for name in std::iter::once(&client_id).chain(self.tokens.keys()) {
            if !index.claim(name, id) {
                index.release_all(id);
                return Err(name.clone());
            }
        }
        Ok(())
    }

    /// Attaches a state that was read to its sandbox.
    pub(crate) fn attach(&mut self, config: Arc<Config>, index: Arc<TokenIndex>) {
        let sources = self.videos.values().flat_map(|video| &video.versions).map(|version| &version.source);
        for source in sources {
            if let Some(upload) = source.upload() {
                upload.reattach_content(&config);
                if let Some(known) = self.uploads.get_mut(&upload.ticket) {
                    *known = Arc::clone(upload);
                }
            }
        }
        self.requeue_undelivered();
        self.config = config;
        self.index = index;
    }

    fn tables(&mut self) -> [&mut dyn Watched; 7] {
        [
            &mut self.users,
            &mut self.videos,
            &mut self.folders,
            &mut self.showcases,
            &mut self.channels,
            &mut self.webhooks,
            &mut self.events,
        ]
    }

    /// Starts to record which rows change.
    pub(crate) fn watch(&mut self) {
        self.tables().into_iter().for_each(Watched::watch);
    }

    pub(crate) fn has_changed(&mut self) -> bool {
        self.tables().into_iter().any(|table| table.has_changed())
    }

    pub(crate) fn has_clock_moved(&self, clock: Mode) -> bool {
        self.written_clock != Some(clock)
    }

    /// Returns whether the clock was changed since the last call.
    pub(crate) fn clock_moved(&mut self, clock: Mode) -> bool {
        self.written_clock.replace(clock) != Some(clock)
    }

    /// Returns what changed since the last call.
    pub(crate) fn take_changes(&mut self) -> serde_json::Result<Map<String, Value>> {
        let Value::Object(mut changes) = table::changes(self)? else { return Ok(Map::new()) };
        changes.retain(|name, value| match value.get(table::CHANGED).and_then(Value::as_object) {
            Some(rows) => !rows.is_empty(),
            None => {
                let mut hasher = DefaultHasher::new();
                value.to_string().hash(&mut hasher);
                let hash = hasher.finish();
                self.written.insert(name.clone(), hash) != Some(hash)
            }
        });
        self.tables().into_iter().for_each(Watched::commit);
        self.watch();
        Ok(changes)
    }
}
