//! The operator's page, at `/` in a browser: three static files, which read everything else from the HTTP API with the API key
//! that is entered.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

const INDEX: (&str, &str) = ("text/html; charset=utf-8", include_str!("index.html"));
const STYLE: (&str, &str) = ("text/css; charset=utf-8", include_str!("page.css"));
const SCRIPT: (&str, &str) = ("text/javascript; charset=utf-8", include_str!("page.js"));

/// The page loads nothing from elsewhere, runs no other script, sends no form, and stands in no frame.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                               base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the routes of the page.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || file(INDEX)))
        .route("/page/page.css", get(async || file(STYLE)))
        .route("/page/page.js", get(async || file(SCRIPT)))
}

fn file((media_type, text): (&'static str, &'static str)) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for name in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.1.contains(name), "{name}");
        }
        for address in ["http://", "https://"] {
            assert!(
                !INDEX.1.contains(address) && !STYLE.1.contains(address) && !SCRIPT.1.contains(address),
                "{address}"
            );
        }
    }

    #[test]
    fn no_script_or_style_is_inline() {
        for text in [" style=", " onclick=", "<style", "javascript:"] {
            assert!(!INDEX.1.contains(text), "{text}");
        }
        assert_eq!(
            INDEX.1.matches("<script").count(),
            INDEX.1.matches("<script type=\"module\" src=").count()
        );
    }
}
