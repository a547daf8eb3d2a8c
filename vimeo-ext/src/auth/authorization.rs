//! The way through the user's browser.

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

/// A login through the browser before it begins: what to ask for. From [`Auth::authorization`](super::Auth::authorization).
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
    /// What the token shall be allowed to do. Default: `public`.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Whether the code is bound to this process by PKCE (RFC 7636). Default: yes; a server that does not know it passes
    /// over the two parameters.
    pub fn pkce(mut self, pkce: bool) -> Self {
        self.pkce = pkce;
        self
    }

    /// Begins the login: send the user to its [`url`](Authorization::url), and keep it until they come back.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCallback`] if the redirect URI is no absolute URL; [`AuthError::Randomness`] if the operating
    /// system gives no random bytes for state and code verifier.
    pub fn begin(self) -> Result<Authorization, AuthError> {
        if Url::parse(&self.redirect_uri).is_err() {
            return Err(AuthError::InvalidCallback("the redirect URI is no absolute URL".to_owned()));
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

/// 256 random bits in the 43 characters that RFC 7636 allows in a code verifier.
fn random_token() -> Result<SecretString, AuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| AuthError::Randomness(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// The code challenge of RFC 7636, method S256.
fn code_challenge(verifier: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

/// A login through the browser that has begun.
///
/// It holds secrets and can be serialised, so that another process can complete it: keep it in the user's
/// session, never in the browser.
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
    /// Where to send the user.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The scopes that are asked for.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The state parameter, to find this login by when the user comes back.
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(super) fn verifier(&self) -> Option<&str> {
        self.verifier.as_ref().map(|verifier| verifier.expose_secret())
    }

    /// The code out of what came back to the redirect URI: the whole URL or its query.
    ///
    /// # Errors
    ///
    /// [`AuthError::StateMismatch`] when it belongs to another login, [`AuthError::Denied`] when the user said no,
    /// [`AuthError::InvalidCallback`] when it holds no code.
    pub fn code(&self, callback: &str) -> Result<SecretString, AuthError> {
        let query = callback.split_once('?').map_or(callback, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let find = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let state = find("state").unwrap_or_default();
        // Before anything else is believed, and in a time that tells nothing.
        if !bool::from(state.as_bytes().ct_eq(self.state().as_bytes())) {
            return Err(AuthError::StateMismatch);
        }
        if let Some(error) = find("error") {
            return Err(AuthError::Denied { error, description: find("error_description") });
        }
        match find("code").filter(|code| !code.is_empty()) {
            Some(code) => Ok(code.into()),
            None => {
                Err(AuthError::InvalidCallback("the callback holds neither a code nor an error".to_owned()))
            }
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

/// A secret that is written out on purpose.
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

    fn begun(pkce: bool) -> Authorization {
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
    fn the_url_asks_for_a_code_with_state_and_pkce() {
        let login = begun(true);
        let pair = |name: &str| {
            login.url().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        assert_eq!(pair("response_type").as_deref(), Some("code"));
        assert_eq!(pair("client_id").as_deref(), Some("app"));
        assert_eq!(pair("redirect_uri").as_deref(), Some("https://example.com/back?from=vimeo"));
        assert_eq!(pair("scope").as_deref(), Some("public private upload"));
        assert_eq!(pair("state").as_deref(), Some(login.state()));
        assert_eq!(pair("code_challenge_method").as_deref(), Some("S256"));
        assert!(begun(false).url().query_pairs().all(|(key, _)| !key.starts_with("code_challenge")));
        assert_ne!(begun(true).state(), login.state());
    }

    /// BEHAVIOUR.md: A02.
    #[test]
    fn the_state_is_checked_before_the_callback_is_used() {
        let login = begun(true);
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
            "Vimeo gave no code: access_denied (No thanks); begin the login again"
        );
        assert!(matches!(login.code(&format!("state={state}")), Err(AuthError::InvalidCallback(_))));
    }

    #[test]
    fn another_process_can_complete_it_and_nothing_shows() {
        let login = begun(true);
        let json = serde_json::to_string(&login).unwrap();
        let back: Authorization = serde_json::from_str(&json).unwrap();
        assert_eq!(back.state(), login.state());
        assert_eq!(back.verifier(), login.verifier());
        let shown = format!("{back:?}");
        assert!(!shown.contains(login.state()) && !shown.contains(login.verifier().unwrap()), "{shown}");
    }
}
