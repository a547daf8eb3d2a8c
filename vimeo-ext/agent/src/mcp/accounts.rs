//! Accounts: which one a call is for, and its tools.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::{Error, Vimeo};

use super::Settings;
use super::api_key::Caller;
use crate::tools::{self, AuditedCall, EventSubscriptions, Spec, ToolError, Tools};

/// Resolves the clients of a server with several accounts.
pub trait ClientResolver: Send + Sync + 'static {
    /// Returns the client of an account. Called with each tool call, so it should be fast.
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>>;

    /// Marks the approval with this ID as used until `until`; returns whether this is its first use. An error counts as no.
    ///
    /// A server remembers the approvals that it accepted itself. Processes that share a
    /// [sealing key](super::Server::sealing_key) coordinate here, for example through the accounts store. Default: yes.
    fn consume_approval<'a>(
        &'a self,
        _id: &'a str,
        _until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::ready(Ok(true)))
    }

    /// Returns an account's subscriptions to events that Vimeo does not have, if a service polls for them. Default: none.
    fn event_subscriptions(&self, _account: &str) -> Option<Arc<dyn EventSubscriptions>> {
        None
    }
}

/// Resolves the accounts of vimeo-ext by their IDs.
#[cfg(feature = "accounts")]
impl ClientResolver for vimeo_ext::accounts::Accounts {
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>> {
        Box::pin(async move {
            let id = vimeo_ext::accounts::AccountId::new(account)?;
            Ok(vimeo_ext::accounts::Accounts::client(self, &id).await?)
        })
    }

    fn consume_approval<'a>(
        &'a self,
        id: &'a str,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move { Ok(vimeo_ext::accounts::Accounts::consume_approval(self, id, until).await?) })
    }
}

/// Where the server's clients come from.
#[derive(Clone)]
pub(crate) enum ClientSource {
    Single(Vimeo),
    Multiple(Arc<dyn ClientResolver>),
}

impl ClientSource {
    /// Marks an approval as used; returns whether this is its first use. An error counts as no.
    pub(crate) async fn consume_approval(&self, id: &str, until: DateTime<Utc>) -> bool {
        match self {
            Self::Single(_) => true,
            Self::Multiple(clients) => clients.consume_approval(id, until).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot check whether an approval was already used; rejecting it");
                false
            }),
        }
    }
}

/// The argument that names one of several accounts.
pub(crate) const ACCOUNT: &str = "account";

/// The URI of the resource that lists a caller's accounts.
pub(crate) const ACCOUNTS_URI: &str = "vimeo://accounts";

impl Settings {
    /// Returns the accounts that a caller can choose from; `None` if there is no choice.
    pub(crate) fn choices<'a>(&self, caller: &'a Caller) -> Option<&'a BTreeSet<String>> {
        match (&self.source, caller) {
            (ClientSource::Multiple(_), Caller::Known(key)) if key.accounts().len() != 1 => {
                Some(key.accounts())
            }
            _ => None,
        }
    }

    /// Removes the account from the arguments and returns it; returns the caller's only account if there is no choice.
    pub(crate) fn take_account(
        &self,
        caller: &Caller,
        arguments: &mut Map<String, Value>,
    ) -> Result<Option<String>, Box<ToolError>> {
        let Some(choices) = self.choices(caller) else {
            return Ok(match (&self.source, caller) {
                (ClientSource::Multiple(_), Caller::Known(key)) => key.accounts().first().cloned(),
                _ => None,
            });
        };
        let next = format!("Give account, one of {}.", list_some(choices));
        match arguments.remove(ACCOUNT) {
            Some(Value::String(account)) if choices.contains(&account) => Ok(Some(account)),
            Some(_) => Err(Box::new(ToolError::input(ACCOUNT, "The caller has no such account.", next))),
            None => Err(Box::new(ToolError::input(ACCOUNT, "The call does not name an account.", next))),
        }
    }

    /// Returns the tools of an account for a caller.
    pub(crate) async fn tools(&self, caller: &Caller, account: Option<&str>) -> Result<Tools, Error> {
        let client = match (&self.source, account) {
            (ClientSource::Single(client), _) => client.clone(),
            (ClientSource::Multiple(clients), Some(account)) => clients.client(account).await?,
            // An API key without accounts may use nothing.
            (ClientSource::Multiple(_), None) => return Err(vimeo_ext::auth::AuthError::NoToken.into()),
        };
        let event_subscriptions = match (&self.source, account) {
            (ClientSource::Multiple(clients), Some(account)) => clients.event_subscriptions(account),
            _ => None,
        };
        // The caller's scopes also limit the API calls. Otherwise a tool that only needs `public` would show everything that
        // the account's access token can see.
        let client = match caller.granted() {
            Some(scopes) => client.limited_to(scopes.clone()),
            None => client,
        };
        Ok(Tools::for_account(client)
            .selection(caller.selection(&self.selection))
            .audit_log(self.audit.clone())
            .uploads(self.uploads.clone())
            .event_subscriptions(event_subscriptions)
            .allow(caller.allowed(&self.allowed).iter().copied())
            .sealing_key(self.key)
            .bind(caller.id())
            .content_and_structured(self.schemas.structured()))
    }

    /// Returns the instructions for a model.
    pub(crate) fn instructions(&self) -> String {
        match self.source {
            ClientSource::Single(_) => tools::INSTRUCTIONS.to_owned(),
            ClientSource::Multiple(_) => {
                let accounts = "If a tool takes account, each call names one of the accounts that the first tool or \
                     the resource vimeo://accounts lists.";
                format!("{} {accounts}", tools::INSTRUCTIONS)
            }
        }
    }

    /// Records a call that was refused before it reached its tool.
    pub(crate) async fn record_refusal(
        &self,
        caller: &Caller,
        spec: &Spec,
        account: Option<&str>,
        arguments: &Value,
        error: &ToolError,
    ) {
        let Some(log) = self.audit.as_ref().filter(|_| !spec.effect.is_read_only()) else { return };
        let account = format!("{}, {}", account.unwrap_or("no account"), caller.id());
        log.record_refusal(AuditedCall { tool: spec.name, account: &account, arguments }, error).await;
    }
}

/// The maximum size of the account names in an error.
const MAX_LISTED_BYTES: usize = 1_000;

/// Lists the names that fit into an error.
fn list_some(names: &BTreeSet<String>) -> String {
    let mut listed = String::new();
    for (index, name) in names.iter().enumerate() {
        if listed.len() + name.len() > MAX_LISTED_BYTES {
            return format!(
                "{listed} and {} more, which the resource {ACCOUNTS_URI} lists",
                names.len() - index
            );
        }
        if index > 0 {
            listed.push_str(", ");
        }
        listed.push_str(name);
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_list_only_some_of_many_accounts() {
        let names = |count: usize| (0..count).map(|number| format!("account {number:04}")).collect();
        assert_eq!(list_some(&names(2)), "account 0000, account 0001");
        let many = list_some(&names(5_000));
        assert!(
            many.len() < MAX_LISTED_BYTES + 100
                && many.ends_with("more, which the resource vimeo://accounts lists"),
            "{many}"
        );
        assert!(many.contains("account 0000, account 0001") && many.contains(" and 49"), "{many}");
    }
}
