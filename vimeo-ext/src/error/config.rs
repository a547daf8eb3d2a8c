//! What is wrong with how a client is set up.

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The environment names nobody to be.
    #[error("no credentials: set VIMEO_ACCESS_TOKEN, or VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET")]
    NoCredentials,
    /// Of the app's two parts only one is there.
    #[error("{present} is set but {missing} is not; an app needs both")]
    IncompleteAppCredentials {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// A variable of the environment is no text.
    #[error("{0} is not valid Unicode")]
    NotUnicode(&'static str),
    /// The access token cannot be sent.
    #[error("the access token cannot be used: {0}")]
    InvalidToken(&'static str),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[source] reqwest::Error),
    /// The base URL is https, and vimeo-ext was built without TLS.
    #[error(
        "{0} needs TLS, and vimeo-ext was built without it; turn on one of its features rustls, rustls-aws-lc, rustls-no-provider and native-tls, or give the builder an http_client"
    )]
    NoTls(String),
    /// The feature `rustls-no-provider` is on, and the process has no default provider of cryptography for rustls.
    #[error(
        "rustls has no cryptography provider; call install_default() on a rustls::crypto::CryptoProvider before the client is built, or turn on vimeo-ext's feature rustls or rustls-aws-lc"
    )]
    NoCryptoProvider,
    /// The certificates that the system trusts cannot be loaded.
    #[error("the system's trusted certificates cannot be loaded: {0}")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The runtime of a [blocking client](crate::blocking) cannot be started.
    #[cfg(feature = "blocking")]
    #[error("the runtime of the blocking client cannot be started: {0}")]
    Runtime(#[source] std::io::Error),
}
