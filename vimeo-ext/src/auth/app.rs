//! The app's own name and password.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use vimeo_api::Error;

/// Client identifier and client secret of an app, from its page at developer.vimeo.com/apps.
///
/// ```
/// let app = vimeo_ext::auth::AppCredentials::new("client-id", "s3cret");
/// assert!(!format!("{app:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct AppCredentials {
    // Shared by the clients of all accounts.
    id: Arc<str>,
    secret: Arc<SecretString>,
}

impl AppCredentials {
    /// Of an app with this client identifier.
    pub fn new(id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        Self { id: id.into().into(), secret: Arc::new(secret.into()) }
    }

    /// The client identifier, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Tells these credentials from others, without showing them.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let digest = Sha256::new().chain_update(self.id.as_bytes()).chain_update([0]);
        digest.chain_update(self.secret.expose_secret()).finalize().into()
    }

    /// The `Authorization` header of HTTP's basic scheme.
    pub(crate) fn header(&self, operation: &str) -> Result<HeaderValue, Error> {
        if self.id.contains(':') {
            return Err(Error::invalid(operation, "a client identifier may hold no colon"));
        }
        let pair = SecretString::from(format!("{}:{}", self.id, self.secret.expose_secret()));
        let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
        let mut header = HeaderValue::from_str(&format!("Basic {}", encoded.expose_secret()))
            .map_err(|_| Error::invalid(operation, "the app's credentials make no header"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials").field("id", &self.id).field("secret", &"[REDACTED]").finish()
    }
}
