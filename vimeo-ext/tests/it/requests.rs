//! Requests as sent, and successful responses.

use std::time::Duration;

use serde_json::json;
use vimeo_api::{Delivery, Error, types};
use vimeo_ext::{RateLimitPolicy, RetryPolicy, Timeouts, Vimeo};

use crate::fake::{Fake, respond};

#[tokio::test(start_paused = true)]
async fn every_timeout_is_configurable_and_enforced() {
    let began = tokio::time::Instant::now();
    let slow = Fake::new(|_, _| respond(200).json(json!({})).after(Duration::from_secs(60)));
    slow.vimeo().get("/me").send().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(60), "no default timeout ends a slow call");

    let timeouts = Timeouts::default().attempt(Duration::from_secs(5));
    let error = slow.builder().timeouts(timeouts).build().unwrap().post("/me").send().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { after, .. } if after == Duration::from_secs(5)), "{error}");
    assert!(error.is_timeout());

    let timeouts = Timeouts::default().attempt(Duration::from_secs(5)).total(Duration::from_secs(12));
    let began = tokio::time::Instant::now();
    let error = slow.builder().timeouts(timeouts).build().unwrap().get("/me").send().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { after, .. } if after == Duration::from_secs(12)), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(12));

    let calls = slow.builder().timeouts(timeouts).build().unwrap();
    let typed = calls.api().videos().get_video(1).timeout(Duration::from_secs(2));
    let untyped = calls.get("/me").timeout(Duration::from_secs(2));
    for error in [typed.await.unwrap_err(), untyped.send().await.unwrap_err()] {
        assert!(matches!(error, Error::TimedOut { after, .. } if after == Duration::from_secs(2)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_overrides_retry_and_rate_limit_policy() {
    let fake = Fake::new(|_, _| respond(503).json(json!({})));
    let vimeo = fake.vimeo();
    let call = || vimeo.api().videos().get_video(1).rate_limit(RateLimitPolicy::FailFast);
    call().retry(RetryPolicy::never()).await.unwrap_err();
    assert_eq!(fake.count(), 1, "the client would have retried");
    call().await.unwrap_err();
    assert!(fake.count() > 2);
}

/// BEHAVIOUR.md: D08.
#[tokio::test]
async fn any_2xx_succeeds_unless_the_body_is_missing() {
    let body = types::CreateVideoBody::new(types::UploadInput::new(types::UploadApproach::Tus).size(1u64));
    for status in [200, 201, 202] {
        let fake = Fake::new(move |_, _| respond(status).json(json!({"uri": "/videos/1"})));
        let video = fake.vimeo().api().videos().create_my_video(body.clone()).send().await.unwrap();
        assert_eq!(video.uri.as_deref(), Some("/videos/1"));
        assert_eq!(video.status().as_u16(), status);
    }
    let fake = Fake::new(|_, _| respond(204).limit(9, 8, "1"));
    let error = fake.vimeo().api().videos().create_my_video(body.clone()).send().await.unwrap_err();
    assert_eq!(error.rate_limit().unwrap().remaining, Some(8));
    assert!(matches!(&error, Error::NoContent { status, .. } if status.as_u16() == 204), "{error}");
    assert!(fake.vimeo().delete("/videos/1").send().await.unwrap().is_null());
}

/// BEHAVIOUR.md: D06.
#[tokio::test]
async fn get_parameters_are_sent_in_the_query() {
    let fake = Fake::new(|_, _| respond(200).json(json!({"data": []})));
    let vimeo = fake.vimeo();
    vimeo
        .api()
        .videos()
        .list_my_videos()
        .page(3u64)
        .per_page(50u64)
        .query("surf & sea")
        .send()
        .await
        .unwrap();
    vimeo.get("/me/videos?direction=asc").query("page", 2).send().await.unwrap();
    let log = fake.log();
    assert_eq!(log[0].query("page"), Some("3"));
    assert_eq!(log[0].query("per_page"), Some("50"));
    assert_eq!(log[0].query("query"), Some("surf & sea"));
    assert_eq!(log[1].query, [("direction".into(), "asc".into()), ("page".into(), "2".into())]);
    for seen in log {
        assert!(seen.body.is_empty());
        assert_eq!(seen.header("content-type"), None);
    }
}

/// BEHAVIOUR.md: D05.
#[tokio::test]
async fn partial_responses_decode_with_fields() {
    #[derive(serde::Deserialize)]
    struct Title {
        name: String,
    }
    let fake = Fake::new(|_, _| respond(200).json(json!({"name": "Surf"})));
    let videos = fake.vimeo();
    let video = videos.api().videos().get_video(1).fields(["name", "uri"]).send().await.unwrap();
    assert_eq!((video.name.as_deref(), video.uri.as_deref()), (Some("Surf"), None));
    assert!(video.mismatches().is_empty());
    let title = videos.api().videos().get_video(1).fields("name").send_as::<Title>().await.unwrap();
    assert_eq!(title.name, "Surf");
    assert_eq!(fake.log()[0].query("fields"), Some("name,uri"));
    for operation in vimeo_api::operations().filter(|operation| operation.paged) {
        assert!(operation.query.iter().any(|parameter| parameter.name == "fields"), "{operation}");
    }
}

/// BEHAVIOUR.md: A01.
#[tokio::test]
async fn requests_name_the_api_version_unless_overridden() {
    let fake = Fake::new(|_, _| respond(200).json(json!({})));
    let vimeo = fake.vimeo();
    vimeo.get("/me").send().await.unwrap();
    vimeo.api().videos().get_video(1).send().await.unwrap();
    let other = fake.builder().accept("application/vnd.vimeo.*+json;version=3.2").build().unwrap();
    other.get("/me").send().await.unwrap();
    let accept = "application/json".parse().unwrap();
    other.get("/me").header(http::header::ACCEPT, accept).send().await.unwrap();
    let log = fake.log();
    let accepts: Vec<_> = log.iter().map(|seen| seen.header("accept").unwrap()).collect();
    let usual = "application/vnd.vimeo.*+json;version=3.4";
    assert_eq!(accepts, [usual, usual, "application/vnd.vimeo.*+json;version=3.2", "application/json"]);
}

#[tokio::test]
async fn a_response_keeps_status_headers_and_rate_limit() {
    let fake = Fake::new(|_, _| {
        respond(200)
            .json(json!({"name": "x"}))
            .limit(100, 93, "2026-03-01T12:01:00+00:00")
            .header("x-request-id", "r1")
    });
    let me = fake.vimeo().get("/me").send().await.unwrap();
    assert_eq!(me["name"], "x");
    assert_eq!(me.status(), 200);
    assert_eq!(me.request_id("x-request-id"), Some("r1"));
    let limit = me.rate_limit().unwrap();
    assert_eq!((limit.limit, limit.remaining), (Some(100), Some(93)));
}

#[test]
fn from_variables_names_missing_variables() {
    let of = |pairs: &'static [(&str, &str)]| {
        Vimeo::builder().from_variables(move |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert!(of(&[("VIMEO_ACCESS_TOKEN", "t")]).unwrap().build().is_ok());
    assert!(of(&[("VIMEO_CLIENT_ID", "i"), ("VIMEO_CLIENT_SECRET", "s")]).unwrap().build().is_ok());
    let url =
        of(&[("VIMEO_ACCESS_TOKEN", "t\n"), ("VIMEO_BASE_URL", "http://127.0.0.1:9/")]).unwrap().build();
    assert_eq!(url.unwrap().api().base_url().as_str(), "http://127.0.0.1:9/");
    let foreign =
        of(&[("VIMEO_ACCESS_TOKEN", "t"), ("VIMEO_BASE_URL", "http://example.com/")]).unwrap().build();
    assert!(foreign.unwrap_err().to_string().contains("use https"));
    for (pairs, words) in [
        (&[][..], "no credentials: set VIMEO_ACCESS_TOKEN"),
        (&[("VIMEO_ACCESS_TOKEN", " ")], "no credentials"),
        (&[("VIMEO_CLIENT_ID", "i")], "VIMEO_CLIENT_ID is set but VIMEO_CLIENT_SECRET is not"),
        (&[("VIMEO_CLIENT_SECRET", "s")], "VIMEO_CLIENT_SECRET is set but VIMEO_CLIENT_ID is not"),
    ] {
        let error = of(pairs).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    let error = Vimeo::builder().access_token("a\nb").build().unwrap_err().to_string();
    assert!(error.contains("line break"), "{error}");
}

/// A server whose response bodies never end. Returns its URL and the number of connections.
async fn endless() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = std::sync::Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let _ = connection.read(&mut [0; 4096]).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
                let mut sent = connection.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = connection.write_all(&[b' '; 16 * 1024]).await;
                }
            });
        }
    });
    (url, count)
}

#[tokio::test]
async fn an_endless_response_is_an_error_and_not_retried() {
    let (url, count) = endless().await;
    let vimeo =
        Vimeo::builder().base_url(url).access_token("t0ken").max_response_size(1 << 20).build().unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { limit: 1_048_576, .. }), "{error}");
    assert_eq!(error.status().unwrap().as_u16(), 200);
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn head_and_options_calls_are_sent() {
    let fake = Fake::new(|_, _| respond(200).header("allow", "GET, PATCH"));
    let vimeo = fake.vimeo();
    assert_eq!(vimeo.head("/me").send().await.unwrap().into_inner(), json!(null));
    assert_eq!(vimeo.options("/me").send().await.unwrap().headers()["allow"], "GET, PATCH");
    let methods: Vec<String> = fake.log().iter().map(|seen| seen.method.to_string()).collect();
    assert_eq!(methods, ["HEAD", "OPTIONS"]);
}

#[tokio::test]
async fn error_predicates_work_on_wrapped_errors() {
    type Is = fn(&vimeo_ext::Error) -> bool;
    let kinds: [(u16, Is); 5] = [
        (404, vimeo_ext::Error::is_not_found),
        (429, vimeo_ext::Error::is_rate_limited),
        (401, vimeo_ext::Error::is_unauthorized),
        (403, vimeo_ext::Error::is_forbidden),
        (500, vimeo_ext::Error::is_server_error),
    ];
    for (status, _) in kinds {
        let body = json!({"error": "No.", "developer_message": "No.", "error_code": 1, "link": null});
        let fake = Fake::new(move |_, _| respond(status).json(body.clone()));
        let vimeo = fake.builder().retry(RetryPolicy::never()).build().unwrap();
        let call = vimeo_ext::Error::from(vimeo.get("/me").send().await.unwrap_err());
        let wrapped = vimeo.upload_picture("/videos/1", "no/such/file.png").send().await.unwrap_err();
        for (other, is) in kinds {
            assert_eq!(is(&call), status == other, "{status} as {other}");
            assert!(!is(&wrapped), "no call failed: {wrapped}");
        }
        assert_eq!(call.status().map(|status| status.as_u16()), Some(status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_while_waiting_reports_not_sent() {
    let slow = Fake::new(|_, count| match count {
        0 => respond(200).json(json!({})).limit(1, 0, "2026-03-01T12:01:00+00:00"),
        _ => respond(200).json(json!({})).after(Duration::from_secs(60)),
    });
    let vimeo = slow.vimeo();
    vimeo.get("/me").send().await.unwrap();
    let held = vimeo.get("/me").timeout(Duration::from_secs(5)).send().await.unwrap_err();
    assert!(held.is_timeout(), "{held}");
    assert_eq!((held.delivery(), slow.count()), (Delivery::NotSent, 1));

    tokio::time::sleep(Duration::from_secs(120)).await;
    let cut = vimeo.get("/me").timeout(Duration::from_secs(5)).send().await.unwrap_err();
    assert_eq!((cut.delivery(), slow.count()), (Delivery::Unknown, 2));
}

#[tokio::test]
async fn the_plain_transport_applies_the_call_timeout() {
    // Connections stay in the backlog and get no response.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = vimeo_api::ReqwestTransport::from_builder(crate::http::builder().no_proxy()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = vimeo_api::Client::builder().base_url(url).transport(transport).build().unwrap();
    let call = client.videos().get_video(1).timeout(Duration::from_millis(10));
    let error = call.await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}
