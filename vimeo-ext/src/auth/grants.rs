//! The OAuth flows: getting, verifying and revoking tokens.

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

/// Gets, verifies and revokes access tokens. Returned by [`Vimeo::auth`](crate::Vimeo::auth).
///
/// To log a user in through the browser:
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
/// // Redirect the user to login.url(), store `login`, and when the user comes back:
/// let grant = vimeo.auth().exchange_code(&login, callback_url).await?;
/// let missing_scopes = grant.scopes().map(|granted| login.scopes().difference(granted));
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

    /// Posts a form, authenticated with the app's credentials.
    pub(super) async fn post_form<T>(&self, path: &str, form: &[(&str, &str)]) -> Result<T, AuthError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let app = self.app()?.clone();
        let call = self.client.call(Method::POST, path).form(form).extension(CallCredentials::App(app));
        Ok(call.with_response_type::<T>().send().await?.into_inner())
    }

    /// Returns an app-only token: one that acts for no user (OAuth client credentials flow).
    ///
    /// The token is requested once per app and set of scopes, even if many tasks need it at once, and cached until it
    /// expires. Each request makes Vimeo issue another token, and Vimeo rejects apps that request tokens too often.
    ///
    /// ```no_run
    /// use vimeo_ext::Scope;
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let token = vimeo.auth().client_credentials([Scope::Public]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`] if the client has no app credentials. [`AuthError::Refresh`] if Vimeo grants no token, for
    /// example with error code 8001 because the client secret is wrong; [`AuthError::call`] returns Vimeo's response.
    pub async fn client_credentials(&self, scopes: impl Into<ScopeSet>) -> Result<AccessToken, AuthError> {
        let (app, scopes) = (self.app()?, scopes.into());
        loop {
            let session = self.cache.session(self, app, scopes.clone());
            match session.current().await {
                Ok(Some(active)) if active.is_app_only() => return Ok(active.token().clone()),
                // A client of this session was given a user's token in the meantime. The next session is a new one.
                Ok(Some(_)) => {}
                Ok(None) => return Err(AuthError::NoApp),
                Err(error) => return Err(error.into_auth_error()),
            }
        }
    }

    async fn request_client_credentials(&self, scopes: &ScopeSet) -> Result<Grant, AuthError> {
        let scope = scopes.to_string();
        let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
        let path = "/oauth/authorize/client";
        self.post_form::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// Configures a login through the user's browser (OAuth authorization code flow).
    ///
    /// Vimeo sends the user back to `redirect_uri`, which has to be one of those in the app's settings.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`] if the client has no app credentials.
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

    /// Completes a browser login: checks the callback's `state` and exchanges its code for an access token.
    ///
    /// `callback` is the URL that the user came back to, or only its query. A code can be exchanged once.
    ///
    /// # Errors
    ///
    /// The errors of [`Authorization::code`]. [`AuthError::Call`] with [`vimeo_api::Error::Api`] if Vimeo rejects the code,
    /// for example because the redirect URI differs from the one that the login started with.
    #[cfg(feature = "oauth")]
    pub async fn exchange_code(&self, login: &Authorization, callback: &str) -> Result<Grant, AuthError> {
        let code = login.code(callback)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", login.redirect_uri()),
        ];
        form.extend(login.verifier().map(|verifier| ("code_verifier", verifier)));
        let path = "/oauth/access_token";
        self.post_form::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// Starts a login on a device without a browser (OAuth device flow). Vimeo may have to enable this flow for the app.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`] if the client has no app credentials; [`AuthError::Call`] if the call fails or Vimeo refuses it.
    #[cfg(feature = "oauth")]
    pub async fn device(&self, scopes: impl Into<ScopeSet>) -> Result<DeviceLogin, AuthError> {
        let scopes = scopes.into();
        let scope = scopes.to_string();
        let form = [("grant_type", "device_grant"), ("scope", scope.as_str())];
        let code = self.post_form::<DeviceCode>("/oauth/device", &form).await?;
        Ok(DeviceLogin::new(self.clone(), code, scopes))
    }

    /// Exchanges a token of Vimeo's old API (OAuth 1) for an access token.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoApp`] if the client has no app credentials. [`AuthError::Call`] with [`vimeo_api::Error::Api`] and
    /// status 400 if Vimeo rejects the old token.
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
        self.post_form::<TokenResponse>(path, &form).await?.into_grant(path, None)
    }

    /// Asks Vimeo about the client's token, and remembers its scopes so that later calls can check them before they are
    /// sent.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoToken`] if the client has no token. [`AuthError::Call`] with [`vimeo_api::Error::Api`] and status 401
    /// if Vimeo rejects the token.
    pub async fn verify(&self) -> Result<Grant, AuthError> {
        let token = self.current().await?;
        let grant = self.verify_token(&token).await?;
        self.session.set_scopes(grant.token.clone());
        Ok(grant)
    }

    /// Asks Vimeo about a token: its scopes, its expiry, its user and its app.
    ///
    /// # Errors
    ///
    /// [`AuthError::Call`] with [`vimeo_api::Error::Api`] and status 401 if Vimeo rejects the token.
    pub async fn verify_token(&self, token: &AccessToken) -> Result<Grant, AuthError> {
        let authorization = CallCredentials::token(token.secret().expose_secret())?;
        let path = "/oauth/verify";
        let call = self.client.call(Method::GET, path).extension(authorization);
        let response = call.with_response_type::<TokenResponse>().send().await?.into_inner();
        let mut grant = response.into_grant(path, Some(token.secret()))?;
        if grant.token.expires().is_none() {
            grant.token = grant.token.with_expiry(token.expires());
        }
        Ok(grant)
    }

    /// Revokes the client's token at Vimeo. All calls of the client and its clones fail from then on.
    ///
    /// # Errors
    ///
    /// [`AuthError::NoToken`] if the client has no token; [`AuthError::Call`] if the call fails or Vimeo refuses it.
    pub async fn revoke(&self) -> Result<(), AuthError> {
        let token = self.current().await?;
        self.revoke_token(&token).await?;
        if let Ok(header) = token.header() {
            self.session.invalidate(&header);
        }
        Ok(())
    }

    /// Revokes a token at Vimeo.
    ///
    /// # Errors
    ///
    /// [`AuthError::Call`] if the call fails or Vimeo refuses it: with status 400 for a token of the old API.
    pub async fn revoke_token(&self, token: &AccessToken) -> Result<(), AuthError> {
        let authorization = CallCredentials::token(token.secret().expose_secret())?;
        self.client.call(Method::DELETE, "/tokens").extension(authorization).send().await?;
        Ok(())
    }

    /// Returns the URI of the user that a token acts for, for example `/users/7`; `None` for an app-only token.
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
            // The token has just been verified, so the refusal is about the call: the token has no user.
            Err(error)
                if error.origin() == Some(vimeo_api::ResponseOrigin::Api)
                    && error.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403 | 404)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gets a new access token now, from the client's refresher or, for an app-only client, from Vimeo. All clones of the
    /// client use the new token.
    ///
    /// Usually there is no need to call this: calls renew the token automatically when it is about to expire or Vimeo rejects
    /// it. Concurrent refreshes share one renewal.
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
    /// [`AuthError::NoRefresher`] if the client has neither a refresher nor app-only tokens, or if the program set the token of
    /// a client for app-only tokens; [`AuthError::Refresh`] if the
    /// refresh failed.
    pub async fn refresh(&self) -> Result<(), AuthError> {
        if !self.session.can_refresh() {
            return Err(AuthError::NoRefresher);
        }
        let renewed = self.session.renew(self.session.generation()).await;
        renewed.map(drop).map_err(|error| error.into_auth_error())
    }

    async fn current(&self) -> Result<AccessToken, AuthError> {
        match self.session.current().await {
            Ok(Some(active)) => Ok(active.token().clone()),
            Ok(None) => Err(AuthError::NoToken),
            Err(error) => Err(error.into_auth_error()),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("app", &self.app).finish_non_exhaustive()
    }
}

/// Caches app-only tokens, by app and scopes.
#[derive(Clone, Default)]
pub(crate) struct GrantCache(Arc<Mutex<HashMap<AppAndScopes, Arc<Session>>>>);

/// A hash of the app's credentials, and the token's scopes. The hash covers the secret, so that a token or a failure for one
/// secret is never used for another.
type AppAndScopes = ([u8; 32], ScopeSet);

impl GrantCache {
    pub(crate) fn session(&self, auth: &Auth, app: &AppCredentials, scopes: ScopeSet) -> Arc<Session> {
        let key = (app.digest(), scopes.clone());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that was given a user's token keeps its session; the app-only tokens then get a new one.
        if let Some(session) = sessions.get(&key).filter(|session| session.is_app_only()) {
            return Arc::clone(session);
        }
        // The cache owns the sessions, so a session's refresher must not reference the cache or a session.
        let session = Session::empty(auth.clock.clone());
        let auth = Auth { cache: Self::default(), session, ..auth.clone() };
        let refresher: Arc<dyn Refresher> = Arc::new(ClientCredentials { auth: auth.clone(), scopes });
        let session = Session::app_only(refresher, auth.clock);
        sessions.insert(key, Arc::clone(&session));
        session
    }
}

/// Renews an app-only token by requesting another one.
struct ClientCredentials {
    auth: Auth,
    scopes: ScopeSet,
}

impl Refresher for ClientCredentials {
    fn refresh<'a>(&'a self, _: Option<&'a AccessToken>) -> BoxFuture<'a, Result<AccessToken, RefreshError>> {
        Box::pin(async {
            match self.auth.request_client_credentials(&self.scopes).await {
                Ok(grant) => Ok(grant.token),
                Err(error) => Err(RefreshError::from_grant(error)),
            }
        })
    }
}
