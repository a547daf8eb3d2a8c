//! Reading videos: one, the account's, another user's, a search; a video's tags; and deleting a video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::confirm::confirm;
use super::outputs::{Ack, ApiObject, Video, last_segment, output, title, uri};
use super::paging::{list, list_input, query};
use super::tool::tool;
use super::{Cost, Detail, Effect, KnownValue, Listing, Toolset, UserId, VideoId};

list_input! {
    /// Arguments of [`MyVideosList`].
    #[derive(Default)]
    pub struct MyVideosListInput {
        optional {
            /// Returns the page that contains this video.
            #[schemars(with = "Option<String>")]
            #[schemars(extend("x-unlisted" = true))]
            pub containing_uri: VideoId,
        }
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::UserVideoSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
            /// Only such videos.
            pub filter: KnownValue<types::VideoFilter>,
        }
    }
}

tool! {
    "vimeo_my_videos_list" MyVideosList(MyVideosListInput) -> Listing<Video> {
        title: "List my videos",
        description: "Lists the account's own videos, including private ones. For public videos of everyone use \
                      vimeo_videos_search, for those of one user vimeo_user_videos_list.",
        scopes: &["private"],
        toolset: Toolset::Read,
        own_text: true,
    }
    run |context, input| {
        let containing = input.containing_uri.as_ref().map(VideoId::uri);
        let call = query(context.api().videos().list_my_videos().into_call(), "containing_uri", &containing);
        list(context, &Self::SPEC, &input, call).await
    }
}

/// Arguments of tools that need only a video.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

tool! {
    "vimeo_video_get" VideoGet(VideoInput) -> Video {
        title: "Get a video",
        description: "Gets a video: title, description, tags, duration, privacy, plays, folder, status. Use it before \
                      you edit or delete a video. To find an ID use a list or vimeo_videos_search.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().videos().get_video(input.video_id).into_call();
        let call = call.fields(types::Video::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call).await?.into_inner().into())
    }
}

/// Arguments of [`VideoDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoDeleteInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// The video's current title, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

tool! {
    "vimeo_video_delete" VideoDelete(VideoDeleteInput) -> Ack {
        title: "Delete a video",
        description: "Permanently deletes one of the account's videos. Read its title with vimeo_video_get first and pass it \
                      as confirm. To hide a video use vimeo_video_edit with privacy_view nobody.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::Library,
        cost: Cost::Two,
    }
    run |context, input| {
        let (videos, video) = (context.api().videos(), &input.video_id);
        let found = context.send(&Self::SPEC, videos.get_video(video).into_call().fields("name")).await?;
        let how = "read the video with vimeo_video_get.";
        confirm(context, &Self::SPEC, "video", &input.confirm, found.name.as_deref(), how).await?;
        let call = videos.delete_video(video).into_call();
        context.send_ack(&Self::SPEC, call, "The video is deleted.", video).await
    }
}

list_input! {
    /// Arguments of [`VideosSearch`].
    pub struct VideosSearchInput {
        required {
            /// Text to search for.
            pub query: String,
        }
        query {
            /// Order of the list.
            pub sort: KnownValue<types::VideoSearchSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
            /// Only such videos.
            pub filter: KnownValue<types::VideoSearchFilter>,
        }
    }
}

tool! {
    "vimeo_videos_search" VideosSearch(VideosSearchInput) -> Listing<Video> {
        title: "Search public videos",
        description: "Searches all public videos on Vimeo. It does not find private ones: for the account's own use \
                      vimeo_my_videos_list with query.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().videos().search_videos().query(&input.query).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}

list_input! {
    /// Arguments of tools that list what belongs to a video: tags, text tracks, versions.
    pub struct VideoItemsListInput {
        required {
            /// Number, URI or link.
            #[schemars(with = "String")]
            pub video_id: VideoId,
        }
    }
}

output! {
    /// A tag.
    pub struct Tag {
        /// The tag in URLs.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
        }
        untrusted TagText {
            /// The tag.
            pub name: Option<String>,
        }
    }
}

impl ApiObject for types::Tag {
    type Output = Tag;

    fn fields(_: Detail) -> &'static str {
        "uri,name,tag"
    }
}

impl From<types::Tag> for Tag {
    fn from(tag: types::Tag) -> Self {
        Self {
            id: last_segment(tag.uri.as_deref()).unwrap_or_default(),
            uri: uri(tag.uri),
            untrusted: TagText { name: title(tag.name.or(tag.tag)) },
        }
    }
}

tool! {
    "vimeo_video_tags_list" VideoTagsList(VideoItemsListInput) -> Listing<Tag> {
        title: "List a video's tags",
        description: "Lists the tags of a video. vimeo_video_get returns them too.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().videos().list_video_tags(&input.video_id).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}

list_input! {
    /// Arguments of [`UserVideosList`].
    pub struct UserVideosListInput {
        required {
            /// Number, name, URI or link.
            #[schemars(with = "String")]
            pub user_id: UserId,
        }
        query {
            /// Only such videos.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::VideoFilter>,
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::UserVideoSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_user_videos_list" UserVideosList(UserVideosListInput) -> Listing<Video> {
        title: "List a user's videos",
        description: "Lists the public videos of a user. For the account's own use vimeo_my_videos_list.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().videos().list_user_videos(&input.user_id).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}
