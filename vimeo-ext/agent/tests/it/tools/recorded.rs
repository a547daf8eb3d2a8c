//! The largest responses that Vimeo really sends: `cargo xtask check-payloads` runs this with a folder of recorded responses.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vimeo_agent::mcp::Server;
use vimeo_ext::{RetryPolicy, Vimeo};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::mcp::raw_client::{Client, Transport};

const VIDEOS: usize = 100;

/// Collects everything that looks like a video in a recorded response.
fn videos(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            let uri = fields.get("uri").and_then(Value::as_str).unwrap_or_default();
            let number = uri.strip_prefix("/videos/").unwrap_or_default();
            if !number.is_empty() && !number.contains('/') && fields.contains_key("name") {
                found.push(value.clone());
            }
            fields.values().for_each(|value| videos(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| videos(value, found)),
        _ => {}
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// Returns a page of the list with whole videos, ignoring `fields`, so that the tool itself has to cut the result.
fn page(all: &[Value], request: &Request) -> ResponseTemplate {
    let of = |name: &str, default: usize| {
        let pair = request.url.query_pairs().find(|(known, _)| known == name);
        pair.map_or(default, |(_, value)| value.parse().unwrap())
    };
    let (page, size) = (of("page", 1), of("per_page", 25));
    let end = (page * size).min(all.len());
    let next = (end < all.len()).then(|| format!("/me/videos?page={}&per_page={size}", page + 1));
    let data = &all[(page - 1) * size..end];
    let paging =
        json!({"next": next, "previous": null, "first": "/me/videos?page=1", "last": "/me/videos?page=1"});
    ResponseTemplate::new(200).set_body_json(
        json!({"total": all.len(), "page": page, "per_page": size, "paging": paging, "data": data}),
    )
}

#[tokio::test]
#[ignore = "needs recorded responses; run by `cargo xtask check-payloads DIR`"]
async fn a_hundred_of_the_largest_recorded_videos_fit() {
    let folder = PathBuf::from(std::env::var_os("VIMEO_RECORDED").expect("VIMEO_RECORDED names a folder"));
    let (mut paths, mut found) = (Vec::new(), Vec::new());
    files(&folder, &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Ok(response) = serde_json::from_str::<Value>(&text) {
            videos(&response, &mut found);
        }
    }
    found.sort_by_key(|video| std::cmp::Reverse(video.to_string().len()));
    found.truncate(10);
    assert!(!found.is_empty(), "no videos in {}", folder.display());
    let sizes: Vec<usize> = found.iter().map(|video| video.to_string().len()).collect();
    println!("the fattest recorded videos: {sizes:?} bytes");
    let all: Vec<Value> = (0..VIDEOS)
        .map(|number| {
            let mut video = found[number % found.len()].clone();
            video["uri"] = json!(format!("/videos/{}", 1_000 + number));
            video
        })
        .collect();
    let api = MockServer::start().await;
    let responses = move |request: &Request| page(&all, request);
    Mock::given(method("GET")).and(path("/me/videos")).respond_with(responses).mount(&api).await;
    let vimeo = Vimeo::builder()
        .access_token("token")
        .scopes("public private")
        .base_url(api.uri())
        .retry(RetryPolicy::never())
        .journal(None)
        .build()
        .unwrap();
    for transport in Transport::ALL {
        for (detail, most) in [("brief", 20_000), ("full", 60_000)] {
            let mut client = Client::connect(&Server::for_account(vimeo.clone()), transport, false).await;
            let mut arguments = json!({"per_page": 100, "detail": detail});
            let (mut seen, mut largest, mut responses) = (HashSet::new(), 0, 0);
            loop {
                let response = client.call("vimeo_my_videos_list", arguments.clone()).await;
                largest = largest.max(response.to_string().len());
                responses += 1;
                let list = &response["result"]["structuredContent"];
                for item in list["items"].as_array().unwrap_or_else(|| panic!("{response}")) {
                    assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "{} twice", item["id"]);
                }
                let Some(cursor) = list["next_cursor"].as_str() else { break };
                arguments["cursor"] = json!(cursor);
            }
            assert_eq!(seen.len(), VIDEOS, "{transport:?} {detail}");
            assert!(largest <= most, "{transport:?} {detail}: {largest} bytes");
            println!(
                "{transport:?}, {detail}: {VIDEOS} videos in {responses} responses, the largest of {largest} bytes"
            );
        }
    }
    for request in api.received_requests().await.unwrap() {
        let has_fields =
            request.url.query_pairs().any(|(name, value)| name == "fields" && value.contains("uri,name"));
        assert!(has_fields, "{}", request.url);
    }
}
