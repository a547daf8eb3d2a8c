//! The upload settings of a client: where its journal is, and the HTTP client for upload links.

use std::sync::{Arc, OnceLock};

use vimeo_api::is_loopback;

use super::{Journal, Owner, UploadClient, UploadError};
use crate::{Vimeo, VimeoBuilder};

/// Where the journal of a client is.
#[derive(Debug, Clone, Default)]
pub(crate) enum JournalLocation {
    /// In the platform's state folder, if there is one that is writable.
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

/// Stored in the client as an extension, so that the client does not depend on uploads.
#[derive(Clone, Default)]
struct UploadSettings {
    journal: JournalLocation,
    /// Built when the first upload needs it.
    links: Arc<OnceLock<UploadClient>>,
}

/// Settings of uploads.
impl VimeoBuilder {
    /// Sets the HTTP client for upload links, for example one with a proxy. Default: a client of its own, which shares
    /// nothing with the client for calls, so that it cannot send the token.
    pub fn upload_client(mut self, client: UploadClient) -> Self {
        self.extension_mut::<UploadSettings>().links = Arc::new(OnceLock::from(client));
        self
    }

    /// Sets the journal that keeps uploads of files until they are finished, so that the same call resumes an upload with the
    /// same video after the process was killed; `None` for no journal. Default: [`Journal::in_state_folder`]. If that folder
    /// cannot be used, uploads run without a journal, and a warning is logged.
    ///
    /// An upload is the same if the file, the account and the API address are the same. If the token changes between runs,
    /// set the [`account`](Self::account) as well. Clients of `Accounts` each have a folder of their own in the journal, and
    /// see only that one.
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

    /// Returns the part of a journal that belongs to this client.
    pub(crate) fn scoped_to_client(&self, journal: Journal) -> Journal {
        match self.isolated_account() {
            Some(account) => journal.for_account(account),
            None => journal,
        }
    }

    /// Returns the owner of this client's uploads, which is the same after a restart. `None` if only a refresher knows the
    /// account and has not been called yet.
    pub(crate) fn owner(&self) -> Option<Owner> {
        Some(Owner { account: self.key()?, api: self.api().base_url().to_string() })
    }

    /// Returns the HTTP client for upload links, which all uploads share. It sends no token.
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
