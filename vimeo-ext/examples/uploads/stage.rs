//! What the examples run with: a sandbox, or with `--live` and `VIMEO_ACCESS_TOKEN` the real Vimeo; and a file.

use std::path::PathBuf;

use vimeo_ext::Vimeo;
use vimeo_ext::upload::Journal;
use vimeo_sandbox::{Sandbox, Transcode};

pub(crate) type AnyError = Box<dyn std::error::Error>;

pub(crate) struct Stage {
    pub(crate) vimeo: Vimeo,
    /// The file to upload.
    pub(crate) file: PathBuf,
    /// Whether it is the real Vimeo.
    pub(crate) live: bool,
    // Both are dropped at the end of the example.
    _sandbox: Option<Sandbox>,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn set(file: PathBuf, live: bool) -> Result<Self, AnyError> {
        let folder = tempfile::tempdir()?;
        let (builder, sandbox) = if live {
            (Vimeo::builder().from_variables(|name| std::env::var(name).ok())?, None)
        } else {
            let sandbox = Sandbox::builder().transcode(Transcode::AfterReads(2)).start().await?;
            let builder = Vimeo::builder().base_url(sandbox.url().as_str()).access_token(sandbox.token());
            (builder, Some(sandbox))
        };
        let vimeo = builder.journal(Journal::in_folder(folder.path())).build()?;
        Ok(Self { vimeo, file, live, _sandbox: sandbox, _folder: folder })
    }
}
