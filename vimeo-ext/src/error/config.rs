//! The errors of building a client.

/// The error of building a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The environment has no credentials.
    #[error("no credentials: set VIMEO_ACCESS_TOKEN, or VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET")]
    NoCredentials,
    /// Only one of the client ID and the client secret is set.
    #[error("{present} is set but {missing} is not; an app needs both")]
    IncompleteAppCredentials {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// An environment variable is not valid Unicode.
    #[error("{0} is not valid Unicode")]
    NotUnicode(&'static str),
    /// The access token is not valid in a header.
    #[error("invalid access token: {0}")]
    InvalidToken(&'static str),
    /// The HTTP client cannot be built.
    #[error("cannot build the HTTP client: {0}")]
    Http(#[source] reqwest::Error),
    /// The base URL is `https`, and vimeo-ext was built without TLS.
    #[error(
        "{0} needs TLS, and vimeo-ext was built without it; enable one of its features rustls, rustls-aws-lc, rustls-no-provider and native-tls, or set an http_client"
    )]
    NoTls(String),
    /// The feature `rustls-no-provider` is enabled, and the process has no default `CryptoProvider`.
    #[error(
        "rustls has no crypto provider; call install_default() on a rustls::crypto::CryptoProvider before the client is built, or enable vimeo-ext's feature rustls or rustls-aws-lc"
    )]
    NoCryptoProvider,
    /// The certificates that the system trusts cannot be loaded.
    #[error("cannot load the system's trusted certificates: {0}")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The runtime of a [blocking client](crate::blocking) cannot be started.
    #[cfg(feature = "blocking")]
    #[error("cannot start the runtime of the blocking client: {0}")]
    Runtime(#[source] std::io::Error),
}
