//! The rules for signed links: what may be sent to them, and received from them.

use url::Url;
use vimeo_api::is_loopback;

/// Returns why nothing may be sent to a signed link, or received from it, if so. `api_is_loopback` tells whether the API that
/// returned it is on this machine.
///
/// A loopback link is valid from a local sandbox. From Vimeo it would lead to whatever listens on this machine.
pub(crate) fn link_problem(link: &str, api_is_loopback: bool) -> Option<&'static str> {
    let Ok(url) = Url::parse(link) else { return Some("is not a URL") };
    match (url.scheme(), is_loopback(&url)) {
        ("http" | "https", true) if !api_is_loopback => Some("leads to this machine"),
        ("https", _) | ("http", true) => None,
        ("http", false) => Some("is plain http, so the file would go there unencrypted"),
        _ => Some("is not https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_links_need_a_loopback_api() {
        // (link, whether the API is on this machine, problem)
        let table = [
            ("https://files.example/1", false, None),
            ("https://files.example/1", true, None),
            ("http://127.0.0.1:5/1", true, None),
            ("http://127.0.0.1:5/1", false, Some("leads to this machine")),
            ("https://[::1]/1", false, Some("leads to this machine")),
            ("http://files.example/1", true, Some("is plain http, so the file would go there unencrypted")),
            ("ftp://files.example/1", true, Some("is not https")),
            ("/1", true, Some("is not a URL")),
        ];
        for (link, api_is_loopback, problem) in table {
            assert_eq!(link_problem(link, api_is_loopback), problem, "{link}");
        }
    }
}
