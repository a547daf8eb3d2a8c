//! Showcases, which Vimeo's paths call albums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vimeo_api::types;

use super::collection::Collection;
use super::confirm::confirm;
use super::error::{BoxedError, invalid};
use super::outputs::{Ack, ApiObject as _, Video, value};
use super::paging::{list, list_input};
use super::tool::tool;
use super::untrusted::quoted;
use super::video_edit::is_color;
use super::{Cost, Detail, Disclosure, Effect, KnownValue, Listing, ShowcaseId, Toolset, VideoId};

/// Vimeo's paths call a showcase an album.
const SHOWCASE_ALIASES: &[(&str, &str)] = &[("album_id", "showcase_id")];

/// Arguments of [`ShowcaseCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseCreateInput {
    /// Title.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Description.
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
    /// Whether to hide Vimeo's navigation.
    #[schemars(extend("x-unlisted" = true))]
    pub hide_nav: Option<bool>,
    /// Whether to hide upcoming events.
    #[schemars(extend("x-unlisted" = true))]
    pub hide_upcoming: Option<bool>,
    /// Whether its videos open as review pages.
    #[schemars(extend("x-unlisted" = true))]
    pub review_mode: Option<bool>,
}

impl ShowcaseCreateInput {
    fn check(&self) -> Result<(), BoxedError> {
        let privacy = self.privacy.as_ref().map(KnownValue::as_str);
        if (privacy == Some("password")) != self.password.is_some() {
            return invalid(
                "password",
                "password and privacy password need each other.",
                "Give both or neither.",
            );
        }
        if self.name.trim().is_empty() {
            return invalid("name", "name is empty.", "Give the title of the showcase.");
        }
        if self.brand_color.as_deref().is_some_and(|color| !is_color(color)) {
            return invalid(
                "brand_color",
                "brand_color is not a hex color.",
                "Give six hex digits such as 00adef.",
            );
        }
        Ok(())
    }
}

tool! {
    "vimeo_showcase_create" ShowcaseCreate(ShowcaseCreateInput) -> Collection {
        title: "Create a showcase",
        description: "Creates an empty showcase, a page of videos; each call creates another. Fill it with \
                      vimeo_showcase_video_add. May need approval. To organize the library use vimeo_folder_create.",
        scopes: &["create"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        check: "The showcase may exist: look for its name with vimeo_showcases_list before you create it again.",
        own_text: true,
    }
    disclosure |_, input| {
        input.check()?;
        let privacy = match input.privacy.as_ref().map(KnownValue::as_str) {
            Some("nobody") => return Ok(None),
            Some(privacy) => format!("with the privacy {privacy}"),
            None => "with the account's default privacy".to_owned(),
        };
        Ok(Some(format!("create the showcase {} {privacy}", quoted(&input.name, 120))))
    };
    run |context, input| {
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
        let fields = types::Showcase::fields(Detail::Full);
        let call = context.api().showcases().create_my_showcase(body).fields(fields);
        let created = context.send(&Self::SPEC, call.into_call()).await;
        let check = |error: BoxedError| error.check_if_unknown("vimeo_showcases_list", json!({"query": input.name}));
        Ok(created.map_err(check)?.into_inner().into())
    }
}

list_input! {
    /// Arguments of [`ShowcasesList`].
    #[derive(Default)]
    pub struct ShowcasesListInput {
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ShowcaseSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_showcases_list" ShowcasesList(ShowcasesListInput) -> Listing<Collection> {
        title: "List my showcases",
        description: "Lists the account's showcases and how many videos each has.",
        scopes: &["private"],
        toolset: Toolset::Library,
        own_text: true,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().showcases().list_my_showcases().into_call()).await
    }
}

/// Arguments of [`ShowcaseVideoAdd`] and [`ShowcaseVideoRemove`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseVideoInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub showcase_id: ShowcaseId,
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

tool! {
    "vimeo_showcase_video_add" ShowcaseVideoAdd(ShowcaseVideoInput) -> Ack {
        title: "Add a video to a showcase",
        description: "Adds one of the account's videos to one of its showcases; other showcases keep it. May need approval.",
        scopes: &["edit"],
        effect: Effect::AddOnce,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::Two,
        aliases: SHOWCASE_ALIASES,
    }
    disclosure |context, input| {
        let get = context.api().videos().get_video(&input.video_id).into_call().fields("name,privacy.view");
        let found = context.send(&Self::SPEC, get).await?.into_inner();
        let view = found.privacy.and_then(|privacy| privacy.view);
        if view == Some(types::VideoViewPrivacy::Anybody) {
            return Ok(None);
        }
        let (video, showcase) = (input.video_id.number(), input.showcase_id.number());
        let title = quoted(found.name.as_deref().unwrap_or_default(), 120);
        let privacy = view.as_ref().map_or_else(|| "unknown".to_owned(), value);
        Ok(Some(format!(
            "add video {video} {title}, whose privacy is {privacy}, to showcase {showcase}, for everyone who may open that"
        )))
    };
    run |context, input| {
        let (showcases, showcase, video) = (context.api().showcases(), &input.showcase_id, &input.video_id);
        let call = match showcase.owner() {
            Some(owner) => showcases.add_user_showcase_video(owner, showcase.number(), video).into_call(),
            None => showcases.add_my_showcase_video(showcase.number(), video).into_call(),
        };
        context.send_ack(&Self::SPEC, call, "The video is in the showcase.", video).await
    }
}

tool! {
    "vimeo_showcase_video_remove" ShowcaseVideoRemove(ShowcaseVideoInput) -> Ack {
        title: "Remove a video from a showcase",
        description: "Removes a video from one of the account's showcases; the video itself stays. \
                      vimeo_showcase_video_add undoes it.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::More,
        aliases: SHOWCASE_ALIASES,
    }
    run |context, input| {
        let (showcases, showcase, video) = (context.api().showcases(), &input.showcase_id, &input.video_id);
        let call = match showcase.owner() {
            Some(owner) => showcases.remove_user_showcase_video(owner, showcase.number(), video).into_call(),
            None => showcases.remove_my_showcase_video(showcase.number(), video).into_call(),
        };
        context.send_ack(&Self::SPEC, call, "The video is no longer in the showcase.", video).await
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
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::ShowcaseVideoSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_showcase_videos_list" ShowcaseVideosList(ShowcaseVideosListInput) -> Listing<Video> {
        title: "List a showcase's videos",
        description: "Lists the videos of a showcase of any user.",
        scopes: &["private"],
        toolset: Toolset::Library,
        aliases: SHOWCASE_ALIASES,
    }
    run |context, input| {
        let (showcases, showcase) = (context.api().showcases(), &input.showcase_id);
        let call = match showcase.owner() {
            Some(owner) => showcases.list_user_showcase_videos(owner, showcase.number()).into_call(),
            None => showcases.list_my_showcase_videos(showcase.number()).into_call(),
        };
        list(context, &Self::SPEC, &input, call).await
    }
}

/// Arguments of [`ShowcaseDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseDeleteInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub showcase_id: ShowcaseId,
    /// The showcase's current title, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

tool! {
    "vimeo_showcase_delete" ShowcaseDelete(ShowcaseDeleteInput) -> Ack {
        title: "Delete a showcase",
        description: "Permanently deletes one of the account's showcases; its videos stay in the library. Read its title with \
                      vimeo_showcases_list first and pass it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::More,
        cost: Cost::Two,
        aliases: SHOWCASE_ALIASES,
    }
    run |context, input| {
        let (showcases, id) = (context.api().showcases(), input.showcase_id.number());
        let (get, delete) = match input.showcase_id.owner() {
            Some(owner) => (
                showcases.get_user_showcase(owner, id).fields("name").into_call(),
                showcases.delete_user_showcase(owner, id).into_call(),
            ),
            None => (
                showcases.get_my_showcase(id).fields("name").into_call(),
                showcases.delete_my_showcase(id).into_call(),
            ),
        };
        let found = context.send(&Self::SPEC, get).await?;
        let how = "find it with vimeo_showcases_list.";
        confirm(context, &Self::SPEC, "showcase", &input.confirm, found.name.as_deref(), how).await?;
        context.send_ack(&Self::SPEC, delete, "The showcase is deleted.", &id).await
    }
}

/// Arguments of [`ShowcaseEdit`]. Arguments that are left out change nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseEditInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub showcase_id: ShowcaseId,
    /// Title.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Who may open it.
    pub privacy: Option<KnownValue<types::ViewPrivacy>>,
    /// For privacy password.
    #[schemars(extend("x-listed" = true))]
    pub password: Option<String>,
    /// Order of its videos.
    pub sort: Option<KnownValue<types::ShowcaseVideoOrder>>,
}

impl ShowcaseEditInput {
    /// Returns the request body if the arguments are valid.
    fn body(&self) -> Result<types::EditShowcaseBody, BoxedError> {
        if self.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return invalid("name", "name is empty.", "Give a title or leave name out.");
        }
        if (self.privacy.as_ref().map(KnownValue::as_str) == Some("password")) != self.password.is_some() {
            let message = "password and privacy password need each other.";
            return invalid("password", message, "Give both or neither.");
        }
        let mut body = types::EditShowcaseBody::default();
        body.name = self.name.clone();
        body.description = self.description.clone();
        body.privacy = self.privacy.clone().map(KnownValue::into_inner);
        body.password = self.password.clone().map(Into::into);
        body.sort = self.sort.clone().map(KnownValue::into_inner);
        if body == types::EditShowcaseBody::default() {
            let next = "Give at least one of the other arguments.";
            return invalid("showcase_id", "No argument changes anything; nothing was sent.", next);
        }
        Ok(body)
    }
}

tool! {
    "vimeo_showcase_edit" ShowcaseEdit(ShowcaseEditInput) -> Collection {
        title: "Edit a showcase",
        description: "Overwrites the given fields of one of the account's showcases. Old values are lost. Changing the \
                      privacy needs approval unless it becomes nobody.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Edit,
        aliases: SHOWCASE_ALIASES,
        own_text: true,
    }
    disclosure |_, input| {
        input.body()?;
        let privacy = input.privacy.as_ref().map(KnownValue::as_str).filter(|privacy| *privacy != "nobody");
        let showcase = input.showcase_id.number();
        Ok(privacy.map(|privacy| format!("change the privacy of showcase {showcase} to {privacy}")))
    };
    run |context, input| {
        let (showcases, id, body) = (context.api().showcases(), input.showcase_id.number(), input.body()?);
        let call = match input.showcase_id.owner() {
            Some(owner) => showcases.edit_user_showcase(owner, id).body(body).into_call(),
            None => showcases.edit_my_showcase(id).body(body).into_call(),
        };
        let call = call.fields(types::Showcase::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call).await?.into_inner().into())
    }
}
