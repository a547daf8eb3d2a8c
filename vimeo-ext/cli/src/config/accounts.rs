//! `accounts.toml`: who can be logged in, without a secret among it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vimeo_ext::ScopeSet;

use super::files;
use crate::exit::{Exit, Failure, Result};

const VERSION: u32 = 1;

/// Where the token of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenPlace {
    /// The system's keyring.
    Keyring,
    /// A file in clear, because `--insecure-storage` asked for it.
    InsecureFile,
    /// A command prints it.
    Command,
}

/// An account as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Account {
    /// The user, as `/users/7`; `None` for a token of an app alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    /// The API that the token was given by, and the only place it is sent to.
    pub(crate) base_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<ScopeSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) token: TokenPlace,
    /// What prints the token, for [`TokenPlace::Command`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_command: Option<String>,
}

/// All accounts and which of them is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountsFile {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<String>,
    #[serde(default)]
    pub(crate) accounts: BTreeMap<String, Account>,
}

impl Default for AccountsFile {
    fn default() -> Self {
        Self { version: VERSION, active: None, accounts: BTreeMap::new() }
    }
}

impl AccountsFile {
    /// The account of that name, else the active one.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Option<(&str, &Account)>> {
        let Some(name) = name.or(self.active.as_deref()) else { return Ok(None) };
        match self.accounts.get_key_value(name) {
            Some((name, account)) => Ok(Some((name, account))),
            None => {
                let known: Vec<&str> = self.accounts.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(Failure::new(Exit::Auth, format!("no account is called `{name}`; there is {known}"))
                    .next(format!("vimeo auth login --account {name}")))
            }
        }
    }
}

/// The file of the accounts.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    path: PathBuf,
}

impl Accounts {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("accounts.toml") }
    }

    /// None when there is no such file; a file that only can be read is fine.
    pub(crate) fn read(&self) -> Result<AccountsFile> {
        let text = match files::read_text(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(AccountsFile::default()),
            Err(error) => return Err(Failure::file("read", &self.path, &error)),
        };
        let kept: AccountsFile = toml::from_str(&text).map_err(|error| {
            let problem = format!("{} cannot be read: {}", self.path.display(), error.message());
            Failure::new(Exit::Usage, problem).next("mend the file, or move it away and log in again")
        })?;
        if kept.version != VERSION {
            let problem =
                format!("{} is of version {}, which is not known here", self.path.display(), kept.version);
            return Err(Failure::new(Exit::Usage, problem).next("update vimeo, or move the file away"));
        }
        Ok(kept)
    }

    /// Reads, changes and writes as one step that no other process comes between.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut AccountsFile) -> Result<T>) -> Result<T> {
        files::with_lock(&self.path.with_extension("lock"), || {
            let mut kept = self.read()?;
            let before = kept.clone();
            let result = change(&mut kept)?;
            if kept != before {
                let text =
                    toml::to_string(&kept).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
                files::replace(&self.path, text.as_bytes())?;
            }
            Ok(result)
        })
    }
}

/// Names of accounts become names of files and of entries in keyrings.
pub(crate) fn check_name(name: &str) -> Result<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(Failure::usage(format!(
        "`{name}` is no name for an account: use up to 64 letters, digits, `-`, `_` and `.`, no `.` in front"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str) -> Account {
        Account {
            user: Some(user.to_owned()),
            display_name: None,
            base_url: "https://api.vimeo.com/".to_owned(),
            scopes: Some("private".into()),
            expires: None,
            token: TokenPlace::Keyring,
            token_command: None,
        }
    }

    #[test]
    fn changes_from_many_at_once_all_last() {
        let folder = crate::config::files::test_folder();
        let accounts = Accounts::in_folder(&folder.path().join("vimeo"));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let accounts = accounts.clone();
                scope.spawn(move || {
                    accounts
                        .change(|kept| {
                            kept.accounts.insert(format!("a{number}"), account(&format!("/users/{number}")));
                            Ok(())
                        })
                        .unwrap();
                });
            }
        });
        let kept = accounts.read().unwrap();
        assert_eq!(kept.accounts.len(), 8);
        assert_eq!(kept.accounts["a3"], account("/users/3"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                std::fs::metadata(folder.path().join("vimeo/accounts.toml")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_cannot_be_understood_is_left_alone() {
        let folder = crate::config::files::test_folder();
        let accounts = Accounts::in_folder(folder.path());
        let file = folder.path().join("accounts.toml");
        for text in ["version = 9\n", "version = \"x\"\n", "version"] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(accounts.change(|_| Ok(())).unwrap_err().exit, Exit::Usage, "{text}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn accounts_are_found_by_name_or_as_the_active_one() {
        let mut kept = AccountsFile::default();
        assert!(kept.find(None).unwrap().is_none());
        kept.accounts.insert("a".to_owned(), account("/users/1"));
        kept.active = Some("a".to_owned());
        assert_eq!(kept.find(None).unwrap().map(|(name, _)| name), Some("a"));
        let missing = kept.find(Some("b")).unwrap_err();
        assert_eq!(missing.message(), "no account is called `b`; there is a");
        assert_eq!(missing.exit, Exit::Auth);
    }

    #[test]
    fn names_of_accounts_are_plain() {
        for good in ["a", "anna.smith", "team_2-b"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "a b", "../a", "a/b", "ä", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
