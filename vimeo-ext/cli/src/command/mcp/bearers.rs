//! The bearers file: which HTTP callers can use which accounts.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;
use vimeo_agent::mcp::{ApiKey, ApiKeys, ClientResolver};
#[cfg(feature = "stores")]
use vimeo_ext::accounts::{AccountId, Accounts, AccountsError};
use vimeo_ext::auth::{AuthError, BoxFuture};
use vimeo_ext::upload::Journal;
use vimeo_ext::{Error, Vimeo};

#[cfg(feature = "stores")]
use crate::command::store::{KeyArgs, accounts_error};
use crate::config;
use crate::context::Context;
use crate::exit::{CliError, Result};

/// The file's contents. It has only the tokens' hashes, so that reading it gives no access.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BearersFile {
    bearer: Vec<Caller>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Caller {
    /// The SHA-256 of the bearer token, in hexadecimal.
    sha256: String,
    /// Accounts of `vimeo auth`, or of the store.
    accounts: BTreeSet<String>,
    /// The Vimeo scopes that the caller can use [default: all].
    scopes: Option<String>,
}

/// Clients of the accounts that callers can use, by account name.
pub(super) struct AccountClients(HashMap<String, Vimeo>);

impl ClientResolver for AccountClients {
    fn client<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Vimeo, Error>> {
        let client = self.0.get(account).cloned();
        Box::pin(async move { client.ok_or_else(|| AuthError::NoToken.into()) })
    }
}

/// The callers listed in the file.
pub(super) struct Callers(Vec<Caller>);

impl Callers {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            config::read_named_text(path).map_err(|error| CliError::io("read the bearers", path, &error))?;
        let callers = parse(&text).map_err(|reason| {
            CliError::usage(format!("{}: {reason}", path.display()))
                .with_next_step("see vimeo help mcp for the format")
        })?;
        Ok(Self(callers))
    }

    pub(super) fn api_keys(&self) -> ApiKeys {
        self.0.iter().map(api_key).collect()
    }

    /// Returns the names of all accounts in the file.
    fn names(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|caller| &caller.accounts).map(String::as_str).collect()
    }

    /// Creates a client for each account of `vimeo auth` in the file.
    pub(super) async fn logged_in(&self, context: &Context<'_>, journal: &Journal) -> Result<AccountClients> {
        let mut clients = HashMap::new();
        for name in self.names() {
            let identity = context.account(name).await?;
            clients.insert(name.to_owned(), context.client_with(identity, Some(journal.clone()))?);
        }
        Ok(AccountClients(clients))
    }

    /// Opens the accounts of a store. Accounts in the file can be connected later.
    #[cfg(feature = "stores")]
    pub(super) async fn in_store(
        &self,
        context: &Context<'_>,
        address: &str,
        keys: &KeyArgs,
        journal: Journal,
    ) -> Result<Accounts> {
        let (ring, store) = (keys.key_ring()?, keys.open(address).await?);
        let app = context.app(Some(journal))?;
        let accounts = Accounts::builder(app, store, ring).build().await.map_err(accounts_error)?;
        for name in self.names() {
            let id = AccountId::new(name)
                .map_err(|error| CliError::usage(format!("account `{name}` in the bearers file: {error}")))?;
            match accounts.client(&id).await {
                Ok(_) => {}
                // An unusable account only fails its own calls; it can be connected while the server runs.
                Err(
                    error @ (AccountsError::UnknownAccount { .. }
                    | AccountsError::LoginRequired { .. }
                    | AccountsError::Disabled { .. }),
                ) => context.streams.note(&format!("note: {error}")),
                Err(error) => return Err(accounts_error(error)),
            }
        }
        Ok(accounts)
    }
}

fn parse(text: &str) -> std::result::Result<Vec<Caller>, String> {
    let file: BearersFile = toml::from_str(text).map_err(|error| error.to_string())?;
    for caller in &file.bearer {
        if hash(&caller.sha256).is_none() {
            return Err(format!("invalid SHA-256 `{}`: must be 64 hexadecimal digits", caller.sha256));
        }
        if caller.accounts.is_empty() {
            return Err(format!("bearer {} has no accounts", caller.sha256));
        }
    }
    if file.bearer.is_empty() {
        Err("the file has no [[bearer]] entries".to_owned())
    } else {
        Ok(file.bearer)
    }
}

fn api_key(caller: &Caller) -> ApiKey {
    // `parse` has checked the hash.
    let api_key = ApiKey::from_sha256(hash(&caller.sha256).unwrap_or_default(), &caller.accounts);
    match &caller.scopes {
        Some(scopes) => api_key.scopes(scopes.as_str()),
        None => api_key,
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_invalid_bearers_files() {
        let digits = "0a".repeat(32);
        let good = format!("[[bearer]]\nsha256 = \"{digits}\"\naccounts = [\"work\"]\nscopes = \"public\"\n");
        let callers = parse(&good).unwrap_or_default();
        assert_eq!((callers.len(), callers[0].scopes.as_deref()), (1, Some("public")));
        assert_eq!(hash(&digits), Some([10; 32]));
        for (wrong, expected) in [
            ("".to_owned(), "bearer"),
            ("bearer = []".to_owned(), "no [[bearer]] entries"),
            (good.replace("0a0a", "0a"), "invalid SHA-256"),
            (good.replace(&digits, &"zz".repeat(32)), "invalid SHA-256"),
            (good.replace("\"work\"", ""), "no accounts"),
            (good.replace("scopes", "scope"), "scope"),
            (good.replace("sha256", "token"), "token"),
        ] {
            let reason = parse(&wrong).err().unwrap_or_default();
            assert!(reason.contains(expected), "{wrong}: {reason}");
        }
    }
}
