//! Likes.

use vimeo_api::types;

use super::outputs::{Ack, Video};
use super::paging::{list, list_input};
use super::tool::tool;
use super::{Effect, KnownValue, Listing, Toolset, VideoInput};

tool! {
    "vimeo_video_like" VideoLike(VideoInput) -> Ack {
        title: "Like a video",
        description: "Likes a video, which others can see. Repeating it changes nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        toolset: Toolset::Social,
    }
    run |context, input| {
        let call = context.api().likes().like_video_as_me(&input.video_id).into_call();
        context.send_ack(&Self::SPEC, call, "The account likes the video.", &input.video_id).await
    }
}

list_input! {
    /// Arguments of [`LikedVideosList`].
    #[derive(Default)]
    pub struct LikedVideosListInput {
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::VideoSort>,
            /// Ascending or descending, if Vimeo supports it here.
            #[schemars(extend("x-unlisted" = true))]
            pub direction: KnownValue<types::SortDirection>,
            /// Only videos that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
        }
    }
}

tool! {
    "vimeo_liked_videos_list" LikedVideosList(LikedVideosListInput) -> Listing<Video> {
        title: "List videos I like",
        description: "Lists the videos that the account likes.",
        scopes: &["private"],
        toolset: Toolset::Social,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().likes().list_my_liked_videos().into_call()).await
    }
}
