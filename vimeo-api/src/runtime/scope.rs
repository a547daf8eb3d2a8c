//! Scopes: the permissions of an access token.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A scope: a permission of an access token.
///
/// ```
/// use vimeo_api::Scope;
/// assert_eq!(Scope::from("upload"), Scope::Upload);
/// assert_eq!(Scope::from("new_scope").as_str(), "new_scope");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Read public data; every token has it.
    Public,
    /// Read the user's private data.
    Private,
    /// Read the user's purchases.
    Purchased,
    /// Create showcases, channels, groups and other resources.
    Create,
    /// Edit videos, showcases and other resources.
    Edit,
    /// Delete videos and other resources.
    Delete,
    /// Like, follow, comment and other interactions.
    Interact,
    /// Upload videos; the app also needs upload access.
    Upload,
    /// Add, change and remove promotion codes.
    PromoCodes,
    /// Read statistics.
    Stats,
    /// Get links to the video files.
    VideoFiles,
    /// Use the AI features.
    Ai,
    /// A scope that this crate does not know, as Vimeo writes it.
    Other(Box<str>),
}

/// The named scopes, in order.
static NAMED: [Scope; 12] = [
    Scope::Public,
    Scope::Private,
    Scope::Purchased,
    Scope::Create,
    Scope::Edit,
    Scope::Delete,
    Scope::Interact,
    Scope::Upload,
    Scope::PromoCodes,
    Scope::Stats,
    Scope::VideoFiles,
    Scope::Ai,
];

impl Scope {
    /// Returns the scope as Vimeo writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Purchased => "purchased",
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Interact => "interact",
            Self::Upload => "upload",
            Self::PromoCodes => "promo_codes",
            Self::Stats => "stats",
            Self::VideoFiles => "video_files",
            Self::Ai => "ai",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Scope {
    fn from(word: &str) -> Self {
        let known = NAMED.iter().find(|scope| scope.as_str() == word);
        known.cloned().unwrap_or_else(|| Self::Other(word.into()))
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
    }
}

/// A set of [`Scope`]s. It always contains `public`, like every token of Vimeo.
///
/// Created from text that is separated by spaces or commas, or from a list of scopes:
///
/// ```
/// use vimeo_api::{Scope, ScopeSet};
/// let scopes = ScopeSet::from("private upload");
/// assert!(scopes.contains(&Scope::Upload));
/// assert_eq!(scopes, ScopeSet::from([Scope::Upload, Scope::Private]));
/// assert_eq!(scopes.to_string(), "public private upload");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeSet {
    /// A bit per scope in [`NAMED`], because a program can hold a set for each of a million accounts.
    known: u16,
    /// The other scopes, in order.
    others: Box<[Scope]>,
}

impl ScopeSet {
    /// Whether the set contains the scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.iter().any(|other| other == scope)
    }

    /// Whether the set contains all of these scopes, given as [`Scope`]s, such as those of an [`Operation`](crate::Operation),
    /// or as text.
    pub fn contains_all<S: AsRef<str>>(&self, needed: impl IntoIterator<Item = S>) -> bool {
        needed.into_iter().all(|needed| self.iter().any(|scope| scope.as_str() == needed.as_ref()))
    }

    /// Returns the scopes of `self` that are not in `other`, such as requested scopes that were not granted.
    pub fn difference(&self, other: &Self) -> Vec<Scope> {
        self.iter().filter(|scope| !other.contains(scope)).cloned().collect()
    }

    /// Returns the scopes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|scope| other.contains(scope)).cloned().collect()
    }

    /// Iterates over the scopes in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        let known = NAMED.iter().enumerate().filter(|(place, _)| self.known & (1 << place) != 0);
        known.map(|(_, scope)| scope).chain(&self.others)
    }
}

/// Contains only `public`.
impl Default for ScopeSet {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        // The bit of `public`.
        let mut known = 1;
        let mut others = BTreeSet::new();
        for scope in scopes {
            match NAMED.iter().position(|other| *other == scope) {
                Some(place) => known |= 1 << place,
                None => {
                    others.insert(scope);
                }
            }
        }
        Self { known, others: others.into_iter().collect() }
    }
}

impl From<&str> for ScopeSet {
    fn from(words: &str) -> Self {
        words.split([' ', ',', '+']).filter(|word| !word.is_empty()).map(Scope::from).collect()
    }
}

impl From<String> for ScopeSet {
    fn from(words: String) -> Self {
        Self::from(words.as_str())
    }
}

impl From<Scope> for ScopeSet {
    fn from(scope: Scope) -> Self {
        [scope].into_iter().collect()
    }
}

impl<const N: usize> From<[Scope; N]> for ScopeSet {
    fn from(scopes: [Scope; N]) -> Self {
        scopes.into_iter().collect()
    }
}

impl From<&[Scope]> for ScopeSet {
    fn from(scopes: &[Scope]) -> Self {
        scopes.iter().cloned().collect()
    }
}

impl From<Vec<Scope>> for ScopeSet {
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().collect()
    }
}

/// Separates the scopes by spaces, as Vimeo does.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_any_separator_and_prints_spaces() {
        for (words, written) in [
            ("", "public"),
            ("upload private", "public private upload"),
            ("upload,public", "public upload"),
            ("edit  strange", "public edit strange"),
            ("z ai a z private", "public private ai a z"),
        ] {
            let set = ScopeSet::from(words);
            assert_eq!(set.to_string(), written);
            assert_eq!(format!("{set:?}"), format!("ScopeSet({written})"));
            let json = serde_json::to_string(&set).unwrap();
            assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), set);
        }
    }

    #[test]
    fn difference_returns_missing_scopes() {
        let granted = ScopeSet::from("edit");
        for (needed, covered) in
            [(&[][..], true), (&["public"], true), (&["edit"], true), (&["edit", "private"], false)]
        {
            assert_eq!(granted.contains_all(needed), covered, "{needed:?}");
        }
        assert_eq!(ScopeSet::from("edit delete").difference(&granted), [Scope::Delete]);
        let strange = ScopeSet::from("new delete");
        assert_eq!(strange.difference(&granted), [Scope::Delete, Scope::from("new")]);
        assert!(strange.contains(&Scope::from("new")) && !granted.contains(&Scope::from("new")));
    }

    #[test]
    fn named_scopes_are_sorted_and_fit_the_bit_set() {
        assert!(NAMED.is_sorted() && NAMED.len() <= u16::BITS as usize);
        let all = ScopeSet::from(NAMED.as_slice());
        assert!(all.iter().eq(&NAMED));
        assert_eq!(ScopeSet::from(all.to_string()), all);
    }
}
