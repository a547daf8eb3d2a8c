//! Taking away what videos are gathered in; the videos stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::Endpoint;

use super::confirm::confirm;
use super::error::Failed;
use super::shapes::Done;
use super::{Context, Cost, Effect, FolderId, ShowcaseId, Spec, Tool, Toolset, VideoId};

/// Arguments of [`ShowcaseDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseDeleteInput {
    /// Number, URI or link.
    pub showcase_id: ShowcaseId,
    /// The showcase's current title, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

/// `vimeo_showcase_delete`
#[derive(Debug)]
pub struct ShowcaseDelete;

impl Tool for ShowcaseDelete {
    type Input = ShowcaseDeleteInput;
    type Output = Done;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_delete",
        title: "Delete a showcase",
        description: "Deletes one own showcase for good; its videos stay in the library. Read its title with \
                      vimeo_showcases_list first and give it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::More,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let id = input.showcase_id.number();
        let look = context.api().showcases().get_my_showcase(id).fields("name").into_call();
        let found = context.send(&Self::SPEC, look).await?;
        let how = "find it with vimeo_showcases_list.";
        confirm(context, &Self::SPEC, "showcase", &input.confirm, found.name.as_deref(), how).await?;
        context.send(&Self::SPEC, context.api().showcases().delete_my_showcase(id).into_call()).await?;
        Ok(Done::new("The showcase is deleted.", &id))
    }
}

/// Arguments of [`ShowcaseVideoRemove`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseVideoRemoveInput {
    /// Number, URI or link.
    pub showcase_id: ShowcaseId,
    /// Number, URI or link.
    pub video_id: VideoId,
}

/// `vimeo_showcase_video_remove`
#[derive(Debug)]
pub struct ShowcaseVideoRemove;

impl Tool for ShowcaseVideoRemove {
    type Input = ShowcaseVideoRemoveInput;
    type Output = Done;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_video_remove",
        title: "Take a video out of a showcase",
        description: "Takes one video out of one own showcase; the video itself stays. \
                      vimeo_showcase_video_add undoes it.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::More,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (showcase, video) = (input.showcase_id.number(), input.video_id.number());
        let call = context.api().showcases().remove_my_showcase_video(showcase, video).into_call();
        context.send(&Self::SPEC, call).await?;
        Ok(Done::new("The video is out of the showcase.", &video))
    }
}

/// Arguments of [`FolderDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderDeleteInput {
    /// Number, URI or link.
    pub folder_id: FolderId,
    /// The folder's current name, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

/// `vimeo_folder_delete`
#[derive(Debug)]
pub struct FolderDelete;

impl Tool for FolderDelete {
    type Input = FolderDeleteInput;
    type Output = Done;
    const SPEC: Spec = Spec {
        name: "vimeo_folder_delete",
        title: "Delete a folder",
        description: "Deletes one own folder and the folders in it for good; the videos stay in the library, outside of it. \
                      Read its name with vimeo_folders_list first and give it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::More,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let id = input.folder_id.number();
        let look = context.api().folders().get_my_folder(id).fields("name").into_call();
        let found = context.send(&Self::SPEC, look).await?;
        let how = "find it with vimeo_folders_list.";
        confirm(context, &Self::SPEC, "folder", &input.confirm, found.name.as_deref(), how).await?;
        // Without a body the videos stay.
        context.send(&Self::SPEC, context.api().folders().delete_my_folder(id).into_call()).await?;
        Ok(Done::new("The folder is deleted; its videos stay.", &id))
    }
}
