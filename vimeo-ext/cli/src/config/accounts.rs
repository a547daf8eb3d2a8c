//! `accounts.toml`: the accounts that are logged in, without secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vimeo_ext::ScopeSet;

use super::files;
use crate::exit::{CliError, ExitCode, Result};

const VERSION: u32 = 1;

/// Where an account's token is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenStorage {
    /// The system's keyring.
    Keyring,
    /// An unencrypted file (`--insecure-storage`).
    InsecureFile,
    /// A command prints it.
    Command,
}

/// An account as stored in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Account {
    /// The user's URI, e.g. `/users/7`; `None` for a token without a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    /// The API that issued the token, and the only one it is sent to.
    pub(crate) base_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<ScopeSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) token: TokenStorage,
    /// The command that prints the token, for [`TokenStorage::Command`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_command: Option<String>,
}

/// The contents of the file: all accounts, and which one is active.
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
    /// Returns the named account, or the active one if `name` is `None`.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Option<(&str, &Account)>> {
        let Some(name) = name.or(self.active.as_deref()) else { return Ok(None) };
        match self.accounts.get_key_value(name) {
            Some((name, account)) => Ok(Some((name, account))),
            None => {
                let known: Vec<&str> = self.accounts.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(CliError::new(
                    ExitCode::Auth,
                    format!("unknown account `{name}`; known accounts: {known}"),
                )
                .with_next_step(format!("vimeo auth login --account {name}")))
            }
        }
    }
}

/// Access to the accounts file.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    path: PathBuf,
}

impl Accounts {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("accounts.toml") }
    }

    /// Reads the file. A missing file has no accounts. The file can be read-only.
    pub(crate) fn read(&self) -> Result<AccountsFile> {
        let text = match files::read_text(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(AccountsFile::default()),
            Err(error) => return Err(CliError::io("read", &self.path, &error)),
        };
        let file: AccountsFile = toml::from_str(&text).map_err(|error| {
            let problem = format!("cannot parse {}: {}", self.path.display(), error.message());
            CliError::new(ExitCode::Usage, problem)
                .with_next_step("repair the file, or move it away and log in again")
        })?;
        if file.version != VERSION {
            let problem = format!("{} has the unsupported version {}", self.path.display(), file.version);
            return Err(
                CliError::new(ExitCode::Usage, problem).with_next_step("update vimeo, or move the file away")
            );
        }
        Ok(file)
    }

    /// Reads, changes and writes the file while holding a lock against other processes.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut AccountsFile) -> Result<T>) -> Result<T> {
        files::with_lock(&self.path.with_extension("lock"), || {
            let mut file = self.read()?;
            let before = file.clone();
            let result = change(&mut file)?;
            if file != before {
                let text = toml::to_string(&file)
                    .map_err(|error| CliError::new(ExitCode::Other, error.to_string()))?;
                files::replace(&self.path, text.as_bytes())?;
            }
            Ok(result)
        })
    }
}

/// Checks an account name. Names are used in file names and keyring entries.
pub(crate) fn check_name(name: &str) -> Result<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(CliError::usage(format!(
        "invalid account name `{name}`: use up to 64 letters, digits, `-`, `_` and `.`, not starting with `.`"
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
            token: TokenStorage::Keyring,
            token_command: None,
        }
    }

    #[test]
    fn concurrent_changes_are_all_kept() {
        let folder = crate::config::files::test_folder();
        let accounts = Accounts::in_folder(&folder.path().join("vimeo"));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let accounts = accounts.clone();
                scope.spawn(move || {
                    accounts
                        .change(|file| {
                            file.accounts.insert(format!("a{number}"), account(&format!("/users/{number}")));
                            Ok(())
                        })
                        .unwrap();
                });
            }
        });
        let file = accounts.read().unwrap();
        assert_eq!(file.accounts.len(), 8);
        assert_eq!(file.accounts["a3"], account("/users/3"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                std::fs::metadata(folder.path().join("vimeo/accounts.toml")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn does_not_overwrite_unreadable_files() {
        let folder = crate::config::files::test_folder();
        let accounts = Accounts::in_folder(folder.path());
        let file = folder.path().join("accounts.toml");
        for text in ["version = 9\n", "version = \"x\"\n", "version"] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(accounts.change(|_| Ok(())).unwrap_err().exit, ExitCode::Usage, "{text}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn finds_accounts_by_name_or_active() {
        let mut file = AccountsFile::default();
        assert!(file.find(None).unwrap().is_none());
        file.accounts.insert("a".to_owned(), account("/users/1"));
        file.active = Some("a".to_owned());
        assert_eq!(file.find(None).unwrap().map(|(name, _)| name), Some("a"));
        let missing = file.find(Some("b")).unwrap_err();
        assert_eq!(missing.message(), "unknown account `b`; known accounts: a");
        assert_eq!(missing.exit, ExitCode::Auth);
    }

    #[test]
    fn validates_account_names() {
        for good in ["a", "anna.smith", "team_2-b"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "a b", "../a", "a/b", "ä", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
