//! The `fields` parameter, which limits the fields of a response.

use std::any::TypeId;
use std::fmt;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use strsim::levenshtein;

use super::checked_fields::CheckedFields;
use super::lenient::{ReadFn, lookup_mut, remove};
use super::tree::{ReadState, Step, Tree};

/// The names of the fields that a response should contain. Setting them makes Vimeo respond faster and raises the rate limit.
///
/// Created from comma-separated text or from a list of names. A dot selects a nested field.
///
/// ```
/// use vimeo_api::Fields;
/// assert_eq!(Fields::from("uri,name").as_str(), "uri,name");
/// assert_eq!(Fields::from(["uri", "pictures.sizes"]).as_str(), "uri,pictures.sizes");
/// ```
///
/// # Checked names
///
/// Vimeo ignores names that it does not know. Typed calls therefore reject a name that the response type does not have, and
/// suggest the nearest one. To request a field that this crate does not know, use [`Fields::unchecked`] and read the field from
/// [`Response::bytes`](crate::Response::bytes) or with `send_as`.
///
/// ```
/// # #[cfg(feature = "videos")]
/// # async fn demo(client: vimeo_api::Client) -> Result<(), vimeo_api::Error> {
/// use vimeo_api::Fields;
///
/// #[derive(serde::Deserialize)]
/// struct Badge {
///     new_badge: Option<String>,
/// }
///
/// let video = client.videos().get_video(76979871).fields(Fields::unchecked("new_badge")).send_as::<Badge>().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fields {
    names: String,
    unchecked: bool,
}

impl Fields {
    /// Names fields without checking them, for fields that this crate does not know.
    #[must_use]
    pub fn unchecked(names: impl Into<Self>) -> Self {
        Self { unchecked: true, ..names.into() }
    }

    /// Returns the names as they are sent.
    pub fn as_str(&self) -> &str {
        &self.names
    }

    /// Checks the names against the response type of `operation`, which `read` decodes. `is_page` says that they name fields
    /// of the items of a page. Names that were found valid for an operation are not checked again.
    pub(super) fn check(
        &self,
        operation: TypeId,
        is_page: bool,
        read: &mut ReadFn<'_>,
    ) -> Result<(), String> {
        static CHECKED: LazyLock<CheckedFields> = LazyLock::new(CheckedFields::default);
        if self.unchecked {
            return Ok(());
        }
        CHECKED.check(operation, &self.names, || self.check_names(is_page, read))
    }

    /// Decodes a tree that contains the named fields, with `null` as the innermost values, and looks for fields that the type
    /// ignores.
    fn check_names(&self, is_page: bool, read: &mut ReadFn<'_>) -> Result<(), String> {
        let mut tree = Value::Object(Map::new());
        for name in self.names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let top = name.split('.').next().unwrap_or_default();
            if !(is_page && PAGE_FIELDS.contains(&top)) {
                insert(&mut tree, name);
            }
        }
        if is_page {
            tree = Value::Object(Map::from_iter([("data".to_owned(), Value::Array(vec![tree]))]));
        }
        for _ in 0..MAX_PASSES {
            let mut state = ReadState::recording_structs();
            let result = read(Tree::new(&tree, &mut state));
            if let Some(message) = first_unknown(&state, is_page) {
                return Err(message);
            }
            let Err(error) = result else { return Ok(()) };
            let Some(value) = lookup_mut(&mut tree, &state.stopped) else { return Ok(()) };
            // Only the type knows whether a field holds an object or a list of objects. Other mismatches do not
            // reject a name: the value is replaced by `null` and then removed, so that the names after it are checked.
            match value.take() {
                Value::Null if state.stopped.is_empty() => return Ok(()),
                Value::Null => remove(&mut tree, &state.stopped),
                object @ Value::Object(_) if error.to_string().contains("expected a sequence") => {
                    *value = Value::Array(vec![object]);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Enough passes for every list and every mismatch on the way to the named fields.
const MAX_PASSES: usize = 1000;

/// The depth to which names are checked. Decoding and dropping a tree are recursive, so a name with very many dots would
/// exhaust the stack.
const MAX_DEPTH: usize = 32;

/// The fields of a page itself. All other names select fields of its items.
const PAGE_FIELDS: [&str; 5] = ["data", "page", "paging", "per_page", "total"];

/// Inserts the field `a.b` as `{"a": {"b": null}}`.
fn insert(tree: &mut Value, name: &str) {
    let mut node = tree;
    for part in name.split('.').take(MAX_DEPTH) {
        if !node.is_object() {
            *node = Value::Object(Map::new());
        }
        let Value::Object(fields) = node else { return };
        node = fields.entry(part).or_insert(Value::Null);
    }
}

/// The message about the first unknown field, if there is one.
fn first_unknown(state: &ReadState, is_page: bool) -> Option<String> {
    let unknown = state.unknown.first()?;
    let (last, parent) = unknown.split_last()?;
    let Step::Key(field) = last else { return None };
    let siblings = state.structs.iter().find(|(steps, _)| steps == parent);
    let nearest = siblings.and_then(|(_, names)| nearest(field, names));
    let name = |last: &str| {
        let names = parent.iter().skip(if is_page { 1 } else { 0 }).filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        names.chain([last]).collect::<Vec<_>>().join(".")
    };
    let suggestion =
        nearest.map_or_else(String::new, |nearest| format!("; did you mean `{}`?", name(nearest)));
    Some(format!(
        "the response has no field `{}`{suggestion} (Fields::unchecked sends any name)",
        name(field)
    ))
}

/// The name that differs from `text` in the fewest letters, if it differs in few of them.
fn nearest(text: &str, names: &[&'static str]) -> Option<&'static str> {
    let max = (text.chars().count() / 3).max(2);
    let distances = names.iter().map(|name| (levenshtein(text, name), *name));
    distances.filter(|(distance, _)| *distance <= max).min().map(|(_, name)| name)
}

impl From<&str> for Fields {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Fields {
    fn from(names: String) -> Self {
        Self { names, unchecked: false }
    }
}

impl From<&[&str]> for Fields {
    fn from(names: &[&str]) -> Self {
        names.join(",").into()
    }
}

impl<const N: usize> From<[&str; N]> for Fields {
    fn from(names: [&str; N]) -> Self {
        names.join(",").into()
    }
}

impl From<&Fields> for Fields {
    fn from(fields: &Fields) -> Self {
        fields.clone()
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::Page;

    #[derive(Default, Deserialize)]
    #[allow(dead_code)]
    struct Video {
        uri: Option<String>,
        name: Option<String>,
        pictures: Option<Box<Pictures>>,
        tags: Option<Vec<Tag>>,
        #[serde(rename = "type")]
        kind: Option<u64>,
        anything: Option<Value>,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Pictures {
        sizes: Option<Vec<Tag>>,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Tag {
        name: Option<String>,
        required: u64,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Required {
        first: BTreeMap<String, u64>,
    }

    fn check<T: serde::de::DeserializeOwned + 'static>(
        fields: impl Into<Fields>,
        is_page: bool,
    ) -> Result<(), String> {
        // A type per response type and kind, as operations are.
        let operation = if is_page { TypeId::of::<Page<T>>() } else { TypeId::of::<T>() };
        fields.into().check(operation, is_page, &mut |tree| T::deserialize(tree).map(drop))
    }

    #[test]
    fn accepts_known_fields_at_any_depth() {
        for fields in [
            "",
            "uri,name",
            " uri , type ",
            "pictures.sizes.name,pictures.sizes.required",
            "tags,tags.name",
            "anything.at.all",
            "name.first",
        ] {
            assert_eq!(check::<Video>(fields, false), Ok(()), "{fields}");
            assert_eq!(check::<Page<Video>>(fields, true), Ok(()), "{fields}");
        }
        assert_eq!(check::<Page<Video>>("total,paging.next,data.uri,uri", true), Ok(()));
        assert_eq!(check::<Option<Video>>("uri", false), Ok(()));
        assert_eq!(check::<Value>("whatever", false), Ok(()));
        assert_eq!(check::<Value>(format!("deep{}", ".deep".repeat(1_000_000)), false), Ok(()));
    }

    #[test]
    fn rejects_unknown_fields_and_suggests_the_nearest() {
        for (fields, unknown, suggestion) in [
            ("nmae", "nmae", Some("name")),
            ("uri,Name", "Name", Some("name")),
            ("pictures.size", "pictures.size", Some("pictures.sizes")),
            ("pictures.sizes.nam", "pictures.sizes.nam", Some("pictures.sizes.name")),
            ("tags.nam", "tags.nam", Some("tags.name")),
            ("uri,duration", "duration", None),
            ("kind", "kind", None),
        ] {
            for error in [check::<Video>(fields, false), check::<Page<Video>>(fields, true)] {
                let error = error.expect_err(fields);
                assert!(error.contains(&format!("no field `{unknown}`")), "{fields}: {error}");
                match suggestion {
                    Some(name) => assert!(error.contains(&format!("did you mean `{name}`?")), "{error}"),
                    None => assert!(!error.contains("did you mean"), "{error}"),
                }
            }
        }
    }

    #[test]
    fn unchecked_fields_are_not_checked() {
        assert_eq!(check::<Video>(Fields::unchecked(["nmae", "uri"]), false), Ok(()));
        assert!(
            check::<Video>("nmae,uri", false).is_err(),
            "what was not checked is not remembered as valid"
        );
        assert_eq!(Fields::unchecked("a,b").as_str(), "a,b");
    }

    #[test]
    fn null_in_a_required_field_does_not_end_the_check() {
        // A required field cannot be null, so decoding stops at it.
        for fields in
            ["tags.required,uri,nmae", "tags.required.deep,tags.nmae", "tags.name.first,tags.required,zzz"]
        {
            for error in [check::<Video>(fields, false), check::<Page<Video>>(fields, true)] {
                assert!(error.expect_err(fields).contains("no field"), "{fields}");
            }
        }
        assert_eq!(check::<Page<Video>>("tags.required,tags.name,uri", true), Ok(()));
        // More such fields than any response type has.
        let fields: Vec<String> = (0..100).map(|number| format!("{number}")).collect();
        assert_eq!(check::<BTreeMap<String, u64>>(fields.join(","), false), Ok(()));
        let error = check::<Required>(format!("first.{},zzz", fields.join(",first.")), false).unwrap_err();
        assert!(error.contains("no field `zzz`"), "{error}");
    }

    #[test]
    fn nearest_name_differs_in_few_letters() {
        assert_eq!(nearest("nam", &["uri", "name"]), Some("name"));
        assert_eq!(nearest("nmae", &["uri", "name"]), Some("name"));
        assert_eq!(nearest("duration", &["uri", "name"]), None);
    }
}
