//! The status of an account and its transitions.

use std::fmt;

use serde::{Serialize, Serializer};

/// The status of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Its user has not logged in yet.
    Pending,
    /// Its token was valid when it was last used or checked.
    Active,
    /// Its token has expired and could not be renewed; the user has to log in again.
    Expired,
    /// Vimeo rejected its token before it expired; the user has to log in again. The token stays stored, so that
    /// [`Accounts::verify`](crate::accounts::Accounts::verify) can check it again.
    Revoked,
    /// The program disabled it; it makes no calls.
    Disabled,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Expired, Self::Revoked, Self::Disabled];

    /// Whether an account can change from this status to `next`.
    ///
    /// | from | to |
    /// |---|---|
    /// | `Pending` | `Active` (logged in), `Disabled` |
    /// | `Active` | `Expired`, `Revoked`, `Disabled` |
    /// | `Expired` | `Active` (renewed or logged in), `Revoked`, `Disabled` |
    /// | `Revoked` | `Active` (logged in, or its token is valid after all), `Disabled` |
    /// | `Disabled` | `Active`, `Expired`, or `Pending` if it has no token (enabled) |
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

    /// Returns the name of the status, as stores persist it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
        }
    }

    /// Returns the status with this name; `None` if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Serializes the name.
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
    fn transitions_follow_the_table() {
        // Rows: from; columns: to, in the order of `ALL`.
        let table = ["-A--D", "--ERD", "-A-RD", "-A--D", "PAE--"];
        for (from, row) in Status::ALL.into_iter().zip(table) {
            for (to, mark) in Status::ALL.into_iter().zip(row.chars()) {
                assert_eq!(from.can_become(to), mark != '-', "{from} to {to}");
            }
        }
    }

    #[test]
    fn names_are_parsed() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("gone"), None);
    }
}
