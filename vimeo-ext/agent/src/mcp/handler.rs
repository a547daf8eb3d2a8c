//! Handles the protocol's requests.

use std::sync::Arc;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::api_key::Caller;
use super::client_gone::client_gone_error;
use super::listing::list_tools;
use super::{calls, repair, resources};

/// How long a client may cache a list, in milliseconds. Scopes rarely change, and only with a new login.
const LIST_TTL_MS: u64 = 60_000;

/// How long calls of an ended HTTP session wait before they fail, so that responses that are ready can still be sent.
const SESSION_END_GRACE: Duration = Duration::from_millis(200);

/// Handles the requests of one client, or over HTTP one request.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(super) settings: Arc<Settings>,
    gone: Option<CancellationToken>,
    /// Whether requests must name their caller. Over HTTP, not only the process that started the server can reach it.
    needs_caller: bool,
}

impl Handler {
    /// Creates a handler for the client on a pair of streams.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, gone: None, needs_caller: false }
    }

    /// Creates a handler for HTTP, whose requests name their caller.
    pub(crate) fn over_http(settings: Arc<Settings>) -> Self {
        Self { needs_caller: true, ..Self::new(settings) }
    }

    /// Stops running calls when the client is gone.
    pub(crate) fn with_client(mut self, gone: CancellationToken) -> Self {
        self.gone = Some(gone);
        self
    }

    /// Returns who makes a request.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let parts = context.extensions.get::<::http::request::Parts>();
        match parts.and_then(|parts| parts.extensions.get::<Caller>()) {
            Some(caller) => Ok(caller.clone()),
            None if self.needs_caller => Err(ErrorData::internal_error(
                "the caller of this request is unknown; nothing was done",
                None,
            )),
            None => Ok(Caller::Local),
        }
    }

    /// Runs `work` until it is done, the client cancels it, or the client is gone.
    async fn unless_cancelled<T>(
        &self,
        context: &RequestContext<RoleServer>,
        work: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let cancelled = context.ct.clone();
        let parts = context.extensions.get::<::http::request::Parts>();
        let session = parts.and_then(|parts| parts.extensions.get::<CancellationToken>());
        let gone = self.gone.as_ref().or(session).cloned().unwrap_or_default();
        // This drops the work, and with it its requests and connections.
        tokio::select! {
            biased;
            // rmcp sends no response to a cancelled request.
            () = cancelled.cancelled() => Err(client_gone_error()),
            () = gone.cancelled() => {
                if session.is_some() {
                    tokio::time::sleep(SESSION_END_GRACE).await;
                }
                Err(client_gone_error())
            }
            result = work => result,
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let mut server = Implementation::new(&self.settings.name, &self.settings.version);
        server.title = Some("Vimeo".to_owned());
        ServerConfig::new(capabilities)
            .with_server_info(server)
            .with_instructions(self.settings.instructions())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&context)?;
        let listing = async {
            let tools = calls::available(&self.settings, &caller).await;
            let tools = list_tools(&self.settings, self.settings.choices(&caller), &tools);
            let mut list = ListToolsResult::with_all_items(tools);
            // The list depends on the caller's scopes, so it must not be shared.
            list.ttl_ms = Some(LIST_TTL_MS);
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
        let caller = self.caller(&context)?;
        self.unless_cancelled(&context, calls::call(&self.settings, caller, request, &context)).await
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(repair::invalid_request(&request.method, request.params.as_ref()))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let has_choice = self.settings.choices(&self.caller(&context)?).is_some();
        let mut list = ListResourcesResult::with_all_items(resources::fixed(has_choice));
        list.ttl_ms = Some(LIST_TTL_MS);
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
        list.ttl_ms = Some(LIST_TTL_MS);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context)?;
        self.unless_cancelled(&context, resources::read(&self.settings, &caller, &request.uri)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::super::{Server, stdio};
    use super::*;

    /// Sends requests without a caller to a handler, and returns the responses.
    async fn responses(handler: fn(Arc<Settings>) -> Handler) -> Vec<Value> {
        let vimeo =
            vimeo_ext::Vimeo::builder().access_token("t").base_url("http://127.0.0.1:9").build().unwrap();
        let server = Server::for_account(vimeo);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let served = tokio::spawn(stdio::serve(handler(Arc::clone(&server.settings)), reader, writer));
        let (ours, mut to) = tokio::io::split(ours);
        let mut from = BufReader::new(ours).lines();
        let begin = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        }});
        let mut responses = Vec::new();
        for (id, method, params) in [
            (1, "tools/list", json!({})),
            (2, "tools/call", json!({"name": "vimeo_folder_create", "arguments": {"name": ""}})),
            (3, "resources/list", json!({})),
            (4, "resources/read", json!({"uri": "vimeo://tools/vimeo_me_get/schema"})),
        ] {
            if id == 1 {
                to.write_all(format!("{begin}\n").as_bytes()).await.unwrap();
                from.next_line().await.unwrap().unwrap();
                let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
                to.write_all(format!("{ready}\n").as_bytes()).await.unwrap();
            }
            let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            to.write_all(format!("{request}\n").as_bytes()).await.unwrap();
            responses.push(serde_json::from_str(&from.next_line().await.unwrap().unwrap()).unwrap());
        }
        drop((to, from));
        served.await.unwrap().unwrap();
        responses
    }

    #[tokio::test]
    async fn http_requests_without_a_caller_are_refused() {
        for response in responses(Handler::over_http).await {
            assert!(response["error"]["message"].as_str().unwrap().contains("is unknown"), "{response}");
        }
        for response in responses(Handler::new).await {
            assert!(response["result"].is_object(), "{response}");
        }
    }
}
