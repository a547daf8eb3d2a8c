//! The ways to a token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

#[cfg(feature = "oauth")]
use super::authorization::{Authorization, AuthorizationRequest};
use super::credentials::CallCredentials;
#[cfg(feature = "oauth")]
use super::device::{DeviceCode, DeviceLogin};
use super::grant::{Grant, TokenResponse};
use super::{AccessToken, AppCredentials, AuthError, BoxFuture, RefreshError, Refresher, Session};
use crate::{Clock, ScopeSet};

/// Getting, checking and revoking tokens; from [`Vimeo::auth`](crate::Vimeo::auth).
///
/// Logging a user in through the browser:
///
/// ```no_run
/// use vimeo_ext::{Scope, Vimeo};
/// # async fn demo(callback_url: &str) -> Result<(), vimeo_ext::Error> {
/// let vimeo = Vimeo::builder().app("client id", "client secret").build()?;
/// let login = vimeo
///     .auth()
///     .authorization("https://example.com/callback")?
///     .scopes([Scope::Private, Scope::Upload])
///     .begin()?;
/// // Send the user to login.url(), keep `login`, and when they come back:
/// let grant = vimeo.auth().complete(&login, callback_url).await?;
/// let missing = grant.scopes().map(|granted| login.scopes().difference(granted));
/// let vimeo = vimeo.for_account("user 7", grant.token)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Auth {
    pub(crate) client: vimeo_api::Client,
    pub(crate) app: Option<AppCredentials>,
    pub(crate) session: Arc<Session>,
    pub(crate) cache: GrantCache,
    pub(crate) clock: Clock,
}

impl Auth {
    fn app(&self) -> Result<&AppCredentials, AuthError> {
        self.app.as_ref().ok_or(AuthError::NoApp)
    }

    /// Posts a form with the app's credentials.
    pub(super) async fn ask<T>(&self, path: &str, form: &[(&str, &str)]) -> Result<T, AuthError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let app = self.app()?.clone();
        let call = self.client.call(Method::POST, path).form(form).extension(CallCredentials::App(app));
        Ok(call.with_response_type::<T>().send().await?.into_inner())
    }

    /// A token of the app alone, without a user.
    ///
    /// It is asked for once for an app and its scopes, however many ask at once, and kept until it expires: Vimeo
    /// refuses who asks over and over.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`]; [`AuthError::Refresh`] when Vimeo gives none, for instance with its code 8001 when the client
    /// secret is wrong: [`AuthError::call`] finds what it said.
    pub async fn client_credentials(&self, scopes: impl Into<ScopeSet>) -> Result<AccessToken, AuthError> {
        let session = self.cache.session(self, self.app()?, scopes.into());
        match session.current().await {
            Ok(Some(held)) => Ok(held.token().clone()),
            Ok(None) => Err(AuthError::NoApp),
            Err(failure) => Err(failure.into_auth_error()),
        }
    }

    async fn fresh_client_credentials(&self, scopes: &ScopeSet) -> Result<Grant, AuthError> {
        let scope = scopes.to_string();
        let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
        let path = "/oauth/authorize/client";
        self.ask::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// A login through the user's browser, which ends at this redirect URI, one of those in the app's settings.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`].
    #[cfg(feature = "oauth")]
    pub fn authorization(&self, redirect_uri: impl Into<String>) -> Result<AuthorizationRequest, AuthError> {
        let mut authorize_url = self.client.base_url().clone();
        authorize_url.set_path(&format!("{}/oauth/authorize", authorize_url.path().trim_end_matches('/')));
        Ok(AuthorizationRequest {
            client_id: self.app()?.id().to_owned(),
            authorize_url,
            redirect_uri: redirect_uri.into(),
            scopes: ScopeSet::default(),
            pkce: true,
        })
    }

    /// Ends a login through the browser: checks what came back and trades the code for a token.
    ///
    /// `callback` is the URL that the user came back to, or its query.
    ///
    /// # Errors
    ///
    /// Those of [`Authorization::code`]; [`vimeo_api::Error::Api`] when Vimeo does not take the code, for instance
    /// because the redirect URI is another than the one the login began with.
    #[cfg(feature = "oauth")]
    pub async fn complete(&self, login: &Authorization, callback: &str) -> Result<Grant, AuthError> {
        let code = login.code(callback)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", login.redirect_uri()),
        ];
        form.extend(login.verifier().map(|verifier| ("code_verifier", verifier)));
        let path = "/oauth/access_token";
        self.ask::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// A login on a device without a browser. Vimeo may have to enable it for the app.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`]; [`vimeo_api::Error::Api`] when Vimeo refuses.
    #[cfg(feature = "oauth")]
    pub async fn device(&self, scopes: impl Into<ScopeSet>) -> Result<DeviceLogin, AuthError> {
        let scopes = scopes.into();
        let scope = scopes.to_string();
        let form = [("grant_type", "device_grant"), ("scope", scope.as_str())];
        let code = self.ask::<DeviceCode>("/oauth/device", &form).await?;
        Ok(DeviceLogin::new(self.clone(), code, scopes))
    }

    /// Trades a token of Vimeo's old API (OAuth 1) for a new one.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`]; [`vimeo_api::Error::Api`] with status 400 when the old token is not taken.
    pub async fn convert_oauth1(
        &self,
        token: &SecretString,
        token_secret: &SecretString,
    ) -> Result<Grant, AuthError> {
        let form = [
            ("grant_type", "vimeo_oauth1"),
            ("token", token.expose_secret()),
            ("token_secret", token_secret.expose_secret()),
        ];
        let path = "/oauth/authorize/vimeo_oauth1";
        self.ask::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// Asks Vimeo what the client's token is good for, and keeps its scopes for the checks of calls to come.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoToken`]; [`vimeo_api::Error::Api`] with status 401 when Vimeo does not take it.
    pub async fn verify(&self) -> Result<Grant, AuthError> {
        let token = self.current().await?;
        let grant = self.verify_token(&token).await?;
        self.session.set_scopes(grant.token.clone());
        Ok(grant)
    }

    /// Asks Vimeo what a token is good for.
    ///
    /// # Errors
    ///
    /// [`vimeo_api::Error::Api`] with status 401 when Vimeo does not take it.
    pub async fn verify_token(&self, token: &AccessToken) -> Result<Grant, AuthError> {
        let authorization = CallCredentials::token(token.secret().expose_secret())?;
        let path = "/oauth/verify";
        let call = self.client.call(Method::GET, path).extension(authorization);
        let granted = call.with_response_type::<TokenResponse>().send().await?.into_inner();
        let mut grant = granted.into_grant(path, Some(token.secret()))?;
        if grant.token.expires().is_none() {
            grant.token = grant.token.expiring(token.expires());
        }
        Ok(grant)
    }

    /// Revokes the client's token; its calls fail from then on.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoToken`]; [`vimeo_api::Error::Api`] when Vimeo refuses.
    pub async fn revoke(&self) -> Result<(), AuthError> {
        let token = self.current().await?;
        self.revoke_token(&token).await?;
        if let Ok(header) = token.header() {
            self.session.invalidate(&header);
        }
        Ok(())
    }

    /// Revokes a token.
    ///
    /// # Errors
    ///
    /// [`vimeo_api::Error::Api`] when Vimeo refuses, with status 400 for a token of the old API.
    pub async fn revoke_token(&self, token: &AccessToken) -> Result<(), AuthError> {
        let authorization = CallCredentials::token(token.secret().expose_secret())?;
        self.client.call(Method::DELETE, "/tokens").extension(authorization).send().await?;
        Ok(())
    }

    /// The user that a token acts for, as `/users/7`; `None` if it is an app's own.
    #[cfg(feature = "accounts")]
    pub(crate) async fn user_of(&self, token: &AccessToken) -> Result<Option<String>, AuthError> {
        #[derive(serde::Deserialize)]
        struct User {
            #[serde(default)]
            uri: Option<String>,
        }
        let authorization = CallCredentials::token(token.secret().expose_secret())?;
        let call = self.client.call(Method::GET, "/me").fields("uri").extension(authorization);
        match call.with_response_type::<User>().send().await {
            Ok(user) => Ok(user.into_inner().uri),
            // The token was verified before, so this is about the call.
            Err(error)
                if error.origin() == Some(vimeo_api::ResponseOrigin::Api)
                    && error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 404)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gets a new access token now, from the client's refresher or for its app; all clones of the client go on with it.
    ///
    /// Calls renew a token by themselves when it is about to expire or Vimeo refuses it. This is for a program that knows
    /// before. Whoever renews at the same time shares one renewal.
    ///
    /// ```no_run
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// vimeo.auth().refresh().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AuthError::NoRefresher`] if the client has no way to a new token, and [`AuthError::Refresh`] if it gave none.
    pub async fn refresh(&self) -> Result<(), AuthError> {
        if !self.session.can_refresh() {
            return Err(AuthError::NoRefresher);
        }
        let renewed = self.session.renew(self.session.generation()).await;
        renewed.map(drop).map_err(|failure| failure.into_auth_error())
    }

    async fn current(&self) -> Result<AccessToken, AuthError> {
        match self.session.current().await {
            Ok(Some(held)) => Ok(held.token().clone()),
            Ok(None) => Err(AuthError::NoToken),
            Err(failure) => Err(failure.into_auth_error()),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("app", &self.app).finish_non_exhaustive()
    }
}

/// The tokens of apps alone, by app and scopes.
#[derive(Clone, Default)]
pub(crate) struct GrantCache(Arc<Mutex<HashMap<AppAndScopes, Arc<Session>>>>);

/// A digest of the app's credentials, and what its token is for: what is known of one secret says nothing of another.
type AppAndScopes = ([u8; 32], ScopeSet);

impl GrantCache {
    pub(crate) fn session(&self, auth: &Auth, app: &AppCredentials, scopes: ScopeSet) -> Arc<Session> {
        let key = (app.digest(), scopes.clone());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&key) {
            return Arc::clone(session);
        }
        // The sessions live in the cache, so what they ask with must hold neither the cache nor one of them.
        let session = Session::empty(auth.clock.clone());
        let auth = Auth { cache: Self::default(), session, ..auth.clone() };
        let refresher: Arc<dyn Refresher> = Arc::new(ClientCredentials { auth: auth.clone(), scopes });
        let session = Session::of_app(refresher, auth.clock);
        sessions.insert(key, Arc::clone(&session));
        session
    }
}

/// Renews a token of the app alone by asking for another.
struct ClientCredentials {
    auth: Auth,
    scopes: ScopeSet,
}

impl Refresher for ClientCredentials {
    fn refresh<'a>(&'a self, _: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async {
            match self.auth.fresh_client_credentials(&self.scopes).await {
                Ok(grant) => Ok(grant.token),
                Err(error) => Err(RefreshError::from_grant(error)),
            }
        })
    }
}
