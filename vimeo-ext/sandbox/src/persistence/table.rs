//! Tables of rows by ID that record which rows changed, so that a write costs as much as what changed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::de::Deserializer;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Rows by ID. It dereferences to the map of rows; mutation goes through its own methods.
///
/// It is serialized as that map. Within [`changes`], it is serialized as the changes since the last commit: an object
/// with the single member [`CHANGED`], which contains the new and changed rows, and null for removed rows.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    rows: BTreeMap<u64, T>,
    /// `None` if changes are not recorded, because recording them would grow without bound.
    changed: Option<BTreeSet<u64>>,
}

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
        Self { rows: BTreeMap::new(), changed: None }
    }
}

impl<T> Deref for Table<T> {
    type Target = BTreeMap<u64, T>;

    fn deref(&self) -> &Self::Target {
        &self.rows
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
    fn mark_changed(&mut self, id: u64) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    pub(crate) fn insert(&mut self, id: u64, row: T) -> Option<T> {
        self.mark_changed(id);
        self.rows.insert(id, row)
    }

    pub(crate) fn remove(&mut self, id: &u64) -> Option<T> {
        self.mark_changed(*id);
        self.rows.remove(id)
    }

    pub(crate) fn get_mut(&mut self, id: &u64) -> Option<&mut T> {
        self.mark_changed(*id);
        self.rows.get_mut(id)
    }

    /// Changes the rows that match `wanted`.
    pub(crate) fn update(&mut self, wanted: impl Fn(&T) -> bool, change: impl Fn(&mut T)) {
        for (id, row) in self.rows.iter_mut().filter(|(_, row)| wanted(row)) {
            change(row);
            if let Some(changed) = &mut self.changed {
                changed.insert(*id);
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

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = (&'a u64, &'a T);
    type IntoIter = std::collections::btree_map::Iter<'a, u64, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(changed) = self.changed.as_ref().filter(|_| CHANGES_ONLY.get()) else {
            return self.rows.serialize(serializer);
        };
        let rows: BTreeMap<u64, Option<&T>> = changed.iter().map(|id| (*id, self.rows.get(id))).collect();
        let mut table = serializer.serialize_map(Some(1))?;
        table.serialize_entry(CHANGED, &rows)?;
        table.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { rows: BTreeMap::deserialize(deserializer)?, changed: None })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
}
