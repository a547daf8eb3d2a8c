//! Field names of API types, to reject wrong names before anything is sent.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::exit::{CliError, Result};

/// Returns the field names that an API type deserializes, sorted.
pub(crate) fn known_fields<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut names = Vec::new();
    // The type passes its field names to the deserializer, which then fails.
    let _ = T::deserialize(FieldCollector(&mut names));
    names.sort_unstable();
    names
}

/// A list of requested fields: `uri,name,privacy.view`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldList(Vec<String>);

impl FieldList {
    /// Parses a list and checks the first part of each name against the known names.
    pub(crate) fn parse(list: &str, known: &[&str]) -> Result<Self> {
        let names: Vec<String> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for name in &names {
            let top = name.split('.').next().unwrap_or_default();
            if !known.contains(&top) {
                return Err(CliError::usage(format!(
                    "unknown field `{top}`; known fields: {}",
                    known.join(", ")
                )));
            }
        }
        Ok(Self(names))
    }

    /// Joins the fields for Vimeo's `fields` parameter.
    pub(crate) fn joined(&self) -> String {
        self.0.join(",")
    }
}

/// A deserializer that only collects the field names of a struct.
struct FieldCollector<'a>(&'a mut Vec<&'static str>);

#[derive(Debug)]
struct NoData;

impl fmt::Display for NoData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no data")
    }
}

impl std::error::Error for NoData {}

impl serde::de::Error for NoData {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for FieldCollector<'_> {
    type Error = NoData;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        Err(NoData)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NoData> {
        self.0.extend(fields);
        Err(NoData)
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
    fn collects_field_names_of_a_type() {
        let known = known_fields::<types::Video>();
        for name in ["uri", "name", "privacy", "transcode", "upload"] {
            assert!(known.contains(&name), "{name}");
        }
        assert!(known.len() > 40);
    }

    #[test]
    fn unknown_field_error_lists_known_fields() {
        let list = FieldList::parse("uri, privacy.view", &["uri", "privacy"]).unwrap();
        assert_eq!(list.joined(), "uri,privacy.view");
        let error = FieldList::parse("uri,nmae", &["name", "uri"]).unwrap_err();
        assert_eq!(error.message(), "unknown field `nmae`; known fields: name, uri");
    }
}
