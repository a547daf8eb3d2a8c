//! What an API key may do.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vimeo_agent::tools::{Disclosure, ToolSelection, Toolset};
use vimeo_ext::ScopeSet;
use vimeo_ext::accounts::AccountId;

/// What an API key may do. A new policy has every account and every group of routes, offers the default toolsets, and allows no
/// call that discloses something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyPolicy {
    /// A name for people, at most 100 characters.
    pub name: String,
    /// The accounts that the key may use.
    #[serde(default)]
    pub accounts: AccountAccess,
    /// The groups of routes that the key may call. Default: all.
    #[serde(default = "RouteGroup::all")]
    pub routes: BTreeSet<RouteGroup>,
    /// The names of the toolsets that the key offers. Empty for the default ones.
    #[serde(default)]
    pub toolsets: BTreeSet<String>,
    /// The kinds of disclosing calls that the key may make: `publish`, `comments`, `webhooks`. Default: none.
    #[serde(default)]
    pub allow: BTreeSet<String>,
    /// Whether the key offers only tools that change nothing. Default: no.
    #[serde(default)]
    pub read_only: bool,
    /// Vimeo's scopes that the key is limited to, whatever the accounts' access tokens allow. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// The rate limit of each process of the service for this key. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<NonZeroU32>,
}

/// The accounts that an API key may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountAccess {
    /// Every account.
    #[default]
    All,
    /// The accounts whose identifier starts with this text and is longer.
    Prefix(String),
    /// These accounts, at most 1,000.
    Only(BTreeSet<String>),
}

/// A group of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteGroup {
    /// `/v1/accounts`, `/v1/events` and `/v1/limits`.
    Accounts,
    /// Running tools and listing them.
    Tools,
    /// `/v1/vimeo-connections`. Only for keys that may use all accounts.
    Connections,
    /// Upload tokens.
    Uploads,
    /// `/mcp`.
    Mcp,
    /// `/metrics`, `/v1/errors` and `/v1/api-keys`. Keys that are limited to accounts see only the errors, of their accounts.
    Operate,
}

impl RouteGroup {
    /// All groups, in order.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Tools, Self::Connections, Self::Uploads, Self::Mcp, Self::Operate];

    fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }

    /// Whether the group's routes concern all accounts, so that a key which is limited to accounts cannot call them.
    pub(crate) fn is_of_all_accounts(self) -> bool {
        match self {
            Self::Connections => true,
            Self::Accounts | Self::Tools | Self::Uploads | Self::Mcp | Self::Operate => false,
        }
    }

    /// Returns the group's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Tools => "tools",
            Self::Connections => "connections",
            Self::Uploads => "uploads",
            Self::Mcp => "mcp",
            Self::Operate => "operate",
        }
    }
}

impl FromStr for RouteGroup {
    type Err = InvalidPolicy;

    fn from_str(name: &str) -> Result<Self, InvalidPolicy> {
        let known = Self::ALL.into_iter().find(|group| group.as_str() == name);
        known.ok_or_else(|| {
            InvalidPolicy(format!(
                "unknown group of routes {name:?}; use accounts, tools, connections, uploads, mcp or operate"
            ))
        })
    }
}

/// Why a policy is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid API key policy: {0}")]
pub struct InvalidPolicy(String);

/// The maximum number of accounts that a policy can list.
const MAX_LISTED_ACCOUNTS: usize = 1_000;

impl KeyPolicy {
    /// Creates a policy with this name and the defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            accounts: AccountAccess::All,
            routes: RouteGroup::all(),
            toolsets: BTreeSet::new(),
            allow: BTreeSet::new(),
            read_only: false,
            scopes: None,
            requests_per_minute: None,
        }
    }

    /// Limits the key to these accounts.
    #[must_use]
    pub fn accounts(mut self, accounts: AccountAccess) -> Self {
        self.accounts = accounts;
        self
    }

    /// Limits the key to these groups of routes.
    #[must_use]
    pub fn routes(mut self, groups: impl IntoIterator<Item = RouteGroup>) -> Self {
        self.routes = groups.into_iter().collect();
        self
    }

    /// Offers these toolsets.
    #[must_use]
    pub fn toolsets(mut self, toolsets: impl IntoIterator<Item = Toolset>) -> Self {
        self.toolsets = toolsets.into_iter().map(|toolset| toolset.as_str().to_owned()).collect();
        self
    }

    /// Allows these kinds of calls that disclose something.
    #[must_use]
    pub fn allow(mut self, kinds: impl IntoIterator<Item = Disclosure>) -> Self {
        self.allow = kinds.into_iter().map(|kind| kind.as_str().to_owned()).collect();
        self
    }

    /// Offers only tools that change nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Limits the key to these scopes of Vimeo's.
    #[must_use]
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = Some(scopes.into().to_string());
        self
    }

    /// Limits the rate of requests to each process of the service.
    #[must_use]
    pub fn requests_per_minute(mut self, requests: NonZeroU32) -> Self {
        self.requests_per_minute = Some(requests);
        self
    }

    /// Checks that the policy can be applied.
    pub(super) fn check(&self) -> Result<(), InvalidPolicy> {
        let invalid = |reason: String| Err(InvalidPolicy(reason));
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            return invalid("the name must have 1 to 100 characters".to_owned());
        }
        if self.name.chars().any(char::is_control) {
            return invalid("the name contains control characters".to_owned());
        }
        if self.routes.is_empty() {
            return invalid("the key could call nothing; name a group of routes".to_owned());
        }
        match &self.accounts {
            AccountAccess::All => {}
            AccountAccess::Prefix(prefix) => {
                AccountId::new(prefix).map_err(|error| InvalidPolicy(format!("account prefix: {error}")))?;
            }
            AccountAccess::Only(accounts) if accounts.is_empty() || accounts.len() > MAX_LISTED_ACCOUNTS => {
                return invalid(format!("name 1 to {MAX_LISTED_ACCOUNTS} accounts, or use a prefix"));
            }
            AccountAccess::Only(accounts) => {
                for account in accounts {
                    AccountId::new(account)
                        .map_err(|error| InvalidPolicy(format!("{account:?}: {error}")))?;
                }
            }
        }
        for toolset in &self.toolsets {
            Toolset::from_str(toolset).map_err(|error| InvalidPolicy(error.to_string()))?;
        }
        for kind in &self.allow {
            Disclosure::from_str(kind).map_err(|error| InvalidPolicy(error.to_string()))?;
        }
        Ok(())
    }

    /// Whether the key may call this group of routes.
    pub(crate) fn allows_route(&self, group: RouteGroup) -> bool {
        self.routes.contains(&group)
    }

    /// Returns the tools that the key offers. A toolset that this version does not know offers nothing.
    pub(crate) fn selection(&self) -> ToolSelection {
        let known: Vec<Toolset> =
            self.toolsets.iter().filter_map(|name| Toolset::from_str(name).ok()).collect();
        if known.is_empty() && !self.toolsets.is_empty() {
            return ToolSelection::only([]);
        }
        ToolSelection { toolsets: known, read_only: self.read_only, ..ToolSelection::default() }
    }

    /// Returns the kinds of disclosing calls that the key may make.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = Disclosure> {
        self.allow.iter().filter_map(|name| Disclosure::from_str(name).ok())
    }
}

impl AccountAccess {
    /// Whether this account is among them.
    pub(crate) fn includes(&self, account: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => account.len() > prefix.len() && account.starts_with(prefix.as_str()),
            Self::Only(accounts) => accounts.contains(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_by_prefix_needs_more_than_the_prefix() {
        let only = AccountAccess::Only(["a".to_owned(), "b".to_owned()].into());
        let prefix = AccountAccess::Prefix("team-7:".to_owned());
        for (access, account, expected) in [
            (&AccountAccess::All, "anything", true),
            (&prefix, "team-7:1", true),
            (&prefix, "team-7:", false),
            (&prefix, "team-70:1", false),
            (&only, "a", true),
            (&only, "A", false),
            (&only, "ab", false),
        ] {
            assert_eq!(access.includes(account), expected, "{account} {access:?}");
        }
    }

    #[test]
    fn policies_that_cannot_be_applied_are_invalid() {
        let with = |change: &dyn Fn(&mut KeyPolicy)| {
            let mut policy = KeyPolicy::new("a");
            change(&mut policy);
            policy.check().is_ok()
        };
        assert!(with(&|_| {}));
        assert!(!with(&|policy| policy.name = " ".to_owned()));
        assert!(!with(&|policy| policy.name = "a\n".to_owned()));
        assert!(!with(&|policy| policy.routes.clear()));
        assert!(!with(&|policy| policy.accounts = AccountAccess::Prefix(String::new())));
        assert!(!with(&|policy| policy.accounts = AccountAccess::Only(BTreeSet::new())));
        assert!(!with(&|policy| policy.toolsets = ["reed".to_owned()].into()));
        assert!(!with(&|policy| policy.allow = ["everything".to_owned()].into()));
    }

    #[test]
    fn unknown_toolsets_of_newer_versions_offer_nothing() {
        let stored = r#"{"name": "a", "toolsets": ["newer"], "allow": ["newer"]}"#;
        let policy: KeyPolicy = serde_json::from_str(stored).unwrap();
        let selection = policy.selection();
        assert!(vimeo_agent::tools::all().iter().all(|tool| !selection.includes(tool.spec())));
        assert_eq!(policy.allowed().count(), 0);
        assert_eq!(policy.routes.len(), RouteGroup::ALL.len());
    }
}
