//! Whose tools a call gets.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use vimeo_ext::auth::BoxFuture;
use vimeo_ext::{Error, Vimeo};

use super::Settings;
use super::access::Caller;
use crate::tools::{self, AuditedCall, Spec, ToolError, Tools};

/// Where a server of several accounts gets their clients.
pub trait ClientResolver: Send + Sync + 'static {
    /// The client of an account. It is asked for with each call, so it should be at hand.
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>>;

    /// Whether a person's answer to a question, which has this number, is used for the first time; remembered until `until`. An
    /// error counts as no.
    ///
    /// A server remembers the answers that it took itself. Where several processes share a
    /// [sealing key](super::Server::sealing_key) this is where they tell each other, as they do through the store of
    /// accounts. Default: yes.
    fn consume_approval<'a>(
        &'a self,
        _number: &'a str,
        _until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::ready(Ok(true)))
    }
}

/// The accounts of this crate, by their ids.
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
        number: &'a str,
        until: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(
            async move { Ok(vimeo_ext::accounts::Accounts::consume_approval(self, number, until).await?) },
        )
    }
}

/// Where the server's clients come from.
#[derive(Clone)]
pub(crate) enum Source {
    One(Vimeo),
    Many(Arc<dyn ClientResolver>),
}

impl Source {
    /// Whether an answer is used for the first time, as far as others can tell. What cannot be told counts as no.
    pub(crate) async fn consume_approval(&self, number: &str, until: DateTime<Utc>) -> bool {
        match self {
            Self::One(_) => true,
            Self::Many(clients) => clients.consume_approval(number, until).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "it cannot be seen whether an answer was used before; it is not taken");
                false
            }),
        }
    }
}

/// The argument that names one of several accounts.
pub(crate) const ACCOUNT: &str = "account";

/// The resource that has the names of a caller's accounts.
pub(crate) const RESOURCE: &str = "vimeo://accounts";

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
        let next = format!("Give account, one of {}.", some_of(choice));
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
            (Source::Many(_), None) => return Err(vimeo_ext::auth::AuthError::NoToken.into()),
        };
        // What a caller was granted reaches the calls themselves: a tool that needs `public` alone would else show all that
        // the account's token is shown.
        let client = match caller.granted() {
            Some(scopes) => client.limited_to(scopes.clone()),
            None => client,
        };
        Ok(Tools::for_account(client)
            .selection(self.selection.clone())
            .audit_log(self.audit.clone())
            .uploads(self.uploads.clone())
            .allow(self.allowed.iter().copied())
            .sealing_key(self.key)
            .bind(caller.id())
            .content_and_structured(self.schemas.structured()))
    }

    /// What a model is told once.
    pub(crate) fn instructions(&self) -> String {
        match self.source {
            Source::One(_) => tools::INSTRUCTIONS.to_owned(),
            Source::Many(_) => {
                let accounts = "Where a tool takes account, each call names one of the accounts that the first tool or \
                     the resource vimeo://accounts lists.";
                format!("{} {accounts}", tools::INSTRUCTIONS)
            }
        }
    }

    /// Notes an attempt of a caller that was refused before any tool heard of it.
    pub(crate) async fn note_refused(
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

/// The most bytes of names that an error has.
const MAX_LISTED_BYTES: usize = 1_000;

/// The names, as far as an error has place for them.
fn some_of(names: &BTreeSet<String>) -> String {
    let mut some = String::new();
    for (place, name) in names.iter().enumerate() {
        if some.len() + name.len() > MAX_LISTED_BYTES {
            return format!("{some} and {} more, which the resource {RESOURCE} has", names.len() - place);
        }
        if place > 0 {
            some.push_str(", ");
        }
        some.push_str(name);
    }
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_some_of_many_accounts() {
        let names = |count: usize| (0..count).map(|number| format!("account {number:04}")).collect();
        assert_eq!(some_of(&names(2)), "account 0000, account 0001");
        let many = some_of(&names(5_000));
        assert!(
            many.len() < MAX_LISTED_BYTES + 100
                && many.ends_with("more, which the resource vimeo://accounts has"),
            "{many}"
        );
        assert!(many.contains("account 0000, account 0001") && many.contains(" and 49"), "{many}");
    }
}
