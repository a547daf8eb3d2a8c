//! Lists whose things need no rules of their own: made, changed and taken away by the method alone.
//!
//! What a thing looks like is said by the description; what of it was set by requests is kept and laid over that.

mod lists;
mod members;
pub(super) mod path;
mod shape;
mod single;
mod things;

use super::Handler;
use crate::catalog::collections::Action;

/// What carries an action out.
pub(crate) fn handler(action: Action) -> Handler {
    match action {
        Action::GetSingle => single::get,
        Action::SetSingle => single::set,
        Action::RemoveSingle => single::remove,
        Action::List => lists::list,
        Action::Create => things::create,
        Action::AddMany => members::add_many,
        Action::ReplaceAll => members::replace_all,
        Action::RemoveMany => members::remove_many,
        Action::Get => lists::get,
        Action::Add => members::add,
        Action::Edit => things::edit,
        Action::Remove => things::remove,
    }
}
