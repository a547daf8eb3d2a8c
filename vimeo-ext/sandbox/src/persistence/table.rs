//! Tables of rows by ID that record which rows changed, so that a write costs as much as what changed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;

use serde::de::Deserializer;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Rows by ID.
///
/// A clone shares its rows with the original: a mutation copies the map and the row that it changes, and only as long as
/// both exist.
///
/// It is serialized as the map of rows. Within [`changes`], it is serialized as the changes since the last commit: an
/// object with the single member [`CHANGED`], which contains the new and changed rows, and null for removed rows.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Arc<BTreeMap<u64, Arc<T>>>,
    /// `None` if changes are not recorded, because recording them would grow without bound.
    changed: Option<BTreeSet<u64>>,
}

/// The rows in the order of their IDs. A named type, so that a borrow of the table ends with the last use.
pub(crate) type Values<'a, T> = std::iter::Map<btree_map::Values<'a, u64, Arc<T>>, fn(&'a Arc<T>) -> &'a T>;

/// The member that distinguishes changes from a whole table; it is not a valid ID.
pub(crate) const CHANGED: &str = "changed";

thread_local! {
    static CHANGES_ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Serializes a value with changes in place of whole tables.
pub(crate) fn changes(value: &impl Serialize) -> serde_json::Result<Value> {
    CHANGES_ONLY.set(true);
    let written = serde_json::to_value(value);
    CHANGES_ONLY.set(false);
    written
}

/// Applies changes, as serialized by [`changes`], to a whole value.
pub(crate) fn apply(whole: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, mut change) in changes {
        let rows = change.get_mut(CHANGED).and_then(Value::as_object_mut).map(std::mem::take);
        match (rows, whole.get_mut(&name).and_then(Value::as_object_mut)) {
            (Some(rows), Some(table)) => {
                for (id, row) in rows {
                    match row.is_null() {
                        true => drop(table.remove(&id)),
                        false => drop(table.insert(id, row)),
                    }
                }
            }
            (Some(mut rows), None) => {
                rows.retain(|_, row| !row.is_null());
                whole.insert(name, Value::Object(rows));
            }
            (None, _) => drop(whole.insert(name, change)),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Arc::default(), changed: None }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self { rows: Arc::clone(&self.rows), changed: self.changed.clone() }
    }
}

/// A table whose changes can be recorded.
pub(crate) trait Watched {
    /// Starts to record changes.
    fn watch(&mut self);

    fn has_changed(&self) -> bool;

    /// Clears the recorded changes after they were written.
    fn commit(&mut self);
}

impl<T> Watched for Table<T> {
    fn watch(&mut self) {
        self.changed.get_or_insert_default();
    }

    fn has_changed(&self) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.is_empty())
    }

    fn commit(&mut self) {
        if let Some(changed) = &mut self.changed {
            changed.clear();
        }
    }
}

impl<T> Table<T> {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn contains_key(&self, id: &u64) -> bool {
        self.rows.contains_key(id)
    }

    pub(crate) fn get(&self, id: &u64) -> Option<&T> {
        self.rows.get(id).map(|row| &**row)
    }

    pub(crate) fn keys(&self) -> btree_map::Keys<'_, u64, Arc<T>> {
        self.rows.keys()
    }

    pub(crate) fn values(&self) -> Values<'_, T> {
        self.rows.values().map(|row| row)
    }

    /// Returns a copy that shares its rows with this table and records its own changes.
    pub(crate) fn share(&self) -> Self {
        Self { rows: Arc::clone(&self.rows), changed: Some(BTreeSet::new()) }
    }

    fn mark_changed(&mut self, id: u64) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    pub(crate) fn insert(&mut self, id: u64, row: T) {
        self.mark_changed(id);
        Arc::make_mut(&mut self.rows).insert(id, Arc::new(row));
    }
}

impl<T: Clone> Table<T> {
    pub(crate) fn remove(&mut self, id: &u64) -> Option<T> {
        self.mark_changed(*id);
        Arc::make_mut(&mut self.rows).remove(id).map(Arc::unwrap_or_clone)
    }

    pub(crate) fn get_mut(&mut self, id: &u64) -> Option<&mut T> {
        self.mark_changed(*id);
        Arc::make_mut(&mut self.rows).get_mut(id).map(Arc::make_mut)
    }

    /// Changes the rows that match `wanted`.
    pub(crate) fn update(&mut self, wanted: impl Fn(&T) -> bool, change: impl Fn(&mut T)) {
        let found: Vec<u64> = self.rows.iter().filter(|(_, row)| wanted(row)).map(|(id, _)| *id).collect();
        for id in found {
            if let Some(row) = self.get_mut(&id) {
                change(row);
            }
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&u64, &T) -> bool) {
        let gone: Vec<u64> = self.rows.iter().filter(|(id, row)| !keep(id, row)).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(&id);
        }
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(changed) = self.changed.as_ref().filter(|_| CHANGES_ONLY.get()) else {
            return serializer.collect_map(self.rows.iter().map(|(id, row)| (id, &**row)));
        };
        let rows: BTreeMap<u64, Option<&T>> = changed.iter().map(|id| (*id, self.get(id))).collect();
        let mut table = serializer.serialize_map(Some(1))?;
        table.serialize_entry(CHANGED, &rows)?;
        table.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = BTreeMap::<u64, T>::deserialize(deserializer)?;
        let rows = rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect();
        Ok(Self { rows: Arc::new(rows), changed: None })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl<T> std::ops::Index<&u64> for Table<T> {
        type Output = T;

        fn index(&self, id: &u64) -> &T {
            self.get(id).unwrap()
        }
    }

    #[derive(Serialize, Deserialize, Default)]
    struct Whole {
        count: u32,
        rows: Table<String>,
    }

    #[test]
    fn applying_changes_restores_the_whole() {
        let mut state = Whole::default();
        state.rows.insert(1, "one".into());
        state.rows.insert(2, "two".into());
        let mut written = serde_json::to_value(&state).unwrap().as_object().unwrap().clone();
        assert!(!state.rows.has_changed());

        state.rows.watch();
        state.count = 7;
        state.rows.remove(&1);
        state.rows.insert(3, "three".into());
        state.rows.update(|row| row == "two", |row| row.push('!'));
        state.rows.retain(|id, _| *id != 9);
        let changed = changes(&state).unwrap();
        assert_eq!(changed, json!({"count": 7, "rows": {"changed": {"1": null, "2": "two!", "3": "three"}}}));
        apply(&mut written, changed.as_object().unwrap().clone());
        assert_eq!(Value::Object(written), serde_json::to_value(&state).unwrap());
        state.rows.commit();
        assert!(!state.rows.has_changed());
    }

    #[test]
    fn copies_keep_their_rows() {
        let mut table = Table::default();
        for id in 1..=3 {
            table.insert(id, id.to_string());
        }
        let copy = table.share();
        table.insert(4, "four".to_owned());
        table.update(|row| row == "2", |row| row.push('!'));
        table.get_mut(&3).unwrap().push('?');
        table.remove(&1);
        assert_eq!(copy.values().collect::<Vec<_>>(), ["1", "2", "3"]);
        assert!(!copy.has_changed());
        assert_eq!(table.values().collect::<Vec<_>>(), ["2!", "3?", "four"]);
    }
}
