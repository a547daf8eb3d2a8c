//! Sources of bytes: files, bytes in memory, readers.

mod bytes;
mod file;
mod seek;
mod spool;
mod stream;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use ::bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

pub use self::bytes::BytesSource;
pub use self::file::FileSource;
pub(crate) use self::file::run_blocking;
pub use self::seek::SeekSource;
pub(crate) use self::spool::remove_spool_file;
pub use self::spool::{DEFAULT_SPOOL_LIMIT, Spooled, SpooledSource};
pub use self::stream::{DEFAULT_REPLAY_BUFFER, StreamSource};
use crate::error::UploadError;
use crate::hex::hex;
use crate::upload_ticket::Fingerprint;

/// The largest piece that a source returns: 1 MiB.
///
/// Smaller pieces cost more wake-ups, larger ones do not fit the CPU cache; both were slower.
pub(crate) const MAX_READ_LEN: usize = 1024 * 1024;

/// A boxed future, as the methods of [`Source`] return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The bytes of a range, in order, in pieces.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, UploadError>> + Send>>;

/// Something of known size that can be uploaded.
///
/// The upload reads one range at a time. After a failure it reads a range again, from the server's offset. A new
/// [`read`](Source::read) ends the one before.
pub trait Source: Send + 'static {
    /// Returns the name for messages; for a file, its path.
    fn name(&self) -> &str;

    /// Returns the size in bytes. It must not change.
    fn size(&self) -> u64;

    /// Returns the path, if another process can open the source again by it. Default: none.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Returns whether the file at [`path`](Self::path) exists only for this upload, so that it is removed with its journal
    /// entry. Default: no.
    fn is_spooled(&self) -> bool {
        false
    }

    /// Reports that a journal entry records the source, so a spooled file stays until the journal removes it. Default:
    /// nothing.
    fn retain(&mut self) {}

    /// Reports that the journal entry was removed because nothing was created, so a spooled file is removed with its source.
    /// Default: nothing.
    fn release(&mut self) {}

    /// Returns the lowest offset that can still be read. Default: 0, everything.
    fn min_offset(&self) -> u64 {
        0
    }

    /// Returns how many bytes can be read a second time. Default: `None`, all of them.
    fn replay_limit(&self) -> Option<u64> {
        None
    }

    /// Reports that the server has all bytes below `offset`, so they will not be read again.
    fn acknowledge(&mut self, offset: u64) {
        let _ = offset;
    }

    /// Reads a range within `min_offset()..size()`.
    ///
    /// The pieces are not empty and add up to exactly the range, or end with an error. A source that has changed
    /// since it was opened returns [`UploadError::SourceChanged`].
    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>>;

    /// Returns the current fingerprint. Default: `None`, for a source that can be read only once.
    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl Source for Box<dyn Source> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn size(&self) -> u64 {
        (**self).size()
    }

    fn path(&self) -> Option<&Path> {
        (**self).path()
    }

    fn is_spooled(&self) -> bool {
        (**self).is_spooled()
    }

    fn retain(&mut self) {
        (**self).retain();
    }

    fn release(&mut self) {
        (**self).release();
    }

    fn min_offset(&self) -> u64 {
        (**self).min_offset()
    }

    fn replay_limit(&self) -> Option<u64> {
        (**self).replay_limit()
    }

    fn acknowledge(&mut self, offset: u64) {
        (**self).acknowledge(offset);
    }

    fn read(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream, UploadError>> {
        (**self).read(range)
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>, UploadError>> {
        (**self).fingerprint()
    }
}

/// The types that an upload accepts as its source: any [`Source`], a path, an open file, bytes.
///
/// ```
/// # async fn demo() -> Result<(), vimeo_ext::upload::UploadError> {
/// use vimeo_ext::upload::{IntoSource, Source};
/// let source = vec![1, 2, 3].into_source().await?;
/// assert_eq!(source.size(), 3);
/// assert!("no/such/file.mp4".into_source().await.is_err());
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo()).unwrap();
/// ```
pub trait IntoSource {
    /// Opens the source. For a path, fails if there is no readable regular file.
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>>;
}

impl<S: Source> IntoSource for S {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        Box::pin(std::future::ready(Ok(Box::new(self) as Box<dyn Source>)))
    }
}

impl IntoSource for PathBuf {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        Box::pin(async move { Ok(Box::new(FileSource::open(self).await?) as Box<dyn Source>) })
    }
}

/// The type of `include_bytes!`.
impl IntoSource for &'static [u8] {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        BytesSource::new(self).into_source()
    }
}

impl IntoSource for &Path {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        self.to_path_buf().into_source()
    }
}

impl IntoSource for &PathBuf {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        self.clone().into_source()
    }
}

impl IntoSource for &str {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        PathBuf::from(self).into_source()
    }
}

impl IntoSource for String {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        PathBuf::from(self).into_source()
    }
}

impl IntoSource for tokio::fs::File {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        Box::pin(async move {
            Ok(Box::new(FileSource::from_file(self, "the open file").await?) as Box<dyn Source>)
        })
    }
}

impl IntoSource for Bytes {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        BytesSource::new(self).into_source()
    }
}

impl IntoSource for Vec<u8> {
    fn into_source(self) -> BoxFuture<'static, Result<Box<dyn Source>, UploadError>> {
        BytesSource::new(self).into_source()
    }
}

/// Returns the SHA-256 of a whole source, in lower-case hex. Hashing runs on a blocking thread.
pub(crate) async fn whole_sha256(source: &mut (impl Source + ?Sized)) -> Result<String, UploadError> {
    let name = source.name().to_owned();
    let mut stream = source.read(0..source.size()).await?;
    let mut hash = Sha256::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        hash = run_blocking(&name, "hash", move || Ok(hash.chain_update(&bytes))).await?;
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whole_sources_are_hashed_in_order() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at ^ (at >> 9)) as u8).collect();
        let mut source = BytesSource::new(bytes.clone());
        assert_eq!(whole_sha256(&mut source).await.unwrap(), hex(&Sha256::digest(&bytes)));
    }
}
