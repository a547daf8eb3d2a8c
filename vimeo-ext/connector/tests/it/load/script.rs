//! What the caller of one account does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde_json::{Value, json};

use super::access_token;
use super::acknowledged::{AcknowledgedAccount, AcknowledgedConnection, AcknowledgedUpload};
use super::caller::{Answer, Caller};

/// The uploads that each token allows.
const MAX_UPLOADS: usize = 3;
/// The uploads that each caller starts.
const UPLOADS: usize = 2;
const TITLES: usize = 2;
const CONNECTION_CHANGES: usize = 3;

fn has_connection(index: usize) -> bool {
    index.is_multiple_of(4)
}

fn revokes(index: usize) -> bool {
    index.is_multiple_of(3)
}

fn disconnects(index: usize) -> bool {
    index % 7 == 6
}

/// Returns how many calls of an account are acknowledged if no process is killed.
pub(super) fn calls_of(index: usize) -> usize {
    let always = 2 + 1 + 1 + UPLOADS + TITLES + 2 + UPLOADS;
    let connection = if has_connection(index) { 1 + CONNECTION_CHANGES } else { 0 };
    always + connection + usize::from(revokes(index)) + usize::from(disconnects(index))
}

/// Makes the calls of an account; returns what was acknowledged.
pub(super) async fn run(
    caller: &Caller,
    index: usize,
    token: String,
    app: &(String, String),
) -> AcknowledgedAccount {
    let identifier = format!("user-{index:05}");
    let path = format!("/v1/accounts/{identifier}");
    let mut account = AcknowledgedAccount { identifier, token, ..AcknowledgedAccount::default() };
    caller.until_acknowledged(Method::PUT, &path, None).await;
    account.statuses.push((None, Some("pending")));
    let connected = access_token(&account.token);
    caller.until_acknowledged(Method::PUT, &format!("{path}/access-token"), connected).await;
    account.statuses.push((Some("pending"), Some("active")));

    let name = format!("showcase {index}");
    let input = json!({"name": name});
    let created = tool_once(caller, &path, "vimeo_showcase_create", &input).await;
    account.showcases.push((name, created.map(drop)));

    let upload = upload(caller, &path, index, &mut account.unknown_tokens).await;
    account.upload = Some(upload);

    for (action, change) in
        [("disable", (Some("active"), Some("disabled"))), ("enable", (Some("disabled"), Some("active")))]
    {
        caller.until_acknowledged(Method::POST, &format!("{path}/{action}"), Some(json!({}))).await;
        account.statuses.push(change);
    }
    account.listed = list_over_both(caller, &path).await;
    if has_connection(index) {
        account.connection = Some(connection(caller, index, &account.token, app).await);
    }
    if let Some(upload) = account.upload.as_mut().filter(|_| revokes(index)) {
        let path = format!("{path}/upload-tokens/{}", upload.id);
        caller.until_acknowledged(Method::DELETE, &path, None).await;
        upload.is_revoked = true;
    }
    if disconnects(index) {
        caller.until_acknowledged(Method::DELETE, &path, None).await;
        account.statuses.push((Some("active"), None));
        account.is_disconnected = true;
    }
    account
}

/// Runs a tool that must not run twice; `None` if the outcome is unknown.
async fn tool_once(caller: &Caller, path: &str, tool: &str, input: &Value) -> Option<Answer> {
    let answer = caller.once(Method::POST, &format!("{path}/tools/{tool}"), Some(input)).await?;
    match answer.status {
        200 => Some(answer),
        502 if answer.body["code"] == "unknown_outcome" => None,
        _ => panic!("{tool}: {answer:?}"),
    }
}

/// Runs a tool that may be repeated.
async fn tool(caller: &Caller, path: &str, tool: &str, input: Value) -> Value {
    let path = format!("{path}/tools/{tool}");
    caller.until_acknowledged(Method::POST, &path, Some(input)).await.0.body["result"].clone()
}

/// Creates an upload token, starts uploads with it, and gives the first video titles.
async fn upload(caller: &Caller, path: &str, index: usize, unknown_tokens: &mut usize) -> AcknowledgedUpload {
    let body = json!({"max_uploads": MAX_UPLOADS, "video": {"name": format!("upload {index}")}});
    let (created, unknown) =
        caller.until_acknowledged(Method::POST, &format!("{path}/upload-tokens"), Some(body)).await;
    *unknown_tokens += unknown;
    let text = |name: &str| created.body[name].as_str().unwrap().to_owned();
    // The address in the URL is that of the process that created the token, which may be gone.
    let (_, query) =
        text("upload_url").split_once("/v1/").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut upload = AcknowledgedUpload {
        id: text("id"),
        url: format!("/v1/{query}"),
        max_uploads: MAX_UPLOADS,
        videos: Vec::new(),
        unknown: 0,
        title: None,
        is_revoked: false,
    };
    for _ in 0..UPLOADS {
        match begin(caller, &upload.url).await {
            Some(answer) if answer.status == 201 => {
                assert!(answer.headers.contains_key("location"), "{answer:?}");
                upload.videos.push(answer.body["video_uri"].as_str().unwrap().to_owned());
            }
            Some(answer) => panic!("{answer:?}"),
            None => upload.unknown += 1,
        }
    }
    if let Some(video) = upload.videos.first() {
        for number in 1..=TITLES {
            let title = format!("title {number} of {index}");
            tool(caller, path, "vimeo_video_edit", json!({"video_id": video, "name": title})).await;
            upload.title = Some(title);
        }
    }
    upload
}

/// Starts an upload as a tus client does.
pub(super) async fn begin(caller: &Caller, url: &str) -> Option<Answer> {
    caller
        .send(|client, base| {
            client
                .post(format!("{base}{url}"))
                .header("tus-resumable", "1.0.0")
                .header("upload-length", 10)
                .header("upload-metadata", format!("filename {}", BASE64.encode("a.mp4")))
        })
        .await
}

/// Reads a list in pages of one item. The next page is read from the other process, with the cursor of the first.
async fn list_over_both(caller: &Caller, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut input = json!({"per_page": 1});
    loop {
        let page = tool(caller, path, "vimeo_my_videos_list", input.clone()).await;
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["uri"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => input["cursor"] = json!(cursor),
            None => return found,
        }
    }
}

/// Stores a connection and changes it, each time based on the version before.
async fn connection(
    caller: &Caller,
    index: usize,
    token: &str,
    app: &(String, String),
) -> AcknowledgedConnection {
    const PATH: &str = "/v1/vimeo-connections";
    let name = format!("connection {index:05}");
    let body = json!({"name": name, "clientIdentifier": app.0, "clientSecret": app.1, "accessToken": token});
    let id = loop {
        match caller.once(Method::POST, PATH, Some(&body)).await {
            Some(answer) if answer.status == 201 => break answer.body["connectionId"].clone(),
            // A request with an unknown outcome stored it.
            Some(answer) if answer.status == 409 => {
                let (list, _) =
                    caller.until_acknowledged(Method::GET, &format!("{PATH}?limit=1000"), None).await;
                let list = list.body["connections"].as_array().unwrap().clone();
                let found = list.into_iter().find(|found| found["name"] == *name);
                break found.expect("the name is taken by no connection")["connectionId"].clone();
            }
            Some(answer) if answer.status == 503 => {}
            Some(answer) => panic!("{answer:?}"),
            None => {}
        }
    };
    let id = id.as_str().unwrap().to_owned();
    let path = format!("{PATH}/{id}");
    let mut account = AcknowledgedConnection { id, name, version: 1, description: String::new() };
    for number in 1..=CONNECTION_CHANGES {
        let description = format!("change {number}");
        let change = json!({"version": account.version, "description": description});
        loop {
            match caller.once(Method::PATCH, &path, Some(&change)).await {
                Some(answer) if answer.status == 200 => break,
                // A request with an unknown outcome changed it.
                Some(answer) if answer.status == 409 => {
                    let (found, _) = caller.until_acknowledged(Method::GET, &path, None).await;
                    assert_eq!(found.body["description"], *description, "another change was made");
                    break;
                }
                Some(answer) if answer.status == 503 => {}
                Some(answer) => panic!("{answer:?}"),
                None => {}
            }
        }
        account.version += 1;
        account.description = description;
    }
    account
}
