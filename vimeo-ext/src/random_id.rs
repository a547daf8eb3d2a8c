//! Random IDs.

/// Returns 128 random bits in lower-case hex: unique, but not secret.
pub(crate) fn random_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_one_length() {
        let (one, other) = (random_id(), random_id());
        assert_ne!(one, other);
        assert!(one.len() == 32 && other.len() == 32, "{one} {other}");
    }
}
