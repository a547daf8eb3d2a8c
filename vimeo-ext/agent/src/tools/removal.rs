//! Taking away what videos are gathered in; the videos stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confirm::confirm;
use super::error::Failed;
use super::outputs::Ack;
use super::showcases::SHOWCASE_ALIASES;
use super::{Context, Cost, Effect, FolderId, ShowcaseId, Spec, Tool, Toolset, VideoId};

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

/// `vimeo_showcase_delete`
#[derive(Debug)]
pub struct ShowcaseDelete;

impl Tool for ShowcaseDelete {
    type Input = ShowcaseDeleteInput;
    type Output = Ack;
    const ALIASES: &[(&str, &str)] = SHOWCASE_ALIASES;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_delete",
        title: "Delete a showcase",
        description: "Deletes one own showcase for good; its videos stay in the library. Read its title with \
                      vimeo_showcases_list first and give it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        discloses: None,
        toolset: Toolset::More,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (showcases, id) = (context.api().showcases(), input.showcase_id.number());
        let (look, delete) = match input.showcase_id.owner() {
            Some(owner) => (
                showcases.get_user_showcase(owner, id).fields("name").into_call(),
                showcases.delete_user_showcase(owner, id).into_call(),
            ),
            None => (
                showcases.get_my_showcase(id).fields("name").into_call(),
                showcases.delete_my_showcase(id).into_call(),
            ),
        };
        let found = context.send(&Self::SPEC, look).await?;
        let how = "find it with vimeo_showcases_list.";
        confirm(context, &Self::SPEC, "showcase", &input.confirm, found.name.as_deref(), how).await?;
        context.send(&Self::SPEC, delete).await?;
        Ok(Ack::new("The showcase is deleted.", &id))
    }
}

/// Arguments of [`ShowcaseVideoRemove`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowcaseVideoRemoveInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub showcase_id: ShowcaseId,
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

/// `vimeo_showcase_video_remove`
#[derive(Debug)]
pub struct ShowcaseVideoRemove;

impl Tool for ShowcaseVideoRemove {
    type Input = ShowcaseVideoRemoveInput;
    type Output = Ack;
    const ALIASES: &[(&str, &str)] = SHOWCASE_ALIASES;
    const SPEC: Spec = Spec {
        name: "vimeo_showcase_video_remove",
        title: "Take a video out of a showcase",
        description: "Takes one video out of one own showcase; the video itself stays. \
                      vimeo_showcase_video_add undoes it.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        discloses: None,
        toolset: Toolset::More,
        cost: Cost::One,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (showcase, video) = (&input.showcase_id, &input.video_id);
        let showcases = context.api().showcases();
        let call = match showcase.owner() {
            Some(owner) => showcases.remove_user_showcase_video(owner, showcase.number(), video).into_call(),
            None => showcases.remove_my_showcase_video(showcase.number(), video).into_call(),
        };
        context.send(&Self::SPEC, call).await?;
        Ok(Ack::new("The video is out of the showcase.", video))
    }
}

/// Arguments of [`FolderDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderDeleteInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
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
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_folder_delete",
        title: "Delete a folder",
        description: "Deletes one own folder and the folders in it for good; the videos stay in the library, outside of it. \
                      Read its name with vimeo_folders_list first and give it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        discloses: None,
        toolset: Toolset::More,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (folders, id) = (context.api().folders(), input.folder_id.number());
        // Without a body the videos stay.
        let (look, delete) = match input.folder_id.owner() {
            Some(owner) => (
                folders.get_user_folder(owner, id).fields("name").into_call(),
                folders.delete_user_folder(owner, id).into_call(),
            ),
            None => (
                folders.get_my_folder(id).fields("name").into_call(),
                folders.delete_my_folder(id).into_call(),
            ),
        };
        let found = context.send(&Self::SPEC, look).await?;
        let how = "find it with vimeo_folders_list.";
        confirm(context, &Self::SPEC, "folder", &input.confirm, found.name.as_deref(), how).await?;
        context.send(&Self::SPEC, delete).await?;
        Ok(Ack::new("The folder is deleted; its videos stay.", &id))
    }
}
