//! Generic collections, whose items need no specific rules: created, changed and deleted according to the HTTP method.
//!
//! An item is generated from the API description, overlaid with the values that requests have set.

mod entities;
mod lists;
mod members;
pub(super) mod path;
mod shape;
mod single;

use super::Handler;
use crate::catalog::collections::Action;

/// The handler of an action.
pub(crate) fn handler_for(action: Action) -> Handler {
    match action {
        Action::GetSingle => single::get,
        Action::SetSingle => single::set,
        Action::RemoveSingle => single::remove,
        Action::List => lists::list,
        Action::Create => entities::create,
        Action::AddMany => members::add_many,
        Action::ReplaceAll => members::replace_all,
        Action::RemoveMany => members::remove_many,
        Action::Get => lists::get,
        Action::Add => members::add,
        Action::Edit => entities::edit,
        Action::Remove => entities::remove,
    }
}
