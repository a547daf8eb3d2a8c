//! Open enums: enums that accept values which are added later.

use std::str::FromStr;

/// An enum whose values Vimeo can extend. An unknown value decodes as `Other` and is retained.
///
/// Implemented by every generated enum. Decoding never fails on a value. In a request, use a variant, or parse a string;
/// parsing rejects unknown values. `other` creates a value that this crate does not know.
///
/// ```
/// # #[cfg(feature = "videos")] {
/// use vimeo_api::types::SortDirection;
/// assert_eq!("asc".parse(), Ok(SortDirection::Asc));
/// assert_eq!(SortDirection::other("sideways").as_str(), "sideways");
/// let error = "acs".parse::<SortDirection>().unwrap_err();
/// assert_eq!(error.to_string(), "`acs` is not a known value; known values are asc, desc");
/// # }
/// ```
///
/// There is no conversion from text without a check, so a typo does not compile:
///
/// ```compile_fail
/// let direction: vimeo_api::types::SortDirection = "asc".into();
/// ```
pub trait OpenEnum: Sized + FromStr<Err = UnknownValue> {
    /// The known values.
    const VALUES: &'static [&'static str];

    /// Returns the value as Vimeo writes it.
    fn as_str(&self) -> &str;

    /// Returns the variant of a value; `Other` for an unknown one.
    fn from_value(value: &str) -> Self;

    /// Whether the value is known.
    fn is_known(&self) -> bool {
        Self::VALUES.contains(&self.as_str())
    }
}

/// The error of parsing an unknown value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a known value; known values are {}", listed(.known))]
#[non_exhaustive]
pub struct UnknownValue {
    /// The value that was given.
    pub value: String,
    /// The known values.
    pub known: &'static [&'static str],
}

/// Lists the first values; some enums have hundreds.
fn listed(known: &[&str]) -> String {
    const MAX_LISTED: usize = 30;
    let listed: Vec<&str> = known.iter().copied().take(MAX_LISTED).collect();
    let more = known.len().saturating_sub(MAX_LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    listed.join(", ") + &more
}

/// Parses a value, which must be known.
#[allow(dead_code)]
pub(crate) fn parse_known_value<T: OpenEnum>(value: &str) -> Result<T, UnknownValue> {
    let read = T::from_value(value);
    if read.is_known() { Ok(read) } else { Err(UnknownValue { value: value.to_owned(), known: T::VALUES }) }
}

/// Implements the conversions of a generated enum: `open_enum!(Name, Variant = "value", …)`.
#[allow(unused_macros)]
macro_rules! open_enum {
    ($name:ident, $($variant:ident = $value:literal),* $(,)?) => {
        impl $name {
            /// Returns the value as Vimeo writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(value) => value,
                }
            }

            /// Creates a value that this crate may not know, as Vimeo writes it.
            pub fn other(value: impl AsRef<str>) -> Self {
                $crate::OpenEnum::from_value(value.as_ref())
            }
        }

        impl $crate::OpenEnum for $name {
            const VALUES: &'static [&'static str] = &[$($value),*];

            fn as_str(&self) -> &str {
                self.as_str()
            }

            fn from_value(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::Other(value.into()),
                }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(value: &str) -> Result<Self, $crate::UnknownValue> {
                $crate::runtime::parse_known_value(value)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::UnknownValue;

            fn try_from(value: &str) -> Result<Self, $crate::UnknownValue> {
                $crate::runtime::parse_known_value(value)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::runtime::deserialize_open_enum(deserializer)
            }
        }

        impl $crate::QueryValue for $name {
            fn to_query(&self) -> ::std::borrow::Cow<'_, str> {
                self.as_str().into()
            }
        }

        impl $crate::PathValue for $name {
            fn to_segment(&self) -> Result<::std::borrow::Cow<'_, str>, $crate::InvalidId> {
                Ok($crate::OpenEnum::as_str(self).into())
            }
        }
    };
}

#[allow(unused_imports)]
pub(crate) use open_enum;

/// Deserializes a value, without copying it if the input allows that.
#[allow(dead_code)]
pub(crate) fn deserialize_open_enum<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: OpenEnum,
    D: serde::Deserializer<'de>,
{
    struct ValueVisitor<T>(std::marker::PhantomData<T>);

    impl<T: OpenEnum> serde::de::Visitor<'_> for ValueVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<T, E> {
            Ok(T::from_value(value))
        }
    }

    deserializer.deserialize_str(ValueVisitor(std::marker::PhantomData))
}
