//! Channels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::{Call, OpenEnum as _, Page, types};

use super::collection::Collection;
use super::error::invalid;
use super::outputs::Video;
use super::paging::{list, list_input};
use super::tool::tool;
use super::{ChannelId, KnownValue, Listing, Toolset};

/// Which channels to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum ChannelScope {
    /// All public channels.
    #[default]
    #[schemars(description = "")]
    All,
    /// Channels that the account follows.
    #[schemars(description = "")]
    Followed,
    /// Channels that the account moderates.
    #[schemars(description = "")]
    Moderated,
}

/// A filter for channels, with Vimeo's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum ChannelFilter {
    /// Channels that Vimeo features.
    #[schemars(description = "")]
    Featured,
    /// Channels that the account moderates.
    #[schemars(description = "")]
    Moderated,
}

list_input! {
    /// Arguments of [`ChannelsList`].
    #[derive(Default)]
    pub struct ChannelsListInput {
        optional {
            /// All public channels (default), or those the account follows or moderates.
            pub which: ChannelScope,
            /// Only featured ones of all channels, or those the account moderates.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: ChannelFilter,
        }
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list; default and relevant only work for all public channels.
            pub sort: KnownValue<types::ChannelDirectorySort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_channels_list" ChannelsList(ChannelsListInput) -> Listing<Collection> {
        title: "List channels",
        description: "Lists channels: all public ones, or those the account follows or moderates.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let scope = match (input.which, input.filter) {
            (None | Some(ChannelScope::Moderated), Some(ChannelFilter::Moderated)) => ChannelScope::Moderated,
            (None | Some(ChannelScope::All), Some(ChannelFilter::Featured)) => ChannelScope::All,
            (which, None) => which.unwrap_or_default(),
            (Some(_), Some(_)) => {
                let next = "Give filter featured for all public channels, or leave filter out.";
                return invalid("filter", "filter does not work with this which.", next);
            }
        };
        if let (Some(sort), ChannelScope::Followed | ChannelScope::Moderated) = (&input.sort, scope)
            && !types::ChannelSort::VALUES.contains(&sort.as_str())
        {
            let message = format!("sort {} only works for all public channels.", sort.as_str());
            let next = format!("Give one of {}, or leave sort out.", types::ChannelSort::VALUES.join(", "));
            return invalid("sort", message, next);
        }
        let channels = context.api().channels();
        let call: Call<Page<types::Channel>> = match scope {
            ChannelScope::All if input.filter.is_some() => {
                channels.list_channels().filter(types::FeaturedFilter::Featured).into_call()
            }
            ChannelScope::All => channels.list_channels().into_call(),
            ChannelScope::Followed => channels.list_my_channels().into_call(),
            ChannelScope::Moderated => {
                channels.list_my_channels().filter(types::ModeratedFilter::Moderated).into_call()
            }
        };
        list(context, &Self::SPEC, &input, call).await
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
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ChannelVideoSort>,
            /// Only videos that may be embedded.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::EmbeddableFilter>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_channel_videos_list" ChannelVideosList(ChannelVideosListInput) -> Listing<Video> {
        title: "List a channel's videos",
        description: "Lists the videos of a channel, by its number or the name in its link, such as staffpicks.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().channels().list_channel_videos(&input.channel_id).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}
