//! What accounts and connections are called.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Why an account cannot be called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account cannot be called so: {reason}; use 1 to 200 bytes of visible text")]
#[non_exhaustive]
pub struct InvalidAccountId {
    /// What is wrong with the id.
    pub reason: &'static str,
}

/// What your program calls a user: 1 to 200 bytes, no control characters, no space at either end.
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
    /// The longest id, in bytes.
    pub const MAX_LENGTH: usize = 200;

    /// Checks the id.
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
            "it holds control characters"
        } else if id.trim() != id {
            "it begins or ends with a space"
        } else {
            return Ok(Self(id.into()));
        };
        Err(InvalidAccountId { reason })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, not a copy of it.
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

/// What the store calls a connection: random, no secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl Serialize for ConnectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ConnectionId {
    pub(crate) fn random() -> Self {
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

/// Which key something is encrypted with: 16 hexadecimal digits that follow from the key and tell nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// An id that was kept beside a ciphertext.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
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
    fn ids_are_checked() {
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
