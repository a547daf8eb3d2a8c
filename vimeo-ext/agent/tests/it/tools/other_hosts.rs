//! Responses that lead to another host: no request goes there, and no access token.

use serde_json::json;
use vimeo_agent::mcp::Server;
use vimeo_agent::tools::{ErrorKind, Tools};
use vimeo_ext::{Error, RetryPolicy, Vimeo};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::mcp::raw_client::{Client, Transport};

const TOKEN: &str = "of-the-account-and-nobody-else";

/// A Vimeo with this response to each request, and another host that must not get any.
async fn api_and_other_host(
    response: impl FnOnce(&str) -> ResponseTemplate,
) -> (MockServer, MockServer, Vimeo) {
    let (api, elsewhere) = (MockServer::start().await, MockServer::start().await);
    Mock::given(any()).respond_with(response(&elsewhere.uri())).mount(&api).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&elsewhere).await;
    let vimeo = Vimeo::builder()
        .access_token(TOKEN)
        .scopes("public private edit delete")
        .base_url(api.uri())
        .retry(RetryPolicy::never())
        .journal(None)
        .build()
        .unwrap();
    (api, elsewhere, vimeo)
}

#[tokio::test]
async fn a_next_page_on_another_host_is_ignored() {
    let (api, elsewhere, vimeo) = api_and_other_host(|elsewhere| {
        let next = format!("{elsewhere}/me/videos?page=2");
        let page = json!({"total": 2, "page": 1, "per_page": 1, "paging": {"next": next}, "data": [{"uri": "/videos/1"}]});
        ResponseTemplate::new(200).set_body_json(page)
    })
    .await;
    let page = Tools::for_account(vimeo.clone()).call("vimeo_my_videos_list", json!({})).await.unwrap();
    assert_eq!((&page.value()["items"][0]["id"], &page.value()["has_more"]), (&json!("1"), &json!(false)));
    for transport in Transport::ALL {
        let mut client = Client::connect(&Server::for_account(vimeo.clone()), transport, false).await;
        let response = client.call("vimeo_my_videos_list", json!({})).await;
        let page = &response["result"]["structuredContent"];
        assert_eq!(page["has_more"], false, "{transport:?}: {response}");
        assert_eq!(page.get("next_cursor"), None, "{transport:?}: {response}");
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
    assert!(!api.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn redirects_to_another_host_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (api, elsewhere, vimeo) = api_and_other_host(|elsewhere| {
            ResponseTemplate::new(status).insert_header("location", format!("{elsewhere}/me"))
        })
        .await;
        let tools = Tools::for_account(vimeo);
        for (tool, arguments) in [
            ("vimeo_me_get", json!({})),
            ("vimeo_video_edit", json!({"video_id": "1", "name": "x"})),
            ("vimeo_video_delete", json!({"video_id": "1", "confirm": "x"})),
        ] {
            let error = tools.call(tool, arguments).await.expect_err(tool);
            assert!(!error.to_string().contains(TOKEN), "{error}");
        }
        assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0, "{status}");
        let requests = api.received_requests().await.unwrap();
        let has_token = |request: &wiremock::Request| {
            request.headers["authorization"].to_str().is_ok_and(|sent| sent.ends_with(TOKEN))
        };
        assert!(requests.len() == 3 && requests.iter().all(has_token), "{requests:?}");
    }
}

#[tokio::test]
async fn ids_with_another_host_send_nothing() {
    let (api, elsewhere, vimeo) = api_and_other_host(|_| ResponseTemplate::new(200)).await;
    let tools = Tools::for_account(vimeo);
    let host = elsewhere.uri();
    for id in [
        format!("{host}/videos/1"),
        format!("{host}/1"),
        "//evil.example/1".to_owned(),
        "https://vimeo.com.evil.example/1".to_owned(),
    ] {
        let error = tools.call("vimeo_video_get", json!({"video_id": id})).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Input, Some("video_id")), "{id}");
    }
    for server in [api, elsewhere] {
        assert_eq!(server.received_requests().await.unwrap().len(), 0);
    }
}

#[test]
fn plain_http_base_urls_are_refused() {
    let built = Vimeo::builder().access_token(TOKEN).base_url("http://api.vimeo.com").build();
    let error = built.expect_err("only this machine is reached without encryption");
    assert!(error.to_string().contains("https"), "{error}");
    let variables = |name: &str| match name {
        "VIMEO_ACCESS_TOKEN" => Some(TOKEN.to_owned()),
        "VIMEO_BASE_URL" => Some("http://api.example.com".to_owned()),
        _ => None,
    };
    let built: Result<Vimeo, Error> =
        Vimeo::builder().from_variables(variables).and_then(vimeo_ext::VimeoBuilder::build);
    let error = built.expect_err("from the environment too");
    assert!(error.to_string().contains("https") && !error.to_string().contains(TOKEN), "{error}");
}
