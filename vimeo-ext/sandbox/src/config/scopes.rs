//! Scopes of tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Every scope of Vimeo tokens, in the order in which the sandbox prints them.
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

/// A set of scopes. It always contains `public`, as on Vimeo.
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
    /// Returns all of [`ALL_SCOPES`].
    #[must_use]
    pub fn all() -> Self {
        Self::collect(ALL_SCOPES)
    }

    /// Returns only `public`.
    #[must_use]
    pub fn public() -> Self {
        Self::collect([])
    }

    fn collect<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scopes: Vec<String> =
            scopes.into_iter().filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        scopes.push("public".to_owned());
        let position =
            |scope: &str| ALL_SCOPES.iter().position(|known| *known == scope).unwrap_or(ALL_SCOPES.len());
        scopes.sort_by(|a, b| position(a).cmp(&position(b)).then_with(|| a.cmp(b)));
        scopes.dedup();
        Self(scopes)
    }

    /// Returns whether the set contains `scope`.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|granted| granted == scope)
    }

    /// Returns the scopes that Vimeo does not have.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|scope| !ALL_SCOPES.contains(scope))
    }
}

/// Parses scopes separated by spaces or commas.
impl From<&str> for Scopes {
    fn from(scopes: &str) -> Self {
        Self::collect(scopes.split([' ', ',', '+']))
    }
}

impl<const N: usize> From<[&str; N]> for Scopes {
    fn from(scopes: [&str; N]) -> Self {
        Self::collect(scopes)
    }
}

impl From<&[&str]> for Scopes {
    fn from(scopes: &[&str]) -> Self {
        Self::collect(scopes.iter().copied())
    }
}

/// Separates the scopes with spaces, as token responses do.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_any_form_and_prints_one() {
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
