//! Access to the control API: only programs of the same user on this machine, and no web pages.
//!
//! The peer is identified by its address and, on Linux, by the owner of its socket. Requests of web pages are recognized by
//! `Origin`, by `Sec-Fetch-Site`, or by a `Host` that is not one of the sandbox's names (DNS rebinding). If the sandbox has a
//! control token, programs of other users can send that.

use http::header::{self, HeaderMap, HeaderName};
use http::{StatusCode, request::Parts};
use sha2::{Digest as _, Sha256};

use super::ControlError;
use crate::app::credential::Credential;
use crate::protocol::names;

/// Carries the control token; `Authorization` selects a world in the control API.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-sandbox-control-token");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) is_local: bool,
    /// Whether its socket belongs to the user who started the sandbox; `None` if the system cannot tell.
    pub(crate) is_same_user: Option<bool>,
}

/// Accepts or rejects a request.
pub(super) fn admit(parts: &Parts, peer: Peer, credential: &Credential) -> Result<(), ControlError> {
    if !peer.is_local {
        return forbid("The control API can be used from this machine only.");
    }
    let host = parts.headers.get(header::HOST).map_or(Some(""), |host| host.to_str().ok());
    let Some(host) = host.filter(|host| is_sandbox_name(host)) else {
        return forbid(
            "The control API can be reached as localhost, a loopback address or one of Vimeo's host names only; \
             the Host header has another name.",
        );
    };
    if is_cross_origin(&parts.headers, host) {
        return forbid("The control API rejects requests of web pages from other origins.");
    }
    match credential {
        Credential::Token(expected) => match parts.headers.get(TOKEN) {
            // Comparing hashes reveals nothing about the token by its timing.
            Some(sent) if <[u8; 32]>::from(Sha256::digest(sent.as_bytes())) == *expected => Ok(()),
            _ => Err(ControlError::new(
                StatusCode::UNAUTHORIZED,
                format!("The control API requires the sandbox's control token in the header {TOKEN}."),
            )),
        },
        Credential::Unavailable => forbid(
            "The sandbox listens to other machines, so its control API requires a token; start it with --control-token.",
        ),
        Credential::SameUser if peer.is_same_user == Some(false) => forbid(
            "The control API accepts only programs of the user who started the sandbox; start it with \
             --control-token to allow others.",
        ),
        Credential::SameUser => Ok(()),
    }
}

fn forbid(message: &str) -> Result<(), ControlError> {
    Err(ControlError::new(StatusCode::FORBIDDEN, message))
}

/// Whether a page of another origin sent the request. Another port is another origin.
fn is_cross_origin(headers: &HeaderMap, host: &str) -> bool {
    let is_own = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| !host.is_empty() && authority.eq_ignore_ascii_case(host))
    };
    let origins = headers.get_all(header::ORIGIN).iter();
    let sites = headers.get_all(FETCH_SITE).iter();
    origins.map(|origin| origin.to_str().is_ok_and(is_own)).any(|own| !own)
        || sites.map(|site| matches!(site.as_bytes(), b"same-origin" | b"none")).any(|own| !own)
}

fn is_sandbox_name(host: &str) -> bool {
    host.is_empty() || is_loopback(host) || names::is_vimeo(without_port(host))
}

fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    name.eq_ignore_ascii_case("localhost")
        || name
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri("/_sandbox/health");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const LOCAL: Peer = Peer { is_local: true, is_same_user: Some(true) };

    #[test]
    fn rejects_remote_peers_and_foreign_pages() {
        for (host, origin, site, is_local, allowed) in [
            ("127.0.0.1:8080", "", "", true, true),
            ("localhost", "", "", true, true),
            ("api.vimeo.com", "", "", true, true),
            ("127.0.0.1:8080", "http://127.0.0.1:8080", "same-origin", true, true),
            ("localhost:8080", "http://LOCALHOST:8080", "", true, true),
            ("[::1]:80", "http://[::1]:80", "", true, true),
            ("api.vimeo.com", "https://api.vimeo.com", "", true, true),
            ("127.0.0.1:8080", "", "none", true, true),
            ("127.0.0.1", "", "", false, false),
            ("rebound.example", "", "", true, false),
            ("localhost.example:80", "", "", true, false),
            ("127.0.0.1", "https://page.example", "", true, false),
            ("127.0.0.1", "null", "", true, false),
            ("", "http://", "", true, false),
            // A page on another port of this machine, such as a development server.
            ("127.0.0.1:8080", "http://localhost:3000", "", true, false),
            ("127.0.0.1:8080", "http://127.0.0.1:3000", "", true, false),
            ("127.0.0.1:8080", "http://127.0.0.1", "", true, false),
            ("[::1]:80", "http://[::1]:3000", "", true, false),
            // An image or script of such a page sends no `Origin`.
            ("127.0.0.1:8080", "", "same-site", true, false),
            ("127.0.0.1:8080", "", "cross-site", true, false),
        ] {
            let headers = [("host", host), ("origin", origin), ("sec-fetch-site", site)];
            let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let peer = Peer { is_local, ..LOCAL };
            let admitted = admit(&parts(&headers), peer, &Credential::SameUser);
            assert_eq!(admitted.is_ok(), allowed, "{host} {origin} {site} {is_local}");
        }
        let two = parts(&[
            ("host", "localhost"),
            ("origin", "http://localhost"),
            ("origin", "http://page.example"),
        ]);
        assert!(admit(&two, LOCAL, &Credential::SameUser).is_err());
    }

    #[test]
    fn other_users_need_control_token() {
        let token = || Credential::token("open sesame");
        for (credential, is_same_user, sent, status) in [
            (Credential::SameUser, Some(true), None, None),
            (Credential::SameUser, None, None, None),
            (Credential::SameUser, Some(false), None, Some(403)),
            (Credential::SameUser, Some(false), Some("open sesame"), Some(403)),
            (token(), Some(false), Some("open sesame"), None),
            (token(), Some(true), None, Some(401)),
            (token(), Some(true), Some("open"), Some(401)),
            (token(), Some(true), Some(""), Some(401)),
            (Credential::Unavailable, Some(true), Some(""), Some(403)),
        ] {
            let headers: Vec<_> = sent.into_iter().map(|sent| ("x-sandbox-control-token", sent)).collect();
            let peer = Peer { is_local: true, is_same_user };
            let error = admit(&parts(&headers), peer, &credential).err();
            assert_eq!(error.map(|error| error.status.as_u16()), status, "{credential:?} {sent:?}");
        }
        assert!(!format!("{:?}", token()).contains(|sign: char| sign.is_ascii_digit()));
    }
}
