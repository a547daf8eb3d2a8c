//! The server's side of the protocol.

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
use super::access::Caller;
use super::eof;
use super::listing::listed;
use super::{calls, repair, resources};

/// How long a client may keep the list of tools, in milliseconds: scopes change seldom, and then with a new log-in.
const LIST_KEEPS: u64 = 60_000;

/// How long a session over HTTP may take to end: an answer that is there before has still somebody to be sent to.
const SESSION_END: Duration = Duration::from_millis(200);

/// Answers one client, or over HTTP one request.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(super) settings: Arc<Settings>,
    gone: Option<CancellationToken>,
    /// Whether whoever calls has to be known: over HTTP others than the one who started the process reach it.
    needs_caller: bool,
}

impl Handler {
    /// For the one client on a pair of streams.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, gone: None, needs_caller: false }
    }

    /// For clients over HTTP, whose requests say who calls.
    pub(crate) fn over_http(settings: Arc<Settings>) -> Self {
        Self { needs_caller: true, ..Self::new(settings) }
    }

    /// Stops what is under way when this client is gone.
    pub(crate) fn with_client(mut self, gone: CancellationToken) -> Self {
        self.gone = Some(gone);
        self
    }

    /// Who makes this request.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let parts = context.extensions.get::<::http::request::Parts>();
        match parts.and_then(|parts| parts.extensions.get::<Caller>()) {
            Some(caller) => Ok(caller.clone()),
            None if self.needs_caller => {
                Err(ErrorData::internal_error("it is not known who calls; nothing was done", None))
            }
            None => Ok(Caller::Local),
        }
    }

    /// Runs until it is done, the client cancels it, or the client is gone.
    async fn unless_cancelled<T>(
        &self,
        context: &RequestContext<RoleServer>,
        work: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let cancelled = context.ct.clone();
        let parts = context.extensions.get::<::http::request::Parts>();
        let session = parts.and_then(|parts| parts.extensions.get::<CancellationToken>());
        let gone = self.gone.as_ref().or(session).cloned().unwrap_or_default();
        // The work is dropped, and with it its requests and connections.
        tokio::select! {
            biased;
            // The protocol's library sends no answer to what was cancelled.
            () = cancelled.cancelled() => Err(eof::nobody()),
            () = gone.cancelled() => {
                if session.is_some() {
                    tokio::time::sleep(SESSION_END).await;
                }
                Err(eof::nobody())
            }
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
        let caller = self.caller(&context)?;
        let listing = async {
            let tools = calls::available(&self.settings, &caller).await;
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
        let caller = self.caller(&context)?;
        self.unless_cancelled(&context, calls::call(&self.settings, caller, request, &context)).await
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
        let choice = self.settings.choice(&self.caller(&context)?).is_some();
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

    /// Requests that say nothing of who calls, on a pair of streams, to a handler that is for HTTP or not.
    async fn answers(handler: fn(Arc<Settings>) -> Handler) -> Vec<Value> {
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
        let mut said = Vec::new();
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
            said.push(serde_json::from_str(&from.next_line().await.unwrap().unwrap()).unwrap());
        }
        drop((to, from));
        served.await.unwrap().unwrap();
        said
    }

    #[tokio::test]
    async fn over_http_a_request_without_a_known_caller_is_refused() {
        for answer in answers(Handler::over_http).await {
            assert!(answer["error"]["message"].as_str().unwrap().contains("not known who calls"), "{answer}");
        }
        for answer in answers(Handler::new).await {
            assert!(answer["result"].is_object(), "{answer}");
        }
    }
}
