//! HTTP clients for the tests.

use tokio_rustls::rustls::crypto::ring;

/// Like `reqwest::Client::builder()`, but installs a TLS provider for the process first.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    // Fails if another test has installed it, which is fine.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
}
