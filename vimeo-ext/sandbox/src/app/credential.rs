//! What a sandbox asks of those who use its control API.

use sha2::{Digest as _, Sha256};

/// What a sandbox asks of those who use its control API.
#[derive(Clone, Default)]
pub(crate) enum Credential {
    /// That they are programs of the user who started it.
    #[default]
    SameUser,
    /// The token with this SHA-256.
    Token([u8; 32]),
    /// What nobody can give: it listens to other machines, and has no token.
    Missing,
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
            Self::Missing => "Missing",
        })
    }
}
