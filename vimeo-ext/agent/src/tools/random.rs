//! Unpredictable random values.

/// Returns random bytes from the operating system; `None` if it provides none.
pub(crate) fn bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) => {
            tracing::error!(%error, "the operating system provides no random bytes");
            None
        }
    }
}

/// Returns a token of letters and digits that are not mistaken for each other, with five random bits each.
pub(crate) fn token(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // A predictable token is better than no result: security never depends on it alone.
    let random: [u8; 32] = bytes().unwrap_or_else(|| std::array::from_fn(|_| fastrand::u8(..)));
    random
        .iter()
        .take(length)
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect()
}
