//! The Model Context Protocol, for the same accounts.

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use sha2::{Digest, Sha256};
use vimeo_agent::mcp::{ApiKey, ClientResolver, HttpOptions, Server, ServerError};
use vimeo_agent::tools::{EventSubscriptions, ToolSelection, Toolset};
use vimeo_ext::accounts::{AccountId, Accounts};
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::{Error, ScopeSet, Vimeo};

use crate::callers::{Caller, authenticate};
use crate::error::ApiError;
use crate::extract::PathOf;
use crate::keys::{AccountAccess, RouteGroup};
use crate::polling::Polling;
use crate::service::Service;

/// Returns the routes of the protocol: `/mcp` for API keys that list their accounts, and `/v1/accounts/{identifier}/mcp` for
/// one account.
pub(super) fn router(service: &Arc<Service>) -> Result<Router<Arc<Service>>, ServerError> {
    // The host of a request is checked by its name only.
    let mut options = HttpOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 80)))
        .authenticated_upstream()
        .shutdown(service.shutdown.clone());
    if let Some(url) = &service.public_url {
        options = options.allowed_hosts(url.host_str()).public_url(url.as_str());
    }
    let toolsets = [
        Toolset::Read,
        Toolset::Library,
        Toolset::Social,
        Toolset::Webhooks,
        Toolset::More,
        Toolset::Player,
        Toolset::Edit,
        Toolset::Stats,
        Toolset::Jobs,
    ];
    let selection = ToolSelection { toolsets: toolsets.into(), ..ToolSelection::default() };
    let clients = Clients { accounts: service.accounts.clone(), polling: Arc::clone(&service.polling) };
    let server = Server::for_accounts(clients)
        .selection(selection)
        .audit_log(service.audit.clone())
        .sealing_key(service.sealing_key);
    let protocol: Router<Arc<Service>> = server.into_router(options)?;
    let authenticated = from_fn_with_state((Arc::clone(service), Some(RouteGroup::Mcp)), authenticate);
    Ok(Router::new()
        .nest("/v1/accounts/{identifier}", protocol.clone().route_layer(from_fn(for_account)))
        .merge(protocol.route_layer(from_fn(for_listed_accounts)))
        .route_layer(authenticated))
}

/// The clients of the accounts, with their event subscriptions.
struct Clients {
    accounts: Accounts,
    polling: Arc<Polling>,
}

impl ClientResolver for Clients {
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>> {
        ClientResolver::client(&self.accounts, account)
    }

    fn consume_approval<'a>(
        &'a self,
        id: &'a str,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        ClientResolver::consume_approval(&self.accounts, id, until)
    }

    fn event_subscriptions(&self, account: &str) -> Option<Arc<dyn EventSubscriptions>> {
        self.polling.of_account(&AccountId::new(account).ok()?)
    }
}

/// Passes a request on for the accounts that its API key lists.
async fn for_listed_accounts(caller: Caller, mut request: Request, next: Next) -> Response {
    let AccountAccess::Only(accounts) = &caller.policy().accounts else {
        let detail = "this API key may use more accounts than it lists; use /v1/accounts/{identifier}/mcp for one of them";
        return ApiError::new(StatusCode::BAD_REQUEST, "account_needed", detail).into_response();
    };
    let key = mcp_key(&caller, "", accounts);
    request.extensions_mut().insert(key);
    next.run(request).await
}

/// Passes a request on for the account in its path.
async fn for_account(
    caller: Caller,
    PathOf(parameters): PathOf<HashMap<String, String>>,
    mut request: Request,
    next: Next,
) -> Response {
    let identifier = parameters.get("identifier").map_or("", String::as_str);
    let id = match caller.account(identifier) {
        Ok(id) => id,
        Err(error) => return error.into_response(),
    };
    let key = mcp_key(&caller, id.as_str(), &[id.as_str().to_owned()].into());
    request.extensions_mut().insert(key);
    next.run(request).await
}

/// Returns the caller as the MCP server knows it. Sessions of one path cannot be used on another.
fn mcp_key(caller: &Caller, path: &str, accounts: &BTreeSet<String>) -> ApiKey {
    let hash = Sha256::digest(format!("{}\n{path}", caller.key()));
    let policy = caller.policy();
    let key = ApiKey::from_sha256(hash.into(), accounts.iter().cloned())
        .selection(policy.selection())
        .allow(policy.allowed());
    match &policy.scopes {
        Some(scopes) => key.scopes(ScopeSet::from(scopes.as_str())),
        None => key,
    }
}
