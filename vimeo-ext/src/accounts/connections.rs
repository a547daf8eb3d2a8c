//! Stored connections and their clients.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use vimeo_api::Secret;

use super::keys::Owner;
use super::login::rejected_credentials;
use super::service::AccountService;
use super::{
    Accounts, AccountsError, Ciphertext, Connection, ConnectionId, ConnectionRecord, ConnectionUpdate,
    KeyError, NewConnection, StoreError,
};
use crate::auth::{AppCredentials, Auth, GrantCache, RefreshError, Session};
use crate::client::ClientIdentity;
use crate::{AccessToken, ScopeSet, Vimeo};

/// Manages stored connections: an app's credentials and an access token, under a name. Returned by
/// [`Accounts::connections`].
///
/// Unlike an [account](super::Account), a connection brings its own app and its token is never renewed.
///
/// ```no_run
/// use vimeo_ext::accounts::{Accounts, AccountsError, ConnectionUpdate, NewConnection};
/// use vimeo_ext::auth::AppCredentials;
/// # async fn demo(accounts: Accounts) -> Result<(), vimeo_ext::Error> {
/// let connections = accounts.connections();
/// let new = NewConnection::new("Marketing", AppCredentials::new("client id", "client secret"), "token");
/// let connection = match connections.create(new).await {
///     Ok(connection) => connection,
///     Err(AccountsError::DuplicateName { name }) => return Ok(tracing::warn!(name, "name already exists")),
///     Err(AccountsError::InvalidField { field, reason }) => return Ok(tracing::warn!(field, reason)),
///     Err(AccountsError::CredentialsRejected { what, .. }) => return Ok(tracing::warn!(what, "rejected by Vimeo")),
///     Err(error) => return Err(error.into()),
/// };
/// assert_eq!(connection.version, 1);
/// let disable = ConnectionUpdate::default().enabled(false);
/// let connection = connections.update(&connection.id, connection.version, disable).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connections {
    accounts: Accounts,
}

/// The sessions of the connections' clients that the program holds, so that they can be stopped.
#[derive(Default)]
pub(super) struct SessionRegistry(Mutex<HashMap<ConnectionId, Vec<Weak<Session>>>>);

impl SessionRegistry {
    fn lock(&self) -> MutexGuard<'_, HashMap<ConnectionId, Vec<Weak<Session>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, id: &ConnectionId, session: &Arc<Session>) {
        let mut registry = self.lock();
        let sessions = registry.entry(id.clone()).or_default();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(session));
    }

    fn stop(&self, id: &ConnectionId, error: impl Fn() -> RefreshError) {
        for session in self.lock().remove(id).into_iter().flatten().filter_map(|session| session.upgrade()) {
            session.stop(error());
        }
    }
}

impl Connections {
    pub(super) fn new(accounts: Accounts) -> Self {
        Self { accounts }
    }

    fn service(&self) -> &AccountService {
        &self.accounts.inner.service
    }

    /// Creates a connection at version 1, after Vimeo has verified its credentials.
    ///
    /// # Errors
    ///
    /// Nothing is stored on error. [`AccountsError::InvalidField`] if a field is invalid (nothing is sent then);
    /// [`AccountsError::DuplicateName`] if the name exists; [`AccountsError::CredentialsRejected`] if Vimeo rejects the app or
    /// the token; [`AccountsError::Vimeo`] if they could not be verified; [`AccountsError::Store`] if the store fails.
    pub async fn create(&self, new: NewConnection) -> Result<Connection, AccountsError> {
        new.check()?;
        let service = self.service();
        let duplicate = || AccountsError::DuplicateName { name: new.name.clone() };
        if service.store.connection_by_name(&new.name).await?.is_some() {
            return Err(duplicate());
        }
        let secrets = Secrets {
            client_secret: new.client_secret.clone(),
            access_token: new.access_token.clone(),
            is_bound: true,
        };
        self.verify_credentials(&new.client_identifier, &secrets).await?;
        let id = ConnectionId::random();
        let now = service.now();
        let record = ConnectionRecord {
            secrets: secrets.encrypt(service, &id)?,
            connection: Connection {
                description: new.description.clone(),
                enabled: new.enabled,
                ..Connection::new(id, new.name.clone(), new.client_identifier.clone(), now)
            },
        };
        match service.store.insert_connection(&record).await {
            Ok(()) => Ok(record.connection),
            Err(StoreError::DuplicateName) => Err(duplicate()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the connection with this ID.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownConnection`] if there is none; [`AccountsError::Store`] if the store fails.
    pub async fn get(&self, id: &ConnectionId) -> Result<Connection, AccountsError> {
        Ok(self.record(id).await?.connection)
    }

    /// Returns the connection with this name, or `None`.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn get_by_name(&self, name: &str) -> Result<Option<Connection>, AccountsError> {
        Ok(self.service().store.connection_by_name(name).await?.map(|record| record.connection))
    }

    /// Lists connections sorted by name (byte order): those with a name greater than `after`, at most `limit` (clamped to 1 to
    /// 1,000).
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`] if the store fails.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<Connection>, AccountsError> {
        let records = self.service().store.connections(after, limit.clamp(1, 1_000)).await?;
        Ok(records.into_iter().map(|record| record.connection).collect())
    }

    /// Updates a connection and returns its new version. `version` is the version that the caller has read (optimistic
    /// concurrency).
    ///
    /// New credentials are verified at Vimeo first. The calls of clients that were created earlier fail from then on if the
    /// update disables the connection or changes its credentials; get the [`client`](Self::client) again.
    ///
    /// # Errors
    ///
    /// [`AccountsError::StaleVersion`] if the connection is at another version: read it again. Otherwise as
    /// [`create`](Self::create), and [`AccountsError::UnknownConnection`]. Nothing is stored on error.
    pub async fn update(
        &self,
        id: &ConnectionId,
        version: u64,
        update: ConnectionUpdate,
    ) -> Result<Connection, AccountsError> {
        update.check()?;
        let service = self.service();
        let before = self.record(id).await?;
        Self::check_version(&before, version)?;
        let mut record = before.clone();
        let connection = &mut record.connection;
        connection.name = update.name.clone().unwrap_or_else(|| connection.name.clone());
        connection.description = update.description.clone().unwrap_or_else(|| connection.description.take());
        connection.enabled = update.enabled.unwrap_or(connection.enabled);
        connection.version = version.saturating_add(1);
        connection.changed_at = service.now();
        let changes_credentials = update.changes_credentials();
        if changes_credentials {
            let old = Secrets::decrypt(service, &before)?;
            let secrets = Secrets {
                client_secret: update.client_secret.unwrap_or(old.client_secret),
                access_token: update.access_token.unwrap_or(old.access_token),
                is_bound: true,
            };
            if let Some(identifier) = update.client_identifier {
                connection.client_identifier = identifier;
            }
            self.verify_credentials(&connection.client_identifier, &secrets).await?;
            record.secrets = secrets.encrypt(service, id)?;
        }
        self.replace(&record).await?;
        let connection = record.connection;
        if !connection.enabled {
            self.accounts.inner.connections.stop(id, || {
                RefreshError::refused(AccountsError::DisabledConnection { name: connection.name.clone() })
            });
        } else if changes_credentials {
            self.accounts.inner.connections.stop(id, || {
                RefreshError::login_required(
                    "the connection's credentials were changed; get its client again",
                )
            });
        }
        Ok(connection)
    }

    /// Verifies at Vimeo that a connection's app and access token are still valid, and returns the connection. Nothing is
    /// stored.
    ///
    /// # Errors
    ///
    /// [`AccountsError::CredentialsRejected`] if Vimeo rejects the app or the token; [`AccountsError::Vimeo`] if they could not
    /// be verified; [`AccountsError::DisabledConnection`] if the connection is disabled, because it makes no calls;
    /// [`AccountsError::UnknownConnection`]; [`AccountsError::Key`] if the credentials cannot be decrypted;
    /// [`AccountsError::Store`] if the store fails.
    pub async fn verify(&self, id: &ConnectionId) -> Result<Connection, AccountsError> {
        let record = self.record(id).await?;
        if !record.connection.enabled {
            return Err(AccountsError::DisabledConnection { name: record.connection.name });
        }
        let secrets = Secrets::decrypt(self.service(), &record)?;
        self.verify_credentials(&record.connection.client_identifier, &secrets).await?;
        Ok(record.connection)
    }

    /// Removes a connection. `version` is the version that the caller has read. The access token is not revoked at Vimeo: it
    /// belongs to the program that provided it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::StaleVersion`] if the connection is at another version; [`AccountsError::UnknownConnection`] if there is
    /// none; [`AccountsError::Store`] if the store fails.
    pub async fn remove(&self, id: &ConnectionId, version: u64) -> Result<(), AccountsError> {
        match self.service().store.remove_connection(id, version).await {
            Ok(()) => {
                self.accounts
                    .inner
                    .connections
                    .stop(id, || RefreshError::login_required("the connection was removed"));
                Ok(())
            }
            Err(error) => Err(Self::write_error(id, version, "", error)),
        }
    }

    /// Returns a client that uses the connection's credentials. It shares the HTTP connection pool and the settings of the
    /// client that was passed to [`Accounts::builder`].
    ///
    /// # Errors
    ///
    /// [`AccountsError::DisabledConnection`] if the connection is disabled; [`AccountsError::UnknownConnection`] if there is
    /// none; [`AccountsError::Key`] if the credentials cannot be decrypted; [`AccountsError::Store`] if the store fails.
    pub async fn client(&self, id: &ConnectionId) -> Result<Vimeo, AccountsError> {
        let service = self.service();
        let record = self.record(id).await?;
        if !record.connection.enabled {
            return Err(AccountsError::DisabledConnection { name: record.connection.name });
        }
        let secrets = Secrets::decrypt(service, &record)?;
        if !secrets.is_bound {
            self.bind(&record, &secrets).await;
        }
        let client = service.app.for_identity(ClientIdentity {
            account: Some(format!("connection {id}").into()),
            token: Some(AccessToken::new(secrets.access_token)),
            refresher: None,
            app: Some(AppCredentials::new(record.connection.client_identifier, secrets.client_secret)),
            isolated_journal: true,
        })?;
        self.accounts.inner.connections.register(id, client.session());
        Ok(client)
    }

    /// Binds credentials that an earlier version stored to this API, after this API has accepted the token. If it rejects the
    /// token or cannot be reached, the credentials stay unbound: they may belong to another API.
    async fn bind(&self, record: &ConnectionRecord, secrets: &Secrets) {
        let bind = async {
            let service = self.service();
            service.check_token(&AccessToken::new(secrets.access_token.clone())).await?;
            let mut bound = record.clone();
            bound.secrets = secrets.encrypt(service, &record.connection.id)?;
            bound.connection.version = record.connection.version.saturating_add(1);
            self.replace(&bound).await
        };
        if let Err(error) = bind.await {
            let connection = &record.connection.id;
            tracing::warn!(%connection, %error, "could not bind the connection's credentials to this API; trying again at the next use");
        }
    }

    async fn record(&self, id: &ConnectionId) -> Result<ConnectionRecord, AccountsError> {
        let record = self.service().store.connection(id).await?;
        record.ok_or_else(|| AccountsError::UnknownConnection { connection: id.clone() })
    }

    fn check_version(record: &ConnectionRecord, expected: u64) -> Result<(), AccountsError> {
        let found = record.connection.version;
        if found == expected {
            return Ok(());
        }
        let what = format!("connection {:?}", record.connection.name);
        Err(AccountsError::StaleVersion { what, expected, found })
    }

    async fn replace(&self, record: &ConnectionRecord) -> Result<(), AccountsError> {
        let connection = &record.connection;
        self.service().store.replace_connection(record).await.map_err(|error| {
            Self::write_error(&connection.id, connection.version.saturating_sub(1), &connection.name, error)
        })
    }

    fn write_error(id: &ConnectionId, expected: u64, name: &str, error: StoreError) -> AccountsError {
        match error {
            StoreError::Stale { found } => {
                AccountsError::StaleVersion { what: format!("connection {id}"), expected, found }
            }
            StoreError::Missing => AccountsError::UnknownConnection { connection: id.clone() },
            StoreError::DuplicateName => AccountsError::DuplicateName { name: name.to_owned() },
            error => error.into(),
        }
    }

    /// Verifies the token and the app's credentials at Vimeo. Both are checked, because either can be wrong.
    async fn verify_credentials(
        &self,
        client_identifier: &str,
        secrets: &Secrets,
    ) -> Result<(), AccountsError> {
        let app = AppCredentials::new(client_identifier, secrets.client_secret.clone());
        // A cache of its own, so that nothing about credentials that may be wrong is cached.
        let auth = Auth { app: Some(app), cache: GrantCache::default(), ..self.service().app.auth().clone() };
        auth.verify_token(&AccessToken::new(secrets.access_token.clone()))
            .await
            .map_err(|error| rejected_credentials("access token", error))?;
        let token = auth
            .client_credentials(ScopeSet::default())
            .await
            .map_err(|error| rejected_credentials("client ID or client secret", error))?;
        // Each grant creates another token, and this one is not needed any more.
        if let Err(error) = auth.revoke_token(&token).await {
            tracing::warn!(%error, "could not revoke the app-only token that was used to verify the credentials");
        }
        Ok(())
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

struct Secrets {
    client_secret: SecretString,
    access_token: SecretString,
    /// Whether the secrets are bound to one API. Those that earlier versions stored are not.
    is_bound: bool,
}

/// The stored JSON, as it is written.
#[derive(Serialize)]
struct SecretsJson<'a> {
    api: &'a str,
    client_secret: &'a str,
    access_token: &'a str,
}

/// The stored JSON, as it is read.
#[derive(Deserialize)]
struct ParsedSecrets {
    #[serde(default)]
    api: Option<String>,
    client_secret: Secret,
    access_token: Secret,
}

impl Secrets {
    fn encrypt(&self, service: &AccountService, id: &ConnectionId) -> Result<Ciphertext, KeyError> {
        let api = service.api();
        let json = SecretsJson {
            api: &api,
            client_secret: self.client_secret.expose_secret(),
            access_token: self.access_token.expose_secret(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&json).map_err(|_| KeyError::TooLong)?);
        service.keys.encrypt(&Owner::Connection(id.as_str()), &plain)
    }

    fn decrypt(service: &AccountService, record: &ConnectionRecord) -> Result<Self, KeyError> {
        let owner = Owner::Connection(record.connection.id.as_str());
        let plain = service.keys.decrypt(&owner, &record.secrets)?;
        let parsed: ParsedSecrets =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        let is_bound = parsed.api.is_some();
        owner.check_api(parsed.api, &service.api())?;
        Ok(Self {
            is_bound,
            client_secret: parsed.client_secret.expose().into(),
            access_token: parsed.access_token.expose().into(),
        })
    }
}
