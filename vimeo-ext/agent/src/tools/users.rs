//! The account itself, other users, and following them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::error::Failed;
use super::outputs::{Ack, User, user_fields};
use super::paging::{given, list, list_input};
use super::videos::read;
use super::{Context, Cost, Detail, Effect, KnownValue, Listing, Spec, Tool, Toolset, UserId};

/// No arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyInput {}

/// `vimeo_me_get`
#[derive(Debug)]
pub struct MeGet;

impl Tool for MeGet {
    type Input = EmptyInput;
    type Output = User;
    const SPEC: Spec = read(
        "vimeo_me_get",
        "Get my profile",
        "Gets the account's own profile: name, plan, numbers of videos and followers.",
        &["private"],
        Toolset::Read,
    );

    async fn run(context: &Context, _: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().get_me().fields(user_fields(Some(Detail::Full)));
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

/// `vimeo_user_get`
#[derive(Debug)]
pub struct UserGet;

impl Tool for UserGet {
    type Input = UserInput;
    type Output = User;
    const SPEC: Spec = read(
        "vimeo_user_get",
        "Get a user's profile",
        "Gets the public profile of one user. For the account itself use vimeo_me_get.",
        &["public"],
        Toolset::Read,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().get_user(&input.user_id);
        let call = call.fields(user_fields(Some(Detail::Full)));
        Ok(context.send(&Self::SPEC, call.into_call()).await?.into_inner().into())
    }
}

/// `vimeo_user_follow`
#[derive(Debug)]
pub struct UserFollow;

impl Tool for UserFollow {
    type Input = UserInput;
    type Output = Ack;
    const ALIASES: &[(&str, &str)] = &[("follow_user_id", "user_id")];
    const SPEC: Spec = Spec {
        name: "vimeo_user_follow",
        title: "Follow a user",
        description: "Follows one user, who can see that. Following twice changes \
                      nothing.",
        scopes: &["interact"],
        effect: Effect::AddOnce,
        discloses: None,
        toolset: Toolset::Social,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().follow_user_as_me(&input.user_id);
        context.send(&Self::SPEC, call.into_call()).await?;
        Ok(Ack::new("The account follows the user.", &input.user_id))
    }
}

list_input! {
    /// Arguments of [`FollowingList`].
    #[derive(Default)]
    pub struct FollowingListInput {
        required {}
        optional {
            /// Words to find.
            pub query: String,
            /// Only those who are online.
            #[schemars(extend("x-unlisted" = true))]
            pub filter: KnownValue<types::OnlineFilter>,
            /// Order of the list.
            pub sort: KnownValue<types::NameOrDateSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_following_list`
#[derive(Debug)]
pub struct FollowingList;

impl Tool for FollowingList {
    type Input = FollowingListInput;
    type Output = Listing<User>;
    const SPEC: Spec = read(
        "vimeo_following_list",
        "List whom I follow",
        "Lists the users that the account follows.",
        &["private"],
        Toolset::Social,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().list_my_following().into_call();
        let call = given(call, "filter", &input.filter);
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, user_fields(input.detail), User::from).await
    }
}
