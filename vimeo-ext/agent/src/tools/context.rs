//! What a tool runs with.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::Method;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use vimeo_api::{Call, Error as CallError, Response};
use vimeo_ext::auth::Grant;
use vimeo_ext::{RateLimitPolicy, Vimeo};

use super::elicit::{Approval, ApprovalPrompt, Elicitor, ProgressSink};
use super::error::{BoxedError, ErrorKind, ToolError};
use super::outputs::Ack;
use super::seal::Sealer;
use super::uploads::Uploads;
use super::{AppId, Disclosure, Effect, EventSubscriptions, Spec, ToolSelection};

/// What a tool runs with: the account's client, and the caller's ways to approve and to follow progress.
#[derive(Clone)]
pub struct Context {
    client: Vimeo,
    sealer: Sealer,
    caller_id: Option<String>,
    grant: Arc<OnceCell<Grant>>,
    uploads: Uploads,
    event_subscriptions: Option<Arc<dyn EventSubscriptions>>,
    allowed: Arc<BTreeSet<Disclosure>>,
    read_only: bool,
    no_destructive: bool,
    elicitor: Option<Arc<dyn Elicitor>>,
    progress: Option<Arc<dyn ProgressSink>>,
}

impl Context {
    pub(crate) fn new(client: Vimeo) -> Self {
        Self {
            client,
            sealer: Sealer::new(),
            caller_id: None,
            grant: Arc::default(),
            uploads: Uploads::default(),
            event_subscriptions: None,
            allowed: Arc::default(),
            read_only: false,
            no_destructive: false,
            elicitor: None,
            progress: None,
        }
    }

    pub(crate) fn with_sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = sealer;
        self
    }

    pub(crate) fn with_uploads(mut self, uploads: Uploads) -> Self {
        self.uploads = uploads;
        self
    }

    pub(crate) fn with_event_subscriptions(
        mut self,
        subscriptions: Option<Arc<dyn EventSubscriptions>>,
    ) -> Self {
        self.event_subscriptions = subscriptions;
        self
    }

    pub(crate) fn with_allowed(mut self, kinds: BTreeSet<Disclosure>) -> Self {
        self.allowed = Arc::new(kinds);
        self
    }

    /// Limits what calls may do to what a selection allows.
    pub(crate) fn with_selection(mut self, selection: &ToolSelection) -> Self {
        self.read_only = selection.read_only;
        self.no_destructive = selection.no_destructive;
        self
    }

    pub(crate) fn with_elicitor(mut self, elicitor: Option<Arc<dyn Elicitor>>) -> Self {
        self.elicitor = elicitor;
        self
    }

    pub(crate) fn with_progress(mut self, progress: Option<Arc<dyn ProgressSink>>) -> Self {
        self.progress = progress;
        self
    }

    /// Returns the account's client.
    pub fn client(&self) -> &Vimeo {
        &self.client
    }

    pub(crate) fn api(&self) -> &vimeo_api::Client {
        self.client.api()
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Returns the account's subscriptions to events that a service polls for, if one does.
    pub(crate) fn event_subscriptions(&self) -> Option<&Arc<dyn EventSubscriptions>> {
        self.event_subscriptions.as_ref()
    }

    /// Returns whether calls that disclose something of this kind were allowed in advance.
    pub(crate) fn allows(&self, kind: Disclosure) -> bool {
        self.allowed.contains(&kind)
    }

    /// Returns whether calls with this effect are allowed.
    #[cfg_attr(not(feature = "api"), allow(dead_code, reason = "only tools whose effect varies ask"))]
    pub(crate) fn may(&self, effect: Effect) -> bool {
        let (read_only, no_destructive) = (self.read_only, self.no_destructive);
        ToolSelection { read_only, no_destructive, ..ToolSelection::default() }.may(effect)
    }

    /// Returns the time of the client's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.client.now()
    }

    /// Binds sealed values to a caller.
    #[cfg(feature = "mcp")]
    pub(crate) fn with_caller(mut self, caller_id: String) -> Self {
        self.caller_id = Some(caller_id);
        self
    }

    /// Returns what sealed values are bound to: the account, and the caller if several share the account.
    pub(crate) fn account(&self) -> String {
        let account = self.client.account_key();
        match &self.caller_id {
            Some(caller) => format!("{account}, {caller}"),
            None => account,
        }
    }

    /// Returns what the access token grants; asks Vimeo once.
    pub(crate) async fn grant(&self, spec: &Spec) -> Result<&Grant, BoxedError> {
        let verify = || async { Ok(self.client.auth().verify().await?) };
        self.grant
            .get_or_try_init(verify)
            .await
            .map_err(|error: vimeo_ext::Error| Box::new(ToolError::of(&error, spec, self.now())))
    }

    /// Returns the number of the named app, or of the access token's app.
    pub(crate) async fn app(&self, spec: &Spec, named: Option<AppId>) -> Result<u64, BoxedError> {
        if let Some(app) = named {
            return Ok(app.number());
        }
        let grant = self.grant(spec).await?;
        let uri = grant.app.as_ref().and_then(|app| app.uri.as_deref());
        uri.and_then(|uri| uri.parse::<AppId>().ok()).map(AppId::number).ok_or_else(|| {
            Box::new(ToolError::input(
                "app_id",
                "Vimeo does not say which app the access token belongs to.",
                "Give app_id: the number of the app on developer.vimeo.com/apps.",
            ))
        })
    }

    /// Makes a call and converts its error.
    pub(crate) async fn send<T>(&self, spec: &Spec, call: Call<T>) -> Result<Response<T>, BoxedError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.send_call(call.clone()).await.map_err(|error| self.error(spec, &error, &call))
    }

    /// Makes a call that changes the object with this ID, and acknowledges it.
    pub(crate) async fn send_ack<T>(
        &self,
        spec: &Spec,
        call: Call<T>,
        done: &str,
        id: &impl ToString,
    ) -> Result<Ack, BoxedError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.send(spec, call).await?;
        Ok(Ack::new(done, id))
    }

    /// Makes a call; fails at once if the account's rate limit is used up, so that an agent learns of it instead of
    /// waiting in silence.
    pub(crate) async fn send_call<T>(&self, call: Call<T>) -> Result<Response<T>, CallError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        call.extension(RateLimitPolicy::FailFast).send().await
    }

    /// Converts the error of a call.
    pub(crate) fn error<T>(&self, spec: &Spec, error: &CallError, call: &Call<T>) -> BoxedError {
        let method = call.operation().map_or(&Method::GET, |operation| &operation.method);
        Box::new(ToolError::of_call(error, spec, method, self.now()))
    }

    /// Asks the person for approval; returns `false` if nobody can be asked.
    pub(crate) async fn ask(&self, spec: &Spec, text: String) -> Result<bool, BoxedError> {
        let Some(elicitor) = &self.elicitor else { return Ok(false) };
        let refused =
            |message: &str, next: &str| Err(Box::new(ToolError::new(ErrorKind::Conflict, message, next)));
        match elicitor.ask(ApprovalPrompt { tool: spec.name, text }).await {
            Approval::Granted => Ok(true),
            Approval::Unavailable => Ok(false),
            Approval::Declined => refused(
                "The person declined; nothing was sent.",
                "Do not repeat the call unless the person asks for it.",
            ),
            Approval::Deferred => {
                refused("The person has to answer first; nothing was sent.", "Call again with the answer.")
            }
        }
    }

    /// Reports to the caller that `done` of `total` units are done. The tool chooses the unit.
    pub fn report(&self, done: u64, total: u64) {
        if let Some(progress) = &self.progress {
            progress.report(done, total);
        }
    }
}
