//! Words of a finite set, taken from the description of the API.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use vimeo_api::{OpenEnum, QueryValue};

/// One of the words that an enum of the API knows.
///
/// The enums of [`vimeo_api::types`] keep any word, since answers may bring new ones. As an argument an unknown word is
/// a mistake: it is refused, and the schema lists those there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownValue<T>(T);

impl<T> KnownValue<T> {
    /// The word, as the API's types have it.
    pub(crate) fn inner(&self) -> &T {
        &self.0
    }

    /// The word, as the API's calls take it.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: OpenEnum> KnownValue<T> {
    /// The word.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// What the API calls by this word; nothing is checked for a value that a program made.
impl<T> From<T> for KnownValue<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<'de, T: OpenEnum> Deserialize<'de> for KnownValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if let Ok(known) = word.parse() {
            return Ok(Self(known));
        }
        let shown: String = word.chars().filter(|c| !c.is_control()).take(60).collect();
        Err(de::Error::custom(format_args!("`{shown}` is none of {}", T::VALUES.join(", "))))
    }
}

impl<T: OpenEnum> Serialize for KnownValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<T: OpenEnum> QueryValue for KnownValue<T> {
    fn to_query(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.as_str())
    }
}

impl<T: OpenEnum> JsonSchema for KnownValue<T> {
    fn schema_name() -> Cow<'static, str> {
        "KnownValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": T::VALUES})
    }
}

#[cfg(test)]
mod tests {
    use vimeo_api::types::SortDirection;

    use super::*;

    #[test]
    fn known_words_are_taken_and_others_refused_with_those_there_are() {
        let asc: KnownValue<SortDirection> = serde_json::from_str("\"asc\"").unwrap();
        assert_eq!(asc.into_inner(), SortDirection::Asc);
        let error = serde_json::from_str::<KnownValue<SortDirection>>("\"up\"").unwrap_err().to_string();
        assert!(error.starts_with("`up` is none of asc, desc"), "{error}");
    }
}
