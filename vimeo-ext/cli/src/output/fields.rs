//! The fields of an answer by name, so that a wrong name is found before anything is sent.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::exit::{Failure, Result};

/// The names that a type of the API reads, in alphabetical order.
pub(crate) fn known_fields<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut names = Vec::new();
    // The type tells its fields to whoever it is read from; there is nothing to read.
    let _ = T::deserialize(Asked(&mut names));
    names.sort_unstable();
    names
}

/// Fields that were asked for, as `uri,name,privacy.view`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldList(Vec<String>);

impl FieldList {
    /// Checks the first part of each name against the known ones.
    pub(crate) fn parse(list: &str, known: &[&str]) -> Result<Self> {
        let names: Vec<String> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for name in &names {
            let top = name.split('.').next().unwrap_or_default();
            if !known.contains(&top) {
                return Err(Failure::usage(format!(
                    "there is no field `{top}`; there are {}",
                    known.join(", ")
                )));
            }
        }
        Ok(Self(names))
    }

    /// As Vimeo takes them.
    pub(crate) fn joined(&self) -> String {
        self.0.join(",")
    }
}

/// Learns the names of a struct's fields.
struct Asked<'a>(&'a mut Vec<&'static str>);

#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is nothing to read")
    }
}

impl std::error::Error for Nothing {}

impl serde::de::Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Nothing;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Nothing> {
        self.0.extend(fields);
        Err(Nothing)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use vimeo_ext::api::types;

    use super::*;

    #[test]
    fn a_type_tells_its_fields() {
        let known = known_fields::<types::Video>();
        for name in ["uri", "name", "privacy", "transcode", "upload"] {
            assert!(known.contains(&name), "{name}");
        }
        assert!(known.len() > 40);
    }

    #[test]
    fn wrong_names_are_found_and_the_right_ones_listed() {
        let list = FieldList::parse("uri, privacy.view", &["uri", "privacy"]).unwrap();
        assert_eq!(list.joined(), "uri,privacy.view");
        let error = FieldList::parse("uri,nmae", &["name", "uri"]).unwrap_err();
        assert_eq!(error.message(), "there is no field `nmae`; there are name, uri");
    }
}
