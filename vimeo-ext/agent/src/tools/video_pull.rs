//! Videos whose file Vimeo fetches from a URL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vimeo_api::types;
use vimeo_ext::{Error, MediaError};

use super::error::ToolError;
use super::outputs::{last_segment, link, output, uri};
use super::tool::tool;
use super::untrusted::{clean, quoted};
use super::{Disclosure, Effect, KnownValue, Toolset};

output! {
    /// A video whose file Vimeo fetches.
    pub struct PulledVideo {
        /// The ID of the video: what other tools take as `video_id`.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// The URL of its page.
            pub link: Option<String>,
        }
    }
}

/// Arguments of [`VideoPull`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoPullInput {
    /// URL of the file, valid for a day.
    #[schemars(extend("x-listed" = true))]
    pub url: String,
    /// Title.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Who may watch.
    pub privacy_view: Option<KnownValue<types::VideoViewPrivacy>>,
}

tool! {
    "vimeo_video_pull" VideoPull(VideoPullInput) -> PulledVideo {
        title: "Upload a video from a URL",
        description: "Creates a video whose file Vimeo fetches from a URL; each call creates another. vimeo_video_get shows \
                      its status. Needs approval unless privacy_view is nobody.",
        scopes: &["upload"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Uploads,
        check: "The video may exist: look for it with vimeo_my_videos_list, sort date, before you create it again.",
    }
    disclosure |_, input| {
        let privacy = match input.privacy_view.as_ref().map(KnownValue::as_str) {
            Some("nobody") => return Ok(None),
            Some(privacy) => format!("the privacy {privacy}"),
            None => "the account's default privacy".to_owned(),
        };
        // The query of a URL can be a secret.
        let host = input.url.parse::<url::Url>().ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = quoted(&host.unwrap_or_default(), 120);
        Ok(Some(format!("create a video from a file of the host {host} with {privacy}")))
    };
    run |context, input| {
        let mut upload = context.client().upload_from_url(input.url);
        if let Some(name) = input.name {
            upload = upload.name(name);
        }
        if let Some(description) = input.description {
            upload = upload.description(description);
        }
        if let Some(privacy) = input.privacy_view {
            upload = upload.privacy(privacy.into_inner());
        }
        let created = upload.send().await.map_err(|error| match &error {
            Error::Media(media) if matches!(**media, MediaError::InvalidUrl { .. }) => {
                let message = clean(&media.to_string(), 300);
                Box::new(ToolError::input("url", message, "Give an https address of the file."))
            }
            error => {
                let arguments = json!({"sort": "date", "direction": "desc"});
                let error = Box::new(ToolError::of_post(error, &Self::SPEC, context.now()));
                error.check_if_unknown("vimeo_my_videos_list", arguments)
            }
        })?;
        Ok(PulledVideo {
            id: last_segment(Some(&created.uri)).unwrap_or_default(),
            uri: uri(Some(created.uri)),
            link: link(created.link),
        })
    }
}
