//! What a tool works with.

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
use super::error::{ErrorKind, Failed, ToolError};
use super::seal::Sealer;
use super::uploads::Uploads;
use super::{AppId, Disclosure, Spec};

/// What a tool works with: the account's client, and the caller.
#[derive(Clone)]
pub struct Context {
    client: Vimeo,
    seal: Sealer,
    caller: Option<String>,
    grant: Arc<OnceCell<Grant>>,
    uploads: Uploads,
    allowed: Arc<BTreeSet<Disclosure>>,
    ask: Option<Arc<dyn Elicitor>>,
    report: Option<Arc<dyn ProgressSink>>,
}

impl Context {
    pub(crate) fn new(client: Vimeo) -> Self {
        Self {
            client,
            seal: Sealer::new(),
            caller: None,
            grant: Arc::default(),
            uploads: Uploads::default(),
            allowed: Arc::default(),
            ask: None,
            report: None,
        }
    }

    pub(crate) fn with_seal(mut self, seal: Sealer) -> Self {
        self.seal = seal;
        self
    }

    pub(crate) fn with_uploads(mut self, uploads: Uploads) -> Self {
        self.uploads = uploads;
        self
    }

    pub(crate) fn with_allowed(mut self, kinds: BTreeSet<Disclosure>) -> Self {
        self.allowed = Arc::new(kinds);
        self
    }

    pub(crate) fn with_ask(mut self, ask: Option<Arc<dyn Elicitor>>) -> Self {
        self.ask = ask;
        self
    }

    pub(crate) fn with_report(mut self, report: Option<Arc<dyn ProgressSink>>) -> Self {
        self.report = report;
        self
    }

    /// The account's client.
    pub fn client(&self) -> &Vimeo {
        &self.client
    }

    pub(crate) fn api(&self) -> &vimeo_api::Client {
        self.client.api()
    }

    pub(crate) fn seal(&self) -> &Sealer {
        &self.seal
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Whether calls that disclose something of this kind were allowed beforehand.
    pub(crate) fn allows(&self, kind: Disclosure) -> bool {
        self.allowed.contains(&kind)
    }

    /// The time, by the client's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.client.now()
    }

    /// Binds what is sealed to a caller.
    #[cfg(feature = "mcp")]
    pub(crate) fn with_caller(mut self, caller: String) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Whom sealed values are bound to: the account, and the caller where several use it.
    pub(crate) fn account(&self) -> String {
        let account = self.client.account_key();
        match &self.caller {
            Some(caller) => format!("{account}, {caller}"),
            None => account,
        }
    }

    /// What the token is good for, asked once.
    pub(crate) async fn grant(&self, spec: &Spec) -> Result<&Grant, Failed> {
        let verify = || async { Ok(self.client.auth().verify().await?) };
        self.grant
            .get_or_try_init(verify)
            .await
            .map_err(|error: vimeo_ext::Error| Box::new(ToolError::of(&error, spec, self.now())))
    }

    /// The app that is meant: the one that is named, else the token's own.
    pub(crate) async fn app(&self, spec: &Spec, named: Option<AppId>) -> Result<u64, Failed> {
        if let Some(app) = named {
            return Ok(app.number());
        }
        let grant = self.grant(spec).await?;
        let uri = grant.app.as_ref().and_then(|app| app.uri.as_deref());
        uri.and_then(|uri| uri.parse::<AppId>().ok()).map(AppId::number).ok_or_else(|| {
            Box::new(ToolError::input(
                "app_id",
                "Vimeo does not say which app the token belongs to.",
                "Give app_id: the number of the app on developer.vimeo.com/apps.",
            ))
        })
    }

    /// Makes a call; what fails is said in the tool's words.
    pub(crate) async fn send<T>(&self, spec: &Spec, call: Call<T>) -> Result<Response<T>, Failed>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.send_call(call.clone()).await.map_err(|error| self.failed(spec, &error, &call))
    }

    /// Makes a call at the account's limit or not at all: an agent should hear of the limit, not wait in silence.
    pub(crate) async fn send_call<T>(&self, call: Call<T>) -> Result<Response<T>, CallError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        call.extension(RateLimitPolicy::FailFast).send().await
    }

    pub(crate) fn failed<T>(&self, spec: &Spec, error: &CallError, call: &Call<T>) -> Failed {
        let method = call.operation().map_or(&Method::GET, |operation| &operation.method);
        Box::new(ToolError::of_call(error, spec, method, self.now()))
    }

    /// ElicitationChannel the person; `false` when nobody can be asked.
    pub(crate) async fn ask(&self, spec: &Spec, text: String) -> Result<bool, Failed> {
        let Some(ask) = &self.ask else { return Ok(false) };
        let consent = ask.ask(ApprovalPrompt { tool: spec.name, text }).await;
        let refused =
            |message: &str, next: &str| Err(Box::new(ToolError::new(ErrorKind::Conflict, message, next)));
        match consent {
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

    /// Tells the caller how far it got: so much of so much, in the tool's own unit.
    pub fn report(&self, done: u64, total: u64) {
        if let Some(report) = &self.report {
            report.report(done, total);
        }
    }
}
