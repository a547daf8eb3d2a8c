//! Errors of starting a sandbox.

use std::path::PathBuf;

use crate::persistence::StateError;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address could not be bound, most often because the port is taken.
    #[error("cannot listen on {address}: {source}; choose another port, or port 0 for a free one")]
    Listen {
        /// The requested address, as `address:port`.
        address: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The Unix socket could not be bound.
    #[error(
        "cannot listen on the Unix socket {path}: {source}; its folder must exist, and no other file may have this name",
        path = path.display()
    )]
    UnixSocket {
        /// The requested path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The folder for uploaded bytes cannot be used.
    #[error("cannot store uploads in {folder}: {source}", folder = folder.display())]
    UploadFolder {
        /// The requested folder.
        folder: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The folder for the state cannot be used.
    #[error("cannot store the state in {folder}: {source}", folder = folder.display())]
    StateFolder {
        /// The requested folder.
        folder: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The stored state cannot be read.
    #[error(transparent)]
    InvalidState(#[from] StateError),
    /// The certificates for https could not be created, or their file could not be written.
    #[error("cannot create the certificates for https: {0}")]
    Certificate(#[source] std::io::Error),
    /// The folder for the certificate authority cannot be used.
    #[error("cannot keep the certificate authority in {folder}: {source}", folder = folder.display())]
    AuthorityFolder {
        /// The requested folder.
        folder: PathBuf,
        /// The system's error, or what is wrong with a file.
        source: std::io::Error,
    },
    /// A configured token could be a real one: it has 32 hexadecimal digits.
    #[error(
        "a configured token looks like a real Vimeo token (32 hexadecimal digits); \
         use an obviously fake one, so that no real secret ends up in a test"
    )]
    RealLookingToken,
    /// A configured token cannot be sent in a header: OAuth tokens consist of letters, digits and `-._~+/`, with `=` at the
    /// end. Carries the token's fingerprint, because the token can be a mistyped real one.
    #[error(
        "a configured token (fingerprint {0}) cannot be sent in a header: use letters, digits and -._~+/, optionally with \
         = at the end"
    )]
    InvalidToken(String),
    /// The control token cannot be sent in a header.
    #[error("the control token cannot be sent in a header; use letters, digits and -._~+/ only")]
    InvalidControlToken,
    /// The same token was configured twice.
    #[error("the token \"{0}\" was configured twice; each token belongs to one user of one world")]
    DuplicateToken(String),
    /// The API at this base URL cannot be recorded.
    #[error("the API at this base URL cannot be recorded: {reason}")]
    InvalidTarget {
        /// What is wrong with the base URL.
        reason: String,
    },
    /// The recorder's HTTP client could not be created, for example because the system has no certificates.
    #[error("cannot create an HTTP client: {0}")]
    HttpClient(String),
    /// The async runtime shut down during the start, or the sandbox's own thread could not be created.
    #[error("the start was aborted: {0}")]
    RuntimeStopped(String),
    /// Vimeo does not have this scope.
    #[error("unknown scope \"{0}\"; Vimeo's scopes are {known}", known = crate::config::scopes::ALL_SCOPES.join(", "))]
    UnknownScope(String),
}
