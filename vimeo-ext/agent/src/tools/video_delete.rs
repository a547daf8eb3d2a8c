//! Deleting a video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confirm::confirm;
use super::error::Failed;
use super::outputs::Ack;
use super::{Context, Cost, Effect, Spec, Tool, Toolset, VideoId};

/// Arguments of [`VideoDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoDeleteInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// The video's current title, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

/// `vimeo_video_delete`
#[derive(Debug)]
pub struct VideoDelete;

impl Tool for VideoDelete {
    type Input = VideoDeleteInput;
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_video_delete",
        title: "Delete a video",
        description: "Deletes one own video for good. Read its title with vimeo_video_get first and give it \
                      as confirm. To hide a video use vimeo_video_edit with privacy_view nobody.",
        scopes: &["delete"],
        effect: Effect::Delete,
        discloses: None,
        toolset: Toolset::Library,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let video = input.video_id;
        let look = context.api().videos().get_video(&video).into_call();
        let found = context.send(&Self::SPEC, look.fields("name")).await?;
        let how = "read the video with vimeo_video_get.";
        confirm(context, &Self::SPEC, "video", &input.confirm, found.name.as_deref(), how).await?;
        let call = context.api().videos().delete_video(&video).into_call();
        context.send(&Self::SPEC, call).await?;
        Ok(Ack::new("The video is deleted.", &video))
    }
}
