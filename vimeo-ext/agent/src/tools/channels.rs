//! Channels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::{Call, OpenEnum as _, Page, types};

use super::collection::{Collection, channel_fields};
use super::error::{Failed, ToolError};
use super::outputs::{Video, video_fields};
use super::paging::{embeddable, given, list, list_input};
use super::videos::read;
use super::{ChannelId, Context, KnownValue, Listing, Spec, Tool, Toolset};

/// Which channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum ChannelScope {
    /// All public ones.
    #[default]
    #[schemars(description = "")]
    All,
    /// Those that the account follows.
    #[schemars(description = "")]
    Followed,
    /// Those that the account runs.
    #[schemars(description = "")]
    Moderated,
}

/// Which of the channels, in Vimeo's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum ChannelFilter {
    /// Those that Vimeo features.
    #[schemars(description = "")]
    Featured,
    /// Those that the account runs.
    #[schemars(description = "")]
    Moderated,
}

list_input! {
    /// Arguments of [`ChannelsList`].
    #[derive(Default)]
    pub struct ChannelsListInput {
        required {}
        optional {
            /// All public ones (default), those the account follows, or runs.
            pub which: ChannelScope,
            /// Only featured ones of all, or those the account runs.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: ChannelFilter,
            /// Words to find.
            pub query: String,
            /// Order of the list; default and relevant are for all public ones alone.
            pub sort: KnownValue<types::ChannelDirectorySort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_channels_list`
#[derive(Debug)]
pub struct ChannelsList;

impl Tool for ChannelsList {
    type Input = ChannelsListInput;
    type Output = Listing<Collection>;
    const SPEC: Spec = read(
        "vimeo_channels_list",
        "List channels",
        "Lists channels: all public ones, or those that the account follows or runs.",
        &["public"],
        Toolset::Read,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let which = match (input.which, input.filter) {
            (None | Some(ChannelScope::Moderated), Some(ChannelFilter::Moderated)) => ChannelScope::Moderated,
            (None | Some(ChannelScope::All), Some(ChannelFilter::Featured)) => ChannelScope::All,
            (which, None) => which.unwrap_or_default(),
            (Some(_), Some(_)) => {
                let message = "filter does not go with this which.";
                let next = "Give filter featured for all public channels, or leave filter out.";
                return Err(Box::new(ToolError::input("filter", message, next)));
            }
        };
        if let (Some(sort), ChannelScope::Followed | ChannelScope::Moderated) = (&input.sort, which)
            && !types::ChannelSort::VALUES.contains(&sort.as_str())
        {
            let message = format!("sort {} is for all public channels alone.", sort.as_str());
            let next = format!("Give one of {}, or leave sort out.", types::ChannelSort::VALUES.join(", "));
            return Err(Box::new(ToolError::input("sort", message, next)));
        }
        let channels = context.api().channels();
        let call: Call<Page<types::Channel>> = match which {
            ChannelScope::All if input.filter.is_some() => {
                channels.list_channels().filter(types::FeaturedFilter::Featured).into_call()
            }
            ChannelScope::All => channels.list_channels().into_call(),
            ChannelScope::Followed => channels.list_my_channels().into_call(),
            ChannelScope::Moderated => {
                channels.list_my_channels().filter(types::ModeratedFilter::Moderated).into_call()
            }
        };
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, channel_fields(input.detail), Collection::from).await
    }
}

list_input! {
    /// Arguments of [`ChannelVideosList`].
    pub struct ChannelVideosListInput {
        required {
            /// Number, name or link.
            #[schemars(extend("x-listed" = true))]
            #[schemars(with = "String")]
            pub channel_id: ChannelId,
        }
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ChannelVideoSort>,
            /// Only those that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_channel_videos_list`
#[derive(Debug)]
pub struct ChannelVideosList;

impl Tool for ChannelVideosList {
    type Input = ChannelVideosListInput;
    type Output = Listing<Video>;
    const SPEC: Spec = read(
        "vimeo_channel_videos_list",
        "List a channel's videos",
        "Lists the videos of one channel, by number or by the name in its link, such as staffpicks.",
        &["public"],
        Toolset::Read,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().channels().list_channel_videos(&input.channel_id).into_call();
        let call = embeddable(call, &input.filter);
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, video_fields(input.detail), Video::in_detail(input.detail))
            .await
    }
}
