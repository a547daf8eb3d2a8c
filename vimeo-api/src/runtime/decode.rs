//! Reading answers: one fast pass, and a second that survives drift.
//!
//! The straight way is a single pass of serde over the bytes. Only when that fails, the answer is parsed into a JSON
//! tree, and what does not fit is taken out of it, piece by piece, until the rest decodes. Every piece is handed to
//! the caller with its place, so nothing is lost and nothing is hidden.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

/// How many different misfits an answer may have before it counts as another thing altogether.
const MOST_MISFITS: usize = 1000;

/// Whether an answer that does not wholly fit its type is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// What does not fit is taken out and reported beside the value: for production.
    #[default]
    Tolerant,
    /// What does not fit is an error: for tests that watch Vimeo's answers.
    Strict,
}

/// A piece of an answer that its type has no place for.
///
/// `Debug` and `Display` say where it stood and of what kind it was; the value itself, which can hold anything, only
/// comes from [`found`](Drift::found).
#[derive(Clone, PartialEq)]
pub struct Drift {
    path: String,
    expected: String,
    found: Value,
}

impl Drift {
    /// Where it stood: `data[3].user.account`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was expected there.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What was there.
    pub fn found(&self) -> &Value {
        &self.found
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, Kind::of(&self.found))
    }
}

impl fmt::Debug for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drift({self})")
    }
}

/// A value read from an answer, and what of the answer did not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// What did not fit; empty as a rule.
    pub drift: Vec<Drift>,
}

/// Why an answer could not be read at all.
#[derive(Debug)]
pub enum DecodeFailure {
    /// The bytes are no JSON.
    NotJson(serde_json::Error),
    /// They are, but what is needed is not in them.
    Misfit {
        /// Where the trouble is; empty for the whole answer.
        path: String,
        /// What was expected there.
        expected: String,
        /// What had been taken out before.
        drift: Vec<Drift>,
    },
    /// Something did not fit, and [`Strictness::Strict`] was asked for.
    Drifted(Vec<Drift>),
}

/// Reads an answer as a `T`.
///
/// ```
/// use vimeo_api::{Strictness, decode};
///
/// #[derive(serde::Deserialize)]
/// struct Clip {
///     name: Option<String>,
///     duration: Option<u64>,
/// }
///
/// let answer = br#"{"name": "Surf", "duration": "unknown"}"#;
/// let clip = decode::<Clip>(answer, Strictness::Tolerant).expect("the rest of it fits");
/// assert_eq!(clip.value.name.as_deref(), Some("Surf"));
/// assert_eq!(clip.value.duration, None);
/// assert_eq!(clip.drift[0].path(), "duration");
/// assert_eq!(clip.drift[0].found(), "unknown");
/// ```
///
/// # Errors
///
/// When the bytes are no JSON, when a value without which there is no `T` is missing, and on any drift when
/// strict.
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    strictness: Strictness,
) -> Result<Decoded<T>, DecodeFailure> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(Decoded { value, drift: Vec::new() });
    }
    let decoded = decode_drifted(bytes, &mut |_| ())?;
    match strictness {
        Strictness::Strict if !decoded.drift.is_empty() => Err(DecodeFailure::Drifted(decoded.drift)),
        _ => Ok(decoded),
    }
}

/// What an answer has beyond its type: for checking a description against recorded answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// What does not fit.
    pub drift: Vec<Drift>,
    /// The paths of fields that the type does not know, in the order of the answer.
    pub unknown: Vec<String>,
}

/// Reads an answer as a `T` and says what did not fit and which fields `T` does not know.
///
/// # Errors
///
/// As [`decode`] in its tolerant way.
pub fn inspect<T: DeserializeOwned>(bytes: &[u8]) -> Result<Inspection, DecodeFailure> {
    let (decoded, unknown) = decode_watched::<T>(bytes)?;
    Ok(Inspection { drift: decoded.drift, unknown })
}

/// Reads an answer as a `T` and writes that again: for checking that nothing is lost on the way.
///
/// # Errors
///
/// As [`decode`] in its tolerant way.
pub fn reread<T: DeserializeOwned + serde::Serialize>(bytes: &[u8]) -> Result<Decoded<Value>, DecodeFailure> {
    let (decoded, _) = decode_watched::<T>(bytes)?;
    let value = serde_json::to_value(decoded.value).map_err(DecodeFailure::NotJson)?;
    Ok(Decoded { value, drift: decoded.drift })
}

/// The tolerant pass, with the paths of unknown fields.
fn decode_watched<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Decoded<T>, Vec<String>), DecodeFailure> {
    let mut unknown = Vec::new();
    let decoded = decode_drifted(bytes, &mut |found| match found {
        Watched::Start => unknown.clear(),
        Watched::Unknown(path) => unknown.push(path),
    })?;
    Ok((decoded, unknown))
}

/// What is told while a tree is read.
enum Watched {
    /// Reading starts over.
    Start,
    /// A field that the type does not know.
    Unknown(String),
}

/// Takes out of the tree what does not fit until the rest does.
fn decode_drifted<T: DeserializeOwned>(
    bytes: &[u8],
    watch: &mut dyn FnMut(Watched),
) -> Result<Decoded<T>, DecodeFailure> {
    let mut value = None;
    let drift = mend(bytes, watch, &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    match value {
        Some(value) => Ok(Decoded { value, drift }),
        // Unreachable: mending ends well only after a value was read.
        None => Err(DecodeFailure::Misfit { path: String::new(), expected: "a value".to_owned(), drift }),
    }
}

/// Reads a type that is not named here.
type Read<'a> = dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

/// The loop behind [`decode_drifted`]. The type is erased, since this is long and would be compiled anew for each of
/// hundreds of types, though it rarely runs.
fn mend(
    bytes: &[u8],
    watch: &mut dyn FnMut(Watched),
    read: &mut Read<'_>,
) -> Result<Vec<Drift>, DecodeFailure> {
    let tree = serde_json::from_slice(bytes).map_err(DecodeFailure::NotJson)?;
    let mut mender = Mender { tree, removed: BTreeMap::new(), drift: Vec::new() };
    for _ in 0..MOST_MISFITS {
        watch(Watched::Start);
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(&mender.tree, &mut track);
        let mut unknown = |path: serde_ignored::Path<'_>| {
            watch(Watched::Unknown(path.to_string().replace(".?", "")));
        };
        let watched = serde_ignored::Deserializer::new(tracked, &mut unknown);
        let error = match read(&mut <dyn erased_serde::Deserializer<'_>>::erase(watched)) {
            Ok(()) => return Ok(mender.drift),
            Err(error) => error,
        };
        let steps: Vec<Step> = track.path().iter().map_while(Step::of).collect();
        let message = error.to_string();
        if !mender.take_out(&steps, &message) {
            let path = mender.original_path(&steps);
            return Err(DecodeFailure::Misfit { path, expected: expectation(&message), drift: mender.drift });
        }
    }
    Err(DecodeFailure::Misfit {
        path: String::new(),
        expected: format!("an answer with fewer than {MOST_MISFITS} pieces that do not fit"),
        drift: mender.drift,
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Map { key } => Some(Self::Key(key.clone())),
            Segment::Seq { index } => Some(Self::Index(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        }
    }
}

struct Mender {
    tree: Value,
    /// Which elements were taken out of which array, so that reported paths keep the numbers of the answer.
    removed: BTreeMap<String, Vec<usize>>,
    drift: Vec<Drift>,
}

impl Mender {
    /// Takes the value at `steps` out, and with it every value that must fail in the same way: those that stand at
    /// the same place in other elements of the same lists and are of the same kind, or equal where the kind alone
    /// does not tell. That keeps the work linear when a whole page has drifted in one way.
    fn take_out(&mut self, steps: &[Step], message: &str) -> bool {
        let Some(offender) = lookup(&self.tree, steps).cloned() else { return false };
        if steps.is_empty() {
            return false;
        }
        let by_kind = message.starts_with("invalid type");
        let fails = |value: &Value| {
            if by_kind { Kind::of(value) == Kind::of(&offender) } else { *value == offender }
        };
        let mut pruned = Vec::new();
        prune(&mut self.tree, steps, &mut String::new(), &self.removed, &fails, &mut pruned);
        let expected = expectation(message);
        let took = !pruned.is_empty();
        for Pruned { path, element, found } in pruned {
            if let Some((list, index)) = element {
                let gone = self.removed.entry(list).or_default();
                gone.push(index);
                gone.sort_unstable();
            }
            self.drift.push(Drift { path, expected: expected.clone(), found });
        }
        took
    }

    fn original_path(&self, steps: &[Step]) -> String {
        let mut path = String::new();
        for step in steps {
            match step {
                Step::Key(key) => push_key(&mut path, key),
                Step::Index(index) => {
                    let index = original_index(self.removed.get(&path).map_or(&[], Vec::as_slice), *index);
                    push_index(&mut path, index);
                }
            }
        }
        path
    }
}

struct Pruned {
    path: String,
    /// The list that it was an element of, and its number there.
    element: Option<(String, usize)>,
    found: Value,
}

/// Walks to the places that `steps` names, in every element of the lists on the way, and takes out what fails.
fn prune(
    node: &mut Value,
    steps: &[Step],
    path: &mut String,
    removed: &BTreeMap<String, Vec<usize>>,
    fails: &dyn Fn(&Value) -> bool,
    pruned: &mut Vec<Pruned>,
) {
    let Some((step, rest)) = steps.split_first() else { return };
    let length = path.len();
    match (step, node) {
        (Step::Key(key), Value::Object(fields)) => {
            push_key(path, key);
            if !rest.is_empty() {
                if let Some(value) = fields.get_mut(key) {
                    prune(value, rest, path, removed, fails, pruned);
                }
            } else if fields.get(key).is_some_and(fails)
                && let Some(found) = fields.remove(key)
            {
                pruned.push(Pruned { path: path.clone(), element: None, found });
            }
            path.truncate(length);
        }
        (Step::Index(_), Value::Array(elements)) => {
            let gone = removed.get(path.as_str()).map_or(&[] as &[usize], Vec::as_slice);
            let list = path.clone();
            let mut kept = Vec::with_capacity(elements.len());
            for (current, mut element) in elements.drain(..).enumerate() {
                let index = original_index(gone, current);
                push_index(path, index);
                if rest.is_empty() && fails(&element) {
                    pruned.push(Pruned {
                        path: path.clone(),
                        element: Some((list.clone(), index)),
                        found: element,
                    });
                } else {
                    prune(&mut element, rest, path, removed, fails, pruned);
                    kept.push(element);
                }
                path.truncate(length);
            }
            *elements = kept;
        }
        _ => {}
    }
}

fn lookup<'a>(mut node: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    for step in steps {
        node = match step {
            Step::Key(key) => node.get(key)?,
            Step::Index(index) => node.get(index)?,
        };
    }
    Some(node)
}

/// The number that an element had before those of `gone` (sorted) were taken out.
fn original_index(gone: &[usize], current: usize) -> usize {
    gone.iter().fold(current, |index, taken| if *taken <= index { index + 1 } else { index })
}

fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

fn push_index(path: &mut String, index: usize) {
    path.push_str(&format!("[{index}]"));
}

/// The part of serde's message that says what was wanted, without the value that came.
fn expectation(message: &str) -> String {
    let wanted = message.split_once(", expected ").map_or(message, |(_, wanted)| wanted);
    wanted.split(" at line ").next().unwrap_or_default().to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Null,
    Boolean,
    Integer,
    NegativeInteger,
    Fraction,
    Text,
    List,
    Object,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_u64() => Self::Integer,
            Value::Number(number) if number.is_i64() => Self::NegativeInteger,
            Value::Number(_) => Self::Fraction,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::NegativeInteger => "a negative integer",
            Self::Fraction => "a fraction",
            Self::Text => "text",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::Page;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Clip {
        name: Option<String>,
        size: Option<u64>,
        made: Option<chrono::DateTime<chrono::Utc>>,
        sizes: Option<Vec<Size>>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Size {
        width: Option<u64>,
    }

    fn tolerant<T: DeserializeOwned>(json: Value) -> Decoded<T> {
        decode(json.to_string().as_bytes(), Strictness::Tolerant).expect("decodes")
    }

    fn told(drift: &[Drift]) -> Vec<String> {
        drift.iter().map(Drift::to_string).collect()
    }

    #[test]
    fn what_does_not_fit_is_taken_out_and_told_and_the_rest_decodes() {
        let cases: [(Value, Clip, &[&str]); 6] = [
            (
                json!({"name": "a", "size": null, "new": [1]}),
                Clip { name: Some("a".into()), ..Clip::default() },
                &[],
            ),
            (
                json!({"name": {"text": "a"}, "size": 7}),
                Clip { size: Some(7), ..Clip::default() },
                &["name: expected a string, found an object"],
            ),
            (json!({"size": -1}), Clip::default(), &["size: expected u64, found a negative integer"]),
            (json!({"size": 1.5}), Clip::default(), &["size: expected u64, found a fraction"]),
            (json!({"sizes": {}}), Clip::default(), &["sizes: expected a sequence, found an object"]),
            (
                json!({"sizes": [{"width": 1}, 5, {"width": "2"}, 6, {"width": 3}]}),
                Clip {
                    sizes: Some(vec![Size { width: Some(1) }, Size::default(), Size { width: Some(3) }]),
                    ..Clip::default()
                },
                &[
                    "sizes[1]: expected struct Size, found an integer",
                    "sizes[3]: expected struct Size, found an integer",
                    "sizes[2].width: expected u64, found text",
                ],
            ),
        ];
        for (json, clip, drift) in cases {
            let decoded = tolerant::<Clip>(json.clone());
            assert_eq!(decoded.value, clip, "{json}");
            assert_eq!(told(&decoded.drift), drift, "{json}");
        }
    }

    #[test]
    fn a_value_that_is_wrong_by_itself_takes_only_its_equals_along() {
        let page = json!({"data": [
            {"made": ""}, {"made": "2023-04-08T09:21:35+00:00"}, {"made": ""}, {"made": "soon"},
        ]});
        let decoded = tolerant::<Page<Clip>>(page);
        let paths: Vec<&str> = decoded.drift.iter().map(Drift::path).collect();
        assert_eq!(paths, ["data[0].made", "data[2].made", "data[3].made"]);
        assert!(decoded.value.items()[1].made.is_some());
    }

    #[test]
    fn a_page_that_drifted_everywhere_takes_one_round_not_one_an_item() {
        let items: Vec<Value> =
            (0..5000).map(|number| json!({"name": number, "sizes": [{"width": "x"}]})).collect();
        let decoded = tolerant::<Page<Clip>>(json!({"data": items}));
        assert_eq!(decoded.drift.len(), 10_000);
        assert_eq!(decoded.value.items().len(), 5000);
    }

    #[test]
    fn strict_turns_drift_into_an_error_and_leaves_the_rest_alone() {
        assert!(decode::<Clip>(br#"{"name": "a"}"#, Strictness::Strict).is_ok());
        match decode::<Clip>(br#"{"name": 1}"#, Strictness::Strict) {
            Err(DecodeFailure::Drifted(drift)) => assert_eq!(drift[0].path(), "name"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_mended_says_where_and_why() {
        #[derive(Debug, Deserialize)]
        struct Own {
            #[allow(dead_code)]
            uri: String,
        }
        match decode::<Own>(b"{}", Strictness::Tolerant) {
            Err(DecodeFailure::Misfit { path, expected, .. }) => {
                assert_eq!((path.as_str(), expected.as_str()), ("", "missing field `uri`"));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(decode::<Own>(b"<html>", Strictness::Tolerant), Err(DecodeFailure::NotJson(_))));
        let page = decode::<Page<Own>>(br#"{"data": [{"uri": "/a"}, {}]}"#, Strictness::Tolerant).unwrap();
        assert_eq!(page.value.items().len(), 1);
        assert_eq!(page.drift[0].path(), "data[1]");
    }

    #[test]
    fn unknown_fields_are_listed_by_path() {
        let inspection =
            inspect::<Page<Clip>>(br#"{"data": [{"nom": 1, "sizes": [{"depth": 2}], "size": "x"}]}"#)
                .unwrap();
        assert_eq!(inspection.unknown, ["data.0.nom", "data.0.sizes.0.depth"]);
        assert_eq!(inspection.drift.len(), 1);
    }

    #[test]
    fn drift_prints_no_values() {
        let decoded = tolerant::<Clip>(json!({"size": "a-secret"}));
        assert!(!format!("{:?}", decoded.drift).contains("a-secret"));
        assert_eq!(decoded.drift[0].found(), "a-secret");
    }
}
