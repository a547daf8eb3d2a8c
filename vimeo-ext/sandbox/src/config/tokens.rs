//! What a token may look like.

/// Whether a text is a token as OAuth writes it (RFC 6750, section 2.1).
pub(crate) fn can_be_sent(token: &str) -> bool {
    let token = token.trim_end_matches('=');
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Whether a token could be a true one of Vimeo's.
pub(crate) fn looks_real(token: &str) -> bool {
    token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}
