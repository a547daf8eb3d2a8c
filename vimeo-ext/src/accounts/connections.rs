//! Stored connections, and the clients that go with their credentials.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use vimeo_api::Secret;

use super::core::Core;
use super::keys::Owner;
use super::linking::refused;
use super::{
    Accounts, AccountsError, Connection, ConnectionChange, ConnectionId, ConnectionRecord, KeyError,
    NewConnection, Sealed, StoreError,
};
use crate::auth::{AppCredentials, Auth, GrantCache, RefreshError, Session};
use crate::client::ClientIdentity;
use crate::{AccessToken, ScopeSet, Vimeo};

/// Stored connections; from [`Accounts::connections`].
///
/// ```no_run
/// use vimeo_ext::accounts::{Accounts, AccountsError, ConnectionChange, NewConnection};
/// # async fn demo(accounts: Accounts) -> Result<(), vimeo_ext::Error> {
/// let connections = accounts.connections();
/// let new = NewConnection::new("Marketing", "client id", "client secret", "token");
/// let made = match connections.create(new).await {
///     Ok(made) => made,
///     Err(AccountsError::DuplicateName { name }) => return Ok(tracing::warn!(name, "taken")),
///     Err(AccountsError::InvalidField { field, reason }) => return Ok(tracing::warn!(field, reason)),
///     Err(AccountsError::CredentialsRejected { what, .. }) => return Ok(tracing::warn!(what, "refused")),
///     Err(other) => return Err(other.into()),
/// };
/// assert_eq!(made.version, 1);
/// let changed = connections.change(&made.id, made.version, ConnectionChange::default().enabled(false)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connections {
    accounts: Accounts,
}

/// The clients of connections that are in use, so that they can be stopped.
#[derive(Default)]
pub(super) struct Clients(Mutex<HashMap<ConnectionId, Vec<Weak<Session>>>>);

impl Clients {
    fn lock(&self) -> MutexGuard<'_, HashMap<ConnectionId, Vec<Weak<Session>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, id: &ConnectionId, session: &Arc<Session>) {
        let mut clients = self.lock();
        let sessions = clients.entry(id.clone()).or_default();
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

    fn core(&self) -> &Core {
        &self.accounts.inner.core
    }

    /// Makes a connection once Vimeo has taken its credentials; it is at version 1.
    ///
    /// # Errors
    ///
    /// [`AccountsError::InvalidField`] before anything is sent; [`AccountsError::DuplicateName`];
    /// [`AccountsError::CredentialsRejected`] when Vimeo does not take the app or the token;
    /// [`AccountsError::Vimeo`] when it could not be asked. Nothing is stored then.
    pub async fn create(&self, new: NewConnection) -> Result<Connection, AccountsError> {
        new.check()?;
        let core = self.core();
        let duplicate = || AccountsError::DuplicateName { name: new.name.clone() };
        if core.store.connection_named(&new.name).await?.is_some() {
            return Err(duplicate());
        }
        let secrets = Secrets {
            client_secret: new.client_secret.clone(),
            access_token: new.access_token.clone(),
            is_bound: true,
        };
        self.ask_vimeo(&new.client_identifier, &secrets).await?;
        let id = ConnectionId::random();
        let now = core.now();
        let record = ConnectionRecord {
            secrets: secrets.seal(core, &id)?,
            connection: Connection {
                description: new.description.clone(),
                enabled: new.enabled,
                ..Connection::new(id, new.name.clone(), new.client_identifier.clone(), now)
            },
        };
        match core.store.insert_connection(&record).await {
            Ok(()) => Ok(record.connection),
            Err(StoreError::DuplicateName) => Err(duplicate()),
            Err(error) => Err(error.into()),
        }
    }

    /// The connection of this id.
    ///
    /// # Errors
    ///
    /// [`AccountsError::UnknownConnection`].
    pub async fn get(&self, id: &ConnectionId) -> Result<Connection, AccountsError> {
        Ok(self.record(id).await?.connection)
    }

    /// The connection of this name.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    pub async fn named(&self, name: &str) -> Result<Option<Connection>, AccountsError> {
        Ok(self.core().store.connection_named(name).await?.map(|record| record.connection))
    }

    /// Connections in the order of their names by bytes, those after the name `after`, at most `limit` (1 to 1,000).
    ///
    /// # Errors
    ///
    /// [`AccountsError::Store`].
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<Connection>, AccountsError> {
        let records = self.core().store.connections(after, limit.clamp(1, 1_000)).await?;
        Ok(records.into_iter().map(|record| record.connection).collect())
    }

    /// Changes a connection that is at `version`, and answers it at the next. Clients made before go on only if it is
    /// enabled and its credentials stay.
    ///
    /// # Errors
    ///
    /// [`AccountsError::StaleVersion`] when it is at another version; else as [`create`](Self::create).
    pub async fn change(
        &self,
        id: &ConnectionId,
        version: u64,
        change: ConnectionChange,
    ) -> Result<Connection, AccountsError> {
        change.check()?;
        let core = self.core();
        let before = self.record(id).await?;
        self.expect(&before, version)?;
        let mut record = before.clone();
        let connection = &mut record.connection;
        connection.name = change.name.clone().unwrap_or_else(|| connection.name.clone());
        connection.description = change.description.clone().unwrap_or_else(|| connection.description.take());
        connection.enabled = change.enabled.unwrap_or(connection.enabled);
        connection.version = version.saturating_add(1);
        connection.changed_at = core.now();
        let renewed = change.touches_credentials();
        if renewed {
            let old = Secrets::open(core, &before)?;
            let secrets = Secrets {
                client_secret: change.client_secret.unwrap_or(old.client_secret),
                access_token: change.access_token.unwrap_or(old.access_token),
                is_bound: true,
            };
            if let Some(identifier) = change.client_identifier {
                connection.client_identifier = identifier;
            }
            self.ask_vimeo(&connection.client_identifier, &secrets).await?;
            record.secrets = secrets.seal(core, id)?;
        }
        self.replace(&record).await?;
        let connection = record.connection;
        if !connection.enabled {
            self.accounts.inner.connections.stop(id, || {
                RefreshError::refused(AccountsError::DisabledConnection { name: connection.name.clone() })
            });
        } else if renewed {
            self.accounts.inner.connections.stop(id, || {
                RefreshError::login_required(
                    "the connection has other credentials now; ask for its client again",
                )
            });
        }
        Ok(connection)
    }

    /// Removes a connection that is at `version`. Its token is not revoked: it was made elsewhere.
    ///
    /// # Errors
    ///
    /// [`AccountsError::StaleVersion`], [`AccountsError::UnknownConnection`].
    pub async fn remove(&self, id: &ConnectionId, version: u64) -> Result<(), AccountsError> {
        match self.core().store.remove_connection(id, version).await {
            Ok(()) => {
                self.accounts
                    .inner
                    .connections
                    .stop(id, || RefreshError::login_required("the connection was removed"));
                Ok(())
            }
            Err(error) => Err(Self::written(id, version, "", error)),
        }
    }

    /// A client with the connection's credentials, over the connections that all share.
    ///
    /// # Errors
    ///
    /// [`AccountsError::DisabledConnection`], [`AccountsError::UnknownConnection`].
    pub async fn client(&self, id: &ConnectionId) -> Result<Vimeo, AccountsError> {
        let core = self.core();
        let record = self.record(id).await?;
        if !record.connection.enabled {
            return Err(AccountsError::DisabledConnection { name: record.connection.name });
        }
        let secrets = Secrets::open(core, &record)?;
        if !secrets.is_bound {
            self.bind(&record, &secrets).await;
        }
        let client = core.app.for_identity(ClientIdentity {
            account: Some(format!("connection {id}").into()),
            token: Some(AccessToken::new(secrets.access_token)),
            refresher: None,
            app: Some(AppCredentials::new(record.connection.client_identifier, secrets.client_secret)),
            apart: true,
        })?;
        self.accounts.inner.connections.note(id, client.session());
        Ok(client)
    }

    /// Binds credentials of an earlier version to the API, once it has taken the token. They stay as they are if it does not, or
    /// cannot be asked: another may be meant.
    async fn bind(&self, record: &ConnectionRecord, secrets: &Secrets) {
        let bind = async {
            let core = self.core();
            core.takes(&AccessToken::new(secrets.access_token.clone())).await?;
            let mut bound = record.clone();
            bound.secrets = secrets.seal(core, &record.connection.id)?;
            bound.connection.version = record.connection.version.saturating_add(1);
            self.replace(&bound).await
        };
        if let Err(error) = bind.await {
            let connection = &record.connection.id;
            tracing::warn!(%connection, %error, "its credentials are not bound to this API yet");
        }
    }

    async fn record(&self, id: &ConnectionId) -> Result<ConnectionRecord, AccountsError> {
        let record = self.core().store.connection(id).await?;
        record.ok_or_else(|| AccountsError::UnknownConnection { connection: id.clone() })
    }

    fn expect(&self, record: &ConnectionRecord, expected: u64) -> Result<(), AccountsError> {
        let found = record.connection.version;
        if found == expected {
            return Ok(());
        }
        let what = format!("connection {:?}", record.connection.name);
        Err(AccountsError::StaleVersion { what, expected, found })
    }

    async fn replace(&self, record: &ConnectionRecord) -> Result<(), AccountsError> {
        let connection = &record.connection;
        self.core().store.replace_connection(record).await.map_err(|error| {
            Self::written(&connection.id, connection.version.saturating_sub(1), &connection.name, error)
        })
    }

    fn written(id: &ConnectionId, expected: u64, name: &str, error: StoreError) -> AccountsError {
        match error {
            StoreError::Stale { found } => {
                AccountsError::StaleVersion { what: format!("connection {id}"), expected, found }
            }
            StoreError::Missing => AccountsError::UnknownConnection { connection: id.clone() },
            StoreError::DuplicateName => AccountsError::DuplicateName { name: name.to_owned() },
            error => error.into(),
        }
    }

    /// Both credentials, since each may be wrong alone.
    async fn ask_vimeo(&self, client_identifier: &str, secrets: &Secrets) -> Result<(), AccountsError> {
        let app = AppCredentials::new(client_identifier, secrets.client_secret.clone());
        // A cache of its own: nothing is kept of credentials that may be wrong.
        let auth = Auth { app: Some(app), cache: GrantCache::default(), ..self.core().app.auth().clone() };
        auth.verify_token(&AccessToken::new(secrets.access_token.clone()))
            .await
            .map_err(|error| refused("access token", error))?;
        let token = auth
            .client_credentials(ScopeSet::default())
            .await
            .map_err(|error| refused("client identifier or client secret", error))?;
        // Each grant makes another token, and this one is used for nothing else.
        if let Err(error) = auth.revoke_token(&token).await {
            tracing::warn!(%error, "the app's token that the credentials were checked with is not revoked");
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
    /// Whether they are bound to the API that they are for. Those of earlier versions are not yet.
    is_bound: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    api: &'a str,
    client_secret: &'a str,
    access_token: &'a str,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    api: Option<String>,
    client_secret: Secret,
    access_token: Secret,
}

impl Secrets {
    fn seal(&self, core: &Core, id: &ConnectionId) -> Result<Sealed, KeyError> {
        let api = core.api();
        let written = Written {
            api: &api,
            client_secret: self.client_secret.expose_secret(),
            access_token: self.access_token.expose_secret(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&written).map_err(|_| KeyError::TooLong)?);
        core.keys.seal(&Owner::Connection(id.as_str()), &plain)
    }

    fn open(core: &Core, record: &ConnectionRecord) -> Result<Self, KeyError> {
        let owner = Owner::Connection(record.connection.id.as_str());
        let plain = core.keys.open(&owner, &record.secrets)?;
        let read: Read =
            serde_json::from_slice(&plain).map_err(|_| KeyError::Damaged { owner: owner.to_string() })?;
        let is_bound = read.api.is_some();
        owner.check_api(read.api, &core.api())?;
        Ok(Self {
            is_bound,
            client_secret: read.client_secret.expose().into(),
            access_token: read.access_token.expose().into(),
        })
    }
}
