//! Persistent configuration: settings, accounts without their secrets, and the folders they are in.

mod accounts;
mod files;
mod folders;
mod settings;

pub(crate) use accounts::{Account, Accounts, AccountsFile, TokenStorage, check_name};
#[cfg(feature = "stores")]
pub(crate) use files::read_named;
#[cfg(test)]
pub(crate) use files::test_folder;
pub(crate) use files::{MAX_FILE_BYTES, ignore_not_found, read, read_named_text, read_text, remove, replace};
pub(crate) use folders::Folders;
pub(crate) use settings::Settings;
