//! Likes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::error::Failed;
use super::outputs::{Ack, Video, video_fields};
use super::paging::{embeddable, given, list, list_input};
use super::videos::read;
use super::{Context, Cost, Effect, KnownValue, Listing, Spec, Tool, Toolset, VideoId};

/// Arguments of [`VideoLike`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoLikeInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

/// `vimeo_video_like`
#[derive(Debug)]
pub struct VideoLike;

impl Tool for VideoLike {
    type Input = VideoLikeInput;
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_video_like",
        title: "Like a video",
        description: "Likes one video, which others can see. Liking twice changes nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        discloses: None,
        toolset: Toolset::Social,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().likes().like_video_as_me(&input.video_id);
        context.send(&Self::SPEC, call.into_call()).await?;
        Ok(Ack::new("The account likes the video.", &input.video_id))
    }
}

list_input! {
    /// Arguments of [`LikedVideosList`].
    #[derive(Default)]
    pub struct LikedVideosListInput {
        required {}
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::VideoSort>,
            /// Whether the order goes up or down, where Vimeo takes it here.
            #[schemars(extend("x-unlisted" = true))]
            pub direction: KnownValue<types::SortDirection>,
            /// Only those that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
        }
    }
}

/// `vimeo_liked_videos_list`
#[derive(Debug)]
pub struct LikedVideosList;

impl Tool for LikedVideosList {
    type Input = LikedVideosListInput;
    type Output = Listing<Video>;
    const SPEC: Spec = read(
        "vimeo_liked_videos_list",
        "List videos I like",
        "Lists the videos that the account likes.",
        &["private"],
        Toolset::Social,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().likes().list_my_liked_videos().into_call();
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        let call = embeddable(call, &input.filter);
        list(context, &Self::SPEC, &input, call, video_fields(input.detail), Video::in_detail(input.detail))
            .await
    }
}
