//! Ids as people give them: a number, a URI of the API, or a link that Vimeo shows.
//!
//! A grammar, not a search for digits: a text is taken when all of it is an id of the kind that is asked for, and refused
//! otherwise. So a showcase's number never stands for a video, and nothing of the text reaches a path unread.

mod kinds;
mod text;

pub use kinds::{AppId, ChannelId, FolderId, Id, ShowcaseId, UserId, VideoId, WebhookId};

/// The text is no id of the kind that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}; expected {expected}")]
pub struct InvalidId {
    expected: &'static str,
    found: String,
}

impl InvalidId {
    fn new(expected: &'static str, text: &str, is: Option<&str>) -> Self {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        let found = match is {
            Some(is) => format!("`{shown}` is {is}"),
            None => format!("`{shown}` cannot be read"),
        };
        Self { expected, found }
    }
}
