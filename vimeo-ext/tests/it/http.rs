//! HTTP clients for the tests.

use rustls::crypto::ring;

/// Like `reqwest::Client::builder()`, with a crypto provider installed in the process.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    install_provider();
    reqwest::Client::builder()
}

/// Like `reqwest::Client::new()`.
pub(crate) fn client() -> reqwest::Client {
    builder().build().unwrap()
}

/// Installs a crypto provider for clients that are built elsewhere.
pub(crate) fn install_provider() {
    // Fails if another test has installed one already.
    let _ = ring::default_provider().install_default();
}
