//! Which TLS library the HTTP clients use.
//!
//! With the feature `native-tls`, that is the system's library, even if `rustls` is enabled too. Otherwise it is rustls with the
//! process's default [`CryptoProvider`](rustls::crypto::CryptoProvider) or, if the process has none, with the provider that the
//! features select.

use reqwest::ClientBuilder;

use crate::ConfigError;

/// The HTTP versions that a client offers in the TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpVersions {
    /// HTTP/2 and HTTP/1.1.
    Any,
    /// HTTP/1.1 only.
    Http1,
}

/// Whether this crate was built with TLS.
pub(crate) const AVAILABLE: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// Creates an HTTP client builder with the TLS settings of this crate. This does not affect the rest of the process.
///
/// # Errors
///
/// [`ConfigError::NoCryptoProvider`] and [`ConfigError::Certificates`].
pub(crate) fn client_builder(versions: HttpVersions) -> Result<ClientBuilder, ConfigError> {
    let builder = reqwest::Client::builder();
    #[cfg(all(feature = "rustls-no-provider", not(feature = "native-tls")))]
    let builder = builder.tls_backend_preconfigured(with_rustls::config(versions)?);
    Ok(match versions {
        HttpVersions::Any => builder,
        HttpVersions::Http1 => builder.http1_only(),
    })
}

/// Makes sure that reqwest finds a crypto provider when it builds a client from the program's own builder. Only reqwest can read the
/// certificates and TLS versions of such a builder, and it uses the process's default provider. This installs a default if there
/// is none yet.
///
/// # Errors
///
/// [`ConfigError::NoCryptoProvider`].
pub(crate) fn prepare_foreign_builder() -> Result<(), ConfigError> {
    #[cfg(all(feature = "rustls-no-provider", not(feature = "native-tls")))]
    with_rustls::install_default()?;
    Ok(())
}

#[cfg(all(feature = "rustls-no-provider", not(feature = "native-tls")))]
mod with_rustls {
    use std::sync::Arc;

    use rustls::ClientConfig;
    use rustls::crypto::CryptoProvider;
    use rustls_platform_verifier::BuilderVerifierExt;

    use super::HttpVersions;
    use crate::ConfigError;

    pub(super) fn config(versions: HttpVersions) -> Result<ClientConfig, ConfigError> {
        let provider = match CryptoProvider::get_default() {
            Some(provider) => provider.clone(),
            None => Arc::new(of_features().ok_or(ConfigError::NoCryptoProvider)?),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| ConfigError::Certificates(Box::new(error)))?
            .with_no_client_auth();
        config.alpn_protocols = match versions {
            HttpVersions::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersions::Http1 => vec![b"http/1.1".to_vec()],
        };
        Ok(config)
    }

    pub(super) fn install_default() -> Result<(), ConfigError> {
        if CryptoProvider::get_default().is_none() {
            // Another thread may have installed one in the meantime, which is fine.
            let _ = of_features().ok_or(ConfigError::NoCryptoProvider)?.install_default();
        }
        Ok(())
    }

    /// The provider that the features select. aws-lc takes precedence over ring: a program enables aws-lc on purpose, while another
    /// crate may have left the default feature on.
    fn of_features() -> Option<CryptoProvider> {
        #[cfg(feature = "rustls-aws-lc")]
        return Some(rustls::crypto::aws_lc_rs::default_provider());
        #[cfg(all(feature = "rustls", not(feature = "rustls-aws-lc")))]
        return Some(rustls::crypto::ring::default_provider());
        #[cfg(not(any(feature = "rustls", feature = "rustls-aws-lc")))]
        None
    }
}
