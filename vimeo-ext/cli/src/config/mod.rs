//! What is kept between runs: settings, accounts without their secrets, and where all that is.

mod accounts;
mod files;
mod folders;
mod settings;

pub(crate) use accounts::{Account, Accounts, AccountsFile, TokenPlace, check_name};
#[cfg(feature = "stores")]
pub(crate) use files::read_named;
pub(crate) use files::{LONGEST_FILE, read, read_named_text, read_text, remove, replace};
pub(crate) use folders::Folders;
pub(crate) use settings::Settings;
