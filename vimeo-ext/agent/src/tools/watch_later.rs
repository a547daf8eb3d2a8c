//! The list of videos to watch later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::error::Failed;
use super::outputs::{Ack, Video, video_fields};
use super::paging::{embeddable, given, list, list_input};
use super::videos::read;
use super::{Context, Cost, Effect, KnownValue, Listing, Spec, Tool, Toolset, VideoId};

/// Arguments of [`WatchLaterAdd`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchLaterAddInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

/// `vimeo_watchlater_add`
#[derive(Debug)]
pub struct WatchLaterAdd;

impl Tool for WatchLaterAdd {
    type Input = WatchLaterAddInput;
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_watchlater_add",
        title: "Add to Watch Later",
        description: "Adds one video to Watch Later. Adding twice changes nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        discloses: None,
        toolset: Toolset::Social,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().watch_later().add_my_watch_later_video(&input.video_id);
        context.send(&Self::SPEC, call.into_call()).await?;
        Ok(Ack::new("The video is in Watch Later.", &input.video_id))
    }
}

list_input! {
    /// Arguments of [`WatchLaterList`].
    #[derive(Default)]
    pub struct WatchLaterListInput {
        required {}
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::VideoSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
            /// Only those that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
        }
    }
}

/// `vimeo_watchlater_list`
#[derive(Debug)]
pub struct WatchLaterList;

impl Tool for WatchLaterList {
    type Input = WatchLaterListInput;
    type Output = Listing<Video>;
    const SPEC: Spec = read(
        "vimeo_watchlater_list",
        "List Watch Later",
        "Lists the videos in the account's Watch Later list.",
        &["private"],
        Toolset::Social,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().watch_later().list_my_watch_later_videos().into_call();
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        let call = embeddable(call, &input.filter);
        list(context, &Self::SPEC, &input, call, video_fields(input.detail), Video::in_detail(input.detail))
            .await
    }
}
