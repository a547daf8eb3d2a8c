//! Lenient decoding: removes schema mismatches from a response until the rest decodes.
//!
//! serde stops at the first mismatch, so each mismatch costs a pass over the tree. Two measures bound the work if a whole page
//! mismatches: values that must fail in the same way are removed together, and if that is not decidable, as for strings that
//! are invalid dates, the elements of a list are decoded one by one.
//!
//! An integer that is written as a float, such as `12.0`, is accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::decode::{DecodeErrorKind, SchemaMismatch};
use super::tree::{ReadState, Step, Tree};

/// The maximum number of passes over one element or over a whole response.
const MAX_PASSES: usize = 1000;

/// The maximum number of bytes that all passes over a response read together. Keeps a large response that matches nowhere from
/// taking minutes: a page of 6 MB gets forty passes.
const MAX_BYTES_READ: usize = 256 * 1024 * 1024;

/// An event while a tree is decoded.
pub(super) enum DecodeEvent {
    /// A new pass starts.
    Start,
    /// A field that the type does not have.
    Unknown(String),
}

/// Decodes a type. Type-erased, because this code would otherwise be compiled for each of hundreds of types although it rarely
/// runs.
pub(super) type ReadFn<'a> = dyn FnMut(Tree<'_, '_>) -> Result<(), serde_json::Error> + 'a;

/// Decodes a response in passes, each without the mismatches of the passes before. Returns the mismatches.
pub(super) fn decode_lenient(
    bytes: &[u8],
    watch: &mut dyn FnMut(DecodeEvent),
    read: &mut ReadFn<'_>,
) -> Result<Vec<SchemaMismatch>, DecodeErrorKind> {
    let tree = serde_json::from_slice(bytes).map_err(DecodeErrorKind::NotJson)?;
    let mut decoder = LenientDecoder {
        tree,
        indices: OriginalIndices::default(),
        whole: BTreeSet::new(),
        mismatches: Vec::new(),
    };
    let max_passes = MAX_PASSES.min(MAX_BYTES_READ.checked_div(bytes.len()).unwrap_or(MAX_PASSES)).max(8);
    for _ in 0..max_passes {
        let Some(mismatch) = decoder.read(watch, read) else { return Ok(decoder.mismatches) };
        if mismatch.is_fraction() && normalize_integers(&mut decoder.tree) {
            continue;
        }
        if !mismatch.is_type_mismatch() && decoder.repair_elements(&mismatch.steps, watch, read) {
            continue;
        }
        if !decoder.prune(&mismatch) {
            let path = decoder.indices.path(&mismatch.steps);
            return Err(DecodeErrorKind::Mismatch {
                path,
                expected: mismatch.expectation(),
                mismatches: decoder.mismatches,
            });
        }
    }
    Err(DecodeErrorKind::Mismatch {
        path: String::new(),
        expected: format!("fewer than {max_passes} schema mismatches"),
        mismatches: decoder.mismatches,
    })
}

/// Where a pass stopped, and why.
struct Mismatch {
    steps: Vec<Step>,
    message: String,
}

impl Mismatch {
    /// Whether every value of this JSON type fails at this place.
    fn is_type_mismatch(&self) -> bool {
        self.message.starts_with("invalid type")
    }

    /// Whether a float was found instead of an integer.
    fn is_fraction(&self) -> bool {
        self.message.starts_with("invalid type: floating point")
    }

    /// The part of serde's message that says what was expected, without the value that was found.
    fn expectation(&self) -> String {
        let wanted =
            self.message.split_once(", expected ").map_or(self.message.as_str(), |(_, wanted)| wanted);
        let wanted = wanted.split(" at line ").next().unwrap_or_default();
        match wanted.strip_prefix("missing field ") {
            Some(name) => format!("the field {name}"),
            None => wanted.to_owned(),
        }
    }
}

/// Converts floats that are exact integers into integers. Returns whether there were any.
fn normalize_integers(value: &mut Value) -> bool {
    // Larger integers are not all exact as floats.
    const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            let exact = number.as_f64().filter(|fraction| {
                number.is_f64() && fraction.fract() == 0.0 && fraction.abs() <= MAX_EXACT_INTEGER
            });
            if let Some(fraction) = exact {
                *value = if fraction < 0.0 { (fraction as i64).into() } else { (fraction as u64).into() };
            }
            exact.is_some()
        }
        // `count` visits all of them; `any` would stop at the first.
        Value::Array(elements) => {
            elements.iter_mut().filter_map(|one| normalize_integers(one).then_some(())).count() > 0
        }
        Value::Object(fields) => {
            fields.values_mut().filter_map(|one| normalize_integers(one).then_some(())).count() > 0
        }
        _ => false,
    }
}

struct LenientDecoder {
    tree: Value,
    indices: OriginalIndices,
    /// The lists that are not repaired by element: they have been, or they need all their elements.
    whole: BTreeSet<String>,
    mismatches: Vec<SchemaMismatch>,
}

impl LenientDecoder {
    fn read(&self, watch: &mut dyn FnMut(DecodeEvent), read: &mut ReadFn<'_>) -> Option<Mismatch> {
        watch(DecodeEvent::Start);
        let mut state = ReadState::default();
        let error = read(Tree::new(&self.tree, &mut state)).err();
        for steps in &state.unknown {
            watch(DecodeEvent::Unknown(dotted(steps)));
        }
        Some(Mismatch { steps: state.stopped, message: error?.to_string() })
    }

    /// Removes the value at the mismatch, and all values that must fail in the same way: values at the same place in other
    /// elements of the same lists, with the same JSON type, or with the same value if the type alone does not decide.
    fn prune(&mut self, mismatch: &Mismatch) -> bool {
        let Some(offender) = lookup(&self.tree, &mismatch.steps).cloned() else { return false };
        if mismatch.steps.is_empty() {
            return false;
        }
        let by_type = mismatch.is_type_mismatch();
        let fails = |value: &Value| {
            if by_type { JsonType::of(value) == JsonType::of(&offender) } else { *value == offender }
        };
        let mut pruned = Vec::new();
        prune(&mut self.tree, &mismatch.steps, &mut String::new(), &self.indices, &fails, &mut pruned);
        let any = !pruned.is_empty();
        for Pruned { path, element, found } in pruned {
            if let Some((list, number)) = element {
                self.indices.record_removed(list, number);
            }
            self.mismatches.push(SchemaMismatch { path, expected: mismatch.expectation(), found });
        }
        any
    }

    /// Repairs the elements of the outermost list on the path to a mismatch one by one, each alone in its list, so that a
    /// mismatch costs a pass over the element and not over the page. Returns whether anything was removed.
    fn repair_elements(
        &mut self,
        steps: &[Step],
        watch: &mut dyn FnMut(DecodeEvent),
        read: &mut ReadFn<'_>,
    ) -> bool {
        let Some(position) = steps.iter().position(|step| matches!(step, Step::Index(_))) else {
            return false;
        };
        let list: Vec<Step> = steps.iter().take(position).cloned().collect();
        let path = self.indices.path(&list);
        if self.whole.contains(&path) {
            return false;
        }
        let Some(elements) = lookup_mut(&mut self.tree, &list).and_then(Value::as_array_mut) else {
            return false;
        };
        let elements = std::mem::take(elements);
        self.whole.insert(path.clone());
        let before = self.mismatches.len();
        let mut kept = Vec::with_capacity(elements.len());
        let mut rest = elements.into_iter().enumerate();
        let originals = self.indices.clone();
        for (current, element) in rest.by_ref() {
            self.indices.only = Some((path.clone(), originals.original(&path, current)));
            self.set_elements(&list, vec![element]);
            let alone = self.repair_element(&list, watch, read);
            kept.append(&mut self.take_elements(&list));
            if !alone {
                break;
            }
        }
        self.indices.only = None;
        kept.extend(rest.map(|(_, element)| element));
        self.set_elements(&list, kept);
        self.mismatches.len() > before
    }

    /// Repairs a tree with a single element of a list. Returns `false` if the list does not decode with one element.
    fn repair_element(
        &mut self,
        list: &[Step],
        watch: &mut dyn FnMut(DecodeEvent),
        read: &mut ReadFn<'_>,
    ) -> bool {
        for _ in 0..MAX_PASSES {
            let Some(mismatch) = self.read(watch, read) else { return true };
            // A mismatch outside the list can result from its missing elements.
            if list.starts_with(&mismatch.steps) || !self.prune(&mismatch) {
                return false;
            }
        }
        false
    }

    fn set_elements(&mut self, list: &[Step], elements: Vec<Value>) {
        if let Some(place) = lookup_mut(&mut self.tree, list) {
            *place = Value::Array(elements);
        }
    }

    fn take_elements(&mut self, list: &[Step]) -> Vec<Value> {
        match lookup_mut(&mut self.tree, list).map(Value::take) {
            Some(Value::Array(elements)) => elements,
            _ => Vec::new(),
        }
    }
}

/// The indices of elements in the original response, so that reported paths do not shift when elements are removed.
#[derive(Debug, Clone, Default)]
struct OriginalIndices {
    /// The indices of removed elements, by the path of their list.
    removed: BTreeMap<String, Vec<usize>>,
    /// The list that currently holds a single element, and the original index of that element.
    only: Option<(String, usize)>,
}

impl OriginalIndices {
    fn record_removed(&mut self, list: String, number: usize) {
        let removed = self.removed.entry(list).or_default();
        let place = removed.partition_point(|known| *known < number);
        removed.insert(place, number);
    }

    fn original(&self, list: &str, current: usize) -> usize {
        match &self.only {
            Some((only, number)) if only == list => *number,
            _ => original_index(self.removed.get(list).map_or(&[], Vec::as_slice), current),
        }
    }

    fn path(&self, steps: &[Step]) -> String {
        let mut path = String::new();
        for step in steps {
            match step {
                Step::Key(key) => push_key(&mut path, key),
                Step::Index(index) => {
                    let number = self.original(&path, *index);
                    push_index(&mut path, number);
                }
            }
        }
        path
    }
}

struct Pruned {
    path: String,
    /// The list that contained the value, and its index there.
    element: Option<(String, usize)>,
    found: Value,
}

/// Removes the failing values at the place that `steps` names, in every element of the lists on the path.
fn prune(
    node: &mut Value,
    steps: &[Step],
    path: &mut String,
    indices: &OriginalIndices,
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
                    prune(value, rest, path, indices, fails, pruned);
                }
            } else if fields.get(key).is_some_and(fails)
                && let Some(found) = fields.remove(key)
            {
                pruned.push(Pruned { path: path.clone(), element: None, found });
            }
            path.truncate(length);
        }
        (Step::Index(_), Value::Array(elements)) => {
            let list = path.clone();
            let mut kept = Vec::with_capacity(elements.len());
            for (current, mut element) in elements.drain(..).enumerate() {
                let index = indices.original(&list, current);
                push_index(path, index);
                if rest.is_empty() && fails(&element) {
                    pruned.push(Pruned {
                        path: path.clone(),
                        element: Some((list.clone(), index)),
                        found: element,
                    });
                } else {
                    prune(&mut element, rest, path, indices, fails, pruned);
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

pub(super) fn lookup_mut<'a>(mut node: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    for step in steps {
        node = match step {
            Step::Key(key) => node.get_mut(key)?,
            Step::Index(index) => node.get_mut(index)?,
        };
    }
    Some(node)
}

/// Removes the value at the end of a path from its object or list.
pub(super) fn remove(tree: &mut Value, steps: &[Step]) {
    let Some((last, parent)) = steps.split_last() else { return };
    match (lookup_mut(tree, parent), last) {
        (Some(Value::Object(fields)), Step::Key(key)) => {
            fields.remove(key);
        }
        (Some(Value::Array(elements)), Step::Index(index)) if *index < elements.len() => {
            elements.remove(*index);
        }
        _ => {}
    }
}

/// The index that an element had before the elements of `removed` (sorted) were removed.
fn original_index(removed: &[usize], current: usize) -> usize {
    removed.iter().fold(current, |index, taken| if *taken <= index { index + 1 } else { index })
}

/// A path with dots before indices: `data.0.name`.
fn dotted(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => push_key(&mut path, key),
            Step::Index(index) => push_key(&mut path, &index.to_string()),
        }
    }
    path
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

/// The JSON type of a value, in words.
pub(super) fn type_name(value: &Value) -> impl fmt::Display {
    JsonType::of(value)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum JsonType {
    Null,
    Boolean,
    Integer,
    NegativeInteger,
    Fraction,
    Text,
    List,
    Object,
}

impl JsonType {
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

impl fmt::Display for JsonType {
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
