//! Enums that stay whole when Vimeo adds a word.

use std::str::FromStr;

/// A set of words that Vimeo may add to: a word that is not known is kept as it came.
///
/// Implemented by every generated enum. Reading a response never fails on a word. For a request, a word is given as its
/// variant, or parsed, which refuses one that is not known; `other` is the way to send a word that only Vimeo knows.
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
/// A text is no word, so a slip of the pen does not compile:
///
/// ```compile_fail
/// let direction: vimeo_api::types::SortDirection = "asc".into();
/// ```
pub trait OpenEnum: Sized + FromStr<Err = UnknownValue> {
    /// The words that are known.
    const VALUES: &'static [&'static str];

    /// The word as Vimeo writes it.
    fn as_str(&self) -> &str;

    /// The variant of a word, also of one that is not known.
    fn from_value(word: &str) -> Self;

    /// Whether the word is one of those known.
    fn is_known(&self) -> bool {
        Self::VALUES.contains(&self.as_str())
    }
}

/// A word that is none of those known where it was to be read as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a known value; known values are {}", listed(.known))]
#[non_exhaustive]
pub struct UnknownValue {
    /// The value that was given.
    pub value: String,
    /// The words that are known.
    pub known: &'static [&'static str],
}

/// The first of the words; some sets have hundreds.
fn listed(known: &[&str]) -> String {
    const MAX_LISTED: usize = 30;
    let listed: Vec<&str> = known.iter().copied().take(MAX_LISTED).collect();
    let more = known.len().saturating_sub(MAX_LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    listed.join(", ") + &more
}

/// Reads a word that has to be known.
#[allow(dead_code)]
pub(crate) fn parse_known_value<T: OpenEnum>(word: &str) -> Result<T, UnknownValue> {
    let read = T::from_value(word);
    if read.is_known() { Ok(read) } else { Err(UnknownValue { value: word.to_owned(), known: T::VALUES }) }
}

/// Gives a generated enum its conversions: `open_enum!(Name, Variant = "word", …)`.
#[allow(unused_macros)]
macro_rules! open_enum {
    ($name:ident, $($variant:ident = $word:literal),* $(,)?) => {
        impl $name {
            /// The word as Vimeo writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }

            /// A word that this crate may not know, as Vimeo writes it.
            pub fn other(word: impl AsRef<str>) -> Self {
                $crate::OpenEnum::from_value(word.as_ref())
            }
        }

        impl $crate::OpenEnum for $name {
            const VALUES: &'static [&'static str] = &[$($word),*];

            fn as_str(&self) -> &str {
                self.as_str()
            }

            fn from_value(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word.into()),
                }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(word: &str) -> Result<Self, $crate::UnknownValue> {
                $crate::runtime::parse_known_value(word)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::UnknownValue;

            fn try_from(word: &str) -> Result<Self, $crate::UnknownValue> {
                $crate::runtime::parse_known_value(word)
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

/// Reads a word without a copy of its own where the input allows that.
#[allow(dead_code)]
pub(crate) fn deserialize_open_enum<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: OpenEnum,
    D: serde::Deserializer<'de>,
{
    struct Word<T>(std::marker::PhantomData<T>);

    impl<T: OpenEnum> serde::de::Visitor<'_> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a word")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
            Ok(T::from_value(word))
        }
    }

    deserializer.deserialize_str(Word(std::marker::PhantomData))
}
