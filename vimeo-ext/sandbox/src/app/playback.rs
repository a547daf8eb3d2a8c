//! Plays recordings: responds to requests with what a real API responded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use http::Response;
use http::request::Parts;

use super::AppState;
use crate::recording::playback::{self, Playback, PlaybackBases, RequestKey};
use crate::recording::{self, UPLOAD_ROOT};
use crate::request_log::{EntryHandle, Host, bearer};
use crate::server::Connection;
use crate::world::fixture::FixtureError;
use crate::world::registry::WorldHandle;

/// The recordings of each world.
#[derive(Debug, Default)]
pub(crate) struct Playbacks {
    by_world: Mutex<HashMap<u64, WorldPlaybacks>>,
}

/// The recordings of one world.
#[derive(Debug, Default)]
struct WorldPlaybacks {
    /// In the order in which they were added.
    playbacks: Vec<Arc<Playback>>,
    /// How often the world was reset before they started.
    resets: u64,
}

impl Playbacks {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, WorldPlaybacks>> {
        self.by_world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, world: u64, text: &str) -> Result<(), FixtureError> {
        let entries = recording::parse(text)
            .map_err(|error| FixtureError { line: error.line, message: error.message })?;
        self.lock().entry(world).or_default().playbacks.push(Arc::new(Playback::new(entries)));
        Ok(())
    }

    pub(super) fn remove(&self, world: u64) {
        self.lock().remove(&world);
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Returns the recordings of a world. After a reset of the world, they start again.
    fn of(&self, world: &WorldHandle) -> Vec<Arc<Playback>> {
        let mut by_world = self.lock();
        let Some(WorldPlaybacks { playbacks, resets }) = by_world.get_mut(&world.id) else {
            return Vec::new();
        };
        let now = world.resets();
        if std::mem::replace(resets, now) != now {
            playbacks.iter().for_each(|playback| playback.rewind());
        }
        playbacks.clone()
    }
}

/// The world of a recorded upload link's path, and the path as it was recorded.
pub(crate) fn upload_target(path: &str) -> Option<(u64, String)> {
    let (world, number) = path.strip_prefix(UPLOAD_ROOT)?.split_once('/')?;
    let _: u64 = number.parse().ok()?;
    Some((world.parse().ok()?, format!("{UPLOAD_ROOT}{number}")))
}

impl AppState {
    /// Returns the recorded response to an API request.
    pub(crate) fn play_api(
        &self,
        parts: &Parts,
        connection: &Connection,
        upload_base: &str,
        log_entry: &EntryHandle,
    ) -> Option<Response<Body>> {
        if self.playbacks.is_empty() {
            return None;
        }
        let world = self.playing_world(parts, connection)?;
        let key = RequestKey {
            host: Host::Api,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            has_token: bearer(&parts.headers).is_some(),
        };
        self.play(&world, key, upload_base, log_entry)
    }

    /// Returns the recorded response to a request to an upload link.
    pub(crate) fn play_upload(
        &self,
        parts: &Parts,
        upload_base: &str,
        log_entry: &EntryHandle,
    ) -> Option<Response<Body>> {
        let (world, path) = upload_target(parts.uri.path())?;
        let world = self.worlds.get(world)?;
        let method = parts.method.as_str();
        let key = RequestKey { host: Host::Upload, method, path: &path, query: "", has_token: false };
        self.play(&world, key, upload_base, log_entry)
    }

    fn play(
        &self,
        world: &WorldHandle,
        key: RequestKey<'_>,
        upload_base: &str,
        log_entry: &EntryHandle,
    ) -> Option<Response<Body>> {
        let api = self.url_of(world.id);
        let upload = format!("{upload_base}{UPLOAD_ROOT}{}/", world.id);
        let bases = PlaybackBases { api: api.as_str().trim_end_matches('/'), upload: &upload };
        let playbacks = self.playbacks.of(world);
        let response = playbacks
            .iter()
            .find_map(|playback| playback.next(key).map(|record| playback::response(record, bases)))?;
        log_entry.set_world(world.id);
        log_entry.update(|entry| entry.recorded = true);
        Some(response)
    }

    /// The world whose recordings a request can get: that of its token, or without a token the default world.
    fn playing_world(&self, parts: &Parts, connection: &Connection) -> Option<Arc<WorldHandle>> {
        let resolver = self.resolver(connection);
        match bearer(&parts.headers) {
            Some(token) => resolver
                .of(token)
                .or_else(|| resolver.first().ok().filter(|_| resolver.config().allow_any_token)),
            None => resolver.first().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_recorded_upload_links() {
        for (path, expected) in [
            ("/recorded/3/7", Some((3, "/recorded/7".to_owned()))),
            ("/recorded/7", None),
            ("/recorded/3/x", None),
            ("/recorded/3/7/8", None),
            ("/recorded/x/7", None),
            ("/files/3/7", None),
        ] {
            assert_eq!(upload_target(path), expected, "{path}");
        }
    }
}
