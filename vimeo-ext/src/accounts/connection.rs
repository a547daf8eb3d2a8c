//! A stored connection: an app's credentials and a token, under a name.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{AccountsError, ConnectionId, Sealed};

/// A connection as it can be shown: it holds no secret, and secrets never come back out of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Connection {
    /// What the store calls it; `connectionId` in JSON.
    #[serde(rename = "connectionId")]
    pub id: ConnectionId,
    /// Its name, the only one of that name in the store.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it may make calls.
    pub enabled: bool,
    /// The app's client identifier.
    pub client_identifier: String,
    /// Counts changes, from 1. A change names the version it was made against.
    pub version: u64,
    /// When it was made; not in JSON.
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
    /// When it last changed; not in JSON.
    #[serde(skip)]
    pub changed_at: DateTime<Utc>,
}

impl Connection {
    /// One that has just been made, enabled; for stores and their tests.
    pub fn new(id: ConnectionId, name: String, client_identifier: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name,
            description: None,
            enabled: true,
            client_identifier,
            version: 1,
            created_at: now,
            changed_at: now,
        }
    }
}

/// A connection as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// All that is no secret.
    pub connection: Connection,
    /// The client secret and the access token.
    pub secrets: Sealed,
}

/// A connection to be made.
///
/// ```
/// use vimeo_ext::accounts::NewConnection;
/// let new = NewConnection::new("Marketing", "client id", "client secret", "token").description("The team's");
/// assert!(!format!("{new:?}").contains("token\""));
/// ```
#[derive(Clone)]
pub struct NewConnection {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) enabled: bool,
    pub(super) client_identifier: String,
    pub(super) client_secret: SecretString,
    pub(super) access_token: SecretString,
}

impl NewConnection {
    /// With a name of 1 to 100 letters, digits, spaces, `_` and `-`, and credentials of 1 to 500 characters each.
    pub fn new(
        name: impl Into<String>,
        client_identifier: impl Into<String>,
        client_secret: impl Into<SecretString>,
        access_token: impl Into<SecretString>,
    ) -> Self {
        Self {
            name: name.into(),
            description: None,
            enabled: true,
            client_identifier: client_identifier.into(),
            client_secret: client_secret.into(),
            access_token: access_token.into(),
        }
    }

    /// What it is for: at most 250 characters.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Whether it may make calls. Default: yes.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub(super) fn check(&self) -> Result<(), AccountsError> {
        check_name(&self.name)?;
        check_description(self.description.as_deref())?;
        check_length("client_identifier", &self.client_identifier)?;
        check_length("client_secret", self.client_secret.expose_secret())?;
        check_length("access_token", self.access_token.expose_secret())
    }
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("enabled", &self.enabled)
            .field("client_identifier", &self.client_identifier)
            .finish_non_exhaustive()
    }
}

/// What is to become of a connection; what is not set stays.
///
/// ```
/// use vimeo_ext::accounts::ConnectionChange;
/// let change = ConnectionChange::default().name("Marketing EU").enabled(false);
/// ```
#[derive(Clone, Default)]
pub struct ConnectionChange {
    pub(super) name: Option<String>,
    pub(super) description: Option<Option<String>>,
    pub(super) enabled: Option<bool>,
    pub(super) client_identifier: Option<String>,
    pub(super) client_secret: Option<SecretString>,
    pub(super) access_token: Option<SecretString>,
}

impl ConnectionChange {
    /// Another name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Another description; `None` takes it away.
    #[must_use]
    pub fn description(mut self, text: impl Into<Option<String>>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Switches it on or off.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Another app. Its secret is asked for anew, since that of the old app is of no use.
    #[must_use]
    pub fn app(mut self, client_identifier: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.client_identifier = Some(client_identifier.into());
        self.client_secret = Some(secret.into());
        self
    }

    /// Another access token.
    #[must_use]
    pub fn access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// Whether Vimeo has to be asked about the credentials.
    pub(super) fn touches_credentials(&self) -> bool {
        self.client_identifier.is_some() || self.client_secret.is_some() || self.access_token.is_some()
    }

    pub(super) fn check(&self) -> Result<(), AccountsError> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        check_description(self.description.as_ref().and_then(|text| text.as_deref()))?;
        let length = |field, value: Option<&str>| value.map_or(Ok(()), |value| check_length(field, value));
        length("client_identifier", self.client_identifier.as_deref())?;
        length("client_secret", self.client_secret.as_ref().map(ExposeSecret::expose_secret))?;
        length("access_token", self.access_token.as_ref().map(ExposeSecret::expose_secret))
    }
}

impl fmt::Debug for ConnectionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionChange")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("enabled", &self.enabled)
            .field("client_identifier", &self.client_identifier)
            .finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), AccountsError> {
    let bad = |reason| Err(AccountsError::InvalidField { field: "name", reason });
    match name.chars().count() {
        0 => return bad("must not be empty"),
        1..=100 => {}
        _ => return bad("may have at most 100 characters"),
    }
    if !name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '_' | '-')) {
        return bad("may hold letters, digits, spaces, _ and - only");
    }
    Ok(())
}

fn check_description(text: Option<&str>) -> Result<(), AccountsError> {
    match text {
        Some(text) if text.chars().count() > 250 => Err(AccountsError::InvalidField {
            field: "description",
            reason: "may have at most 250 characters",
        }),
        _ => Ok(()),
    }
}

fn check_length(field: &'static str, value: &str) -> Result<(), AccountsError> {
    match value.chars().count() {
        0 => Err(AccountsError::InvalidField { field, reason: "must not be empty" }),
        1..=500 => Ok(()),
        _ => Err(AccountsError::InvalidField { field, reason: "may have at most 500 characters" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(result: Result<(), AccountsError>) -> Option<&'static str> {
        match result {
            Ok(()) => None,
            Err(AccountsError::InvalidField { field, .. }) => Some(field),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table_of_fields() {
        let long = |count| "x".repeat(count);
        let good = || NewConnection::new("Team 1_a-b", "id", "secret", "token");
        let with = |change: &dyn Fn(&mut NewConnection)| {
            let mut new = good();
            change(&mut new);
            field(new.check())
        };
        type Change<'a> = dyn Fn(&mut NewConnection) + 'a;
        let table: [(&Change<'_>, Option<&str>); 15] = [
            (&|_| {}, None),
            (&|new| new.name = long(100), None),
            (&|new| new.name = "Équipe".into(), None),
            (&|new| new.name = String::new(), Some("name")),
            (&|new| new.name = long(101), Some("name")),
            (&|new| new.name = "a/b".into(), Some("name")),
            (&|new| new.name = "a\tb".into(), Some("name")),
            (&|new| new.description = Some(long(250)), None),
            (&|new| new.description = Some(long(251)), Some("description")),
            (&|new| new.client_identifier = String::new(), Some("client_identifier")),
            (&|new| new.client_identifier = long(501), Some("client_identifier")),
            (&|new| new.client_secret = String::new().into(), Some("client_secret")),
            (&|new| new.client_secret = long(501).into(), Some("client_secret")),
            (&|new| new.access_token = String::new().into(), Some("access_token")),
            (&|new| new.access_token = long(500).into(), None),
        ];
        for (number, (change, expected)) in table.into_iter().enumerate() {
            assert_eq!(with(change), expected, "row {number}");
        }
    }

    #[test]
    fn a_change_is_checked_in_what_it_sets() {
        assert_eq!(field(ConnectionChange::default().check()), None);
        assert_eq!(field(ConnectionChange::default().name("a?").check()), Some("name"));
        assert_eq!(field(ConnectionChange::default().access_token("").check()), Some("access_token"));
        assert_eq!(field(ConnectionChange::default().app("", "s").check()), Some("client_identifier"));
        assert!(!ConnectionChange::default().enabled(false).touches_credentials());
        assert!(ConnectionChange::default().access_token("t").touches_credentials());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let new = NewConnection::new("a", "id", "client-s3cret", "t0ken");
        let change = ConnectionChange::default().app("id", "client-s3cret").access_token("t0ken");
        let shown = format!("{new:?} {change:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
}
