//! Randomness that nobody can foresee.

/// Bytes from the operating system; `None` when it has none to give.
pub(crate) fn bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) => {
            tracing::error!(%error, "the operating system gives no random bytes");
            None
        }
    }
}

/// A word of letters and digits that cannot be taken for one another, five random bits each.
pub(crate) fn word(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // A word that can be foreseen is better than no answer: nothing rests on it alone.
    let random: [u8; 32] = bytes().unwrap_or_else(|| std::array::from_fn(|_| fastrand::u8(..)));
    random
        .iter()
        .take(length)
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect()
}
