//! The authorization code flow: logging a user in through the browser.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use super::AuthError;
use crate::ScopeSet;

/// Configures a browser login (OAuth authorization code flow). Created by
/// [`Auth::authorization`](super::Auth::authorization).
#[derive(Debug, Clone)]
#[must_use = "a login begins when begin() is called"]
pub struct AuthorizationRequest {
    pub(super) client_id: String,
    pub(super) authorize_url: Url,
    pub(super) redirect_uri: String,
    pub(super) scopes: ScopeSet,
    pub(super) pkce: bool,
}

impl AuthorizationRequest {
    /// Sets the scopes to request. Default: `public`. The user can grant fewer.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Sets whether the code is protected by PKCE (RFC 7636). Default: `true`; a server that does not support PKCE ignores
    /// its two parameters.
    pub fn pkce(mut self, pkce: bool) -> Self {
        self.pkce = pkce;
        self
    }

    /// Starts the login. Redirect the user to its [`url`](Authorization::url), and store the login until they come back.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCallback`] if the redirect URI is not an absolute URL; [`AuthError::Randomness`] if the operating
    /// system provides no random bytes for the state and the code verifier.
    pub fn begin(self) -> Result<Authorization, AuthError> {
        if Url::parse(&self.redirect_uri).is_err() {
            let reason =
                "the redirect URI is not an absolute URL; expected one such as https://example.com/callback";
            return Err(AuthError::InvalidCallback(reason.to_owned()));
        }
        let state = random_token()?;
        let verifier = if self.pkce { Some(random_token()?) } else { None };
        let mut url = self.authorize_url;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code").append_pair("client_id", &self.client_id);
            query.append_pair("state", state.expose_secret());
            if let Some(verifier) = &verifier {
                query.append_pair("code_challenge", &code_challenge(verifier));
                query.append_pair("code_challenge_method", "S256");
            }
            query.append_pair("redirect_uri", &self.redirect_uri);
            query.append_pair("scope", &self.scopes.to_string());
        }
        Ok(Authorization { url, redirect_uri: self.redirect_uri, state, verifier, scopes: self.scopes })
    }
}

/// Returns 256 random bits as 43 characters that RFC 7636 allows in a code verifier.
fn random_token() -> Result<SecretString, AuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| AuthError::Randomness(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// Returns the RFC 7636 code challenge for a verifier, method S256.
fn code_challenge(verifier: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

/// A pending browser login.
///
/// It contains secrets (the state and the PKCE code verifier). It can be serialized, so that another process can complete
/// the login: store it in the user's server-side session, never in the browser.
#[derive(Clone, Serialize, Deserialize)]
pub struct Authorization {
    url: Url,
    redirect_uri: String,
    #[serde(with = "plain")]
    state: SecretString,
    #[serde(with = "plain_option", default)]
    verifier: Option<SecretString>,
    scopes: ScopeSet,
}

impl Authorization {
    /// Returns the authorization link to redirect the user to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the requested scopes.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Returns the `state` parameter. Use it to look this login up when the user comes back.
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(super) fn verifier(&self) -> Option<&str> {
        self.verifier.as_ref().map(|verifier| verifier.expose_secret())
    }

    /// Extracts the authorization code from a callback: the URL that the user came back to, or only its query.
    ///
    /// # Errors
    ///
    /// [`AuthError::StateMismatch`] if the callback belongs to another login, [`AuthError::Denied`] if the user or Vimeo
    /// denied the request, [`AuthError::InvalidCallback`] if the callback contains no code.
    pub fn code(&self, callback: &str) -> Result<SecretString, AuthError> {
        let query = callback.split_once('?').map_or(callback, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let find = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let state = find("state").unwrap_or_default();
        // Checked before anything else is trusted, and in constant time.
        if !bool::from(state.as_bytes().ct_eq(self.state().as_bytes())) {
            return Err(AuthError::StateMismatch);
        }
        if let Some(error) = find("error") {
            return Err(AuthError::Denied { error, description: find("error_description") });
        }
        match find("code").filter(|code| !code.is_empty()) {
            Some(code) => Ok(code.into()),
            None => Err(AuthError::InvalidCallback(
                "the callback contains neither a code nor an error; start the login again".to_owned(),
            )),
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes.to_string())
            .finish_non_exhaustive()
    }
}

/// Serializes a secret as plain text, on purpose.
mod plain {
    use secrecy::{ExposeSecret, SecretString};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
        String::deserialize(deserializer).map(SecretString::from)
    }
}

mod plain_option {
    use secrecy::{ExposeSecret, SecretString};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<SecretString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SecretString>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(pkce: bool) -> Authorization {
        AuthorizationRequest {
            client_id: "app".to_owned(),
            authorize_url: "https://api.vimeo.com/oauth/authorize".parse().unwrap(),
            redirect_uri: "https://example.com/back?from=vimeo".to_owned(),
            scopes: ScopeSet::default(),
            pkce,
        }
        .scopes("private upload")
        .begin()
        .unwrap()
    }

    #[test]
    fn url_requests_a_code_with_state_and_pkce() {
        let login = authorization(true);
        let pair = |name: &str| {
            login.url().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        assert_eq!(pair("response_type").as_deref(), Some("code"));
        assert_eq!(pair("client_id").as_deref(), Some("app"));
        assert_eq!(pair("redirect_uri").as_deref(), Some("https://example.com/back?from=vimeo"));
        assert_eq!(pair("scope").as_deref(), Some("public private upload"));
        assert_eq!(pair("state").as_deref(), Some(login.state()));
        assert_eq!(pair("code_challenge_method").as_deref(), Some("S256"));
        assert!(authorization(false).url().query_pairs().all(|(key, _)| !key.starts_with("code_challenge")));
        assert_ne!(authorization(true).state(), login.state());
    }

    /// BEHAVIOUR.md: A02.
    #[test]
    fn state_is_checked_before_the_callback_is_used() {
        let login = authorization(true);
        let state = login.state().to_owned();
        let good =
            login.code(&format!("https://example.com/back?from=vimeo&code=c0de&state={state}#x")).unwrap();
        assert_eq!(good.expose_secret(), "c0de");
        assert_eq!(login.code(&format!("state={state}&code=c0de")).unwrap().expose_secret(), "c0de");
        for callback in [
            "code=c0de",
            "code=c0de&state=",
            "code=c0de&state=x",
            &format!("code=c0de&state={state}x"),
            "error=access_denied",
        ] {
            assert!(matches!(login.code(callback), Err(AuthError::StateMismatch)), "{callback}");
        }
        let denied = login
            .code(&format!("state={state}&error=access_denied&error_description=No+thanks"))
            .unwrap_err();
        assert_eq!(
            denied.to_string(),
            "Vimeo returned no code: access_denied (No thanks); start the login again"
        );
        assert!(matches!(login.code(&format!("state={state}")), Err(AuthError::InvalidCallback(_))));
    }

    #[test]
    fn serializes_for_another_process_and_debug_redacts_secrets() {
        let login = authorization(true);
        let json = serde_json::to_string(&login).unwrap();
        let restored: Authorization = serde_json::from_str(&json).unwrap();
        assert_eq!(restored.state(), login.state());
        assert_eq!(restored.verifier(), login.verifier());
        let shown = format!("{restored:?}");
        assert!(!shown.contains(login.state()) && !shown.contains(login.verifier().unwrap()), "{shown}");
    }
}
