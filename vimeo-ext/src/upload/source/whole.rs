//! The hash of all that a source holds.

use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::{Source, off_the_runtime};
use crate::error::UploadError;
use crate::hex::hex;

/// The SHA-256 of all that a source holds, in lower-case hex. Hashing runs off the runtime.
pub(crate) async fn whole_sha256(source: &mut (impl Source + ?Sized)) -> Result<String, UploadError> {
    let name = source.name().to_owned();
    let mut pieces = source.read(0..source.size()).await?;
    let mut hash = Sha256::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        hash = off_the_runtime(&name, "hash", move || Ok(hash.chain_update(&piece))).await?;
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::super::BytesSource;
    use super::*;

    #[tokio::test]
    async fn all_pieces_are_hashed_in_order() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at ^ (at >> 9)) as u8).collect();
        let mut source = BytesSource::new(bytes.clone());
        assert_eq!(whole_sha256(&mut source).await.unwrap(), hex(&Sha256::digest(&bytes)));
    }
}
