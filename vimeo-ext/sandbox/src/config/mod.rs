//! The configuration that all worlds of a sandbox share.

pub(crate) mod mutation;
pub(crate) mod policy;
pub(crate) mod rate_limit;
pub(crate) mod scopes;
pub(crate) mod signature;
pub(crate) mod tokens;
pub(crate) mod webhooks;

use std::time::Duration;

use mutation::Mutation;
pub(crate) use policy::ContentStorage;
pub use policy::{MissingPrivateScope, Plan, PullOutcome, Quota, QuotaUnit, Transcode};
use rate_limit::RateLimit;
use webhooks::WebhookConfig;

/// The configuration that all worlds of a sandbox share.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) transcode: Transcode,
    pub(crate) pull: PullOutcome,
    pub(crate) content: ContentStorage,
    /// Whether uploads are hashed.
    pub(crate) digest: bool,
    pub(crate) missing_private_scope: MissingPrivateScope,
    pub(crate) refuse_upload_authorization: bool,
    pub(crate) allow_any_token: bool,
    /// Whether creating a video by tus responds with 201 instead of 200.
    pub(crate) create_answers_201: bool,
    /// Whether `name` can stand for `file_name` when a version is created.
    pub(crate) replace_by_name: bool,
    pub(crate) portrait_answers_201: bool,
    pub(crate) refuse_unknown_parameters: bool,
    pub(crate) form_credentials: bool,
    /// Whether the access token is also accepted in the query.
    pub(crate) query_token: bool,
    pub(crate) link_lifetime: Duration,
    pub(crate) rate_limit: RateLimit,
    pub(crate) plan: Plan,
    pub(crate) quota: Quota,
    /// `None` if tokens do not expire.
    pub(crate) token_lifetime: Option<Duration>,
    /// If empty, every redirect URI is accepted.
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) device_pending: u16,
    pub(crate) webhooks: WebhookConfig,
    pub(crate) mutation: Option<Mutation>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transcode: Transcode::After(Duration::from_secs(2)),
            pull: PullOutcome::Succeeds,
            content: ContentStorage::Nothing,
            digest: true,
            missing_private_scope: MissingPrivateScope::Forbidden,
            refuse_upload_authorization: false,
            allow_any_token: false,
            create_answers_201: false,
            replace_by_name: false,
            portrait_answers_201: false,
            refuse_unknown_parameters: false,
            form_credentials: false,
            query_token: false,
            link_lifetime: Duration::from_secs(24 * 60 * 60),
            rate_limit: RateLimit::default(),
            plan: Plan::default(),
            quota: Quota::default(),
            token_lifetime: None,
            redirect_uris: Vec::new(),
            device_pending: 400,
            webhooks: WebhookConfig::default(),
            mutation: None,
        }
    }
}
