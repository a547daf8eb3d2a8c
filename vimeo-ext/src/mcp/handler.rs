//! The server's side of the protocol.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};

use super::Settings;
use super::access::Caller;
use super::eof::{self, Gone};
use super::listing::listed;
use super::{calls, repair, resources};

/// How long a client may keep the list of tools, in milliseconds: scopes change seldom, and then with a new log-in.
const LIST_KEEPS: u64 = 60_000;

/// Answers one client, or over HTTP one request.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(super) settings: Arc<Settings>,
    gone: Option<Gone>,
}

impl Handler {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, gone: None }
    }

    /// Stops what is under way when this client is gone.
    pub(crate) fn with_client(mut self, gone: Gone) -> Self {
        self.gone = Some(gone);
        self
    }

    /// Who makes this request.
    pub(super) fn caller(context: &RequestContext<RoleServer>) -> Caller {
        let parts = context.extensions.get::<::http::request::Parts>();
        parts.and_then(|parts| parts.extensions.get::<Caller>()).cloned().unwrap_or(Caller::Local)
    }

    /// Runs until it is done, the client cancels it, or the client is gone.
    async fn unless_cancelled<T>(
        &self,
        context: &RequestContext<RoleServer>,
        work: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let cancelled = context.ct.clone();
        let parts = context.extensions.get::<::http::request::Parts>();
        let session = parts.and_then(|parts| parts.extensions.get::<Gone>());
        let mut gone = self.gone.as_ref().or(session).cloned();
        let gone = async move {
            match &mut gone {
                Some(gone) => gone.wait().await,
                None => std::future::pending().await,
            }
        };
        // The work is dropped, and with it its requests and connections.
        tokio::select! {
            biased;
            // The protocol's library sends no answer to what was cancelled.
            () = cancelled.cancelled() => Err(eof::nobody()),
            () = gone => Err(eof::nobody()),
            result = work => result,
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let mut itself = Implementation::new(&self.settings.name, &self.settings.version);
        itself.title = Some("Vimeo".to_owned());
        ServerConfig::new(capabilities)
            .with_server_info(itself)
            .with_instructions(self.settings.instructions())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = Self::caller(&context);
        let listing = async {
            let tools = calls::offered(&self.settings, &caller).await;
            let tools = listed(&self.settings, self.settings.choice(&caller), &tools);
            let mut list = ListToolsResult::with_all_items(tools);
            // It depends on the token's scopes, so it is the caller's alone.
            list.ttl_ms = Some(LIST_KEEPS);
            list.cache_scope = Some(CacheScope::Private);
            Ok(list)
        };
        self.unless_cancelled(&context, listing).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.unless_cancelled(&context, calls::call(&self.settings, request, &context)).await
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(repair::misfit(&request.method, request.params.as_ref()))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let choice = self.settings.choice(&Self::caller(&context)).is_some();
        let mut list = ListResourcesResult::with_all_items(resources::fixed(choice));
        list.ttl_ms = Some(LIST_KEEPS);
        list.cache_scope = Some(CacheScope::Private);
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = resources::templates(&self.settings);
        let mut list = ListResourceTemplatesResult::with_all_items(templates);
        list.ttl_ms = Some(LIST_KEEPS);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = Self::caller(&context);
        self.unless_cancelled(&context, resources::read(&self.settings, &caller, &request.uri)).await
    }
}
