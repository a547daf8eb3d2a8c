//! Whose tools a call gets.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Settings;
use super::access::Caller;
use crate::auth::BoxFuture;
use crate::tools::{ToolError, Tools};
use crate::{Error, Vimeo};

/// Where a server of several accounts gets their clients.
pub trait Clients: Send + Sync + 'static {
    /// The client of an account. It is asked for with each call, so it should be at hand.
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>>;
}

/// The accounts of this crate, by their ids.
#[cfg(feature = "accounts")]
impl Clients for crate::accounts::Accounts {
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>> {
        Box::pin(async move {
            let id = crate::accounts::AccountId::new(account)?;
            Ok(crate::accounts::Accounts::client(self, &id).await?)
        })
    }
}

/// Where the server's clients come from.
#[derive(Clone)]
pub(crate) enum Source {
    One(Vimeo),
    Many(Arc<dyn Clients>),
}

/// The argument that names one of several accounts.
pub(crate) const ACCOUNT: &str = "account";

impl Settings {
    /// The accounts that a caller has to choose from; none when there is nothing to choose.
    pub(crate) fn choice<'a>(&self, caller: &'a Caller) -> Option<&'a BTreeSet<String>> {
        match (&self.source, caller) {
            (Source::Many(_), Caller::Known(bearer)) if bearer.accounts().len() != 1 => {
                Some(bearer.accounts())
            }
            _ => None,
        }
    }

    /// The account that the arguments name, taken out of them; the caller's only one where there is no choice.
    pub(crate) fn take_account(
        &self,
        caller: &Caller,
        arguments: &mut Map<String, Value>,
    ) -> Result<Option<String>, Box<ToolError>> {
        let Some(choice) = self.choice(caller) else {
            return Ok(match (&self.source, caller) {
                (Source::Many(_), Caller::Known(bearer)) => bearer.accounts().first().cloned(),
                _ => None,
            });
        };
        let names = choice.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let next = format!("Give account, one of {names}.");
        match arguments.remove(ACCOUNT) {
            Some(Value::String(account)) if choice.contains(&account) => Ok(Some(account)),
            Some(_) => {
                Err(Box::new(ToolError::input(ACCOUNT, "This is none of the caller's accounts.", next)))
            }
            None => {
                Err(Box::new(ToolError::input(ACCOUNT, "The call does not say for which account.", next)))
            }
        }
    }

    /// The tools of an account for a caller.
    pub(crate) async fn tools(&self, caller: &Caller, account: Option<&str>) -> Result<Tools, Error> {
        let client = match (&self.source, account) {
            (Source::One(client), _) => client.clone(),
            (Source::Many(clients), Some(account)) => clients.client(account).await?,
            // A bearer without accounts gets nothing.
            (Source::Many(_), None) => return Err(crate::auth::AuthError::NoToken.into()),
        };
        Ok(Tools::for_account(client)
            .offer(self.offer.clone())
            .audit_log(self.audit.clone())
            .uploads(self.uploads.clone())
            .sealing_key(self.key)
            .bound_to(caller.id())
            .both_copies(self.structured))
    }

    /// Adds the choice of an account to a schema.
    pub(crate) fn add_choice(&self, caller: &Caller, schema: &mut Map<String, Value>) {
        let Some(choice) = self.choice(caller) else { return };
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert(ACCOUNT.to_owned(), json!({"type": "string", "enum": choice}));
        }
        match schema.get_mut("required") {
            Some(Value::Array(required)) => required.push(json!(ACCOUNT)),
            _ => {
                schema.insert("required".to_owned(), json!([ACCOUNT]));
            }
        }
    }
}
