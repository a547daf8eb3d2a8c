//! What can go wrong at a start.

use std::path::PathBuf;

use crate::persistence::StateError;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address could not be bound: most often the port is taken.
    #[error("cannot listen on {address}: {source}; choose another port, or port 0 for a free one")]
    Listen {
        /// What was asked for, as `address:port`.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The Unix socket could not be bound.
    #[error(
        "cannot listen on the Unix socket {path}: {source}; its folder must be there, and no other file of this name",
        path = path.display()
    )]
    Stream {
        /// The path that was given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder for uploaded bytes cannot be used.
    #[error("cannot keep uploads in {folder}: {source}", folder = folder.display())]
    Folder {
        /// The folder that was given.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder for the state cannot be used.
    #[error("cannot keep the state in {folder}: {source}", folder = folder.display())]
    State {
        /// The folder that was given.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state that was kept cannot be read.
    #[error(transparent)]
    StateContent(#[from] StateError),
    /// The certificates for https could not be made, or their file not written.
    #[error("cannot make the certificates for https: {0}")]
    Certificate(#[source] std::io::Error),
    /// A token was given that could be a true one: 32 hexadecimal digits.
    #[error(
        "a token that was given looks like a real Vimeo token (32 hexadecimal digits); \
         use an obviously fake one, so that no real secret ends up in a test"
    )]
    RealLookingToken,
    /// A token was given that no client can send: OAuth's are of letters, digits and `-._~+/`, with `=` at the end. With its
    /// fingerprint: it can be a true one with a slip of the pen.
    #[error(
        "a token that was given (fingerprint {0}) cannot be sent in a header: a token is made of letters, digits and any of \
         -._~+/, and may end with ="
    )]
    UnsendableToken(String),
    /// The control token cannot be sent in a header.
    #[error("the control token cannot be sent in a header; make it of letters, digits and any of -._~+/")]
    UnsendableControlToken,
    /// The same token was given twice.
    #[error("the token \"{0}\" was given twice; each token belongs to one user of one world")]
    TokenTwice(String),
    /// The runtime ended in the middle of the start.
    #[error("the start was broken off: {0}")]
    Stopped(String),
    /// A scope that Vimeo does not have.
    #[error("\"{0}\" is no Vimeo scope; known are: {known}", known = crate::config::scopes::ALL_SCOPES.join(", "))]
    UnknownScope(String),
}
