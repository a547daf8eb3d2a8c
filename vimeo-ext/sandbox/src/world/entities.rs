//! Things that need no rules of their own: kept by the path of their list, in the order in which they came.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A thing on a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    /// What stands last in its URI; a number or a word.
    pub(crate) id: String,
    /// Who put it there.
    pub(crate) owner: u64,
    /// What was set of it. All else follows from the description.
    pub(crate) set: Map<String, Value>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
}

/// All lists of a world, by their path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Collections(BTreeMap<String, Vec<Entity>>);

impl Collections {
    pub(crate) fn list(&self, key: &str) -> &[Entity] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn count(&self, key: &str) -> usize {
        self.list(key).len()
    }

    pub(crate) fn get(&self, key: &str, id: &str) -> Option<&Entity> {
        self.list(key).iter().find(|thing| thing.id == id)
    }

    pub(crate) fn get_mut(&mut self, key: &str, id: &str) -> Option<&mut Entity> {
        self.0.get_mut(key)?.iter_mut().find(|thing| thing.id == id)
    }

    /// Every list with its path.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[Entity])> {
        self.0.iter().map(|(key, things)| (key.as_str(), things.as_slice()))
    }

    /// Puts a thing on a list; one that is there already under its id gives way.
    pub(crate) fn put(&mut self, key: &str, thing: Entity) {
        let things = self.0.entry(key.to_owned()).or_default();
        match things.iter_mut().find(|known| known.id == thing.id) {
            Some(known) => *known = thing,
            None => things.push(thing),
        }
    }

    /// Takes a thing away, with all that lies below it.
    pub(crate) fn remove(&mut self, key: &str, id: &str) -> bool {
        let Some(things) = self.0.get_mut(key) else { return false };
        let before = things.len();
        things.retain(|thing| thing.id != id);
        let gone = things.len() < before;
        if gone {
            self.forget_below(&format!("{key}/{id}/"));
        }
        gone
    }

    /// Whether a thing of that id is anywhere.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.values().flatten().any(|thing| thing.id == id)
    }

    pub(crate) fn clear(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Empties the lists below a path, which ends in a slash.
    pub(crate) fn forget_below(&mut self, path: &str) {
        self.0.retain(|key, _| !key.starts_with(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_away_takes_what_lies_below_it() {
        let thing = |id: &str, owner: u64| Entity {
            id: id.to_owned(),
            owner,
            set: Map::new(),
            created: DateTime::UNIX_EPOCH,
            modified: DateTime::UNIX_EPOCH,
        };
        let mut collections = Collections::default();
        collections.put("/a", thing("1", 5));
        collections.put("/a", thing("2", 5));
        collections.put("/a", thing("1", 6));
        collections.put("/a/1/b", thing("9", 5));
        collections.put("/a/12/b", thing("9", 5));
        assert_eq!(collections.count("/a"), 2);
        assert_eq!(collections.get("/a", "1").map(|thing| thing.owner), Some(6));
        assert!(collections.remove("/a", "1") && !collections.remove("/a", "1"));
        assert_eq!((collections.count("/a/1/b"), collections.count("/a/12/b")), (0, 1));
    }
}
