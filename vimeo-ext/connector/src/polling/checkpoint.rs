//! What is known of an account's videos since the last poll, and what a poll changes. Pure: no I/O.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The maximum number of videos of an account that are watched: those with the greatest IDs, which are the newest.
pub(super) const MAX_VIDEOS: usize = 10_000;

/// The known state of an account's videos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) account: String,
    /// The interval in which the account was last polled, counted since 1970.
    pub(super) interval: i64,
    /// When the first poll began, by Vimeo's clock. Comments on videos that are newer are all events.
    pub(super) started_at: DateTime<Utc>,
    /// The latest modification that was seen.
    pub(super) modified_until: Option<DateTime<Utc>>,
    /// The page at which reading the older videos continues.
    pub(super) next_page: u32,
    /// The different privacy settings of the videos, each once.
    privacies: Vec<Privacy>,
    videos: BTreeMap<u64, KnownVideo>,
}

/// The privacy settings of a video, under Vimeo's names. What Vimeo does not send is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Privacy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) embed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comments: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) download: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add: Option<bool>,
}

impl Privacy {
    /// Returns these settings with the unknown ones taken from earlier settings.
    fn or(self, earlier: &Self) -> Self {
        Self {
            view: self.view.or_else(|| earlier.view.clone()),
            embed: self.embed.or_else(|| earlier.embed.clone()),
            comments: self.comments.or_else(|| earlier.comments.clone()),
            download: self.download.or(earlier.download),
            add: self.add.or(earlier.add),
        }
    }

    /// Whether a setting that is known in both differs.
    fn differs_from(&self, earlier: &Self) -> bool {
        fn differ<T: PartialEq>(now: Option<&T>, earlier: Option<&T>) -> bool {
            matches!((now, earlier), (Some(now), Some(earlier)) if now != earlier)
        }
        differ(self.view.as_ref(), earlier.view.as_ref())
            || differ(self.embed.as_ref(), earlier.embed.as_ref())
            || differ(self.comments.as_ref(), earlier.comments.as_ref())
            || differ(self.download.as_ref(), earlier.download.as_ref())
            || differ(self.add.as_ref(), earlier.add.as_ref())
    }
}

/// What is stored of a video. The short names keep checkpoints small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownVideo {
    /// The place of its settings in `privacies`.
    #[serde(rename = "p")]
    privacy: usize,
    /// How often its privacy changed.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    changes: u64,
    #[serde(flatten)]
    comments: KnownComments,
}

/// What is known of a video's comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownComments {
    /// How many there were.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub(super) total: u64,
    /// Comments from before this time are known, in seconds since 1970.
    #[serde(rename = "s")]
    pub(super) since: i64,
    /// The known comments of that second.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) known: Vec<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A video as a poll found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolledVideo {
    pub(super) id: u64,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) privacy: Privacy,
    /// How many comments it has, if Vimeo sent that.
    pub(super) comments: Option<u64>,
}

/// What a poll found out about a video.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) privacy: Option<PrivacyChange>,
    /// The known comments, if the number of comments differs so that they have to be read.
    pub(super) comments: Option<KnownComments>,
}

/// A change of privacy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PrivacyChange {
    pub(super) old: Privacy,
    pub(super) new: Privacy,
    /// Which change of this video it is, from 1.
    pub(super) number: u64,
}

impl Checkpoint {
    /// Creates the checkpoint of an account that was never polled.
    pub(super) fn new(account: &str, now: DateTime<Utc>) -> Self {
        Self {
            account: account.to_owned(),
            interval: 0,
            started_at: now,
            modified_until: None,
            next_page: 2,
            privacies: Vec::new(),
            videos: BTreeMap::new(),
        }
    }

    /// Whether the account was polled in this interval, or in a later one.
    pub(super) fn is_polled(&self, interval: i64) -> bool {
        self.interval >= interval
    }

    /// Records a video and returns what changed. The first time that a video is seen, its privacy is only recorded, and its
    /// comments count as known unless the video is newer than the first poll. `now` is the time of Vimeo's response.
    pub(super) fn record(&mut self, video: PolledVideo, now: DateTime<Utc>) -> Changes {
        let Some(known) = self.videos.get(&video.id) else { return self.record_new(video, now) };
        let mut changes = Changes::default();
        let earlier = self.privacies.get(known.privacy).cloned().unwrap_or_default();
        let is_changed = video.privacy.differs_from(&earlier);
        let merged = video.privacy.or(&earlier);
        if video.comments.is_some_and(|total| total != known.comments.total) {
            changes.comments = Some(known.comments.clone());
        }
        if merged == earlier {
            return changes;
        }
        let privacy = self.place_of(&merged);
        if let Some(known) = self.videos.get_mut(&video.id) {
            known.privacy = privacy;
            if is_changed {
                known.changes = known.changes.saturating_add(1);
                changes.privacy = Some(PrivacyChange { old: earlier, new: merged, number: known.changes });
            }
        }
        changes
    }

    fn record_new(&mut self, video: PolledVideo, now: DateTime<Utc>) -> Changes {
        let is_full = self.videos.len() >= MAX_VIDEOS;
        if is_full && self.videos.keys().next().is_some_and(|oldest| video.id < *oldest) {
            return Changes::default();
        }
        if is_full {
            self.videos.pop_first();
        }
        let total = video.comments.unwrap_or_default();
        let new_since = video.created_at.filter(|created| *created > self.started_at);
        let comments = match new_since {
            Some(created) => KnownComments { total: 0, since: created.timestamp(), known: Vec::new() },
            None => KnownComments { total, since: now.timestamp(), known: Vec::new() },
        };
        let unread = Some(comments.clone()).filter(|comments| comments.total != total);
        let privacy = self.place_of(&video.privacy);
        self.videos.insert(video.id, KnownVideo { privacy, changes: 0, comments });
        Changes { privacy: None, comments: unread }
    }

    /// Records that a video's comments were read.
    pub(super) fn record_comments(&mut self, video: u64, comments: KnownComments) {
        if let Some(known) = self.videos.get_mut(&video) {
            known.comments = comments;
        }
    }

    /// Removes settings that no video has any more.
    pub(super) fn compact(&mut self) {
        let mut places = BTreeMap::new();
        let mut used = Vec::new();
        for video in self.videos.values_mut() {
            let privacies = &self.privacies;
            video.privacy = *places.entry(video.privacy).or_insert_with_key(|place| {
                used.push(privacies.get(*place).cloned().unwrap_or_default());
                used.len().saturating_sub(1)
            });
        }
        self.privacies = used;
    }

    fn place_of(&mut self, privacy: &Privacy) -> usize {
        match self.privacies.iter().position(|one| one == privacy) {
            Some(place) => place,
            None => {
                self.privacies.push(privacy.clone());
                self.privacies.len().saturating_sub(1)
            }
        }
    }
}

impl KnownComments {
    /// Whether a comment is new.
    pub(super) fn is_new(&self, id: u64, created_at: DateTime<Utc>) -> bool {
        let created = created_at.timestamp();
        created > self.since || (created == self.since && !self.known.contains(&id))
    }

    /// Returns what is known after these comments, which are all new ones, were read.
    pub(super) fn after(&self, new: &[(u64, DateTime<Utc>)], total: u64) -> Self {
        let latest = new.iter().map(|(_, created)| created.timestamp()).fold(self.since, i64::max);
        let mut known = if latest == self.since { self.known.clone() } else { Vec::new() };
        known.extend(new.iter().filter(|(_, created)| created.timestamp() == latest).map(|(id, _)| *id));
        Self { total, since: latest, known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn privacy(view: &str, download: Option<bool>) -> Privacy {
        Privacy { view: Some(view.to_owned()), download, ..Privacy::default() }
    }

    fn video(privacy: Privacy, comments: Option<u64>) -> PolledVideo {
        PolledVideo { id: 1, created_at: Some(at(10)), privacy, comments }
    }

    #[test]
    fn privacy_events_need_two_known_values_that_differ() {
        let unknown = Privacy::default();
        // (first poll, second poll, whether that is a change)
        for (first, second, changed) in [
            (privacy("nobody", None), privacy("nobody", None), false),
            (privacy("nobody", None), privacy("anybody", None), true),
            (privacy("nobody", Some(true)), privacy("nobody", Some(false)), true),
            (privacy("nobody", None), privacy("nobody", Some(false)), false),
            (privacy("nobody", Some(true)), privacy("nobody", None), false),
            (unknown.clone(), privacy("nobody", None), false),
            (privacy("nobody", None), unknown, false),
        ] {
            let mut checkpoint = Checkpoint::new("a", at(100));
            assert_eq!(checkpoint.record(video(first.clone(), None), at(100)), Changes::default());
            let changes = checkpoint.record(video(second.clone(), None), at(200));
            assert_eq!(changes.privacy.is_some(), changed, "{first:?} {second:?}");
            assert_eq!(changes.comments, None);
            let again = checkpoint.record(video(second, None), at(300));
            assert_eq!(again, Changes::default(), "a change is one event");
        }
    }

    #[test]
    fn changes_back_and_forth_have_different_numbers() {
        let mut checkpoint = Checkpoint::new("a", at(100));
        let mut numbers = Vec::new();
        for view in ["nobody", "anybody", "nobody", "anybody"] {
            let changes = checkpoint.record(video(privacy(view, None), None), at(100));
            numbers.extend(changes.privacy.map(|change| (change.number, change.new.view.unwrap())));
        }
        let expected = [(1, "anybody"), (2, "nobody"), (3, "anybody")];
        assert_eq!(numbers, expected.map(|(number, view)| (number, view.to_owned())));
        assert_eq!(checkpoint.privacies.len(), 2);
    }

    #[test]
    fn comments_are_read_when_their_number_differs() {
        // (created, comments at first, comments then, read at first, read then)
        for (created, first, second, read_first, read_then) in [
            (10, Some(0), Some(0), false, false),
            (10, Some(3), Some(3), false, false),
            (10, Some(3), Some(4), false, true),
            (10, Some(3), Some(2), false, true),
            (10, Some(3), None, false, false),
            (10, None, Some(0), false, false),
            (150, Some(0), Some(0), false, false),
            (150, Some(2), Some(2), true, true),
        ] {
            let mut checkpoint = Checkpoint::new("a", at(100));
            let polled = |comments| PolledVideo {
                created_at: Some(at(created)),
                ..video(privacy("nobody", None), comments)
            };
            let changes = checkpoint.record(polled(first), at(200));
            assert_eq!(changes.comments.is_some(), read_first, "{created} {first:?}");
            let changes = checkpoint.record(polled(second), at(300));
            assert_eq!(changes.comments.is_some(), read_then, "{created} {first:?} {second:?}");
        }
    }

    #[test]
    fn comments_of_the_same_second_are_new_once() {
        let known = KnownComments { total: 2, since: 100, known: vec![7] };
        for (id, created, new) in [(7, 100, false), (8, 100, true), (9, 99, false), (9, 101, true)] {
            assert_eq!(known.is_new(id, at(created)), new, "{id} {created}");
        }
        let after = known.after(&[(8, at(100))], 3);
        assert_eq!(after, KnownComments { total: 3, since: 100, known: vec![7, 8] });
        let after = known.after(&[(8, at(100)), (9, at(101)), (10, at(101))], 5);
        assert_eq!(after, KnownComments { total: 5, since: 101, known: vec![9, 10] });
        assert_eq!(known.after(&[], 1), KnownComments { total: 1, ..known.clone() });
    }

    #[test]
    fn a_full_checkpoint_forgets_the_oldest_videos() {
        let mut checkpoint = Checkpoint::new("a", at(100));
        let count = u64::try_from(MAX_VIDEOS).unwrap();
        for id in 10..count + 10 {
            checkpoint.record(PolledVideo { id, ..video(privacy("nobody", None), None) }, at(100));
        }
        checkpoint.record(PolledVideo { id: 5, ..video(privacy("anybody", None), None) }, at(100));
        assert!(!checkpoint.videos.contains_key(&5));
        checkpoint.record(PolledVideo { id: count + 10, ..video(privacy("anybody", None), None) }, at(100));
        assert_eq!((checkpoint.videos.len(), checkpoint.videos.contains_key(&10)), (MAX_VIDEOS, false));
        let text = serde_json::to_string(&checkpoint).unwrap();
        assert!(text.len() < 500_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Checkpoint>(&text).unwrap(), checkpoint);
        checkpoint.compact();
        assert_eq!(checkpoint.privacies.len(), 2);
    }
}
