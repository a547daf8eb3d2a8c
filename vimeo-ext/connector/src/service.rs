//! What the handlers share.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use url::Url;
use vimeo_agent::tools::AuditLog;
use vimeo_ext::accounts::{Accounts, ServiceStore};

use crate::key_limiters::KeyLimiters;
use crate::keys::ApiKeys;
use crate::metrics::Metrics;
use crate::polling::Polling;
use crate::progressive::spool::Spool;
use crate::recent::Recent;
use crate::return_urls::ReturnUrls;

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) accounts: Accounts,
    pub(crate) store: Arc<dyn ServiceStore>,
    pub(crate) keys: ApiKeys,
    pub(crate) limiters: KeyLimiters,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recent: Recent,
    pub(crate) polling: std::sync::Arc<Polling>,
    pub(crate) return_urls: ReturnUrls,
    pub(crate) public_url: Option<Url>,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) sealing_key: [u8; 32],
    /// Where progressive uploads are stored; `None` if the service accepts none.
    pub(crate) spool: Option<Arc<Spool>>,
    /// Ends streams when the service stops.
    pub(crate) shutdown: CancellationToken,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}
