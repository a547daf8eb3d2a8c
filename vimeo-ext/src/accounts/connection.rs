//! A stored connection: an app's credentials and an access token, under a name.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use vimeo_api::Secret;

use super::{AccountsError, Ciphertext, ConnectionId};
use crate::auth::AppCredentials;

/// A stored connection, without its secrets. Secrets are never returned: only [`Connections::client`] uses them.
///
/// Serializes to JSON in camel case.
///
/// [`Connections::client`]: super::Connections::client
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Connection {
    /// The connection's ID, assigned by the library; `connectionId` in JSON.
    #[serde(rename = "connectionId")]
    pub id: ConnectionId,
    /// The connection's name, unique in the store.
    pub name: String,
    /// What the connection is for.
    pub description: Option<String>,
    /// Whether the connection may make calls.
    pub enabled: bool,
    /// The app's client ID.
    pub client_identifier: String,
    /// The number of the current version. Starts at 1 and increases with each change. An update names the version that it
    /// changes.
    pub version: u64,
    /// When the connection was created; not in JSON.
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
    /// When the connection last changed; not in JSON.
    #[serde(skip)]
    pub changed_at: DateTime<Utc>,
}

impl Connection {
    /// Creates an enabled connection at version 1, for implementations of [`AccountStore`](super::AccountStore) and their
    /// tests. To create a connection in a store, use [`Connections::create`](super::Connections::create).
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

/// A connection as a store keeps it. Its secrets are encrypted before the store receives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Everything except the secrets.
    pub connection: Connection,
    /// The encrypted client secret and access token.
    pub secrets: Ciphertext,
}

/// The input of [`Connections::create`](super::Connections::create).
///
/// Deserializes from JSON in camel case: `name`, `description`, `enabled`, `clientIdentifier`, `clientSecret`, `accessToken`;
/// `description` and `enabled` can be left out. `Debug` output does not contain secrets.
///
/// ```
/// use vimeo_ext::accounts::NewConnection;
/// use vimeo_ext::auth::AppCredentials;
/// let app = AppCredentials::new("client id", "client secret");
/// let new = NewConnection::new("Marketing", app, "token").description("The team's");
/// assert!(!format!("{new:?}").contains("token\""));
/// ```
#[derive(Clone, Deserialize)]
#[serde(from = "NewConnectionJson")]
pub struct NewConnection {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) enabled: bool,
    pub(super) client_identifier: String,
    pub(super) client_secret: SecretString,
    pub(super) access_token: SecretString,
}

/// The JSON of a [`NewConnection`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewConnectionJson {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    client_identifier: String,
    client_secret: Secret,
    access_token: Secret,
}

impl From<NewConnectionJson> for NewConnection {
    fn from(json: NewConnectionJson) -> Self {
        Self {
            name: json.name,
            description: json.description,
            enabled: json.enabled.unwrap_or(true),
            client_identifier: json.client_identifier,
            client_secret: json.client_secret.expose().into(),
            access_token: json.access_token.expose().into(),
        }
    }
}

impl NewConnection {
    /// Describes an enabled connection. The name has 1 to 100 letters, digits, spaces, `_` and `-`; the credentials have 1 to
    /// 500 characters each. [`Connections::create`](super::Connections::create) checks this.
    pub fn new(name: impl Into<String>, app: AppCredentials, access_token: impl Into<SecretString>) -> Self {
        Self {
            name: name.into(),
            description: None,
            enabled: true,
            client_identifier: app.id().to_owned(),
            client_secret: app.secret().clone(),
            access_token: access_token.into(),
        }
    }

    /// Sets what the connection is for: at most 250 characters.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets whether the connection may make calls. Default: `true`.
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

/// The input of [`Connections::update`](super::Connections::update). Fields that are not set stay unchanged.
///
/// Deserializes from JSON as [`NewConnection`] does; every member can be left out, and a `description` of null removes it.
/// `Debug` output does not contain secrets.
///
/// ```
/// use vimeo_ext::accounts::ConnectionUpdate;
/// let update = ConnectionUpdate::default().name("Marketing EU").enabled(false);
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(from = "ConnectionUpdateJson")]
pub struct ConnectionUpdate {
    pub(super) name: Option<String>,
    pub(super) description: Option<Option<String>>,
    pub(super) enabled: Option<bool>,
    pub(super) client_identifier: Option<String>,
    pub(super) client_secret: Option<SecretString>,
    pub(super) access_token: Option<SecretString>,
}

/// The JSON of a [`ConnectionUpdate`].
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ConnectionUpdateJson {
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<Option<String>>,
    enabled: Option<bool>,
    client_identifier: Option<String>,
    client_secret: Option<Secret>,
    access_token: Option<Secret>,
}

/// Distinguishes null from a member that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<ConnectionUpdateJson> for ConnectionUpdate {
    fn from(json: ConnectionUpdateJson) -> Self {
        let secret = |secret: Option<Secret>| secret.map(|secret| SecretString::from(secret.expose()));
        Self {
            name: json.name,
            description: json.description,
            enabled: json.enabled,
            client_identifier: json.client_identifier,
            client_secret: secret(json.client_secret),
            access_token: secret(json.access_token),
        }
    }
}

impl ConnectionUpdate {
    /// Changes the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Changes the description; `None` removes it.
    #[must_use]
    pub fn description(mut self, text: impl Into<Option<String>>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Enables or disables the connection.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Changes the app, or its client secret.
    #[must_use]
    pub fn app(mut self, app: AppCredentials) -> Self {
        self.client_identifier = Some(app.id().to_owned());
        self.client_secret = Some(app.secret().clone());
        self
    }

    /// Changes the access token.
    #[must_use]
    pub fn access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// Whether the update changes credentials, which Vimeo then has to verify.
    pub(super) fn changes_credentials(&self) -> bool {
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

impl fmt::Debug for ConnectionUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionUpdate")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("enabled", &self.enabled)
            .field("client_identifier", &self.client_identifier)
            .finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), AccountsError> {
    let invalid = |reason| Err(AccountsError::InvalidField { field: "name", reason });
    match name.chars().count() {
        0 => return invalid("must not be empty"),
        1..=100 => {}
        _ => return invalid("must have at most 100 characters"),
    }
    if !name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '_' | '-')) {
        return invalid("must contain only letters, digits, spaces, _ and -");
    }
    Ok(())
}

fn check_description(text: Option<&str>) -> Result<(), AccountsError> {
    match text {
        Some(text) if text.chars().count() > 250 => Err(AccountsError::InvalidField {
            field: "description",
            reason: "must have at most 250 characters",
        }),
        _ => Ok(()),
    }
}

fn check_length(field: &'static str, value: &str) -> Result<(), AccountsError> {
    match value.chars().count() {
        0 => Err(AccountsError::InvalidField { field, reason: "must not be empty" }),
        1..=500 => Ok(()),
        _ => Err(AccountsError::InvalidField { field, reason: "must have at most 500 characters" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid_field(result: Result<(), AccountsError>) -> Option<&'static str> {
        match result {
            Ok(()) => None,
            Err(AccountsError::InvalidField { field, .. }) => Some(field),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn validates_the_fields_of_a_new_connection() {
        let long = |count| "x".repeat(count);
        let with = |edit: &dyn Fn(&mut NewConnection)| {
            let mut new = NewConnection::new("Team 1_a-b", AppCredentials::new("id", "secret"), "token");
            edit(&mut new);
            invalid_field(new.check())
        };
        type Edit<'a> = dyn Fn(&mut NewConnection) + 'a;
        let table: [(&Edit<'_>, Option<&str>); 15] = [
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
        for (number, (edit, expected)) in table.into_iter().enumerate() {
            assert_eq!(with(edit), expected, "row {number}");
        }
    }

    #[test]
    fn validates_the_fields_that_an_update_sets() {
        assert_eq!(invalid_field(ConnectionUpdate::default().check()), None);
        assert_eq!(invalid_field(ConnectionUpdate::default().name("a?").check()), Some("name"));
        assert_eq!(invalid_field(ConnectionUpdate::default().access_token("").check()), Some("access_token"));
        let without_id = ConnectionUpdate::default().app(AppCredentials::new("", "s"));
        assert_eq!(invalid_field(without_id.check()), Some("client_identifier"));
        let without_secret = ConnectionUpdate::default().app(AppCredentials::new("id", ""));
        assert_eq!(invalid_field(without_secret.check()), Some("client_secret"));
        assert!(!ConnectionUpdate::default().enabled(false).changes_credentials());
        assert!(ConnectionUpdate::default().access_token("t").changes_credentials());
    }

    #[test]
    fn inputs_deserialize_from_camel_case() {
        let json = serde_json::json!({
            "name": "Marketing", "description": "The team's", "enabled": false,
            "clientIdentifier": "id", "clientSecret": "s3cret", "accessToken": "t0ken",
        });
        let new: NewConnection = serde_json::from_value(json.clone()).unwrap();
        assert_eq!((new.name.as_str(), new.description.as_deref()), ("Marketing", Some("The team's")));
        assert_eq!((new.enabled, new.client_identifier.as_str()), (false, "id"));
        assert_eq!(new.client_secret.expose_secret(), "s3cret");
        assert_eq!(new.access_token.expose_secret(), "t0ken");
        for (member, optional) in [
            ("name", false),
            ("description", true),
            ("enabled", true),
            ("clientIdentifier", false),
            ("clientSecret", false),
            ("accessToken", false),
        ] {
            let mut without = json.clone();
            without.as_object_mut().unwrap().remove(member);
            let parsed = serde_json::from_value::<NewConnection>(without);
            assert_eq!(parsed.is_ok(), optional, "{member}");
            if let Err(error) = parsed {
                assert!(error.to_string().contains(member), "{error}");
            }
        }
        let mut unknown = json;
        unknown["client_secret"] = "x".into();
        assert!(serde_json::from_value::<NewConnection>(unknown).is_err());

        let update = |json| serde_json::from_value::<ConnectionUpdate>(json).unwrap();
        assert_eq!(update(serde_json::json!({})).description, None);
        assert_eq!(update(serde_json::json!({"description": null})).description, Some(None));
        let change = update(serde_json::json!({"description": "x", "accessToken": "t"}));
        assert_eq!((change.description, change.enabled), (Some(Some("x".to_owned())), None));
        assert_eq!(change.access_token.unwrap().expose_secret(), "t");
    }

    #[test]
    fn debug_redacts_secrets() {
        let app = AppCredentials::new("id", "client-s3cret");
        let new = NewConnection::new("a", app.clone(), "t0ken");
        let update = ConnectionUpdate::default().app(app).access_token("t0ken");
        let shown = format!("{new:?} {update:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
}
