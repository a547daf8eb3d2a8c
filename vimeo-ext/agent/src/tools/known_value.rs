//! Enum values that the API describes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use vimeo_api::{OpenEnum, QueryValue};

/// A known value of one of the API's enums.
///
/// The enums of [`vimeo_api::types`] accept any value, since responses may bring new ones. In arguments an unknown value
/// is a mistake: deserializing it fails, and the JSON Schema lists the known values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownValue<T>(T);

impl<T> KnownValue<T> {
    /// Returns the enum of the API.
    pub(crate) fn inner(&self) -> &T {
        &self.0
    }

    /// Returns the enum of the API.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: OpenEnum> KnownValue<T> {
    /// Returns the value as the API spells it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Wraps a value that a program made, without checking whether it is known.
impl<T> From<T> for KnownValue<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<'de, T: OpenEnum> Deserialize<'de> for KnownValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(known) = text.parse() {
            return Ok(Self(known));
        }
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
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
    fn unknown_values_fail_and_known_ones_are_listed() {
        let asc: KnownValue<SortDirection> = serde_json::from_str("\"asc\"").unwrap();
        assert_eq!(asc.into_inner(), SortDirection::Asc);
        let error = serde_json::from_str::<KnownValue<SortDirection>>("\"up\"").unwrap_err().to_string();
        assert!(error.starts_with("`up` is none of asc, desc"), "{error}");
    }
}
