//! A world that contains a resource for every path parameter.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use vimeo_api::{Client, Operation, ReqwestTransport};
use vimeo_sandbox::{Plan, Sandbox, World};

/// A world, its clients, and the IDs of its resources.
pub(super) struct PopulatedWorld {
    sandbox: std::sync::Arc<Sandbox>,
    user: Client,
    /// The client for operations that require the app's credentials.
    app: Client,
    ids: BTreeMap<&'static str, String>,
}

fn client(sandbox: &Sandbox, authorization: &str) -> Client {
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, authorization.parse().unwrap());
    let http = crate::http::builder().no_proxy().default_headers(headers).build().unwrap();
    Client::builder().base_url(sandbox.url().as_str()).transport(ReqwestTransport::new(http)).build().unwrap()
}

impl PopulatedWorld {
    pub(super) async fn new() -> Self {
        let sandbox = std::sync::Arc::new(Sandbox::builder().plan(Plan::Enterprise).start().await.unwrap());
        let world = sandbox.world().clone();
        let mut populated = Self::bare(sandbox, &world).await;
        populated.populate(&world).await;
        populated
    }

    pub(super) async fn empty() -> Self {
        let sandbox = std::sync::Arc::new(Sandbox::builder().plan(Plan::Enterprise).start().await.unwrap());
        let world = sandbox.world().clone();
        Self::bare(sandbox, &world).await
    }

    /// A second populated world in the same sandbox.
    pub(super) async fn another(&self) -> Self {
        let world = self.sandbox.add_world(1);
        let mut populated = Self::bare(std::sync::Arc::clone(&self.sandbox), &world).await;
        populated.populate(&world).await;
        populated
    }

    async fn bare(sandbox: std::sync::Arc<Sandbox>, world: &World) -> Self {
        let user = client(&sandbox, &format!("bearer {}", world.token()));
        let basic = http_basic(&world.client_id(), &world.client_secret());
        let app = client(&sandbox, &basic);
        let ids = BTreeMap::from([("user_id", world.user_id().to_string())]);
        Self { sandbox, user, app, ids }
    }

    /// The client for an operation.
    pub(super) fn client(&self, operation: &Operation) -> &Client {
        match operation.path {
            "/oauth/authorize/client" | "/oauth/access_token" => &self.app,
            _ => &self.user,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let path = self.filled(path);
        let call = self.user.call(method, &path).json(&body);
        call.send()
            .await
            .unwrap_or_else(|error| panic!("{path}: {error} {:?}", error.developer_message()))
            .into_inner()
    }

    /// Stops the clock, so that responses differ only by what requests change.
    pub(super) fn freeze_clock(&self) {
        self.sandbox.clock().freeze();
    }

    /// Edits a resource.
    pub(super) async fn patch(&self, path: &str, body: Value) {
        self.send(Method::PATCH, path, body).await;
    }

    /// Creates a resource and stores its ID.
    async fn create(&mut self, name: &'static str, path: &str, body: Value) {
        let made = self.send(Method::POST, path, body).await;
        let id = match made["uri"].as_str().and_then(|uri| uri.rsplit('/').next()) {
            Some(id) => id.to_owned(),
            None => made["id"].as_str().map_or_else(|| made["id"].to_string(), str::to_owned),
        };
        self.ids.insert(name, id);
    }

    async fn populate(&mut self, world: &World) {
        let videos = world.add_videos(3);
        let other = world.add_user("Someone Else");
        self.ids.insert("video_id", videos[0].to_string());
        self.ids.insert("other_user", other.user_id.to_string());
        let verified = self.send(Method::GET, "/oauth/verify", Value::Null).await;
        self.ids.insert("app_id", verified["app"]["uri"].as_str().unwrap().replace("/apps/", ""));
        self.ids.insert("code", self.code(&world.client_id()).await);
        let pull = json!({"upload": {"approach": "pull", "link": "https://example.com/a.mp4"}});
        let others = client(&self.sandbox, &format!("bearer {}", other.token));
        let video = others.call(Method::POST, "/me/videos").json(&pull).send().await.unwrap();
        self.ids.insert("other_video", video["uri"].as_str().unwrap().replace("/videos/", ""));
        for (name, path, body) in [
            (
                "webhook_id",
                "/apps/{app_id}/webhooks",
                json!({"webhook_type": "video-transcode-complete", "webhook_url": "https://example.com/hook"}),
            ),
            ("channel_id", "/channels", json!({"name": "A channel", "privacy": "anybody"})),
            ("album_id", "/me/albums", json!({"name": "A showcase"})),
            ("project_id", "/me/projects", json!({"name": "A folder"})),
            (
                "inner_id",
                "/me/projects",
                json!({"name": "A folder within", "parent_folder_uri": "/users/{user_id}/projects/{project_id}"}),
            ),
            ("group_id", "/groups", json!({"name": "A group"})),
            ("live_event_id", "/me/live_events", json!({"title": "An event"})),
            (
                "ondemand_id",
                "/me/ondemand/pages",
                json!({"name": "A page", "description": "Films", "type": "film", "content_rating": "safe"}),
            ),
            ("preset_id", "/me/presets", json!({"name": "A preset"})),
            (
                "credit_id",
                "/videos/{video_id}/credits",
                json!({"name": "Someone", "role": "Director", "email": "someone@example.com", "user_uri": "/users/{user_id}"}),
            ),
            ("chapter_id", "/videos/{video_id}/chapters", json!({"title": "A chapter", "timecode": 3})),
            ("comment_id", "/videos/{video_id}/comments", json!({"text": "A comment"})),
            (
                "texttrack_id",
                "/videos/{video_id}/texttracks",
                json!({"type": "captions", "language": "en", "name": "English"}),
            ),
            ("videos/picture_id", "/videos/{video_id}/pictures", json!({"time": 1})),
            (
                "animated_thumbsets/picture_id",
                "/videos/{video_id}/animated_thumbsets",
                json!({"duration": 3}),
            ),
            ("portraitset_id", "/me/pictures", json!({})),
            ("customlogos/logo_id", "/me/customlogos", json!({})),
            ("logos/logo_id", "/users/{user_id}/albums/{album_id}/logos", json!({})),
            (
                "custom_thumbnails/thumbnail_id",
                "/users/{user_id}/albums/{album_id}/custom_thumbnails",
                json!({}),
            ),
            ("live_events/thumbnail_id", "/live_events/{live_event_id}/pictures", json!({})),
            ("timelinethumbnails/thumbnail_id", "/videos/{video_id}/timelinethumbnails", json!({})),
            ("poster_id", "/ondemand/pages/{ondemand_id}/pictures", json!({})),
            ("background_id", "/ondemand/pages/{ondemand_id}/backgrounds", json!({})),
            (
                "promotion_id",
                "/ondemand/pages/{ondemand_id}/promotions",
                json!({"download": false, "stream_period": "1_week", "total": 3, "type": "single"}),
            ),
            ("scene_id", "/live_events/{live_event_id}/composer/scenes", json!({})),
            (
                "destination_id",
                "/me/live_events/{live_event_id}/destinations",
                json!({"display_name": "There", "service_name": "custom_rtmp", "type": "custom"}),
            ),
            (
                "ott_destination/destination_id",
                "/users/{user_id}/live_events/{live_event_id}/ott_destinations",
                json!({}),
            ),
            ("chapters/uid", "/videos/{video_id}/chapters/{chapter_id}/pictures", json!({})),
            ("temporary/uid", "/videos/{video_id}/chapters/temporary/pictures", json!({})),
        ] {
            let body = serde_json::from_str(&self.filled(&body.to_string())).unwrap();
            self.create(name, path, body).await;
        }
        let file = json!({"file_name": "b.mp4", "upload": {"approach": "tus", "size": 3}});
        self.create("version_id", "/videos/{video_id}/versions", file).await;
        let track = json!({"upload": {"approach": "tus", "size": 3}});
        self.create("audiotrack_id", "/videos/{video_id}/versions/{version_id}/audiotracks", track).await;
        for (method, path, body) in [
            ("PUT", "/me/albums/{album_id}/videos/{video_id}", json!({})),
            ("PUT", "/me/projects/{project_id}/videos/{video_id}", json!({})),
            ("PUT", "/channels/{channel_id}/videos/{video_id}", json!({})),
            ("PUT", "/channels/{channel_id}/tags/word", json!({})),
            ("PUT", "/channels/{channel_id}/categories/music", json!({})),
            ("PUT", "/channels/{channel_id}/moderators/{other_user}", json!({})),
            ("PUT", "/channels/{channel_id}/privacy/users/{other_user}", json!({})),
            ("PUT", "/groups/{group_id}/videos/{video_id}", json!({})),
            ("PUT", "/me/groups/{group_id}", json!({})),
            ("PUT", "/me/categories/music", json!({})),
            ("PUT", "/me/channels/{channel_id}", json!({})),
            ("PUT", "/me/following/{other_user}", json!({})),
            ("PUT", "/me/likes/{other_video}", json!({})),
            ("PUT", "/me/watchlater/{video_id}", json!({})),
            ("PUT", "/me/portfolios/7/videos/{video_id}", json!({})),
            ("PUT", "/videos/{video_id}/tags/word", json!({})),
            ("PUT", "/videos/{video_id}/presets/{preset_id}", json!({})),
            ("PUT", "/videos/{video_id}/privacy/users/{other_user}", json!({})),
            ("PATCH", "/videos/{video_id}", json!({"privacy": {"embed": "whitelist"}})),
            ("PUT", "/videos/{video_id}/privacy/domains/example.com", json!({})),
            ("PUT", "/ondemand/pages/{ondemand_id}/genres/drama", json!({})),
            ("PUT", "/ondemand/pages/{ondemand_id}/regions/US", json!({})),
            ("PUT", "/ondemand/pages/{ondemand_id}/videos/{video_id}", json!({"type": "main"})),
            (
                "POST",
                "/live_events/{live_event_id}/videos",
                json!({"videos": [{"uri": "/videos/{video_id}"}]}),
            ),
            (
                "POST",
                "/live_events/{live_event_id}/composer/graphics/videos",
                json!({"video_id": "{video_id}"}),
            ),
        ] {
            let body = serde_json::from_str(&self.filled(&body.to_string())).unwrap();
            self.send(method.parse().unwrap(), path, body).await;
        }
    }

    /// Obtains an authorization code.
    async fn code(&self, client_id: &str) -> String {
        let http = crate::http::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let form = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", "https://example.com/back"),
            ("scope", "public"),
            ("state", "state"),
            ("decision", "accept"),
        ];
        let link = self.sandbox.url().join("/oauth/authorize").unwrap();
        let decided = http.build().unwrap().post(link).form(&form).send().await.unwrap();
        let back = decided.headers()["location"].to_str().unwrap().to_owned();
        let back = url::Url::parse(&back).unwrap();
        let (_, code) = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        code.into_owned()
    }

    /// Replaces the placeholders in a text with the IDs of this world.
    fn filled(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    /// The path of an operation with all parameters filled in.
    pub(super) fn path(&self, operation: &Operation) -> String {
        let fill = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => self.value(operation, name),
            None => segment.to_owned(),
        };
        operation.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    /// The value of an operation's parameter.
    pub(super) fn value(&self, operation: &Operation, name: &str) -> String {
        let path = operation.path;
        // The meaning of some names depends on the path.
        let of_other = (name == "video_id" && path.contains("/likes/"))
            || (name == "user_id" && (path.contains("/moderators/") || path.contains("/privacy/users/")));
        let known = match name {
            "video_id" if of_other => "other_video",
            "user_id" if of_other => "other_user",
            "follow_user_id" => "other_user",
            "owner_id" => "user_id",
            _ => name,
        };
        let placed = self.ids.iter().filter_map(|found| {
            let (place, last) = found.0.rsplit_once('/')?;
            Some((path.find(&format!("/{place}/")).filter(|_| last == name)?, found))
        });
        let placed = placed.max_by_key(|(at, _)| *at).map(|(_, found)| found);
        if let Some((_, id)) = placed.or_else(|| self.ids.get_key_value(known)) {
            return id.clone();
        }
        match name {
            "category" => "music",
            "word" => "word",
            "domain" => "example.com",
            "country" => "US",
            "genre_id" => "drama",
            "filter" if path.contains("/promotions") => "single",
            "filter" => "moderators",
            "uris" if path.ends_with("/items") => return self.filled("/users/{user_id}/projects/{inner_id}"),
            "uris" => return self.filled("/videos/{video_id}"),
            "video_uri" | "uri" => return self.filled("/videos/{video_id}"),
            "portfolio_id" | "season_id" | "upload_id" | "payment_method_id" => "7",
            "from" | "to" => "2024-05-01T12:00:00+00:00",
            "dimension" => "total",
            "query" => "video",
            _ if operation.path.contains(&format!("{{{name}}}")) => "7",
            _ => "1",
        }
        .to_owned()
    }

    /// The body of an operation that needs more than the required members.
    pub(super) fn body(&self, operation: &Operation) -> Option<String> {
        let body = match operation.id {
            "add_channel_categories" => r#"{"channels":["/categories/music"]}"#,
            "add_channel_moderators" | "replace_channel_moderators" | "remove_channel_moderators" => {
                r#"[{"user_uri":"/users/{other_user}"}]"#
            }
            "add_channel_private_members" | "follow_users_as_me" | "follow_users_as_user" => {
                r#"{"users":["/users/{other_user}"]}"#
            }
            "add_channel_video_permitted_users" | "add_video_permitted_users" => {
                r#"[{"uri":"/users/{other_user}"}]"#
            }
            "add_channel_videos" | "remove_channel_videos" => r#"[{"video_uri":"/videos/{video_id}"}]"#,
            "authorize_client" => r#"{"grant_type":"client_credentials","scope":"public"}"#,
            "create_app_webhook" => {
                r#"{"webhook_type":"video-deleted","webhook_url":"https://example.com/hook"}"#
            }
            "create_my_video" | "create_user_video" => r#"{"upload":{"approach":"tus","size":3}}"#,
            "create_video_version" => r#"{"file_name":"a.mp4","upload":{"approach":"tus","size":3}}"#,
            "exchange_auth_code" => {
                r#"{"grant_type":"authorization_code","code":"{code}","redirect_uri":"https://example.com/back"}"#
            }
            "add_my_folder_videos"
            | "add_user_folder_videos"
            | "remove_my_folder_videos"
            | "remove_user_folder_videos" => r#"{"uris":"/videos/{video_id}"}"#,
            "start_video_ai_dubbing" => r#"{"language":"de"}"#,
            "start_video_ai_subtitling" => r#"{"language":"de","texttrack_id":{texttrack_id}}"#,
            "suggest_video_category" => r#"{"category":["music"]}"#,
            _ => return None,
        };
        Some(self.filled(body))
    }
}

fn http_basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    format!("basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}
