//! What is kept between runs: settings, accounts without their secrets, and where all that is.

mod accounts;
mod files;
mod folders;
mod settings;

pub(crate) use accounts::{Account, Accounts, Kept, TokenPlace, check_name};
#[cfg(feature = "stores")]
pub(crate) use files::LONGEST_FILE;
pub(crate) use files::{read, read_text, remove, replace};
pub(crate) use folders::Folders;
pub(crate) use settings::Settings;
