//! What accounts and connections are called.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::AccountsError;

/// What your program calls a user: 1 to 200 bytes, no control characters, no space at either end.
///
/// ```
/// use vimeo_ext::accounts::AccountId;
/// assert_eq!(AccountId::new("user 7")?.as_str(), "user 7");
/// assert!(AccountId::new("").is_err());
/// # Ok::<(), vimeo_ext::accounts::AccountsError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl AccountId {
    /// The longest id, in bytes.
    pub const LONGEST: usize = 200;

    /// Checks the id.
    ///
    /// # Errors
    ///
    /// [`AccountsError::BadId`].
    pub fn new(id: impl AsRef<str>) -> Result<Self, AccountsError> {
        let id = id.as_ref();
        let reason = if id.is_empty() {
            "it is empty"
        } else if id.len() > Self::LONGEST {
            "it is longer than 200 bytes"
        } else if id.chars().any(char::is_control) {
            "it holds control characters"
        } else if id.trim() != id {
            "it begins or ends with a space"
        } else {
            return Ok(Self(id.into()));
        };
        Err(AccountsError::BadId { reason })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, not a copy of it.
    pub(super) fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl TryFrom<&str> for AccountId {
    type Error = AccountsError;

    fn try_from(id: &str) -> Result<Self, AccountsError> {
        Self::new(id)
    }
}

impl TryFrom<String> for AccountId {
    type Error = AccountsError;

    fn try_from(id: String) -> Result<Self, AccountsError> {
        Self::new(id)
    }
}

/// What the store calls a connection: random, no secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl Serialize for ConnectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ConnectionId {
    pub(super) fn random() -> Self {
        Self(format!("{:032x}", fastrand::u128(..)).into())
    }

    /// An id that was written down.
    pub fn new(id: impl AsRef<str>) -> Self {
        Self(id.as_ref().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        let longest = "x".repeat(AccountId::LONGEST);
        for id in ["7", "user 7", "jürgen@example.com", longest.as_str()] {
            assert_eq!(AccountId::new(id).unwrap().as_str(), id);
        }
        for id in ["", " 7", "7\n", "a\0b", "\u{85}", &format!("{longest}x")] {
            assert!(matches!(AccountId::new(id), Err(AccountsError::BadId { .. })), "{id:?}");
        }
        assert_ne!(ConnectionId::random(), ConnectionId::random());
    }
}
