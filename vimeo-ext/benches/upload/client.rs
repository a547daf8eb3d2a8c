//! The measured upload: with journal and progress like a real one, in its own process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vimeo_ext::upload::{FileSource, Journal, Source, Upload, UploadClient, UploadTicket};

use crate::AnyError;

/// Uploads `file` to `link`; `folder` is for the journal and holds the server's certificate.
pub(crate) fn run(link: &str, file: &Path, folder: &Path, threads: bool) -> Result<(), AnyError> {
    let mut runtime = match threads {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(upload(link, file, folder))
}

async fn upload(link: &str, file: &Path, folder: &Path) -> Result<(), AnyError> {
    let mut source = FileSource::open(file).await?;
    let size = source.size();
    let mut lock = Journal::in_folder(folder.join("journal")).lock(&mut source, link).await?;
    let fingerprint = lock.entry().fingerprint.clone();
    let ticket = UploadTicket::new("/videos/1", link, size)?.with_fingerprint(fingerprint);
    lock.record(&ticket).await?;

    // Only the server's certificate is trusted, as for the other contenders.
    let certificate = tokio::fs::read(folder.join("certificate.pem")).await?;
    let certificate = reqwest::Certificate::from_pem(&certificate)?;
    let builder = reqwest::Client::builder().tls_certs_only([certificate]);
    let seen = Arc::new(AtomicU64::new(0));
    let upload = {
        let seen = Arc::clone(&seen);
        Upload::new(ticket, source)
            .client(UploadClient::from_builder(builder)?)
            .journal(lock)
            .on_progress(move |progress| seen.store(progress.acknowledged, Ordering::Relaxed))
    };
    let uploaded = upload.run().await?;
    if !uploaded.verified || uploaded.size != size || seen.load(Ordering::Relaxed) != size {
        return Err(format!("not all of {size} bytes were acknowledged: {uploaded:?}").into());
    }
    Ok(())
}
