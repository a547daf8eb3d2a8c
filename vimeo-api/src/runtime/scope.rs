//! What an access token may do.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One thing that an access token may do.
///
/// ```
/// use vimeo_api::Scope;
/// assert_eq!(Scope::from("upload"), Scope::Upload);
/// assert_eq!(Scope::from("new_scope").as_str(), "new_scope");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Read what anyone may see; every token has it.
    Public,
    /// Read what only the user may see.
    Private,
    /// Read the user's purchases.
    Purchased,
    /// Create things such as showcases, channels and groups.
    Create,
    /// Change videos, showcases and other things.
    Edit,
    /// Delete videos and other things.
    Delete,
    /// Like, follow, comment and the like.
    Interact,
    /// Upload videos; the app needs upload access as well.
    Upload,
    /// Add, change and remove promotion codes.
    PromoCodes,
    /// Read statistics.
    Stats,
    /// Get links to the video files.
    VideoFiles,
    /// Use the AI features.
    Ai,
    /// A scope that is not known here, as Vimeo writes it.
    Other(Box<str>),
}

/// Those that have a name here, in their order.
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
    /// The scope as Vimeo writes it.
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

/// Some [`Scope`]s. `public` is always among them, as with every token of Vimeo.
///
/// Made from text with spaces or commas between, or from a list of scopes:
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
    /// A bit for each of [`NAMED`]: a program may hold a set for each of a million accounts.
    known: u16,
    /// The others, in order.
    others: Box<[Scope]>,
}

impl ScopeSet {
    /// Whether the scope is among them.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.iter().any(|other| other == scope)
    }

    /// Whether all of these are among them: scopes as an [`Operation`](crate::Operation) names them, or words.
    pub fn contains_all<S: AsRef<str>>(&self, needed: impl IntoIterator<Item = S>) -> bool {
        needed.into_iter().all(|needed| self.iter().any(|scope| scope.as_str() == needed.as_ref()))
    }

    /// The scopes of `self` that `other` lacks: what was asked for and not granted.
    pub fn difference(&self, other: &Self) -> Vec<Scope> {
        self.iter().filter(|scope| !other.contains(scope)).cloned().collect()
    }

    /// The scopes that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|scope| other.contains(scope)).cloned().collect()
    }

    /// The scopes, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        let known = NAMED.iter().enumerate().filter(|(place, _)| self.known & (1 << place) != 0);
        known.map(|(_, scope)| scope).chain(&self.others)
    }
}

/// `public` alone.
impl Default for ScopeSet {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        // `public`, which is the first of them.
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

/// With spaces between, as Vimeo takes and gives them.
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
    fn sets_are_read_in_any_form_and_written_in_one() {
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
    fn what_is_missing_is_named() {
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
    fn those_with_a_name_are_in_order_and_go_into_a_set() {
        assert!(NAMED.is_sorted() && NAMED.len() <= u16::BITS as usize);
        let all = ScopeSet::from(NAMED.as_slice());
        assert!(all.iter().eq(&NAMED));
        assert_eq!(ScopeSet::from(all.to_string()), all);
    }
}
