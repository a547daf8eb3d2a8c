//! Editing a video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::{DomainName, types};

use super::disclosure::widens;
use super::error::{BoxedError, invalid};
use super::outputs::{ApiObject as _, Video, value};
use super::tool::tool;
use super::untrusted::quoted;
use super::{Cost, Detail, Disclosure, Effect, KnownValue, Toolset, VideoId};

const PRIVACY_FIELDS: &str = "name,privacy.view,privacy.embed,privacy.comments,privacy.download,privacy.add";

/// Arguments of [`VideoEdit`]. Arguments that are left out change nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoEditInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Title.
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Description.
    #[schemars(length(max = 5000))]
    pub description: Option<String>,
    /// Who may watch.
    pub privacy_view: Option<KnownValue<types::VideoViewPrivacy>>,
    /// For privacy_view password.
    #[schemars(length(max = 32))]
    #[schemars(extend("x-listed" = true))]
    pub password: Option<String>,
    /// Where it may be embedded.
    pub privacy_embed: Option<KnownValue<types::EmbedPrivacy>>,
    /// For privacy_embed whitelist: all domains.
    #[schemars(extend("x-listed" = true))]
    pub embed_domains: Option<Vec<String>>,
    /// Whether it may be downloaded.
    pub privacy_download: Option<bool>,
    /// Whether others may add it to their collections.
    #[schemars(extend("x-unlisted" = true))]
    pub privacy_add: Option<bool>,
    /// Who may comment.
    pub privacy_comments: Option<KnownValue<types::CommentPrivacy>>,
    /// Content ratings.
    pub content_rating: Option<Vec<KnownValue<types::ContentRatingCode>>>,
    /// Creative Commons license.
    pub license: Option<KnownValue<types::LicenseCode>>,
    /// Player color in hex.
    #[schemars(extend("x-listed" = true))]
    pub embed_color: Option<String>,
    /// Whether the player has a playbar.
    pub embed_playbar: Option<bool>,
    /// Whether the player has a volume control.
    pub embed_volume: Option<bool>,
}

impl VideoEditInput {
    /// Creates an edit of this video that changes nothing yet.
    pub fn new(video_id: impl Into<VideoId>) -> Self {
        Self {
            video_id: video_id.into(),
            name: None,
            description: None,
            privacy_view: None,
            password: None,
            privacy_embed: None,
            embed_domains: None,
            privacy_download: None,
            privacy_add: None,
            privacy_comments: None,
            content_rating: None,
            license: None,
            embed_color: None,
            embed_playbar: None,
            embed_volume: None,
        }
    }

    /// Returns whether the edit can admit more people, whatever the current privacy.
    fn may_widen(&self) -> bool {
        !self.widenings(&types::VideoPrivacy::default()).is_empty()
    }

    /// Returns the changes that admit people whom the current privacy excludes.
    fn widenings(&self, current: &types::VideoPrivacy) -> Vec<String> {
        let mut changes = Vec::new();
        let mut change = |field: &str, from: Option<String>, to: String| {
            let from = from.unwrap_or_else(|| "its current value".to_owned());
            changes.push(format!("{field} from {from} to {to}"));
        };
        if let Some(view) = &self.privacy_view
            && widens(current.view.as_ref(), view.inner(), "nobody", "anybody")
        {
            change("privacy_view", current.view.as_ref().map(value), view.as_str().to_owned());
        }
        if let Some(embed) = &self.privacy_embed {
            let domains = self.embed_domains.as_deref().unwrap_or_default();
            // The current domains are unknown.
            let adds_domains = !domains.is_empty() && current.embed != Some(types::EmbedPrivacy::Public);
            if adds_domains || widens(current.embed.as_ref(), embed.inner(), "private", "public") {
                let to = match domains {
                    [] => embed.as_str().to_owned(),
                    domains => format!("{} with {}", embed.as_str(), quoted(&domains.join(", "), 300)),
                };
                change("privacy_embed", current.embed.as_ref().map(value), to);
            }
        }
        if let Some(comments) = &self.privacy_comments
            && widens(current.comments.as_ref(), comments.inner(), "nobody", "anybody")
        {
            change("privacy_comments", current.comments.as_ref().map(value), comments.as_str().to_owned());
        }
        for (field, requested, current) in [
            ("privacy_download", self.privacy_download, current.download),
            ("privacy_add", self.privacy_add, current.add),
        ] {
            if requested == Some(true) && current != Some(true) {
                change(field, current.map(|current| current.to_string()), "true".to_owned());
            }
        }
        if self.password.is_some() && current.view != Some(types::VideoViewPrivacy::Anybody) {
            changes.push("a new password".to_owned());
        }
        changes
    }

    /// Returns the request body if the arguments are valid.
    fn body(self) -> Result<types::EditVideoBody, BoxedError> {
        let view = self.privacy_view.map(KnownValue::into_inner);
        if view == Some(types::VideoViewPrivacy::Password) && self.password.is_none() {
            return invalid("password", "privacy_view password needs a password.", "Give password.");
        }
        if self.password.is_some() && view != Some(types::VideoViewPrivacy::Password) {
            return invalid(
                "privacy_view",
                "password and privacy_view password need each other.",
                "Give both or neither.",
            );
        }
        let embed = self.privacy_embed.map(KnownValue::into_inner);
        if self.embed_domains.is_some() && embed != Some(types::EmbedPrivacy::Whitelist) {
            return invalid(
                "privacy_embed",
                "embed_domains needs privacy_embed whitelist.",
                "Give both or neither.",
            );
        }
        let domains: Option<Result<Vec<String>, _>> = self.embed_domains.map(|domains| {
            domains.iter().map(|domain| domain.parse::<DomainName>().map(|name| name.to_string())).collect()
        });
        let Ok(domains) = domains.transpose() else {
            return invalid(
                "embed_domains",
                "embed_domains contains an invalid domain name.",
                "Give names such as example.com.",
            );
        };
        if self.embed_color.as_deref().is_some_and(|color| !is_color(color)) {
            return invalid(
                "embed_color",
                "embed_color is not a hex color.",
                "Give six hex digits such as 00adef.",
            );
        }
        for (field, text, max) in [
            ("name", &self.name, 128),
            ("description", &self.description, 5_000),
            ("password", &self.password, 32),
        ] {
            if text.as_ref().is_some_and(|text| text.chars().count() > max) {
                let message = format!("{field} is longer than {max} characters.");
                return invalid(field, message, "Shorten it.");
            }
        }
        if self.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return invalid("name", "name is empty.", "Give a title or leave name out.");
        }
        let mut body = types::EditVideoBody::default();
        body.name = self.name;
        body.description = self.description;
        body.password = self.password.map(Into::into);
        body.embed_domains = domains;
        body.license = self.license.map(KnownValue::into_inner);
        body.content_rating = self
            .content_rating
            .map(|ratings| ratings.into_iter().map(|rating| rating.into_inner().to_string()).collect());
        let mut privacy = types::VideoPrivacyInput::default();
        privacy.view = view;
        privacy.embed = embed;
        privacy.download = self.privacy_download;
        privacy.add = self.privacy_add;
        privacy.comments = self.privacy_comments.map(KnownValue::into_inner);
        body.privacy = (privacy != types::VideoPrivacyInput::default()).then(|| Box::new(privacy));
        let mut player = types::EditVideoEmbedInput::default();
        player.color = self.embed_color.map(|color| color.trim_start_matches('#').to_owned());
        player.playbar = self.embed_playbar;
        player.volume = self.embed_volume;
        body.embed = (player != types::EditVideoEmbedInput::default()).then(|| Box::new(player));
        if body == types::EditVideoBody::default() {
            let next = "Give at least one of the other arguments.";
            return invalid("video_id", "No argument changes anything; nothing was sent.", next);
        }
        Ok(body)
    }
}

impl From<u64> for VideoEditInput {
    fn from(video_id: u64) -> Self {
        Self::new(video_id)
    }
}

pub(crate) fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

tool! {
    "vimeo_video_edit" VideoEdit(VideoEditInput) -> Video {
        title: "Edit a video",
        description: "Overwrites the given fields of one of the account's videos. Old values are lost: read them with \
                      vimeo_video_get first. Widening privacy needs approval.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::Two,
        own_text: true,
    }
    disclosure |context, input| {
        input.clone().body()?;
        if !input.may_widen() {
            return Ok(None);
        }
        let get = context.api().videos().get_video(&input.video_id).into_call().fields(PRIVACY_FIELDS);
        let found = context.send(&Self::SPEC, get).await?.into_inner();
        let changes = input.widenings(&found.privacy.map(|privacy| *privacy).unwrap_or_default());
        let title = quoted(found.name.as_deref().unwrap_or_default(), 120);
        let video = input.video_id.number();
        Ok((!changes.is_empty())
            .then(|| format!("open video {video} {title} to more people: {}", changes.join(", "))))
    };
    run |context, input| {
        let video = input.video_id.clone();
        let call = context.api().videos().edit_video(&video).body(input.body()?).into_call();
        let call = call.fields(types::Video::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call).await?.into_inner().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(change: serde_json::Value) -> Result<serde_json::Value, Option<String>> {
        let mut arguments = json!({"video_id": "1"});
        arguments.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let input: VideoEditInput = serde_json::from_value(arguments).unwrap();
        input.body().map(|body| serde_json::to_value(body).unwrap()).map_err(|error| error.field)
    }

    #[test]
    fn only_given_fields_are_sent_and_invalid_ones_refused() {
        let valid = [
            (json!({"name": "Surf"}), json!({"name": "Surf"})),
            (json!({"description": ""}), json!({"description": ""})),
            (json!({"privacy_download": false}), json!({"privacy": {"download": false}})),
            (json!({"privacy_add": true}), json!({"privacy": {"add": true}})),
            (
                json!({"privacy_view": "password", "password": "x"}),
                json!({"privacy": {"view": "password"}, "password": "x"}),
            ),
            (json!({"embed_color": "#00ADEF"}), json!({"embed": {"color": "00ADEF"}})),
            (
                json!({"content_rating": ["safe"], "license": "by"}),
                json!({"content_rating": ["safe"], "license": "by"}),
            ),
            (
                json!({"privacy_embed": "whitelist", "embed_domains": ["https://example.com/"]}),
                json!({"privacy": {"embed": "whitelist"}, "embed_domains": ["example.com"]}),
            ),
        ];
        for (change, sent) in valid {
            assert_eq!(body(change.clone()), Ok(sent), "{change}");
        }
        let refused = [
            (json!({}), "video_id"),
            (json!({"name": "  "}), "name"),
            (json!({"name": "x".repeat(129)}), "name"),
            (json!({"privacy_view": "password"}), "password"),
            (json!({"password": "x"}), "privacy_view"),
            (json!({"embed_domains": ["example.com"]}), "privacy_embed"),
            (json!({"privacy_embed": "whitelist", "embed_domains": ["../me"]}), "embed_domains"),
            (json!({"embed_color": "red"}), "embed_color"),
        ];
        for (change, field) in refused {
            assert_eq!(body(change.clone()), Err(Some(field.to_owned())), "{change}");
        }
    }
}
