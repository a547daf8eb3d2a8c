//! The control API.

use serde_json::{Value, json};
use vimeo_sandbox::Sandbox;

use crate::client::{Client, offset};

async fn lines(client: &Client, path: &str) -> Vec<Value> {
    let text = client.request("GET", path).send().await.unwrap().text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn creates_fills_resets_and_deletes_worlds() {
    let sandbox = Sandbox::start().await.unwrap();
    let control = Client::with_token(&sandbox, "");
    assert_eq!(control.get("/_sandbox/health").await.body["status"], "ok");
    let new = json!({"seed": 5, "frozen": "2026-01-02T03:04:05Z", "fill": {"videos": 3}});
    let made = control.send("POST", "/_sandbox/worlds", new).await;
    assert_eq!(made.status, 201);
    let world = &made.body;
    assert_eq!(
        (world["world"].as_u64(), world["now"].as_str()),
        (Some(2), Some("2026-01-02T03:04:05+00:00"))
    );
    let client = Client::with_token(&sandbox, world["token"].as_str().unwrap());
    assert_eq!(client.get("/me/videos").await.body["total"], 3);
    assert_eq!(control.get("/_sandbox/worlds/2").await.body, *world);
    assert_eq!(control.get("/_sandbox/worlds").await.body["worlds"].as_array().unwrap().len(), 2);

    // A world is selected by its ID or by one of its tokens; without either, the first one is.
    assert_eq!(client.send("POST", "/_sandbox/seed", json!({"videos": 1})).await.body["videos"], 1);
    assert_eq!(client.get("/me/videos").await.body["total"], 4);
    assert_eq!(control.call("POST", "/_sandbox/reset?world=2&keep=accounts").await.status, 200);
    assert_eq!(client.get("/me/videos").await.body["total"], 0);
    assert_eq!(Client::new(&sandbox).get("/me/videos").await.status, 200);

    assert_eq!(control.call("DELETE", "/_sandbox/worlds/2").await.status, 204);
    assert_eq!(client.get("/me/videos").await.status, 401);
    assert_eq!(control.call("DELETE", "/_sandbox/worlds/1").await.status, 409);
    for (method, path, body, status, expected_text) in [
        ("POST", "/_sandbox/worlds", json!({"sed": 1}), 400, "unknown field `sed`"),
        ("POST", "/_sandbox/worlds", json!({"seed": "x"}), 400, "seed: invalid type"),
        (
            "POST",
            "/_sandbox/worlds",
            json!({"token": "0123456789abcdef0123456789abcdef"}),
            400,
            "real Vimeo token",
        ),
        ("POST", "/_sandbox/worlds", json!({"token": "t", "scopes": "everything"}), 400, "unknown scope"),
        ("POST", "/_sandbox/worlds", json!({"token": sandbox.token()}), 400, "configured twice"),
        ("POST", "/_sandbox/worlds", json!({"token": "two words"}), 400, "cannot be sent in a header"),
        ("POST", "/_sandbox/worlds", json!({"token": ""}), 400, "cannot be sent in a header"),
        // A token that may be real is not repeated in the error.
        (
            "POST",
            "/_sandbox/worlds",
            json!({"token": "bearer 0123456789abcdef0123456789abcdef"}),
            400,
            "(fingerprint a861fd9e)",
        ),
        ("POST", "/_sandbox/worlds", json!({"scopes": "public"}), 400, "requires token"),
        ("POST", "/_sandbox/worlds", json!([]), 400, "must be a JSON object"),
        ("GET", "/_sandbox/events?worlds=1", json!({}), 400, "worlds: unknown query parameter"),
        ("POST", "/_sandbox/clock", json!({}), 400, "exactly one of freeze, set, advance, resume"),
        ("POST", "/_sandbox/clock", json!({"advance": 1, "freeze": true}), 400, "exactly one of"),
        ("POST", "/_sandbox/clock", json!({"freeze": "noon"}), 400, "freeze: must be true or a time"),
        (
            "POST",
            "/_sandbox/clock",
            json!({"advance": -1}),
            400,
            "advance: must be a non-negative number of seconds",
        ),
        (
            "POST",
            "/_sandbox/faults",
            json!({"effect": "reset", "match": {"operation": "get_vidio"}}),
            400,
            "the closest is \"get_video\"",
        ),
        (
            "POST",
            "/_sandbox/faults",
            json!({"effect": "reset", "match": {"world": 9}}),
            400,
            "world 9 not found",
        ),
        ("POST", "/_sandbox/faults", json!({"effect": "reset", "match": {"nth": 0}}), 400, "at least 1"),
        ("POST", "/_sandbox/faults", json!({"effect": "reset", "times": 0}), 400, "at least 1"),
        ("POST", "/_sandbox/reset?world=9", json!({}), 404, "World 9 not found"),
        ("POST", "/_sandbox/reset?keep=videos", json!({}), 400, "accounts"),
        ("POST", "/_sandbox/nothing", json!({}), 404, "/_sandbox/faults"),
        ("PUT", "/_sandbox/state", json!({}), 400, "not a state of a sandbox"),
    ] {
        let answer = control.send(method, path, body).await;
        assert_eq!(answer.status, status, "{path}");
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(expected_text), "{path}: {error}");
    }
    // The request log has only API requests.
    assert!(sandbox.request_log().iter().all(|entry| entry.path == "/me/videos"));
}

#[tokio::test]
async fn freezes_and_advances_clock() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let set_clock = |body: Value| client.send("POST", "/_sandbox/clock", body);
    assert_eq!(client.get("/_sandbox/clock").await.body["frozen"], false);
    let frozen = set_clock(json!({"freeze": "2026-01-01T00:00:00Z"})).await.body;
    assert_eq!((&frozen["now"], &frozen["frozen"]), (&json!("2026-01-01T00:00:00+00:00"), &json!(true)));
    assert_eq!(set_clock(json!({"advance": 90})).await.body["now"], "2026-01-01T00:01:30+00:00");
    assert_eq!(
        set_clock(json!({"set": "2027-01-01T00:00:00Z"})).await.body["now"],
        "2027-01-01T00:00:00+00:00"
    );
    for bad in [json!({"advance": -1}), json!({"set": "soon"}), json!({"turn": 1}), json!({})] {
        assert_eq!(set_clock(bad).await.status, 400);
    }

    let rule = json!({"transcode": {"after": 60}, "pull": {"fails": "remote_not_found"}});
    assert_eq!(client.send("POST", "/_sandbox/transitions", rule.clone()).await.status, 200);
    let shown = client.get("/_sandbox/transitions").await.body;
    assert_eq!((&shown["transcode"]["after"], &shown["pull"]), (&json!(60.0), &rule["pull"]));
    let id = client.upload("One", b"1").await;
    let status = async || client.get(&format!("/videos/{id}")).await.body["status"].clone();
    assert_eq!(status().await, "transcoding");
    set_clock(json!({"advance": 60})).await;
    assert_eq!(status().await, "available");
    let set_state = |to: &str| client.send("POST", "/_sandbox/transitions", json!({"video": id, "to": to}));
    assert_eq!(set_state("transcode_failed").await.status, 200);
    assert_eq!(status().await, "transcoding_error");
    assert_eq!(set_state("upload_lost").await.status, 200);
    assert_eq!(
        client.send("POST", "/_sandbox/transitions", json!({"video": 1, "to": "available"})).await.status,
        409
    );
    assert_eq!(set_clock(json!({"resume": true})).await.body["frozen"], false);
}

#[tokio::test]
async fn a_limit_is_met_and_passes_with_the_clock() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    client.send("POST", "/_sandbox/clock", json!({"freeze": true})).await;
    let limit = json!({"plain": 1, "with_fields": 2, "window": 60});
    assert_eq!(client.send("POST", "/_sandbox/limits", limit).await.status, 204);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(client.get("/me").await.status);
    }
    client.send("POST", "/_sandbox/clock", json!({"advance": 60})).await;
    statuses.push(client.get("/me").await.status);
    assert_eq!(statuses, [200, 429, 200]);
    let strange = json!({"token": "nobody", "plain": 1, "with_fields": 1});
    assert_eq!(client.send("POST", "/_sandbox/limits", strange).await.status, 404);
}

/// Every effect, configured over HTTP, hits exactly as often as configured.
#[tokio::test]
async fn each_effect_hits_twice() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let mut set = 0;
    for (effect, phase) in [
        (json!({"status": 503}), json!("before")),
        (json!("reset"), json!("before")),
        (json!({"truncate": 5}), json!("after_commit")),
        (json!({"dribble": {"bytes": 100, "every_ms": 1}}), json!("before")),
        (json!({"html_error": 502}), json!({"mid_body": 1})),
        (json!({"wrong_shape": "/name"}), json!("before")),
        (json!({"unknown_value": "/account"}), json!("before")),
        (json!({"body": [200, "text/plain", "hello"]}), json!("before")),
    ] {
        let fault =
            json!({"match": {"method": "GET", "path": "/me"}, "times": 2, "phase": phase, "effect": effect});
        let answer = client.send("POST", "/_sandbox/faults", fault).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        set += 1;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(match client.request("GET", "/me?fields=name,account").send().await {
                Ok(response) => {
                    let status = response.status();
                    response.text().await.map(|text| (status.as_u16(), text)).map_err(drop)
                }
                Err(_) => Err(()),
            });
        }
        let plain = Ok((200, r#"{"name":"Sandbox User","account":"standard"}"#.to_owned()));
        assert_eq!(seen[2], plain, "{effect}");
        assert_eq!(seen[0], seen[1]);
        let slow = effect.get("dribble").is_some();
        assert_eq!(seen[0] == plain, slow, "{effect}: {seen:?}");
    }
    let (_, link) = client.create("File", 10).await;
    for (effect, expected) in
        [(json!({"wrong_offset": 3}), [(200, 3); 2]), (json!("lose_upload"), [(404, 0); 2])]
    {
        let fault = json!({"match": {"host": "upload"}, "times": 2, "effect": effect});
        client.send("POST", "/_sandbox/faults", fault).await;
        set += 1;
        for expected in expected {
            let response = client.head(&link).send().await.unwrap();
            let status = response.status().as_u16();
            assert_eq!((status, if status == 200 { offset(&response) } else { 0 }), expected);
        }
    }
    let fired = client.get("/_sandbox/faults/fired").await.body;
    let faults: Vec<u64> =
        fired["fired"].as_array().unwrap().iter().map(|one| one["fault"].as_u64().unwrap()).collect();
    assert_eq!(faults, (1..=set).flat_map(|id| [id, id]).collect::<Vec<u64>>());

    let waiting = json!({"match": {"path": "/nowhere"}, "effect": "stall"});
    let id = client.send("POST", "/_sandbox/faults", waiting).await.body["fault"].as_u64().unwrap();
    let listed = client.get("/_sandbox/faults").await.body;
    assert_eq!(listed["waiting"][0]["waits"]["effect"], "stall");
    assert_eq!(client.call("DELETE", &format!("/_sandbox/faults/{id}")).await.status, 204);
    assert_eq!(client.call("DELETE", &format!("/_sandbox/faults/{id}")).await.status, 404);
    let bad = client.send("POST", "/_sandbox/faults", json!({"effect": {"status": "bad"}})).await;
    assert!(bad.body["error"].as_str().unwrap().starts_with("effect.status: invalid type"), "{bad:?}");
}

#[tokio::test]
async fn faults_are_listed_and_removed_per_world() {
    let sandbox = Sandbox::start().await.unwrap();
    let (one, other) = (Client::new(&sandbox), Client::in_world(&sandbox, &sandbox.add_world(0)));
    for (world, times) in [(1, 1), (1, 2), (2, 2)] {
        let fault =
            json!({"match": {"world": world, "path": "/me"}, "times": times, "effect": {"status": 503}});
        assert_eq!(one.send("POST", "/_sandbox/faults", fault).await.status, 201);
    }
    assert_eq!((one.get("/me").await.status, other.get("/me").await.status), (503, 503));
    other.request("GET", "/me").header("x-sandbox-fault", "status=418").send().await.unwrap();
    for (query, fired, waiting) in [("?world=1", 1, 1), ("?world=2", 2, 1), ("", 3, 2)] {
        let listed = one.get(&format!("/_sandbox/faults{query}")).await.body;
        let count = |name: &str| listed[name].as_array().unwrap().len();
        assert_eq!((count("fired"), count("waiting")), (fired, waiting), "{query}: {listed}");
        let again = one.get(&format!("/_sandbox/faults/fired{query}")).await.body;
        assert_eq!(again["fired"], listed["fired"]);
    }
    let logged: Vec<_> = sandbox.request_log().iter().map(|entry| (entry.world, entry.operation)).collect();
    assert_eq!(
        logged,
        [
            (Some(1), Some("get_user_alt1")),
            (Some(2), Some("get_user_alt1")),
            (Some(2), Some("get_user_alt1"))
        ]
    );
    assert_eq!(one.call("DELETE", "/_sandbox/faults?world=9").await.status, 404);
    assert_eq!(one.call("DELETE", "/_sandbox/faults?world=1").await.status, 204);
    assert_eq!((one.get("/me").await.status, other.get("/me").await.status), (200, 503));
    assert_eq!(sandbox.pending_faults(), 0);
}

#[tokio::test]
async fn fault_header_hits_its_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let with = |fault: &str| client.request("GET", "/me").header("x-sandbox-fault", fault).send();
    assert_eq!(with("status=418").await.unwrap().status(), 418);
    assert!(with("reset; phase=after_commit").await.is_err());
    let refused = with("explode").await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("unknown effect"));
    assert_eq!(client.get("/me").await.status, 200);
    assert_eq!(sandbox.fault_hits().len(), 2);
}

#[tokio::test]
async fn request_log_reports_near_misses() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    client.get("/me/vidoes").await;
    client.call("PUT", "/videos/5").await;
    client.get("/me?fields=name").await;
    Client::with_token(&sandbox, "").get("/me/vidoes").await;
    // The token tells the world of an unknown path.
    let worlds: Vec<_> = sandbox.request_log().iter().map(|entry| entry.world).collect();
    assert_eq!(worlds, [Some(1), Some(1), Some(1), None]);
    assert_eq!(lines(&client, "/_sandbox/requests?world=1").await.len(), 3);
    let entries = lines(&client, "/_sandbox/requests").await;
    assert_eq!(entries[0]["near"], "GET /me/videos");
    assert_eq!(entries[1]["near"], "PATCH /videos/{video_id}");
    assert_eq!((entries[2]["in_world"].as_u64(), entries[2]["status"].as_u64()), (Some(3), Some(200)));
    assert!(!entries.iter().any(|entry| entry.to_string().contains(sandbox.token())));
    assert!(lines(&client, "/_sandbox/requests?stable=true&after=2").await[0].get("headers").is_none());

    let verify = |expect: Value| client.send("POST", "/_sandbox/requests/verify", json!({"expect": expect}));
    assert_eq!(verify(json!([{"method": "GET", "path": "/me", "times": 3}])).await.body["met"], true);
    let unmet = verify(json!([{"method": "DELETE", "path": "/videos/5"}])).await.body;
    assert_eq!(unmet["unmet"][0]["near"], json!(["PUT /videos/5: method is PUT"]));
    // The path of earlier releases.
    assert_eq!(lines(&client, "/_sandbox/journal").await.len(), 4);
    let unmet = client.send("POST", "/_sandbox/journal/verify", json!({"expect": [{"times": 9}]})).await.body;
    assert_eq!(unmet["unmet"][0]["seen"], 4);
    assert_eq!(client.call("DELETE", "/_sandbox/requests").await.status, 204);
    assert!(lines(&client, "/_sandbox/requests").await.is_empty());
}

#[tokio::test]
async fn rejects_foreign_origins_and_hosts() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let own = sandbox.url().origin().ascii_serialization();
    for (name, value, status) in [
        ("origin", "https://page.example", 403),
        ("host", "rebound.example", 403),
        // A page of a local development server has another origin.
        ("origin", "http://localhost:3000", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", own.as_str(), 200),
    ] {
        let request = client.request("GET", "/_sandbox/health").header(name, value);
        assert_eq!(request.send().await.unwrap().status(), status, "{name}: {value}");
    }
}

#[tokio::test]
async fn exports_and_imports_state_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let id = client.upload("One", b"1").await;
    let document = client.request("GET", "/_sandbox/state").send().await.unwrap().bytes().await.unwrap();
    client.request("DELETE", &format!("/videos/{id}")).send().await.unwrap();
    let put = client.request("PUT", "/_sandbox/state").body(document).send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(client.get(&format!("/videos/{id}")).await.body["name"], "One");
}

#[tokio::test]
async fn requires_configured_control_token() {
    let sandbox = Sandbox::builder().control_token("open-sesame").start().await.unwrap();
    let client = Client::new(&sandbox);
    for (token, status) in [(None, 401), (Some("open"), 401), (Some("open-sesame"), 200)] {
        let request = client.request("GET", "/_sandbox/worlds/this");
        let request = token.iter().fold(request, |request, token| request.header(TOKEN, *token));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{token:?}");
        assert!(!response.text().await.unwrap().contains("open-sesame"));
    }
    // The API itself does not require it.
    assert_eq!(client.get("/me").await.status, 200);
    let error = Sandbox::builder().control_token("two words").start().await.unwrap_err().to_string();
    assert!(error.contains("control token") && !error.contains("two words"), "{error}");
}

const TOKEN: &str = "x-sandbox-control-token";

#[tokio::test]
async fn public_listener_requires_control_token() {
    let anywhere = std::net::IpAddr::from([0, 0, 0, 0]);
    let begin = || Sandbox::builder().listen(anywhere);
    for (builder, status) in [(begin(), 403), (begin().control_token("open-sesame"), 200)] {
        let sandbox = builder.start().await.unwrap();
        let base = format!("http://127.0.0.1:{}", sandbox.url().port().unwrap());
        let client = Client::at(&base, sandbox.token());
        assert_eq!(client.get("/me").await.status, 200);
        let request = client.request("GET", "/_sandbox/health").header(TOKEN, "open-sesame");
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn limits_body_size_and_clock_range() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let long = "x".repeat(2 * 1024 * 1024);
    for (method, path, body, status, expected_text) in [
        ("POST", "/_sandbox/clock", json!({"set": long}), 413, "the limit is 1048576 bytes"),
        ("POST", "/_sandbox/seed", json!({"fixture": long}), 400, "line 1"),
        ("POST", "/_sandbox/seed", json!({"videos": 500_001}), 400, "maximum of 500000"),
        ("POST", "/_sandbox/clock", json!({"set": "+10000-01-01T00:00:00Z"}), 400, "1970 to 9999"),
        ("POST", "/_sandbox/clock", json!({"freeze": "1969-12-31T23:59:59Z"}), 400, "1970 to 9999"),
        ("POST", "/_sandbox/requests/verify", json!({"expect": vec![json!({}); 1_001]}), 400, "at most 1000"),
    ] {
        let answer = client.send(method, path, body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(expected_text), "{path}: {error}");
    }
    // The latest time of a clock; additions saturate there.
    let last = json!({"freeze": "9999-12-31T23:59:59Z"});
    assert_eq!(client.send("POST", "/_sandbox/clock", last).await.status, 200);
    client.upload("Late", b"bytes").await;
    let device = client.bare("POST", sandbox.url().join("oauth/device").unwrap().as_str());
    let device = device.basic_auth(sandbox.client_id(), Some(sandbox.client_secret()));
    let form = [("grant_type", "device_grant"), ("scope", "public")];
    assert_eq!(device.form(&form).send().await.unwrap().status(), 200);
}

/// The endpoints that the page for people reads.
#[tokio::test]
async fn page_reads_videos_limits_clients_and_requests() {
    let sandbox = Sandbox::builder().keep_bytes(true).start().await.unwrap();
    let client = Client::new(&sandbox);
    let page = client.bare("GET", sandbox.url().as_str()).header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.headers()["content-type"].to_str().unwrap(), "text/html; charset=utf-8");

    let id = client.upload("Video", b"0123456789").await;
    let videos = client.get("/_sandbox/videos").await.body;
    assert_eq!((&videos["total"], &videos["videos"][0]["has_file"]), (&json!(1), &json!(true)));
    let file = format!("/_sandbox/videos/{id}/file");
    for (range, status, content_range, bytes) in [
        ("", 200, None, "0123456789"),
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=99-", 416, Some("bytes */10"), ""),
    ] {
        let response = client.request("GET", &file).header("range", range).send().await.unwrap();
        assert_eq!(response.status(), status, "{range}");
        let header =
            response.headers().get("content-range").map(|header| header.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), content_range, "{range}");
        assert_eq!(response.text().await.unwrap(), bytes, "{range}");
    }
    assert_eq!(client.get("/_sandbox/limits").await.body["limit"]["plain"], 1_000_000);
    let clients = client.get("/_sandbox/clients").await.body;
    assert!(clients["clients"]["curl"].as_str().unwrap().contains(sandbox.token()), "{clients}");

    let picture = client.call("POST", &format!("/videos/{id}/pictures")).await.body;
    let signature = picture["link"].as_str().unwrap().rsplit('=').next().unwrap();
    let mut stream = client.request("GET", "/_sandbox/requests/stream").send().await.unwrap();
    let mut events = String::new();
    for _ in 0..16 {
        if events.contains("/pictures\"") && events.ends_with("\n\n") {
            break;
        }
        events.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap()));
    }
    assert!(events.contains("event: entry\n") && events.contains("/pictures\""), "{events}");
    for secret in [signature, sandbox.token()] {
        assert!(!events.contains(secret), "{secret}: {events}");
    }
}

#[tokio::test]
async fn refuses_the_33rd_follower_of_the_request_log() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    let follow = || client.request("GET", "/_sandbox/requests/stream").send();
    let mut followers = Vec::new();
    for _ in 0..32 {
        let response = follow().await.unwrap();
        assert_eq!(response.status(), 200);
        followers.push(response);
    }
    let refused = follow().await.unwrap();
    assert_eq!(refused.status(), 503);
    let message = refused.text().await.unwrap();
    assert!(message.contains("32 clients follow the request log already"), "{message}");
}

#[tokio::test]
async fn log_has_no_body_of_a_response_to_head() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::new(&sandbox);
    for (method, has_body) in [("GET", true), ("HEAD", false)] {
        client.request("DELETE", "/_sandbox/requests").send().await.unwrap();
        client.request(method, "/me?fields=name").send().await.unwrap();
        let mut stream = client.request("GET", "/_sandbox/requests/stream").send().await.unwrap();
        let mut events = String::new();
        while !(events.contains("event: entry\n") && events.ends_with("\n\n")) {
            events.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap()));
        }
        assert!(events.contains("\"response_headers\""), "{method}: {events}");
        assert_eq!(events.contains("\"response_body\""), has_body, "{method}: {events}");
    }
}
