//! Showcases, which Vimeo's paths call albums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::collection::{Collection, showcase_fields};
use super::error::{Failed, ToolError};
use super::outputs::{Ack, Video, video_fields, word};
use super::paging::{given, list, list_input};
use super::untrusted::quoted;
use super::video_edit::is_color;
use super::videos::read;
use super::{
    Context, Cost, Detail, Disclosure, Effect, KnownValue, Listing, ShowcaseId, Spec, Tool, Toolset, VideoId,
};

/// What Vimeo's paths call a showcase.
pub(crate) const SHOWCASE_ALIASES: &[(&str, &str)] = &[("album_id", "showcase_id")];

/// Arguments of [`ShowcaseCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseCreateInput {
    /// Title.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Text that describes it.
    pub description: Option<String>,
    /// Who may open it.
    pub privacy: Option<KnownValue<types::ViewPrivacy>>,
    /// For privacy password.
    #[schemars(extend("x-listed" = true))]
    pub password: Option<String>,
    /// Hex, such as 00adef.
    #[schemars(extend("x-listed" = true))]
    pub brand_color: Option<String>,
    /// Order of its videos.
    pub sort: Option<KnownValue<types::ShowcaseVideoOrder>>,
    /// Whether Vimeo's navigation is hidden.
    #[schemars(extend("x-unlisted" = true))]
    pub hide_nav: Option<bool>,
    /// Whether coming events are hidden.
    #[schemars(extend("x-unlisted" = true))]
    pub hide_upcoming: Option<bool>,
    /// Whether its videos open as review pages.
    #[schemars(extend("x-unlisted" = true))]
    pub review_mode: Option<bool>,
}

impl ShowcaseCreateInput {
    fn check(&self) -> Result<(), Failed> {
        let refuse =
            |field: &str, message: &str, next: &str| Err(Box::new(ToolError::input(field, message, next)));
        let privacy = self.privacy.as_ref().map(KnownValue::as_str);
        if (privacy == Some("password")) != self.password.is_some() {
            return refuse("password", "A password goes with privacy password.", "Give both or neither.");
        }
        if self.name.trim().is_empty() {
            return refuse("name", "A showcase needs a title.", "Give a title.");
        }
        if self.brand_color.as_deref().is_some_and(|color| !is_color(color)) {
            return refuse("brand_color", "This is no colour in hex.", "Give six hex digits such as 00adef.");
        }
        Ok(())
    }
}

/// `vimeo_showcase_create`
#[derive(Debug)]
pub struct ShowcaseCreate;

impl Tool for ShowcaseCreate {
    type Input = ShowcaseCreateInput;
    type Output = Collection;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_create",
        title: "Create a showcase",
        description: "Creates an empty showcase, a page of videos; each call makes another. Fill it with \
                      vimeo_showcase_video_add. May need consent. To sort the library use \
                      vimeo_folder_create.",
        scopes: &["create"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::One,
        check: "It may exist now: look for its name with vimeo_showcases_list before you create it again.",
    };

    async fn disclosure(_: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        input.check()?;
        let privacy = match input.privacy.as_ref().map(KnownValue::as_str) {
            Some("nobody") => return Ok(None),
            Some(word) => format!("with the privacy {word}"),
            None => "with the account's usual privacy".to_owned(),
        };
        Ok(Some(format!("create the showcase {} {privacy}", quoted(&input.name, 120))))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        input.check()?;
        let mut body = types::CreateShowcaseBody::new(&input.name);
        body.description = input.description;
        body.privacy = input.privacy.map(KnownValue::into_inner);
        body.password = input.password.map(Into::into);
        body.brand_color = input.brand_color;
        body.sort = input.sort.map(KnownValue::into_inner);
        body.hide_nav = input.hide_nav;
        body.hide_upcoming = input.hide_upcoming;
        body.review_mode = input.review_mode;
        let call =
            context.api().showcases().create_my_showcase(body).fields(showcase_fields(Some(Detail::Full)));
        let created = context.send(&Self::SPEC, call.into_call()).await;
        let check = |error: Failed| find_by_name(error, "vimeo_showcases_list", &input.name);
        Ok(created.map_err(check)?.into_inner().into())
    }
}

/// Names the list in which something would be found that may have been created.
pub(crate) fn find_by_name(error: Failed, tool: &str, name: &str) -> Failed {
    if error.kind == super::ErrorKind::UnknownOutcome {
        return Box::new(error.check(tool, serde_json::json!({"query": name})));
    }
    error
}

list_input! {
    /// Arguments of [`ShowcasesList`].
    #[derive(Default)]
    pub struct ShowcasesListInput {
        required {}
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ShowcaseSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_showcases_list`
#[derive(Debug)]
pub struct ShowcasesList;

impl Tool for ShowcasesList {
    type Input = ShowcasesListInput;
    type Output = Listing<Collection>;
    const SPEC: Spec = read(
        "vimeo_showcases_list",
        "List my showcases",
        "Lists the account's showcases with how many videos each has.",
        &["private"],
        Toolset::Library,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().showcases().list_my_showcases().into_call();
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        let fields = showcase_fields(input.detail);
        list(context, &Self::SPEC, &input, call, fields, Collection::from).await
    }
}

/// Arguments of [`ShowcaseVideoAdd`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseVideoAddInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub showcase_id: ShowcaseId,
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

/// `vimeo_showcase_video_add`
#[derive(Debug)]
pub struct ShowcaseVideoAdd;

impl Tool for ShowcaseVideoAdd {
    type Input = ShowcaseVideoAddInput;
    type Output = Ack;
    const ALIASES: &[(&str, &str)] = SHOWCASE_ALIASES;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_video_add",
        title: "Add a video to a showcase",
        description: "Adds one own video to one own showcase; other showcases keep it. May need consent.",
        scopes: &["edit"],
        effect: Effect::AddOnce,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::Two,
        check: "",
    };

    async fn disclosure(context: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        let look = context.api().videos().get_video(&input.video_id).into_call().fields("name,privacy.view");
        let found = context.send(&Self::SPEC, look).await?.into_inner();
        let view = found.privacy.and_then(|privacy| privacy.view);
        if view == Some(types::VideoViewPrivacy::Anybody) {
            return Ok(None);
        }
        let (video, showcase) = (input.video_id.number(), input.showcase_id.number());
        let title = quoted(found.name.as_deref().unwrap_or_default(), 120);
        let privacy = view.as_ref().map_or_else(|| "not known".to_owned(), word);
        Ok(Some(format!(
            "put video {video} {title}, whose privacy is {privacy}, into showcase {showcase}, for those who may open that"
        )))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (showcase, video) = (&input.showcase_id, &input.video_id);
        let showcases = context.api().showcases();
        let call = match showcase.owner() {
            Some(owner) => showcases.add_user_showcase_video(owner, showcase.number(), video).into_call(),
            None => showcases.add_my_showcase_video(showcase.number(), video).into_call(),
        };
        context.send(&Self::SPEC, call).await?;
        Ok(Ack::new("The video is in the showcase.", video))
    }
}

list_input! {
    /// Arguments of [`ShowcaseVideosList`].
    pub struct ShowcaseVideosListInput {
        required {
            /// Number, URI or link.
            #[schemars(with = "String")]
            pub showcase_id: ShowcaseId,
        }
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ShowcaseVideoSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_showcase_videos_list`
#[derive(Debug)]
pub struct ShowcaseVideosList;

impl Tool for ShowcaseVideosList {
    type Input = ShowcaseVideosListInput;
    type Output = Listing<Video>;
    const ALIASES: &[(&str, &str)] = SHOWCASE_ALIASES;
    const SPEC: Spec = read(
        "vimeo_showcase_videos_list",
        "List a showcase's videos",
        "Lists the videos of one showcase, own or not.",
        &["private"],
        Toolset::Library,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (showcases, showcase) = (context.api().showcases(), &input.showcase_id);
        let call = match showcase.owner() {
            Some(owner) => showcases.list_user_showcase_videos(owner, showcase.number()).into_call(),
            None => showcases.list_my_showcase_videos(showcase.number()).into_call(),
        };
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, video_fields(input.detail), Video::in_detail(input.detail))
            .await
    }
}
