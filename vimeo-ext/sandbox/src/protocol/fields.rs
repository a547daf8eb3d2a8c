//! `?fields=`: selects the members of a response.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What `fields` selects at one level of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All members.
    All,
    /// Only the named members.
    Only(BTreeMap<String, Selection>),
}

/// Limits the depth of a path in `fields`.
const MAX_DEPTH: usize = 64;

static ALL: Selection = Selection::All;

impl Selection {
    /// Parses a comma-separated list of dotted paths; an empty list selects everything.
    pub(crate) fn parse(fields: Option<&str>) -> Self {
        let mut root = Self::Only(BTreeMap::new());
        for path in fields.unwrap_or_default().split(',').map(str::trim).filter(|path| !path.is_empty()) {
            // Truncated beyond the depth of any response, so that a path cannot exhaust the stack.
            let end = path.match_indices('.').nth(MAX_DEPTH).map_or(path.len(), |(at, _)| at);
            root.add(path.get(..end).unwrap_or(path));
        }
        match root {
            Self::Only(names) if names.is_empty() => Self::All,
            other => other,
        }
    }

    fn add(&mut self, path: &str) {
        let Self::Only(names) = self else { return };
        match path.split_once('.') {
            None => {
                names.insert(path.to_owned(), Self::All);
            }
            Some((name, rest)) => {
                names.entry(name.to_owned()).or_insert_with(|| Self::Only(BTreeMap::new())).add(rest);
            }
        }
    }

    /// The selection below the member `name`; `None` if the member is not selected.
    pub(crate) fn of(&self, name: &str) -> Option<&Selection> {
        match self {
            Self::All => Some(&ALL),
            Self::Only(names) => names.get(name),
        }
    }

    /// Removes unselected members from `value`; arrays are filtered item by item.
    pub(crate) fn prune(&self, value: Value) -> Value {
        let Self::Only(names) = self else { return value };
        match value {
            Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .filter_map(|(name, member)| {
                        names.get(&name).map(|below| (name.clone(), below.prune(member)))
                    })
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.prune(item)).collect()),
            other => other,
        }
    }
}

/// Builds an object, without computing the members that `fields` leaves out.
pub(crate) struct Object<'a> {
    selection: &'a Selection,
    members: Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(selection: &'a Selection) -> Self {
        Self::with_capacity(selection, 0)
    }

    /// An object that has about this many members, if all are selected.
    pub(crate) fn with_capacity(selection: &'a Selection, members: usize) -> Self {
        let members = match selection {
            Selection::All => members,
            Selection::Only(names) => members.min(names.len()),
        };
        Self { selection, members: Map::with_capacity(members) }
    }

    pub(crate) fn put(self, name: &str, value: impl Into<Value>) -> Self {
        self.with(name, |_| value.into())
    }

    /// Adds a member whose value is expensive: computes it only if selected, and passes the selection below it.
    pub(crate) fn with(mut self, name: &str, value: impl FnOnce(&Selection) -> Value) -> Self {
        if let Some(below) = self.selection.of(name) {
            self.members.insert(name.to_owned(), below.prune(value(below)));
        }
        self
    }

    /// Adds a member only if `present`.
    pub(crate) fn with_if(self, present: bool, name: &str, value: impl FnOnce(&Selection) -> Value) -> Self {
        if present { self.with(name, value) } else { self }
    }

    pub(crate) fn build(self) -> Value {
        Value::Object(self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prunes_unselected_members() {
        let video = json!({
            "uri": "/videos/1",
            "name": "One",
            "pictures": {"uri": null, "sizes": [{"width": 1, "link": "a"}, {"width": 2, "link": "b"}]},
            "user": {"name": "Someone", "uri": "/users/1"},
        });
        for (fields, expected) in [
            ("", video.clone()),
            (" , ", video.clone()),
            ("uri", json!({"uri": "/videos/1"})),
            ("name, uri", json!({"uri": "/videos/1", "name": "One"})),
            ("nothing.of.the.kind", json!({})),
            ("pictures.sizes.link", json!({"pictures": {"sizes": [{"link": "a"}, {"link": "b"}]}})),
            ("pictures.uri,pictures", json!({"pictures": video["pictures"]})),
            ("pictures,pictures.uri", json!({"pictures": video["pictures"]})),
            ("user.name,user.uri", json!({"user": {"name": "Someone", "uri": "/users/1"}})),
        ] {
            assert_eq!(Selection::parse(Some(fields)).prune(video.clone()), expected, "{fields}");
        }
        assert_eq!(Selection::parse(None), Selection::All);
    }

    #[test]
    fn skips_computing_unselected_members() {
        let selection = Selection::parse(Some("a,b.c"));
        let built = Object::new(&selection)
            .put("a", 1)
            .with("b", |_| json!({"c": 2, "d": 3}))
            .with("x", |_| unreachable!("not selected"))
            .build();
        assert_eq!(built, json!({"a": 1, "b": {"c": 2}}));
    }
}
