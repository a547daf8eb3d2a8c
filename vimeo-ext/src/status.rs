//! How an account stands, and what may become of it.

use std::fmt;

use serde::{Serialize, Serializer};

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Its user has not logged in yet.
    Pending,
    /// It has a token that Vimeo took when it was last looked at.
    Active,
    /// Its token has expired and could not be renewed; the user has to log in again.
    Expired,
    /// Vimeo takes its token no longer, though it had not expired; the user has to log in again. The token is kept, for
    /// [`Accounts::verify`](crate::accounts::Accounts::verify) to ask about once more.
    Revoked,
    /// It was switched off here; it makes no calls.
    Disabled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Expired, Self::Revoked, Self::Disabled];

    /// Whether an account that stands so may come to stand as `next`.
    ///
    /// | from | to |
    /// |---|---|
    /// | `Pending` | `Active` (logged in), `Disabled` |
    /// | `Active` | `Expired`, `Revoked`, `Disabled` |
    /// | `Expired` | `Active` (renewed or logged in), `Revoked`, `Disabled` |
    /// | `Revoked` | `Active` (logged in, or its token is taken after all), `Disabled` |
    /// | `Disabled` | `Active`, `Expired`, or `Pending` when it has no token (switched on) |
    ///
    /// ```
    /// use vimeo_ext::accounts::Status;
    /// assert!(Status::Active.can_become(Status::Revoked));
    /// assert!(!Status::Pending.can_become(Status::Revoked));
    /// ```
    pub fn can_become(self, next: Self) -> bool {
        use Status::{Active, Disabled, Expired, Pending, Revoked};
        matches!(
            (self, next),
            (Pending, Active | Disabled)
                | (Active, Expired | Revoked | Disabled)
                | (Expired, Active | Revoked | Disabled)
                | (Revoked, Active | Disabled)
                | (Disabled, Active | Expired | Pending)
        )
    }

    /// The word for it, as stores keep it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
        }
    }

    /// The status that has this word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// As its word.
impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_moves() {
        // Rows: from; columns: to, in the order of `ALL`.
        let table = ["-A--D", "--ERD", "-A-RD", "-A--D", "PAE--"];
        for (from, row) in Status::ALL.into_iter().zip(table) {
            for (to, mark) in Status::ALL.into_iter().zip(row.chars()) {
                assert_eq!(from.can_become(to), mark != '-', "{from} to {to}");
            }
        }
    }

    #[test]
    fn words_come_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("gone"), None);
    }
}
