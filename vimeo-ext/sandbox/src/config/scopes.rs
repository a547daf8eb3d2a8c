//! What a token may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Every scope a Vimeo token can carry, in the order in which the sandbox prints them.
pub const ALL_SCOPES: [&str; 12] = [
    "public",
    "private",
    "purchased",
    "create",
    "edit",
    "delete",
    "interact",
    "upload",
    "promo_codes",
    "stats",
    "video_files",
    "ai",
];

/// A set of scopes. `public` is always in it, as on Vimeo.
///
/// ```
/// use vimeo_sandbox::Scopes;
///
/// let scopes = Scopes::from("private upload");
/// assert!(scopes.contains("public") && scopes.contains("upload"));
/// assert_eq!(scopes.to_string(), "public private upload");
/// assert!(Scopes::all().contains("delete"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// All of [`ALL_SCOPES`].
    #[must_use]
    pub fn all() -> Self {
        Self::collect(ALL_SCOPES)
    }

    /// `public` alone.
    #[must_use]
    pub fn public() -> Self {
        Self::collect([])
    }

    fn collect<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> =
            words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect();
        words.push("public".to_owned());
        let place =
            |word: &str| ALL_SCOPES.iter().position(|known| *known == word).unwrap_or(ALL_SCOPES.len());
        words.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        words.dedup();
        Self(words)
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|granted| granted == scope)
    }

    /// The words that Vimeo does not know.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|word| !ALL_SCOPES.contains(word))
    }
}

/// Separated by spaces or commas.
impl From<&str> for Scopes {
    fn from(words: &str) -> Self {
        Self::collect(words.split([' ', ',', '+']))
    }
}

impl<const N: usize> From<[&str; N]> for Scopes {
    fn from(words: [&str; N]) -> Self {
        Self::collect(words)
    }
}

impl From<&[&str]> for Scopes {
    fn from(words: &[&str]) -> Self {
        Self::collect(words.iter().copied())
    }
}

/// Separated by spaces, as in a token answer.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_any_form_and_printed_in_one() {
        for (from, printed) in [
            (Scopes::from(""), "public"),
            (Scopes::from("upload private"), "public private upload"),
            (Scopes::from("upload,public"), "public upload"),
            (Scopes::from(["edit", "create"]), "public create edit"),
            (Scopes::from("strange edit"), "public edit strange"),
        ] {
            assert_eq!(from.to_string(), printed);
        }
        assert_eq!(Scopes::from("strange edit").unknown().collect::<Vec<_>>(), ["strange"]);
    }
}
