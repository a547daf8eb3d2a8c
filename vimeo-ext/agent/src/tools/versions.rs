//! The versions of a video: its current and earlier files.

use vimeo_api::types;

use super::outputs::{ApiObject, last_segment, output, time, title, uri, value};
use super::paging::list;
use super::tool::tool;
use super::{Detail, Listing, Toolset, VideoItemsListInput};

output! {
    /// A version of a video.
    pub struct Version {
        /// The ID of the version.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// Whether this version plays.
            pub active: Option<bool>,
            /// When it was created, in ISO 8601.
            pub created_time: Option<String>,
            /// Seconds.
            pub duration: Option<u64>,
            /// The size of its file in bytes.
            pub filesize: Option<u64>,
            /// The status of its transcoding.
            pub transcoding: Option<String>,
        }
        untrusted VersionText {
            /// The name of its file.
            pub file_name: Option<String>,
        }
    }
}

impl ApiObject for types::VideoVersion {
    type Output = Version;

    fn fields(_: Detail) -> &'static str {
        "uri,active,created_time,duration,filesize,filename,transcode.status"
    }
}

impl From<types::VideoVersion> for Version {
    fn from(version: types::VideoVersion) -> Self {
        Self {
            id: last_segment(version.uri.as_deref()).unwrap_or_default(),
            uri: uri(version.uri),
            active: version.active,
            created_time: version.created_time.map(time),
            duration: version.duration,
            filesize: version.filesize,
            transcoding: version.transcode.and_then(|transcode| transcode.status).as_ref().map(value),
            untrusted: VersionText { file_name: title(version.filename) },
        }
    }
}

tool! {
    "vimeo_video_versions_list" VideoVersionsList(VideoItemsListInput) -> Listing<Version> {
        title: "List a video's versions",
        description: "Lists the current and earlier files of one of the account's videos, and which of them plays.",
        scopes: &["private"],
        toolset: Toolset::More,
    }
    run |context, input| {
        let call = context.api().videos().list_video_versions(&input.video_id).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}
