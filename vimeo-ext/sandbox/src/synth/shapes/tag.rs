//! Tags.

use serde_json::{Value, json};

use super::metadata;
use crate::call::ResponseView;
use crate::protocol::fields::{Object, Selection};
use crate::protocol::ids;
use crate::world::video::Tag;

/// Encodes a tag as a path segment. Letters of other scripts are not encoded, as at Vimeo.
fn in_path(word: &str) -> String {
    let mut path = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            ' ' | '/' | '?' | '#' | '%' | '"' | '<' | '>' => {
                path.push_str(&format!("%{:02X}", u32::from(letter)))
            }
            letter => path.push(letter),
        }
    }
    path
}

/// Renders a tag below `place`: empty for the tag itself, or the URI of a video.
pub(crate) fn tag(view: &ResponseView<'_>, place: &str, tag: &Tag, selection: &Selection) -> Value {
    let word = in_path(&tag.canonical);
    let uri = format!("{place}/tags/{word}");
    Object::new(selection)
        .put("uri", uri.as_str())
        .put("name", tag.name.as_str())
        .put("tag", tag.name.as_str())
        .put("canonical", tag.canonical.as_str())
        .with("metadata", |_| {
            let listed = |video: &&crate::world::video::Video| {
                video.has_tag(&tag.canonical) && video.listed_for(view.viewer)
            };
            let total = view.state.videos.values().filter(listed).count();
            json!({"connections": {"videos": metadata::list(&format!("{uri}/videos"), &["GET"], total)}})
        })
        .put("resource_key", ids::digest(&["tag", &tag.canonical], 40))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_keep_other_scripts() {
        for (word, path) in [("plain", "plain"), ("360°", "360°"), ("a/b?", "a%2Fb%3F"), ("100%", "100%25")]
        {
            assert_eq!(in_path(word), path);
        }
    }
}
