//! HTTP clients of the tests' own.

use rustls::crypto::ring;

/// Like `reqwest::Client::builder()`; reqwest finds its cryptography in the process.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    // Another test may have been first.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Like `reqwest::Client::new()`.
pub(crate) fn client() -> reqwest::Client {
    builder().build().unwrap()
}
