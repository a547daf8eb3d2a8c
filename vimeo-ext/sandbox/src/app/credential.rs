//! What the control API requires of its clients.

use sha2::{Digest as _, Sha256};

/// What the control API requires of its clients.
#[derive(Clone, Default)]
pub(crate) enum Credential {
    /// The client must run as the user who started the sandbox.
    #[default]
    SameUser,
    /// The client must send the token with this SHA-256.
    Token([u8; 32]),
    /// No client is accepted: the sandbox listens to other machines and has no control token.
    Unavailable,
}

impl Credential {
    pub(crate) fn token(text: &str) -> Self {
        Self::Token(Sha256::digest(text).into())
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SameUser => "SameUser",
            Self::Token(_) => "Token",
            Self::Unavailable => "Unavailable",
        })
    }
}
