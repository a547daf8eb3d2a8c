//! The users of a world and their tokens.

use chrono::{DateTime, Utc};

use super::State;
use super::upload::UNKNOWN_SIZE;
use super::user::{Token, TokenKey, User};
use crate::config::QuotaUnit;
use crate::config::scopes::Scopes;

impl State {
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

    /// Adds `text` as a token of this world; returns `false` if this or another world already has it.
    pub(crate) fn add_token(
        &mut self,
        text: &str,
        user: Option<u64>,
        scopes: Scopes,
        expires: Option<DateTime<Utc>>,
    ) -> bool {
        let key = TokenKey::of(text);
        if !self.index.claim(&key, self.id) {
            return false;
        }
        let rate = self.config.rate_limit;
        let token = Token { user, scopes, expires, rate, usage: Default::default() };
        self.tokens.insert(key, token);
        true
    }

    /// Issues a new token with an obviously fake text.
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
        self.tokens.get_mut(&TokenKey::of(text))
    }

    pub(crate) fn revoke(&mut self, text: &str) -> bool {
        let key = TokenKey::of(text);
        self.index.release(&key);
        self.tokens.remove(&key).is_some()
    }

    /// Returns the user with this ID or profile name.
    pub(crate) fn find_user(&self, name: &str) -> Option<&User> {
        match name.parse().ok().and_then(|id: u64| self.users.get(&id)) {
            Some(user) => Some(user),
            None => self.users.values().find(|user| user.is_called(name)),
        }
    }

    /// Returns a user's usage of a quota.
    pub(crate) fn quota_used(&self, user: u64, unit: QuotaUnit) -> u64 {
        match unit {
            QuotaUnit::VideoSize => self.bytes_used(user),
            QuotaUnit::VideoCount => self
                .videos
                .values()
                .filter(|video| video.owner == user)
                .count()
                .try_into()
                .unwrap_or(u64::MAX),
        }
    }

    /// Returns the announced bytes of a user's videos.
    pub(crate) fn bytes_used(&self, user: u64) -> u64 {
        let versions =
            self.videos.values().filter(|video| video.owner == user).flat_map(|video| &video.versions);
        let sizes = versions.filter_map(|version| version.source.upload()).map(|upload| upload.size());
        sizes.filter(|size| *size != UNKNOWN_SIZE).fold(0, u64::saturating_add)
    }
}
