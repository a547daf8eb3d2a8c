//! The app's client ID and client secret.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use vimeo_api::Error;

/// An app's client ID and client secret, as shown on the app's page at developer.vimeo.com/apps.
///
/// `Debug` output does not contain the secret.
///
/// ```
/// let app = vimeo_ext::auth::AppCredentials::new("client-id", "s3cret");
/// assert!(!format!("{app:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct AppCredentials {
    // Shared by the clients of all accounts, hence the `Arc`s.
    id: Arc<str>,
    secret: Arc<SecretString>,
}

impl AppCredentials {
    /// Creates credentials from a client ID and a client secret. They are checked by Vimeo when they are first used.
    pub fn new(id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        Self { id: id.into().into(), secret: Arc::new(secret.into()) }
    }

    /// Returns the client ID. It is not a secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the client secret.
    #[cfg(feature = "accounts")]
    pub(crate) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Returns a hash that identifies these credentials without revealing them.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let digest = Sha256::new().chain_update(self.id.as_bytes()).chain_update([0]);
        digest.chain_update(self.secret.expose_secret()).finalize().into()
    }

    /// Returns the `Authorization` header for HTTP basic authentication.
    pub(crate) fn header(&self, operation: &str) -> Result<HeaderValue, Error> {
        if self.id.contains(':') {
            return Err(Error::invalid(
                operation,
                "the client ID contains a colon, which HTTP basic authentication does not allow; check it for typos",
            ));
        }
        let pair = SecretString::from(format!("{}:{}", self.id, self.secret.expose_secret()));
        let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
        let mut header =
            HeaderValue::from_str(&format!("Basic {}", encoded.expose_secret())).map_err(|_| {
                Error::invalid(
                    operation,
                    "the app's credentials cannot be sent in an HTTP header; check them for typos",
                )
            })?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials").field("id", &self.id).field("secret", &"[REDACTED]").finish()
    }
}
