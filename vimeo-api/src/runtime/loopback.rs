//! Loopback addresses.

use url::{Host, Url};

/// Whether the host of a URL is a loopback address. Used by `vimeo-ext` as well, so that one rule decides what may be sent
/// without TLS.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_loopback_hosts() {
        for (url, loopback) in [
            ("http://127.0.0.1:8080/", true),
            ("http://127.1/", true),
            ("http://[::1]:8080/", true),
            ("http://localhost/", true),
            ("http://LOCALHOST.:80/", true),
            ("https://api.vimeo.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), loopback, "{url}");
        }
    }
}
