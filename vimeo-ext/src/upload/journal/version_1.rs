//! Version 1 of an entry, whose identity is one sentence: `new video at https://api.vimeo.com/ for account anna`.
//!
//! Such entries are read and found by their old ID. They are not written any more.

use std::path::Path;

use super::identity::{Identity, Owner, Purpose, digest};
use crate::auth::AccountKey;

const NEW_VIDEO: &str = "new video";
const NEW_VERSION: &str = "new file of /videos/";

/// Parses a sentence. A sentence that a client did not write is a purpose that a program defined.
pub(super) fn identity(sentence: String) -> Identity {
    parse_client_sentence(&sentence).unwrap_or_else(|| Purpose::Other { name: sentence }.into())
}

fn parse_client_sentence(sentence: &str) -> Option<Identity> {
    // A URL has no spaces, so the rest is the account, whatever its name.
    let (purpose, rest) = sentence.split_once(" at ")?;
    let (api, account) = rest.split_once(" for ")?;
    let purpose = match purpose.strip_prefix(NEW_VERSION) {
        Some(video) => Purpose::NewVersion { video: video.parse().ok()? },
        None if purpose == NEW_VIDEO => Purpose::NewVideo,
        None => return None,
    };
    let account = match account.split_once(' ')? {
        ("account", name) => AccountKey::Account(name.to_owned()),
        ("token", digest) => AccountKey::Token(digest.to_owned()),
        _ => return None,
    };
    Some(Identity { purpose, owner: Some(Owner { account, api: api.to_owned() }) })
}

/// Returns the ID that version 1 gave to the entry of a file.
pub(super) fn id(identity: &Identity, path: &Path) -> Option<String> {
    let purpose = match (&identity.purpose, &identity.owner) {
        (Purpose::Other { name }, None) => name.clone(),
        (purpose, Some(Owner { account, api })) => {
            let purpose = match purpose {
                Purpose::NewVideo => NEW_VIDEO.to_owned(),
                Purpose::NewVersion { video } => format!("{NEW_VERSION}{video}"),
                Purpose::Other { .. } => return None,
            };
            let (kind, name) = account.parts();
            format!("{purpose} at {api} for {kind} {name}")
        }
        (_, None) => return None,
    };
    Some(digest(&[path.as_os_str().as_encoded_bytes(), purpose.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_parsed_and_found_again() {
        let owner = |account| Some(Owner { account, api: "https://api.vimeo.com/".to_owned() });
        let account = |name: &str| owner(AccountKey::Account(name.to_owned()));
        let other = |name: &str| Purpose::from(name);
        // (sentence, purpose, owner)
        let table = [
            ("new video at https://api.vimeo.com/ for account anna", Purpose::NewVideo, account("anna")),
            (
                "new video at https://api.vimeo.com/ for account a at b for account c",
                Purpose::NewVideo,
                account("a at b for account c"),
            ),
            ("new video at https://api.vimeo.com/ for account ", Purpose::NewVideo, account("")),
            (
                "new file of /videos/7 at https://api.vimeo.com/ for token 1ec1c26b50d5d3c5",
                Purpose::NewVersion { video: 7 },
                owner(AccountKey::Token("1ec1c26b50d5d3c5".to_owned())),
            ),
            ("new video", other("new video"), None),
            ("film night at home for all", other("film night at home for all"), None),
            (
                "new file of /videos/x at u for account a",
                other("new file of /videos/x at u for account a"),
                None,
            ),
        ];
        let path = Path::new("/films/film.mp4");
        for (sentence, purpose, owner) in table {
            let read = identity(sentence.to_owned());
            assert_eq!(read, Identity { purpose, owner }, "{sentence}");
            let name = digest(&[b"/films/film.mp4", sentence.as_bytes()]);
            assert_eq!(id(&read, path), Some(name), "{sentence} is found again");
        }
    }
}
