//! What a client knows of uploads: where it keeps its journal, and the HTTP client for upload links.

use std::sync::{Arc, OnceLock};

use super::{Journal, Owner, UploadClient, UploadError};
use crate::loopback::is_loopback;
use crate::{Vimeo, VimeoBuilder};

/// Where unfinished uploads of files are written down.
#[derive(Debug, Clone, Default)]
pub(crate) enum JournalLocation {
    /// In the platform's folder, where there is one that can be written to.
    #[default]
    StateFolder,
    In(Journal),
    Off,
}

impl From<Option<Journal>> for JournalLocation {
    fn from(journal: Option<Journal>) -> Self {
        journal.map_or(Self::Off, Self::In)
    }
}

/// The settings of uploads; a client has them in a slot of its own, so that it need not know of uploads.
#[derive(Clone, Default)]
struct UploadSettings {
    /// Where unfinished uploads are written down.
    journal: JournalLocation,
    /// Made when the first upload needs it.
    links: Arc<OnceLock<UploadClient>>,
}

impl VimeoBuilder {
    /// The HTTP client for upload links, for instance one that goes through a proxy. Default: one of its own, which shares
    /// nothing with the client for calls, so that it cannot carry the token.
    pub fn upload_client(mut self, client: UploadClient) -> Self {
        self.extension_mut::<UploadSettings>().links = Arc::new(OnceLock::from(client));
        self
    }

    /// Where uploads of files are written down until they are finished, so that the same call goes on with the same video
    /// after the process was killed; `None` for nowhere. Default: [`Journal::in_state_folder`]; where that cannot be used,
    /// uploads go on without one, and a warning is traced.
    ///
    /// An upload is the same when file, account and API address are: name the [`account`](Self::account) where its token
    /// changes between runs. Clients of many `Accounts` have each a folder of their own within it, and see no other's.
    ///
    /// ```
    /// use vimeo_ext::{Vimeo, upload::Journal};
    /// let vimeo = Vimeo::builder().access_token("token").journal(Journal::in_folder("/var/lib/app/uploads")).build()?;
    /// # Ok::<(), vimeo_ext::Error>(())
    /// ```
    pub fn journal(mut self, journal: impl Into<Option<Journal>>) -> Self {
        self.extension_mut::<UploadSettings>().journal = journal.into().into();
        self
    }
}

impl Vimeo {
    pub(crate) fn journal_location(&self) -> JournalLocation {
        self.extension::<UploadSettings>().journal
    }

    /// The part of a journal that is this client's.
    pub(crate) fn part_of(&self, journal: Journal) -> Journal {
        match self.isolated_account() {
            Some(account) => journal.of_account(account),
            None => journal,
        }
    }

    /// Whose uploads these are, and where: what stays the same when a process is started again. `None` when that cannot
    /// be told, because a refresher alone says who it is, and has not yet.
    pub(crate) fn owner(&self) -> Option<Owner> {
        Some(Owner { account: self.key()?, api: self.api().base_url().to_string() })
    }

    /// The HTTP client for upload links, shared by all uploads: it carries no token.
    pub(crate) fn link_client(&self) -> Result<UploadClient, UploadError> {
        let links = self.extension::<UploadSettings>().links;
        if let Some(client) = links.get() {
            return Ok(client.clone());
        }
        let client = match is_loopback(self.api().base_url()) {
            true => UploadClient::without_proxy()?,
            false => UploadClient::new()?,
        };
        Ok(links.get_or_init(|| client).clone())
    }
}
