//! IDs, keys and signatures that are derived from a seed.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Generates a world's IDs: the same seed and the same order of requests produce the same IDs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ids {
    state: u64,
    last: u64,
}

/// All generated IDs are larger; the size matches Vimeo's own recent IDs.
const FIRST: u64 = 900_000_000;

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x5EED_0F5A_4DB0_0C5A, last: FIRST }
    }

    /// The SplitMix64 generator; too small to justify a dependency.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        splitmix64(self.state)
    }

    /// A new ID, larger than all before it and unique in its world across all kinds of resources.
    pub(crate) fn id(&mut self) -> u64 {
        self.last = self.last.saturating_add(1 + self.random() % 89);
        self.last
    }

    /// `length` hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            let _ = write!(text, "{:016x}", self.random());
        }
        text.truncate(length);
        text
    }
}

fn splitmix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Hashes a seed and some strings, for values that are computed anew for each request.
pub(crate) fn seeded_hash(seed: u64, parts: &[&str]) -> u64 {
    // FNV-1a, with a zero byte after each part as a separator.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let sum = bytes.fold(0xCBF2_9CE4_8422_2325 ^ seed, |sum: u64, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    splitmix64(sum)
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The SHA-256 of a string in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The first `length` hexadecimal digits of the SHA-256 of `parts`, each followed by a zero byte as a separator.
pub(crate) fn digest(parts: &[&str], length: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let mut text = hex(&hasher.finalize());
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_same_ids() {
        let (mut one, mut two, mut other) = (Ids::new(7), Ids::new(7), Ids::new(8));
        let mut last = 0;
        for _ in 0..1000 {
            let id = one.id();
            assert_eq!(id, two.id());
            assert!(id > last);
            last = id;
        }
        assert_eq!(one.hex(40), two.hex(40));
        assert_ne!(one.hex(40), other.hex(40));
        assert_eq!(one.hex(5).len(), 5);
    }

    #[test]
    fn digest_separates_parts() {
        assert_ne!(digest(&["ab", "c"], 40), digest(&["a", "bc"], 40));
        assert_eq!(digest(&["a"], 8).len(), 8);
    }
}
