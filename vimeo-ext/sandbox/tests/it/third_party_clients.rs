//! Requests as third-party clients send them.

use reqwest::Proxy;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vimeo_sandbox::{Effect, Fault, Sandbox};

use crate::client::Client;

const ORIGIN: &str = "http://localhost:3000";

#[tokio::test]
async fn cors_allows_both_hosts() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    let before = sandbox.request_log().len();
    let api = format!("{}me/videos", sandbox.url());
    for (url, method, asked) in [
        (&api, "POST", "authorization,content-type"),
        (&link, "PATCH", "tus-resumable,upload-offset,content-type"),
    ] {
        let preflight = client.bare("OPTIONS", url).header("origin", ORIGIN);
        let preflight = preflight.header("access-control-request-method", method);
        let answer = preflight.header("access-control-request-headers", asked).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{url}");
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-headers"], asked);
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains(method));
    }
    assert_eq!(sandbox.request_log().len(), before, "preflight requests are not logged");

    let exposed = |answer: &reqwest::Response| {
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        answer.headers()["access-control-expose-headers"].to_str().unwrap().to_owned()
    };
    let me = client.request("GET", "/me").header("origin", ORIGIN).send().await.unwrap();
    assert!(exposed(&me).contains("x-ratelimit-remaining"));
    let head = client.head(&link).header("origin", ORIGIN).send().await.unwrap();
    assert!(exposed(&head).contains("upload-offset"));
    // Errors are exposed to pages, too.
    let rejected = client.bare("GET", &api).header("origin", ORIGIN).send().await.unwrap();
    assert_eq!(rejected.status(), 401);
    exposed(&rejected);
    let plain = client.request("GET", "/me").send().await.unwrap();
    assert!(!plain.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn control_api_has_no_cors() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let url = format!("{}_sandbox/journal", sandbox.url());
    let preflight = client.bare("OPTIONS", &url).header("origin", ORIGIN);
    let answer = preflight.header("access-control-request-method", "GET").send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    let answer = client.bare("GET", &url).header("origin", ORIGIN).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn answers_options_and_head() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (_, link) = client.create("File", 10).await;
    let options = client.request("OPTIONS", "/me").send().await.unwrap();
    assert_eq!(options.status(), 204);
    assert!(options.headers()["allow"].to_str().unwrap().contains("PATCH"));
    let options = client.bare("OPTIONS", &link).send().await.unwrap();
    assert_eq!(
        (options.status().as_u16(), &options.headers()["tus-version"]),
        (204, &"1.0.0".parse().unwrap())
    );
    let head = client.request("HEAD", "/me").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(head.headers().contains_key("x-ratelimit-limit"));
    assert!(head.bytes().await.unwrap().is_empty());
    assert_eq!(client.request("HEAD", "/videos/404404").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn accepts_text_track_as_urlencoded_form() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, _) = client.create("File", 10).await;
    let track = json!({"type": "captions", "language": "en", "name": "English"});
    let track = client.send("POST", &format!("/videos/{id}/texttracks"), track).await.body;
    let link = track["link"].as_str().unwrap();
    let file = "WEBVTT\n\n00:00.000 --> 00:01.000\na=b&c=%zz\n";
    for (media, status) in [
        ("application/json", 400),
        ("multipart/form-data; boundary=x", 400),
        ("application/x-www-form-urlencoded", 200),
        ("text/vtt", 200),
    ] {
        let sent = client.bare("PUT", link).header("content-type", media).body(file).send().await.unwrap();
        assert_eq!(sent.status(), status, "{media}");
    }
    assert_eq!(client.bare("GET", link).send().await.unwrap().text().await.unwrap(), file);
}

#[tokio::test]
async fn ignores_unknown_query_parameters_by_default() {
    let path = "/me/videos?weak_search=true&_=123&per_page=5&filter_playable=True&filter=playable";
    for refuse in [false, true] {
        let sandbox = Sandbox::builder().refuse_unknown_parameters(refuse).start().await.unwrap();
        let client = Client::new(&sandbox);
        let answer = client.get(path).await;
        assert_eq!(answer.status, if refuse { 400 } else { 200 }, "{}", answer.body);
        let entry = sandbox.request_log().pop().unwrap();
        assert_eq!(entry.unknown_parameters, ["weak_search", "_"]);
        if refuse {
            assert_eq!(answer.body["error_code"], 2204);
            assert_eq!(answer.body["invalid_parameters"][0]["field"], "weak_search");
        }
    }
}

#[tokio::test]
async fn accepts_python_booleans() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, _) = client.create("File", 10).await;
    let form = client.request("PATCH", &format!("/videos/{id}")).form(&[("review_page.active", "True")]);
    assert_eq!(form.send().await.unwrap().status(), 200);
    assert_eq!(client.get("/me/videos?filter=playable&filter_playable=False").await.status, 200);
    assert_eq!(client.get("/me/videos?filter=playable&filter_playable=Truth").await.status, 400);
}

#[tokio::test]
async fn patch_accepts_body_of_get() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, _) = client.create("File", 10).await;
    let send_back = async |path: &str, without: &[&str]| {
        let mut body = client.get(path).await.body;
        for name in without {
            body.as_object_mut().unwrap().remove(*name);
        }
        let answer = client.send("PATCH", path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    };
    send_back(&format!("/videos/{id}"), &["privacy", "type"]).await;
    send_back("/me", &[]).await;
    let showcase = client.send("POST", "/me/albums", json!({"name": "S", "privacy": "nobody"})).await.body;
    let uri = showcase["uri"].as_str().unwrap();
    send_back(uri, &[]).await;
    assert_eq!(client.get(uri).await.body["privacy"]["view"], "nobody");
    let wrong = client.send("PATCH", uri, json!({"privacy": {"view": "nobdy"}})).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn upload_host_honors_method_override() {
    let sandbox = Sandbox::builder().keep_bytes(true).start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, link) = client.create("File", 5).await;
    let sent =
        client.bare("POST", &link).header("x-http-method-override", "PATCH").header("tus-resumable", "1.0.0");
    let sent = sent.header("upload-offset", "0").header("content-type", "application/offset+octet-stream");
    assert_eq!(sent.body("12345").send().await.unwrap().status(), 204);
    assert_eq!(sandbox.upload_bytes(id).unwrap(), "12345");
    let other = client.bare("POST", &link).header("x-http-method-override", "DELETE");
    assert_eq!(other.header("tus-resumable", "1.0.0").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn unknown_app_is_invalid_client() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    for path in ["oauth/access_token", "oauth/authorize/client"] {
        let url = format!("{}{path}", sandbox.url());
        let body = json!({"grant_type": "client_credentials"});
        let answer =
            client.bare("POST", &url).basic_auth("somebody", Some("else")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"], "invalid_client", "{path}");
        assert!(body["error_description"].is_string());
    }
}

#[tokio::test]
async fn form_credentials_need_option() {
    for (let_in, status) in [(false, 401), (true, 200)] {
        let sandbox = Sandbox::builder().form_credentials(let_in).start().await.unwrap();
        let client = Client::new(&sandbox);
        let (id, secret) = (sandbox.client_id().to_owned(), sandbox.client_secret().to_owned());
        let url = format!("{}oauth/authorize/client", sandbox.url());
        let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
        assert_eq!(client.bare("POST", &url).form(&form).send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn tokens_in_query_need_option() {
    for (accepted, status) in [(false, 401), (true, 200)] {
        let sandbox = Sandbox::builder().query_token(accepted).start().await.unwrap();
        let client = Client::new(&sandbox);
        let ask = async |method: &str, path: &str, token: &str| {
            let url = format!("{}{path}?access_token={token}", sandbox.url());
            client.bare(method, &url).send().await.unwrap().status()
        };
        assert_eq!(ask("GET", "me", sandbox.token()).await, status);
        assert_eq!(ask("GET", "me", "unknown").await, 401);
        // The header comes first.
        let url = format!("{}me?access_token={}", sandbox.url(), sandbox.token());
        assert_eq!(client.bare("GET", &url).bearer_auth("unknown").send().await.unwrap().status(), 401);
        let log = format!("{:?}", sandbox.request_log());
        assert!(log.contains("access_token") && !log.contains(sandbox.token()), "{log}");
        assert_eq!(ask("DELETE", "tokens", sandbox.token()).await, if accepted { 204 } else { 401 });
        assert_eq!(ask("GET", "me", sandbox.token()).await, 401);
    }
}

#[tokio::test]
async fn token_in_query_is_no_unknown_parameter_and_selects_faults() {
    let builder = Sandbox::builder().query_token(true).refuse_unknown_parameters(true);
    let sandbox = builder.start().await.unwrap();
    let world = sandbox.add_world(1);
    let client = Client::new(&sandbox);
    let ask = async |token: &str| {
        let url = format!("{}me?access_token={token}", sandbox.url());
        client.bare("GET", &url).send().await.unwrap().status()
    };
    assert_eq!(ask(world.token()).await, 200);
    assert_eq!(sandbox.request_log()[0].unknown_parameters, Vec::<String>::new());
    sandbox.add_fault(Fault::new(Effect::Status(503)).world(world.id()));
    assert_eq!(ask(sandbox.token()).await, 200, "another world");
    assert_eq!(ask(world.token()).await, 503);
}

#[tokio::test]
async fn portrait_status_is_configurable() {
    for (as_clients_want, status) in [(false, 200), (true, 201)] {
        let sandbox = Sandbox::builder().portrait_answers_201(as_clients_want).start().await.unwrap();
        assert_eq!(Client::new(&sandbox).call("POST", "/me/pictures").await.status, status);
    }
}

#[tokio::test]
async fn name_replaces_file_name_only_with_option() {
    for (accepts, status) in [(false, 400), (true, 201)] {
        let sandbox = Sandbox::builder().replace_by_name(accepts).start().await.unwrap();
        let client = Client::new(&sandbox);
        let (id, _) = client.create("File", 10).await;
        let path = format!("/videos/{id}/versions");
        // As go-vimeo's ReplaceFile sends it.
        let body = json!({"name": "b.mp4", "upload": {"approach": "tus", "size": 3}});
        let answer = client.send("POST", &path, body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let wrong = client.send("POST", &path, json!({"upload": {"approach": "tus", "size": 3}})).await;
        assert_eq!(wrong.status, 400);
        assert_eq!(wrong.body["invalid_parameters"][0]["field"], "file_name");
        if accepts {
            assert_eq!(answer.body["filename"], "b.mp4");
        } else {
            assert_eq!(answer.body["invalid_parameters"][0]["field"], "file_name");
        }
    }
}

#[tokio::test]
async fn closed_approach_is_reported_under_the_sent_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    for (path, body, field) in [
        // As older versions of vimeo-dot-net send it.
        ("/me/videos?type=streaming", json!({}), "type"),
        ("/me/videos", json!({"type": "streaming"}), "type"),
        ("/me/videos", json!({"upload": {"approach": "streaming", "size": 1}}), "upload.approach"),
    ] {
        let answer = client.send("POST", path, body).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (400, &json!(2204)), "{path}");
        let invalid = &answer.body["invalid_parameters"];
        assert_eq!((&invalid[0]["field"], &invalid[0]["error_code"]), (&json!(field), &json!(2552)));
        assert_eq!(invalid.as_array().unwrap().len(), 1, "{invalid}");
    }
}

#[tokio::test]
async fn accepts_pictures_as_urlencoded_form() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, _) = client.create("File", 10).await;
    let picture = client.send("POST", &format!("/videos/{id}/pictures"), json!({})).await.body;
    let (uri, link) = (picture["uri"].as_str().unwrap(), picture["link"].as_str().unwrap());
    let sent = client.bare("PUT", link).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(sent.body("GIF89a=&%zz").send().await.unwrap().status(), 200);
    let active = client.send("PATCH", uri, json!({"active": true})).await;
    assert_eq!((active.status, &active.body["active"]), (200, &json!(true)));
}

#[tokio::test]
async fn on_demand_page_never_has_an_empty_link() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let page = json!({
        "name": "A page", "description": "Films", "type": "film", "content_rating": "safe", "link": "",
    });
    let page = client.send("POST", "/me/ondemand/pages", page).await;
    assert_eq!(page.status, 201, "{}", page.body);
    let uri = page.body["uri"].as_str().unwrap();
    for answer in [client.send("PATCH", uri, json!({"link": ""})).await, client.get(uri).await, page.clone()]
    {
        let link = answer.body["link"].as_str().unwrap();
        assert!(link.starts_with("https://"), "{link}");
    }
}

#[tokio::test]
async fn sent_back_values_do_not_excuse_wrong_ones() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let (id, _) = client.create("File", 10).await;
    let channel = client.send("POST", "/channels", json!({"name": "C", "privacy": "anybody"})).await.body;
    let video = format!("/videos/{id}");
    for (path, body, field) in [
        (video.as_str(), json!({"embed": {"end_screen": ["x", 1]}, "name": {}}), "name"),
        (&video, json!({"embed": []}), "embed"),
        (&video, json!({"privacy": {"view": {"view": "nobody"}}}), "privacy.view"),
        (channel["uri"].as_str().unwrap(), json!({"privacy": {"view": "nobdy"}}), "privacy"),
        (channel["uri"].as_str().unwrap(), json!({"privacy": ["anybody"]}), "privacy"),
        ("/me", json!({"gender": "x"}), "gender"),
    ] {
        let answer = client.send("PATCH", path, body).await;
        assert_eq!(answer.status, 400, "{path} {}", answer.body);
        assert_eq!(answer.body["invalid_parameters"][0]["field"], field);
    }
    // A POST is not written back.
    let new = client.send("POST", "/me/albums", json!({"name": "S", "privacy": {"view": "nobody"}})).await;
    assert_eq!(new.status, 400, "{}", new.body);
}

#[tokio::test]
async fn proxy_accepts_absolute_form_requests() {
    let sandbox = Sandbox::builder().proxy(0).start().await.unwrap();
    let proxy = Proxy::http(sandbox.proxy_url().unwrap().as_str()).unwrap();
    let client = crate::http::builder().no_proxy().proxy(proxy).build().unwrap();
    // reqwest sends plain http requests in absolute form.
    let me = client.get("http://api.vimeo.com/me").bearer_auth(sandbox.token()).send().await.unwrap();
    assert_eq!(me.status(), 200);
    let elsewhere = client.get("http://example.com/me").send().await.unwrap();
    assert_eq!(elsewhere.status(), 403);
    assert!(elsewhere.text().await.unwrap().contains("example.com"));
}

/// axios 0.21 sends https URLs in absolute form instead of opening a tunnel.
#[tokio::test]
async fn proxy_accepts_https_urls_without_tunnel() {
    let sandbox = Sandbox::builder().proxy(0).start().await.unwrap();
    let body = r#"{"upload": {"approach": "tus", "size": 5}}"#;
    let headers = format!(
        "authorization: bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close",
        sandbox.token(),
        body.len()
    );
    let proxy = sandbox.proxy_url().unwrap().authority().to_owned();
    for (line, host, expected) in [
        ("POST https://api.vimeo.com/me/videos HTTP/1.1", "api.vimeo.com", "HTTP/1.1 200"),
        ("POST https://api.vimeo.com:443/me/videos HTTP/1.1", "api.vimeo.com", "HTTP/1.1 200"),
        // The host of the URL counts.
        ("POST https://api.vimeo.com/me/videos HTTP/1.1", "example.com", "HTTP/1.1 200"),
        ("POST https://example.com/me/videos HTTP/1.1", "api.vimeo.com", "serves only api.vimeo.com and"),
        (
            "POST https://api.vimeo.com:8443/me HTTP/1.1",
            "api.vimeo.com",
            "serves api.vimeo.com on port 80 or 443, but \"api.vimeo.com:8443\" was requested",
        ),
        (
            "CONNECT api.vimeo.com:80 HTTP/1.1",
            "api.vimeo.com",
            "serves api.vimeo.com on port 443, but \"api.vimeo.com:80\" was requested",
        ),
        ("CONNECT example.com:443 HTTP/1.1", "example.com:443", "but \"example.com:443\" was requested"),
        ("POST /me/videos HTTP/1.1", "api.vimeo.com", "must have an absolute URL"),
    ] {
        let sent = if line.starts_with("CONNECT") {
            format!("{line}\r\nhost: {host}\r\nconnection: close\r\n\r\n")
        } else {
            format!("{line}\r\nhost: {host}\r\n{headers}\r\n\r\n{body}")
        };
        let mut stream = TcpStream::connect(&proxy).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(expected), "{line}: {answer}");
        assert_eq!(answer.starts_with("HTTP/1.1 403"), !expected.ends_with("200"), "{line}: {answer}");
    }
}
