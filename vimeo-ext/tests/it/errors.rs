//! What errors report.

use serde_json::json;
use vimeo_api::{Error, Quota};

use crate::fake::{Fake, respond};

#[test]
fn debug_prints_the_display_text() {
    let error = vimeo_ext::Vimeo::builder().from_variables(|_| None).err().unwrap();
    assert_eq!(
        format!("{error:?}"),
        "no credentials: set VIMEO_ACCESS_TOKEN, or VIMEO_CLIENT_ID and VIMEO_CLIENT_SECRET"
    );
    assert_eq!(format!("{error:#?}"), "Config(\n    NoCredentials,\n)");
}

/// BEHAVIOUR.md: E01, E03.
#[tokio::test]
async fn errors_carry_status_headers_request_id_and_body() {
    for body in [r#"{"error": "No.", "error_code": 5000}"#, "<html><title>Not here</title></html>", ""] {
        let fake =
            Fake::new(move |_, _| respond(404).body(body).header("x-request-id", "r42").limit(9, 8, "1"));
        let error = fake.vimeo().api().videos().get_video(1).send().await.unwrap_err();
        assert!(matches!(error, Error::Api(_)), "{error}");
        assert_eq!(error.status().unwrap(), 404);
        assert_eq!(error.request_id("x-request-id"), Some("r42"));
        assert_eq!(error.headers().unwrap()["x-request-id"], "r42");
        assert_eq!(error.rate_limit().unwrap().remaining, Some(8));
        assert_eq!(error.api().unwrap().bytes(), body);
        // An HTML page is not Vimeo's statement about what exists.
        assert_eq!(error.is_not_found(), !body.starts_with('<'), "{body}");
        assert_eq!(error.error_code(), body.starts_with('{').then_some(5000));
    }
}

/// BEHAVIOUR.md: E01, E02, E03.
#[tokio::test]
async fn every_error_shape_gives_code_message_and_fields() {
    let shaped = json!({
        "error": "Bad.",
        "link": null,
        "developer_message": "The parameter is wrong.",
        "error_code": 2204,
        "invalid_parameters": [{"field": "name", "error_code": 2101, "error": "Too long.", "developer_message": "Shorten it."}],
    });
    // (status, body, code, message, first field)
    let table = [
        (400, shaped.to_string(), Some(2204), "The parameter is wrong.", Some("name")),
        (400, r#"{"error": "Old shape."}"#.into(), None, "Old shape.", None),
        (400, r#"{"error": "invalid_grant", "error_description": "Stale."}"#.into(), None, "Stale.", None),
        (400, r#"{"error": "No.", "link": null, "error_code": "2286"}"#.into(), Some(2286), "No.", None),
        (501, "<html><body><h1>Something went wrong (W4A0F6)</h1></body>".into(), None, "W4A0F6", None),
        (404, String::new(), None, "404 Not Found", None),
        (400, r#"{"error": "cut o"#.into(), None, "cut o", None),
        (409, "[]".into(), None, "409 Conflict", None),
    ];
    for (status, body, code, message, field) in table {
        let sent = body.clone();
        let fake = Fake::new(move |_, _| respond(status).body(sent.clone()));
        let error = fake.vimeo().api().videos().get_video(1).send().await.unwrap_err();
        assert!(matches!(error, Error::Api(_)), "{body}: {error:?}");
        assert_eq!(error.error_code(), code, "{body}");
        assert!(error.to_string().contains(message), "{body}: {error}");
        assert!(error.to_string().starts_with("get_video: "), "{error}");
        assert_eq!(error.invalid_parameters().first().and_then(|first| first.field.as_deref()), field);
    }
}

/// BEHAVIOUR.md: E04.
#[tokio::test(start_paused = true)]
async fn quota_exceeded_is_typed_and_not_retried() {
    for (code, quota) in [(4101, Quota::Storage), (4102, Quota::Period)] {
        let fake = Fake::new(move |_, _| respond(403).json(json!({"error": "Full.", "error_code": code})));
        let error = fake.vimeo().upload(vec![1, 2, 3]).send().await.unwrap_err();
        let Some(Error::QuotaExceeded(full)) = error.call() else { panic!("{error:?}") };
        assert_eq!(full.quota, quota);
        assert_eq!(error.call().unwrap().status().unwrap(), 403);
        assert_eq!(fake.count(), 1);
    }
}

#[tokio::test]
async fn an_unreachable_host_reports_that_nothing_was_sent() {
    // Port 9 on the loopback: nothing listens there.
    let vimeo = vimeo_ext::Vimeo::builder()
        .access_token("t0ken")
        .base_url("http://127.0.0.1:9")
        .retry(vimeo_ext::RetryPolicy::never())
        .build()
        .unwrap();
    let error = vimeo.post("/me/albums").send().await.unwrap_err();
    assert!(error.is_connection(), "{error:?}");
    assert_eq!(error.delivery(), vimeo_api::Delivery::NotSent);
}
