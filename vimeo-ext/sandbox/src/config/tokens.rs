//! The syntax of tokens.

/// Returns whether a text is a valid bearer token (RFC 6750, section 2.1).
pub(crate) fn can_be_sent(token: &str) -> bool {
    let token = token.trim_end_matches('=');
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Returns whether a token has the form of real Vimeo tokens.
pub(crate) fn looks_real(token: &str) -> bool {
    token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}
