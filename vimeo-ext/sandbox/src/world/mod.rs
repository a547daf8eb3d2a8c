//! Worlds: independent states in one process.
//!
//! A token or a signed link decides which world a request sees. Nothing in one world reaches another: not ids, not
//! time, not limits.

pub(crate) mod collections;
pub(crate) mod events;
pub(crate) mod grants;
pub(crate) mod handle;
pub(crate) mod registry;
pub(crate) mod seed;
pub(crate) mod shelves;
pub(crate) mod social;
pub(crate) mod table;
pub(crate) mod upload;
pub(crate) mod user;
pub(crate) mod video;
pub(crate) mod written;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Mode;
use crate::config::{Config, Pull, Transcode};
use crate::drift::Drift;
use crate::errors::ApiError;
use crate::ids::Ids;
use crate::links::{Place, Target};
use crate::scopes::Scopes;
use collections::{Channel, Folder, Showcase, Webhook};
use events::Event;
use grants::Grants;
use registry::{Origin, TokenIndex};
use shelves::Shelves;
use social::Marks;
use table::{Table, Watched};
use upload::{UNKNOWN, Upload};
use user::{App, Token, User};
use video::{Picture, Source, Stage, TextTrack, Version, Video};

/// All that one world holds.
///
/// It is written and read by what is derived here: a new field needs `#[serde(default)]`, so that what older releases
/// wrote can still be read. What grows with use belongs in a [`Table`]: any other field is written whole when it changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) id: u64,
    pub(crate) seed: u64,
    pub(crate) ids: Ids,
    #[serde(skip)]
    pub(crate) config: Arc<Config>,
    pub(crate) app: App,
    /// The user whom the world began with.
    pub(crate) first_user: u64,
    pub(crate) users: Table<User>,
    pub(crate) videos: Table<Video>,
    pub(crate) folders: Table<Folder>,
    pub(crate) showcases: Table<Showcase>,
    pub(crate) channels: Table<Channel>,
    pub(crate) webhooks: Table<Webhook>,
    #[serde(default)]
    pub(crate) events: Table<Event>,
    /// Events that nobody was told yet.
    #[serde(skip)]
    outbox: Vec<u64>,
    /// Whether something was planned since the last look.
    #[serde(skip)]
    planned: bool,
    /// Users and the videos they like.
    pub(crate) likes: Marks,
    /// Users and the videos they mean to watch.
    pub(crate) watch_later: Marks,
    /// Users and the users they follow.
    pub(crate) follows: Marks,
    /// Users and the channels they follow.
    pub(crate) subscriptions: Marks,
    /// What needs no rules of its own.
    #[serde(default)]
    pub(crate) shelves: Shelves,
    /// When anything last changed, for the lists that keep no account of that themselves.
    #[serde(default)]
    pub(crate) changed: Option<DateTime<Utc>>,
    pub(crate) grants: Grants,
    tokens: BTreeMap<String, Token>,
    #[serde(skip)]
    index: Arc<TokenIndex>,
    #[serde(with = "written::tickets")]
    uploads: BTreeMap<String, Arc<Upload>>,
    #[serde(with = "written::pairs")]
    schedule: BTreeMap<(DateTime<Utc>, u64), Due>,
    scheduled: u64,
    /// How uploads of this world become playable.
    pub(crate) transcode: Transcode,
    /// What becomes of what this world is to fetch.
    pub(crate) pull: Pull,
    /// How answers differ from what is described.
    #[serde(default)]
    pub(crate) drift: Option<Drift>,
    /// What fields other than tables last were, as hashes, so that only those that differ are written.
    #[serde(skip)]
    written: BTreeMap<String, u64>,
    /// How the clock went when it was last written.
    #[serde(skip)]
    written_clock: Option<Mode>,
}

/// What the clock brings about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Due {
    Pulled { video: u64, version: u64 },
    Transcoded { video: u64, version: u64 },
    TranscodeFailed { video: u64, version: u64 },
}

/// What transcoding finds in a file that nobody looked into, since the sandbox does not decode video.
const DURATION: u64 = 60;
const SIZE: (u64, u64) = (640, 360);

impl State {
    pub(crate) fn new(
        id: u64,
        seed: u64,
        config: Arc<Config>,
        index: Arc<TokenIndex>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut ids = Ids::new(seed);
        let (transcode, pull, drift) = (config.transcode, config.pull.clone(), config.drift);
        let app = App {
            id: ids.id(),
            name: "Sandbox app".to_owned(),
            client_id: format!("sandbox-client-{id}"),
            client_secret: format!("sandbox-secret-{id}"),
        };
        index.claim(&app.client_id, id);
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
            outbox: Vec::new(),
            planned: false,
            likes: Marks::default(),
            watch_later: Marks::default(),
            follows: Marks::default(),
            subscriptions: Marks::default(),
            shelves: Shelves::default(),
            changed: None,
            grants: Grants::default(),
            tokens: BTreeMap::new(),
            index,
            uploads: BTreeMap::new(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            transcode,
            pull,
            drift,
            written: BTreeMap::new(),
            written_clock: None,
        };
        state.first_user = state.add_user("Sandbox User", now);
        state
    }

    // Beginning, being written down, coming back.

    /// Gives the first user their tokens; the error is one that belongs to another already.
    pub(crate) fn admit_first_user(&mut self, tokens: &[(String, Scopes)]) -> Result<(), String> {
        let user = Some(self.first_user);
        for (text, scopes) in tokens {
            if !self.add_token(text, user, scopes.clone(), None) {
                return Err(text.clone());
            }
        }
        Ok(())
    }

    /// Becomes again what the world began as.
    pub(crate) fn begin_again(&mut self, origin: &Origin, now: DateTime<Utc>) {
        self.index.release_all(self.id);
        let (config, index) = (Arc::clone(&self.config), Arc::clone(&self.index));
        *self = Self::new(self.id, origin.seed, config, index, now);
        // They were this world's a moment ago, so nobody else has them.
        let _ = self.admit_first_user(&origin.tokens);
    }

    /// Drops all but the app, its users and their tokens.
    pub(crate) fn forget_content(&mut self, now: DateTime<Utc>) {
        let (config, index) = (Arc::clone(&self.config), Arc::clone(&self.index));
        // An index of its own: the names stay with who has them.
        let mut fresh = Self::new(self.id, self.seed, config, Arc::default(), now);
        fresh.index = index;
        fresh.ids = self.ids.clone();
        fresh.app = self.app.clone();
        fresh.first_user = self.first_user;
        fresh.users = std::mem::take(&mut self.users);
        fresh.tokens = std::mem::take(&mut self.tokens);
        fresh.transcode = self.transcode;
        fresh.pull = self.pull.clone();
        fresh.drift = self.drift;
        *self = fresh;
    }

    /// Claims the names that lead to this world; the error is one that another world has, and then none is claimed.
    pub(crate) fn claim_names(&mut self, id: u64, index: &TokenIndex) -> Result<(), String> {
        self.id = id;
        let names = std::iter::once(&self.app.client_id).chain(self.tokens.keys());
        for name in names {
            if !index.claim(name, id) {
                index.release_all(id);
                return Err(name.clone());
            }
        }
        Ok(())
    }

    /// Takes its place among other worlds after it was read.
    pub(crate) fn come_back(&mut self, config: Arc<Config>, index: Arc<TokenIndex>) {
        let sources = self.videos.values().flat_map(|video| &video.versions).map(|version| &version.source);
        for source in sources {
            if let Some(upload) = source.upload() {
                upload.keep_on(&config.keep);
                if let Some(known) = self.uploads.get_mut(&upload.ticket) {
                    *known = Arc::clone(upload);
                }
            }
        }
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

    /// Remembers from now on which rows change.
    pub(crate) fn watch(&mut self) {
        self.tables().into_iter().for_each(Watched::watch);
    }

    pub(crate) fn has_changed(&mut self) -> bool {
        self.tables().into_iter().any(|table| table.has_changed())
    }

    pub(crate) fn has_clock_moved(&self, clock: Mode) -> bool {
        self.written_clock != Some(clock)
    }

    /// Whether the clock was turned since this was last asked.
    pub(crate) fn clock_moved(&mut self, clock: Mode) -> bool {
        self.written_clock.replace(clock) != Some(clock)
    }

    /// What is different from the last time that this was asked.
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
        self.tables().into_iter().for_each(Watched::settle);
        self.watch();
        Ok(changes)
    }

    // People and tokens.

    pub(crate) fn add_user(&mut self, name: &str, now: DateTime<Utc>) -> u64 {
        let id = self.ids.id();
        let user = User {
            id,
            name: name.to_owned(),
            link_name: None,
            bio: None,
            location: String::new(),
            gender: String::new(),
            created: now,
            plan: self.config.plan,
            quota: self.config.quota,
            pictures: Vec::new(),
            resource_key: self.ids.hex(40),
            videos_changed: now,
        };
        self.users.insert(id, user);
        id
    }

    /// Makes `text` a token of this world; `false` when it is one already, here or elsewhere.
    pub(crate) fn add_token(
        &mut self,
        text: &str,
        user: Option<u64>,
        scopes: Scopes,
        expires: Option<DateTime<Utc>>,
    ) -> bool {
        if !self.index.claim(text, self.id) {
            return false;
        }
        let rate = self.config.rate_limit;
        let token = Token { user, scopes, expires, rate, usage: Default::default() };
        self.tokens.insert(text.to_owned(), token);
        true
    }

    /// A new token with a text that nobody takes for a real one.
    pub(crate) fn issue_token(
        &mut self,
        user: Option<u64>,
        scopes: Scopes,
        expires: Option<DateTime<Utc>>,
    ) -> String {
        loop {
            let kind = if user.is_some() { "user" } else { "app" };
            let text = format!("sandbox-{kind}-token-{}-{}", self.id, self.ids.hex(16));
            if self.add_token(&text, user, scopes.clone(), expires) {
                return text;
            }
        }
    }

    pub(crate) fn token(&mut self, text: &str) -> Option<&mut Token> {
        self.tokens.get_mut(text)
    }

    pub(crate) fn revoke(&mut self, text: &str) -> bool {
        self.index.release(text);
        self.tokens.remove(text).is_some()
    }

    /// The user that a path names: by id, by profile word, or `me`.
    pub(crate) fn user_called(&self, name: &str) -> Option<&User> {
        match name.parse().ok().and_then(|id: u64| self.users.get(&id)) {
            Some(user) => Some(user),
            None => self.users.values().find(|user| user.is_called(name)),
        }
    }

    /// The bytes that a user's videos take, as far as they have been announced.
    pub(crate) fn bytes_used(&self, user: u64) -> u64 {
        let versions =
            self.videos.values().filter(|video| video.owner == user).flat_map(|video| &video.versions);
        let sizes = versions.filter_map(|version| version.source.upload()).map(|upload| upload.size());
        sizes.filter(|size| *size != UNKNOWN).sum()
    }

    // Videos.

    pub(crate) fn add_video(&mut self, owner: u64, now: DateTime<Utc>) -> u64 {
        let id = self.ids.id();
        let video = Video {
            id,
            owner,
            name: "Untitled".to_owned(),
            description: None,
            created: now,
            modified: now,
            privacy: Default::default(),
            license: None,
            locale: None,
            content_rating: vec!["unrated".to_owned()],
            embed: Default::default(),
            embed_domains: Default::default(),
            hide_from_vimeo: false,
            review_active: true,
            spatial: None,
            custom_url: None,
            tags: Vec::new(),
            folder: None,
            comments: Vec::new(),
            plays: 0,
            duration: 0,
            width: 400,
            height: 300,
            hash: self.ids.hex(10),
            resource_key: self.ids.hex(40),
            versions: Vec::new(),
            pictures: Vec::new(),
            text_tracks: Vec::new(),
        };
        self.videos.insert(id, video);
        self.videos_changed(owner, now);
        id
    }

    pub(crate) fn video(&self, id: Option<u64>) -> Option<&Video> {
        self.videos.get(&id?)
    }

    pub(crate) fn remove_video(&mut self, id: u64, now: DateTime<Utc>) {
        let Some(video) = self.videos.remove(&id) else { return };
        self.emit_video("video-deleted", id, now);
        for version in &video.versions {
            if let Some(upload) = version.source.upload() {
                self.uploads.remove(&upload.ticket);
            }
        }
        self.likes.forget(id);
        self.watch_later.forget(id);
        self.shelves.forget_below(&format!("/videos/{id}/"));
        self.showcases.update(
            |showcase| showcase.videos.contains(&id),
            |showcase| showcase.videos.retain(|video| *video != id),
        );
        self.channels.update(
            |channel| channel.videos.contains(&id),
            |channel| channel.videos.retain(|video| *video != id),
        );
        self.videos_changed(video.owner, now);
    }

    fn videos_changed(&mut self, owner: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(user) = self.users.get_mut(&owner) {
            user.videos_changed = user.videos_changed.max(now);
        }
    }

    /// Counts a look at the video, which is what some transcodings wait for.
    pub(crate) fn read_video(&mut self, id: u64, now: DateTime<Utc>) {
        let waits = |video: &Video| video.versions.iter().any(|version| version.reads_left.is_some());
        if !self.videos.get(&id).is_some_and(waits) {
            return;
        }
        let Some(video) = self.videos.get_mut(&id) else { return };
        let mut done = Vec::new();
        for version in &mut video.versions {
            if version.upload == Stage::Complete {
                match version.reads_left {
                    Some(0) => {
                        version.reads_left = None;
                        done.push(version.id);
                    }
                    Some(left) => version.reads_left = Some(left - 1),
                    None => {}
                }
            }
        }
        for version in done {
            self.transcoded(id, version, now);
        }
    }

    // Folders.

    /// The folders above a folder, the outermost first.
    pub(crate) fn ancestors(&self, folder: &Folder) -> impl Iterator<Item = &Folder> {
        let mut above = Vec::new();
        let mut next = folder.parent;
        while let Some(parent) = next.and_then(|id| self.folders.get(&id)) {
            above.push(parent);
            next = parent.parent;
        }
        above.into_iter().rev()
    }

    /// Whether a folder is the one named, or somewhere inside it.
    pub(crate) fn is_below(&self, folder: &Folder, id: u64) -> bool {
        folder.id == id || self.ancestors(folder).any(|above| above.id == id)
    }

    // Uploads and what follows them.

    /// Gives a video a new version that waits for its file.
    pub(crate) fn add_version(
        &mut self,
        video: u64,
        file_name: &str,
        source: NewSource,
        now: DateTime<Utc>,
    ) -> Result<u64, ApiError> {
        let id = self.ids.id();
        let source = match source {
            NewSource::Tus { size } => Source::Tus(self.new_upload(video, id, size)?),
            // What a form announces is only asked for the quota: its file has the size it has.
            NewSource::Form { redirect, .. } => Source::Form(self.new_upload(video, id, UNKNOWN)?, redirect),
            NewSource::Pull { link } => {
                let delay = match self.transcode {
                    Transcode::After(time) | Transcode::FailsAfter(time) => time,
                    _ => std::time::Duration::ZERO,
                };
                self.plan(now, delay, Due::Pulled { video, version: id });
                Source::Pull(link)
            }
        };
        let empty = source.upload().is_some_and(|upload| upload.size() == 0);
        let version = Version {
            id,
            file_name: file_name.to_owned(),
            description: None,
            created: now,
            modified: now,
            uploaded: None,
            active: false,
            source,
            upload: Stage::InProgress,
            transcode: Stage::InProgress,
            reads_left: None,
        };
        if let Some(video) = self.videos.get_mut(&video) {
            video.versions.push(version);
            video.touch(now);
        }
        if empty {
            self.upload_failed(video, id, "empty_upload", now);
        }
        Ok(id)
    }

    fn new_upload(&mut self, video: u64, version: u64, size: u64) -> Result<Arc<Upload>, ApiError> {
        let ticket = self.ids.hex(32);
        let upload =
            Upload::new(ticket.clone(), video, version, size, &self.config.keep).map_err(|error| {
                let message = format!("The sandbox cannot keep the upload: {error}.");
                ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, None, "Something went wrong.", message)
            })?;
        let upload = Arc::new(upload);
        self.uploads.insert(ticket, Arc::clone(&upload));
        Ok(upload)
    }

    pub(crate) fn upload(&self, ticket: &str) -> Option<Arc<Upload>> {
        self.uploads.get(ticket).cloned()
    }

    pub(crate) fn uploads(&self) -> Vec<Arc<Upload>> {
        self.uploads.values().cloned().collect()
    }

    /// Takes note that an upload of this video has taken bytes, which it does by itself.
    pub(crate) fn upload_moved(&mut self, video: u64) {
        let _ = self.videos.get_mut(&video);
    }

    /// Forgets an upload: its link leads nowhere from now on.
    pub(crate) fn lose_upload(&mut self, ticket: &str) {
        self.uploads.remove(ticket);
    }

    pub(crate) fn uploaded(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        let rule = self.transcode;
        let Some(version) = self.version_mut(video, version) else { return };
        if version.upload != Stage::InProgress {
            return;
        }
        version.upload = Stage::Complete;
        version.uploaded = Some(now);
        version.modified = now;
        let id = version.id;
        match rule {
            Transcode::Immediate => self.transcoded(video, id, now),
            Transcode::After(time) => self.plan(now, time, Due::Transcoded { video, version: id }),
            Transcode::FailsAfter(time) => self.plan(now, time, Due::TranscodeFailed { video, version: id }),
            Transcode::AfterReads(reads) => version.reads_left = Some(reads),
            Transcode::ByHand => {}
        }
        if let Some(video) = self.videos.get_mut(&video) {
            video.touch(now);
        }
    }

    fn upload_failed(&mut self, video: u64, version: u64, word: &str, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(version) = self.version_mut(video, version) {
            version.upload = Stage::Error(Some(word.to_owned()));
            version.transcode = Stage::Error(None);
            version.modified = now;
            self.emit_video("video-upload-failed", video, now);
        }
    }

    /// The version plays, and replaces the one that played before; `false` when it is gone.
    fn becomes_playable(&mut self, video: u64, version: u64, now: DateTime<Utc>) -> bool {
        self.changed = self.changed.max(Some(now));
        let key = self.ids.hex(64);
        let (picture, resource_key) = (self.ids.id(), self.ids.hex(40));
        let Some(video) = self.videos.get_mut(&video) else { return false };
        let Some(place) = video.versions.iter().position(|candidate| candidate.id == version) else {
            return false;
        };
        for (at, version) in video.versions.iter_mut().enumerate() {
            version.active = at == place;
            if version.active {
                version.transcode = Stage::Complete;
                version.modified = now;
            }
        }
        video.duration = DURATION;
        (video.width, video.height) = SIZE;
        // A still of the video stands in until someone chooses a thumbnail.
        if video.pictures.is_empty() {
            video.pictures.push(Picture { id: picture, active: true, ready: true, key, resource_key });
        }
        video.touch(now);
        true
    }

    pub(crate) fn transcode_failed(&mut self, video: u64, version: u64, now: DateTime<Utc>) {
        self.changed = self.changed.max(Some(now));
        if let Some(version) = self.version_mut(video, version) {
            version.transcode = Stage::Error(None);
            version.modified = now;
        }
        if let Some(video) = self.videos.get_mut(&video) {
            video.touch(now);
        }
    }

    fn version_mut(&mut self, video: u64, version: u64) -> Option<&mut Version> {
        self.videos.get_mut(&video)?.version_mut(version)
    }

    // Small files that come by signed links.

    /// Takes note that a picture's image has come; answers the path that the image service gives it.
    pub(crate) fn picture_arrived(&mut self, id: u64, now: DateTime<Utc>) -> Option<String> {
        let has = |pictures: &[Picture]| pictures.iter().any(|picture| picture.id == id);
        let mark = |pictures: &mut Vec<Picture>| {
            pictures.iter_mut().filter(|picture| picture.id == id).for_each(|picture| picture.ready = true);
        };
        if let Some(video) = self.videos.values().find(|video| has(&video.pictures)).map(|video| video.id) {
            let video = self.videos.get_mut(&video)?;
            mark(&mut video.pictures);
            video.touch(now);
            return Some(format!("/video/{id}"));
        }
        if self.shelves.has(&id.to_string()) {
            return Some(format!("/picture/{id}"));
        }
        let user = self.users.values().find(|user| has(&user.pictures))?.id;
        mark(&mut self.users.get_mut(&user)?.pictures);
        Some(format!("/portrait/{id}"))
    }

    pub(crate) fn text_track(&self, id: u64) -> Option<&TextTrack> {
        self.videos.values().flat_map(|video| &video.text_tracks).find(|track| track.id == id)
    }

    /// Takes the file of a text track; `false` when there is no such track.
    pub(crate) fn text_track_arrived(&mut self, id: u64, file: bytes::Bytes, now: DateTime<Utc>) -> bool {
        let has = |video: &&Video| video.text_tracks.iter().any(|track| track.id == id);
        let Some(video) = self.videos.values().find(has).map(|video| video.id) else { return false };
        let Some(video) = self.videos.get_mut(&video) else { return false };
        for track in video.text_tracks.iter_mut().filter(|track| track.id == id) {
            track.file = Some(file.clone());
        }
        video.touch(now);
        true
    }

    // Links.

    /// A signed link to the upload host, as path and query, for something that began at `since`.
    pub(crate) fn signed(&self, target: Target, since: DateTime<Utc>) -> (String, DateTime<Utc>) {
        let lifetime = TimeDelta::from_std(self.config.link_lifetime).unwrap_or(TimeDelta::MAX);
        let expires = since.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
        (Place { world: self.id, target }.signed(self.seed, expires), expires)
    }

    // Time.

    fn plan(&mut self, now: DateTime<Utc>, after: std::time::Duration, due: Due) {
        let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        let at = now.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.scheduled += 1;
        self.planned = true;
        self.schedule.insert((at, self.scheduled), due);
    }

    /// When the next thing falls due.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.schedule.keys().next().map(|(at, _)| *at)
    }

    /// Events that are to be told, and whether something new was planned.
    pub(crate) fn take_outbox(&mut self) -> (Vec<u64>, bool) {
        (std::mem::take(&mut self.outbox), std::mem::take(&mut self.planned))
    }

    /// Lets an event be told again; `false` when there is none of this number.
    pub(crate) fn resend(&mut self, id: u64) -> bool {
        let known = self.events.contains_key(&id);
        if known {
            self.outbox.push(id);
        }
        known
    }

    /// Brings about all that fell due up to `now`, each at its own time, oldest first.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.schedule.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            match entry.remove() {
                Due::Transcoded { video, version } => self.transcoded(video, version, at),
                Due::TranscodeFailed { video, version } => self.transcode_failed(video, version, at),
                Due::Pulled { video, version } => match self.pull.clone() {
                    Pull::Succeeds => self.uploaded(video, version, at),
                    Pull::Fails(word) => self.upload_failed(video, version, &word, at),
                },
            }
        }
    }
}

/// How a new version's bytes are to come.
#[derive(Debug, Clone)]
pub(crate) enum NewSource {
    Tus { size: u64 },
    Pull { link: String },
    Form { size: Option<u64>, redirect: Option<String> },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn state(transcode: Transcode) -> (State, u64, u64) {
        let config = Arc::new(Config { transcode, ..Config::default() });
        let mut state = State::new(1, 7, config, Arc::default(), at(0));
        let video = state.add_video(state.first_user, at(0));
        let version = state.add_version(video, "a.mp4", NewSource::Tus { size: 3 }, at(0)).unwrap();
        (state, video, version)
    }

    #[test]
    fn transcoding_follows_its_rule() {
        let second = Duration::from_secs(1);
        for (rule, after_upload, at_two, at_ten) in [
            (Transcode::Immediate, "available", "available", "available"),
            (Transcode::After(2 * second), "transcoding", "available", "available"),
            (Transcode::After(5 * second), "transcoding", "transcoding", "available"),
            (Transcode::FailsAfter(5 * second), "transcoding", "transcoding", "transcoding_error"),
            (Transcode::ByHand, "transcoding", "transcoding", "transcoding"),
        ] {
            let (mut state, video, version) = state(rule);
            assert_eq!(state.videos[&video].status(), "uploading");
            state.uploaded(video, version, at(0));
            assert_eq!(state.videos[&video].status(), after_upload, "{rule:?}");
            state.settle(at(2));
            assert_eq!(state.videos[&video].status(), at_two, "{rule:?}");
            state.settle(at(10));
            assert_eq!(state.videos[&video].status(), at_ten, "{rule:?}");
        }
    }

    #[test]
    fn some_transcodings_wait_to_be_looked_at() {
        let (mut state, video, version) = state(Transcode::AfterReads(2));
        state.read_video(video, at(0));
        state.uploaded(video, version, at(1));
        let seen: Vec<&str> = (0..4)
            .map(|_| {
                state.read_video(video, at(2));
                state.videos[&video].status()
            })
            .collect();
        assert_eq!(seen, ["transcoding", "transcoding", "available", "available"]);
    }

    #[test]
    fn a_new_version_replaces_the_old_when_it_is_ready() {
        let (mut state, video, first) = state(Transcode::After(Duration::from_secs(5)));
        state.uploaded(video, first, at(0));
        state.settle(at(5));
        let second = state.add_version(video, "b.mp4", NewSource::Tus { size: 3 }, at(6)).unwrap();
        state.uploaded(video, second, at(7));
        assert_eq!(state.videos[&video].current().unwrap().id, first);
        assert!(state.videos[&video].is_playable());
        state.settle(at(12));
        assert_eq!(state.videos[&video].current().unwrap().id, second);
        assert_eq!(state.videos[&video].versions.iter().filter(|version| version.active).count(), 1);
    }

    #[test]
    fn an_empty_upload_fails_at_once() {
        let (mut state, video, _) = state(Transcode::Immediate);
        let version = state.add_version(video, "b.mp4", NewSource::Tus { size: 0 }, at(1)).unwrap();
        let version = state.videos[&video].version(version).unwrap();
        assert_eq!(version.upload, Stage::Error(Some("empty_upload".into())));
    }

    #[test]
    fn the_same_seed_makes_the_same_world() {
        let (one, ..) = state(Transcode::Immediate);
        let (two, ..) = state(Transcode::Immediate);
        assert_eq!(format!("{:?}", one.videos), format!("{:?}", two.videos));
    }
}
