//! HTTP clients for tests.

use rustls::crypto::ring;

/// Like `reqwest::Client::builder()`, with a crypto provider installed for the process.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    // Another test may have installed it already.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Like `reqwest::Client::new()`.
pub(crate) fn client() -> reqwest::Client {
    builder().build().unwrap()
}
