//! The Watch Later list.

use vimeo_api::types;

use super::outputs::{Ack, Video};
use super::paging::{list, list_input};
use super::tool::tool;
use super::{Effect, KnownValue, Listing, Toolset, VideoInput};

tool! {
    "vimeo_watchlater_add" WatchLaterAdd(VideoInput) -> Ack {
        title: "Add to Watch Later",
        description: "Adds a video to Watch Later. Repeating it changes nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        toolset: Toolset::Social,
    }
    run |context, input| {
        let call = context.api().watch_later().add_my_watch_later_video(&input.video_id).into_call();
        context.send_ack(&Self::SPEC, call, "The video is in Watch Later.", &input.video_id).await
    }
}

list_input! {
    /// Arguments of [`WatchLaterList`].
    #[derive(Default)]
    pub struct WatchLaterListInput {
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::VideoSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
            /// Only videos that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
        }
    }
}

tool! {
    "vimeo_watchlater_list" WatchLaterList(WatchLaterListInput) -> Listing<Video> {
        title: "List Watch Later",
        description: "Lists the videos in the account's Watch Later list.",
        scopes: &["private"],
        toolset: Toolset::Social,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().watch_later().list_my_watch_later_videos().into_call()).await
    }
}
