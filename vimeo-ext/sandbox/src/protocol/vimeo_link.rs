//! Links to pages on Vimeo.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded in the path of a link. Names that users choose are parts of paths.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Returns the URL of a page on Vimeo. `path` begins with a slash and is not encoded.
pub(crate) fn vimeo_link(path: &str) -> String {
    format!("https://vimeo.com{}", utf8_percent_encode(path, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_with_any_name_are_urls() {
        assert_eq!(vimeo_link("/channels/films-2_a.b~c"), "https://vimeo.com/channels/films-2_a.b~c");
        assert_eq!(vimeo_link("/channels/_\u{1e}Ü %?#"), "https://vimeo.com/channels/_%1E%C3%9C%20%25%3F%23");
    }
}
