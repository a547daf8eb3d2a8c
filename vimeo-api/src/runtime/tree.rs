//! A deserializer for JSON trees that records where decoding stopped and which fields the type does not have.
//!
//! It is compiled for each of hundreds of types, so code that does not depend on the type stays outside.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value, map};

/// A step of a path in a tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What a pass over a tree records.
#[derive(Debug, Default)]
pub(super) struct ReadState {
    /// Where the pass stopped, if it did.
    pub(super) stopped: Vec<Step>,
    has_stopped: bool,
    /// The fields that the type does not have.
    pub(super) unknown: Vec<Vec<Step>>,
    /// The field names of each struct at its path, if they are recorded.
    pub(super) structs: Vec<(Vec<Step>, &'static [&'static str])>,
    record_structs: bool,
}

impl ReadState {
    /// Creates a state that also records the field names of structs.
    pub(super) fn recording_structs() -> Self {
        Self { record_structs: true, ..Self::default() }
    }

    fn enter_struct(&mut self, node: &PathNode<'_>, fields: &'static [&'static str]) {
        if self.record_structs {
            self.structs.push((node.steps(), fields));
        }
    }

    /// Records the innermost node only; the nodes above propagate its error.
    fn stop(&mut self, node: &PathNode<'_>, error: Error) -> Error {
        if !std::mem::replace(&mut self.has_stopped, true) {
            self.stopped = node.steps();
        }
        error
    }
}

/// The path of a value.
enum PathNode<'a> {
    Root,
    Key(&'a PathNode<'a>, &'a str),
    Index(&'a PathNode<'a>, usize),
}

impl PathNode<'_> {
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = self;
        loop {
            at = match at {
                Self::Root => break,
                Self::Key(before, key) => {
                    steps.push(Step::Key((*key).to_owned()));
                    before
                }
                Self::Index(before, index) => {
                    steps.push(Step::Index(*index));
                    before
                }
            };
        }
        steps.reverse();
        steps
    }
}

/// A value in a tree that is being decoded.
pub(super) struct Tree<'t, 'r> {
    value: &'t Value,
    node: &'r PathNode<'r>,
    state: &'r mut ReadState,
}

impl<'t, 'r> Tree<'t, 'r> {
    pub(super) fn new(value: &'t Value, state: &'r mut ReadState) -> Self {
        Self { value, node: &PathNode::Root, state }
    }

    fn stop(self, error: Error) -> Error {
        self.state.stop(self.node, error)
    }

    fn unexpected(&self) -> Unexpected<'t> {
        match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    fn elements<V: Visitor<'t>>(self, list: &'t [Value], visitor: V) -> Result<V::Value, Error> {
        let Self { node, state, .. } = self;
        let read = visitor.visit_seq(Elements { rest: list.iter(), index: 0, node, state: &mut *state });
        read.map_err(|error| state.stop(node, error))
    }

    fn fields<V: Visitor<'t>>(self, fields: &'t Map<String, Value>, visitor: V) -> Result<V::Value, Error> {
        let Self { node, state, .. } = self;
        let read = visitor.visit_map(Fields {
            rest: fields.iter(),
            key: "",
            value: &Value::Null,
            node,
            state: &mut *state,
        });
        read.map_err(|error| state.stop(node, error))
    }

    fn number<V: Visitor<'t>>(self, number: &serde_json::Number, visitor: V) -> Result<V::Value, Error> {
        let read = match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => visitor.visit_u64(number),
            (None, Some(number)) => visitor.visit_i64(number),
            (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
        };
        read.map_err(|error| self.stop(error))
    }
}

impl<'t> Deserializer<'t> for Tree<'t, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit().map_err(|error| self.stop(error)),
            Value::Bool(value) => visitor.visit_bool(*value).map_err(|error| self.stop(error)),
            Value::Number(number) => self.number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text).map_err(|error| self.stop(error)),
            Value::Array(list) => self.elements(list, visitor),
            Value::Object(fields) => self.fields(fields, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none().map_err(|error| self.stop(error)),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Does not accept an array: no response encodes a struct so, and the code would be compiled for every struct.
    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.state.enter_struct(self.node, fields);
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(fields) => self.fields(fields, visitor),
            _ => {
                let error = Error::invalid_type(self.unexpected(), &visitor);
                Err(self.stop(error))
            }
        }
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(list) => self.elements(list, visitor),
            _ => {
                let error = Error::invalid_type(self.unexpected(), &visitor);
                Err(self.stop(error))
            }
        }
    }

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        let read = match self.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        };
        read.map_err(|error| self.stop(error))
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor).map_err(|error| self.stop(error))
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.state.unknown.push(self.node.steps());
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// The elements of a list.
struct Elements<'t, 'r> {
    rest: std::slice::Iter<'t, Value>,
    index: usize,
    node: &'r PathNode<'r>,
    state: &'r mut ReadState,
}

impl<'t> SeqAccess<'t> for Elements<'t, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let node = PathNode::Index(self.node, self.index);
        self.index += 1;
        let read = seed.deserialize(Tree { value, node: &node, state: &mut *self.state });
        read.map(Some).map_err(|error| self.state.stop(&node, error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The fields of an object.
struct Fields<'t, 'r> {
    rest: map::Iter<'t>,
    key: &'t str,
    value: &'t Value,
    node: &'r PathNode<'r>,
    state: &'r mut ReadState,
}

impl<'t> MapAccess<'t> for Fields<'t, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        (self.key, self.value) = (key, value);
        let read = seed.deserialize(Key(key));
        read.map(Some).map_err(|error| self.state.stop(&PathNode::Key(self.node, key), error))
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let node = PathNode::Key(self.node, self.key);
        let read = seed.deserialize(Tree { value: self.value, node: &node, state: &mut *self.state });
        read.map_err(|error| self.state.stop(&node, error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

macro_rules! deserialize_as_number {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_u64(visitor)
        })*
    };
}

/// The key of a field: a string, or a number if the type wants one.
struct Key<'t>(&'t str);

impl<'t> Deserializer<'t> for Key<'t> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_u64<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self.0.parse(), self.0.parse()) {
            (Ok(number), _) => visitor.visit_u64(number),
            (Err(_), Ok(number)) => visitor.visit_i64(number),
            (Err(_), Err(_)) => visitor.visit_borrowed_str(self.0),
        }
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        BorrowedStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    deserialize_as_number! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Film {
        name: Option<String>,
        #[serde(default)]
        sizes: Vec<Size>,
        by_year: Option<BTreeMap<u16, i64>>,
        license: Option<License>,
        rating: Option<f64>,
        anything: Option<Value>,
        made: Option<Made>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Size {
        width: Option<u64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum License {
        By,
        Other(String),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Made {
        Year(u16),
        Words { text: String },
    }

    fn read(tree: &Value) -> (Result<Film, String>, String, Vec<String>) {
        let mut state = ReadState::default();
        let film = Film::deserialize(Tree::new(tree, &mut state)).map_err(|error| error.to_string());
        (film, dotted(&state.stopped), state.unknown.iter().map(|steps| dotted(steps)).collect())
    }

    fn dotted(steps: &[Step]) -> String {
        let words = steps.iter().map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        });
        words.collect::<Vec<_>>().join(".")
    }

    /// The result equals that of `serde_json`.
    #[test]
    fn decodes_like_serde_json() {
        for tree in [
            json!({"name": "Surf", "sizes": [{"width": 1}, {}], "rating": 7, "made": 1984, "more": [1]}),
            json!({"name": null, "sizes": [], "rating": -0.5, "made": {"text": "in May"}, "license": "by"}),
            json!({"by_year": {"1999": -1, "2000": 2}, "license": {"other": "x"}, "anything": {"a": [null, 1.5, "b"]}}),
            json!({}),
        ] {
            assert_eq!(read(&tree).0.unwrap(), serde_json::from_value(tree.clone()).unwrap(), "{tree}");
        }
    }

    #[test]
    fn records_where_and_why_decoding_stopped() {
        for (tree, node, why) in [
            (json!({"name": 7}), "name", "invalid type: integer `7`, expected a string"),
            (json!({"name": {}}), "name", "invalid type: map, expected a string"),
            (
                json!({"sizes": [{}, {"width": -1}]}),
                "sizes.1.width",
                "invalid value: integer `-1`, expected u64",
            ),
            (json!({"sizes": [{}, 5]}), "sizes.1", "invalid type: integer `5`, expected struct Size"),
            (json!({"sizes": [[]]}), "sizes.0", "invalid type: sequence, expected struct Size"),
            (json!({"sizes": null}), "sizes", "invalid type: null, expected a sequence"),
            (json!({"by_year": {"soon": 1}}), "by_year.soon", "invalid type: string \"soon\", expected u16"),
            (json!({"by_year": {"1": 0.5}}), "by_year.1", "invalid type: floating point `0.5`, expected i64"),
            (json!({"license": "none"}), "license", "unknown variant `none`, expected `by` or `other`"),
            (json!({"made": []}), "made", "data did not match any variant of untagged enum Made"),
            (json!([1]), "", "invalid type: sequence, expected struct Film"),
        ] {
            let (film, stopped, _) = read(&tree);
            assert_eq!((film.unwrap_err().as_str(), stopped.as_str()), (why, node), "{tree}");
        }
    }

    #[test]
    fn records_unknown_fields() {
        let (film, _, unknown) =
            read(&json!({"nom": {"a": 1}, "sizes": [{"depth": 1}, {"width": 1, "unit": "px"}]}));
        assert!(film.is_ok());
        assert_eq!(unknown, ["nom", "sizes.0.depth", "sizes.1.unit"]);
    }
}
