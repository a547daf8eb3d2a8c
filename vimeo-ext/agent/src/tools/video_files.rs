//! A video's thumbnail and the files that it offers for download.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vimeo_api::types;

use super::error::{ErrorKind, ToolError};
use super::outputs::{last_segment, output, time, uri, value};
use super::tool::tool;
use super::untrusted::clean;
use super::{Effect, Toolset, VideoId, VideoInput};

output! {
    /// A thumbnail of a video.
    pub struct Thumbnail {
        /// The ID.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// Whether the video shows it.
            pub active: Option<bool>,
        }
    }
}

/// Arguments of [`VideoThumbnailAdd`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoThumbnailAddInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// The frame's second.
    #[schemars(extend("x-listed" = true))]
    pub time: u64,
    /// Whether the video shows it; default true.
    #[schemars(extend("x-listed" = true))]
    pub active: Option<bool>,
}

tool! {
    "vimeo_video_thumbnail_add" VideoThumbnailAdd(VideoThumbnailAddInput) -> Thumbnail {
        title: "Take a thumbnail from a video",
        description: "Makes a thumbnail of the frame at a time of one of the account's videos, and shows it. Earlier \
                      thumbnails stay available; each call adds another.",
        scopes: &["upload"],
        effect: Effect::Add,
        toolset: Toolset::Uploads,
        check: "The thumbnail may exist: look at the video before you add it again.",
    }
    run |context, input| {
        let mut body = types::CreateThumbnailBody::default();
        body.time = Some(input.time);
        body.active = Some(input.active.unwrap_or(true));
        let call = context.api().videos().create_video_thumbnail(&input.video_id).body(body).into_call();
        let added = context.send(&Self::SPEC, call.fields("uri,active")).await.map_err(|error| {
            error.check_if_unknown("vimeo_video_get", json!({"video_id": input.video_id.to_string()}))
        });
        let picture = added?.into_inner();
        Ok(Thumbnail {
            id: last_segment(picture.uri.as_deref()).unwrap_or_default(),
            uri: uri(picture.uri),
            active: picture.active,
        })
    }
}

output! {
    /// A file of a video for download.
    pub struct Download {
        /// The quality, such as `hd` or `source`.
        pub quality: String,
        optional {
            /// The media type.
            pub r#type: Option<String>,
            /// The rendition, such as `1080p`.
            pub rendition: Option<String>,
            /// Pixels.
            pub width: Option<u64>,
            /// Pixels.
            pub height: Option<u64>,
            /// The size in bytes.
            pub size: Option<u64>,
            /// When the link expires, in ISO 8601.
            pub expires: Option<String>,
            /// The URL of the file. Everybody who has it can download the file.
            pub link: Option<String>,
        }
    }
}

output! {
    /// The files of a video for download.
    pub struct Downloads {
        /// The files.
        pub download: Vec<Download>,
    }
}

impl From<types::VideoFile> for Download {
    fn from(file: types::VideoFile) -> Self {
        Self {
            quality: file.quality.as_ref().map(value).unwrap_or_default(),
            r#type: file.type_.as_ref().map(value),
            rendition: file.rendition.as_ref().map(value),
            width: file.width,
            height: file.height,
            size: file.size,
            expires: file.expires.map(time),
            // A cut link would not work.
            link: file.link.map(|link| clean(link.expose(), 4_000)),
        }
    }
}

tool! {
    "vimeo_video_downloads_list" VideoDownloadsList(VideoInput) -> Downloads {
        title: "List a video's download links",
        description: "Lists the files of one of the account's videos with links that expire. Everybody who has a link can \
                      download the file: show it to the person only.",
        scopes: &["private"],
        toolset: Toolset::Uploads,
    }
    run |context, input| {
        let fields = "download.quality,download.type,download.rendition,download.width,download.height,download.size,\
                      download.expires,download.link";
        let call = context.api().videos().get_video(&input.video_id).into_call().fields(fields);
        let found = context.send(&Self::SPEC, call).await?.into_inner();
        let Some(files) = found.download else {
            let message = "Vimeo returned no download links for this video.";
            let next = "Only the owner sees them, if the account's plan has them and the video has been transcoded.";
            return Err(Box::new(ToolError::new(ErrorKind::NotFound, message, next)));
        };
        Ok(Downloads { download: files.into_iter().map(Into::into).collect() })
    }
}
