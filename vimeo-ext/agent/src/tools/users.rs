//! The account itself, other users, and following them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::outputs::{Ack, ApiObject as _, User};
use super::paging::{list, list_input};
use super::tool::tool;
use super::{Detail, Effect, KnownValue, Listing, Toolset, UserId};

/// No arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyInput {}

tool! {
    "vimeo_me_get" MeGet(EmptyInput) -> User {
        title: "Get my profile",
        description: "Gets the account's own profile: name, plan, numbers of videos and followers.",
        scopes: &["private"],
        toolset: Toolset::Read,
        own_text: true,
    }
    run |context, _| {
        let call = context.api().users().get_me().fields(types::User::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call.into_call()).await?.into_inner().into())
    }
}

/// Arguments of [`UserGet`] and [`UserFollow`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Number, name, URI or link.
    #[schemars(with = "String")]
    pub user_id: UserId,
}

tool! {
    "vimeo_user_get" UserGet(UserInput) -> User {
        title: "Get a user's profile",
        description: "Gets the public profile of a user. For the account itself use vimeo_me_get.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        let call = context.api().users().get_user(&input.user_id).fields(types::User::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call.into_call()).await?.into_inner().into())
    }
}

tool! {
    "vimeo_user_follow" UserFollow(UserInput) -> Ack {
        title: "Follow a user",
        description: "Follows a user, who can see it. Repeating it changes nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        toolset: Toolset::Social,
        aliases: &[("follow_user_id", "user_id")],
    }
    run |context, input| {
        let call = context.api().users().follow_user_as_me(&input.user_id).into_call();
        context.send_ack(&Self::SPEC, call, "The account follows the user.", &input.user_id).await
    }
}

list_input! {
    /// Arguments of [`FollowingList`].
    #[derive(Default)]
    pub struct FollowingListInput {
        query {
            /// Text to search for.
            pub query: String,
            /// Only users who are online.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::OnlineFilter>,
            /// Order of the list.
            pub sort: KnownValue<types::NameOrDateSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_following_list" FollowingList(FollowingListInput) -> Listing<User> {
        title: "List users I follow",
        description: "Lists the users that the account follows.",
        scopes: &["private"],
        toolset: Toolset::Social,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().users().list_my_following().into_call()).await
    }
}
