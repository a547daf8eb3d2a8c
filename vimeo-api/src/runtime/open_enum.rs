//! Enums that stay whole when Vimeo adds a word.

/// A set of words that Vimeo may add to: a word that is not known is kept as it came.
///
/// Implemented by every generated enum.
///
/// ```
/// # #[cfg(feature = "videos")] {
/// use vimeo_api::{OpenEnum, types::SortDirection};
/// assert_eq!(SortDirection::from("asc"), SortDirection::Asc);
/// assert_eq!(SortDirection::from("sideways").as_str(), "sideways");
/// # }
/// ```
pub trait OpenEnum: Sized {
    /// The words that are known.
    const WORDS: &'static [&'static str];

    /// The word as Vimeo writes it.
    fn as_str(&self) -> &str;

    /// Whether the word is one of those known.
    fn is_known(&self) -> bool {
        Self::WORDS.contains(&self.as_str())
    }
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
        }

        impl $crate::OpenEnum for $name {
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn as_str(&self) -> &str {
                self.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word.into()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
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
                $crate::runtime::read_word(deserializer)
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
pub(crate) fn read_word<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'a> From<&'a str>,
    D: serde::Deserializer<'de>,
{
    struct Word<T>(std::marker::PhantomData<T>);

    impl<T: for<'a> From<&'a str>> serde::de::Visitor<'_> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a word")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
            Ok(T::from(word))
        }
    }

    deserializer.deserialize_str(Word(std::marker::PhantomData))
}
