//! The IDs of accounts, connections and keys.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::random_id::random_id;

/// Why an account ID is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid account ID: {reason}; use 1 to 200 bytes of visible text")]
#[non_exhaustive]
pub struct InvalidAccountId {
    /// Why the ID is invalid.
    pub reason: &'static str,
}

/// The ID that your program gives a user: 1 to 200 bytes, without control characters, without spaces at either end.
///
/// ```
/// use vimeo_ext::accounts::AccountId;
/// assert_eq!(AccountId::new("user 7")?.as_str(), "user 7");
/// assert!(AccountId::new("").is_err());
/// # Ok::<(), vimeo_ext::accounts::InvalidAccountId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl AccountId {
    /// The maximum length of an ID, in bytes.
    pub const MAX_LENGTH: usize = 200;

    /// Creates an ID after checking it.
    ///
    /// # Errors
    ///
    /// [`InvalidAccountId`].
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidAccountId> {
        let id = id.as_ref();
        let reason = if id.is_empty() {
            "it is empty"
        } else if id.len() > Self::MAX_LENGTH {
            "it is longer than 200 bytes"
        } else if id.chars().any(char::is_control) {
            "it contains control characters"
        } else if id.trim() != id {
            "it starts or ends with a space"
        } else {
            return Ok(Self(id.into()));
        };
        Err(InvalidAccountId { reason })
    }

    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text without copying it.
    pub(crate) fn to_shared(&self) -> Arc<str> {
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
    type Error = InvalidAccountId;

    fn try_from(id: &str) -> Result<Self, InvalidAccountId> {
        Self::new(id)
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(id: String) -> Result<Self, InvalidAccountId> {
        Self::new(id)
    }
}

/// The ID of a connection in the store: random, not secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl Serialize for ConnectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ConnectionId {
    pub(crate) fn random() -> Self {
        Self(random_id().into())
    }

    /// Creates an ID from its text.
    pub fn new(id: impl AsRef<str>) -> Self {
        Self(id.as_ref().into())
    }

    /// Returns the ID as text.
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

/// The ID of an encryption key: 16 hexadecimal digits that are derived from the key and reveal nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Creates an ID that was stored with a ciphertext.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_validated() {
        let longest = "x".repeat(AccountId::MAX_LENGTH);
        for id in ["7", "user 7", "jürgen@example.com", longest.as_str()] {
            assert_eq!(AccountId::new(id).unwrap().as_str(), id);
        }
        for id in ["", " 7", "7\n", "a\0b", "\u{85}", &format!("{longest}x")] {
            assert!(AccountId::new(id).is_err(), "{id:?}");
        }
        assert_ne!(ConnectionId::random(), ConnectionId::random());
    }
}
