//! Setting the tags of a video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::error::{BoxedError, invalid};
use super::outputs::{ApiObject as _, last_segment, output, title};
use super::tool::tool;
use super::{Cost, Detail, Effect, Toolset, VideoId};

/// How many tags a video can have.
const MAX_TAGS: usize = 20;

/// Arguments of [`VideoTagsSet`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoTagsSetInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// All tags, at most 20; an empty list removes all.
    #[schemars(extend("x-listed" = true))]
    pub tags: Vec<String>,
}

impl VideoTagsSetInput {
    /// Returns the tags, trimmed, each once.
    fn wanted(&self) -> Result<Vec<String>, BoxedError> {
        let mut wanted: Vec<String> = Vec::new();
        for tag in self.tags.iter().map(|tag| tag.trim()) {
            if tag.is_empty() || tag.contains(',') {
                return invalid("tags", "A tag is empty or contains a comma.", "Give each tag as one text.");
            }
            if !wanted.iter().any(|known| is_same(known, tag)) {
                wanted.push(tag.to_owned());
            }
        }
        if wanted.len() > MAX_TAGS {
            return invalid("tags", "A video can have at most 20 tags; nothing was sent.", "Give fewer.");
        }
        Ok(wanted)
    }
}

/// Returns whether Vimeo counts both as the same tag.
fn is_same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

output! {
    /// The tags of a video.
    pub struct VideoTags {
        /// The ID of the video.
        pub id: String,
        untrusted VideoTagsText {
            /// Its tags.
            pub tags: Vec<String>,
        }
    }
}

tool! {
    "vimeo_video_tags_set" VideoTagsSet(VideoTagsSetInput) -> VideoTags {
        title: "Set a video's tags",
        description: "Gives one of the account's videos exactly these tags: adds missing ones and removes all others.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::Edit,
        cost: Cost::Many,
        own_text: true,
    }
    run |context, input| {
        let (wanted, videos, video) = (input.wanted()?, context.api().videos(), &input.video_id);
        let get = videos.list_video_tags(video).into_call().fields(types::Tag::fields(Detail::Full));
        let current = context.send(&Self::SPEC, get.query("per_page", 100_u64)).await?.into_inner();
        let current = current.data.unwrap_or_default();
        let name = |tag: &types::Tag| tag.name.clone().unwrap_or_default();
        let missing: Vec<types::TagInput> = wanted
            .iter()
            .filter(|tag| !current.iter().any(|known| is_same(&name(known), tag)))
            .map(types::TagInput::new)
            .collect();
        let mut done = Vec::new();
        // The new tags come last, because a video with 20 tags takes no other.
        for tag in current.iter().filter(|tag| !wanted.iter().any(|wanted| is_same(wanted, &name(tag)))) {
            let word = tag.tag.clone().or_else(|| last_segment(tag.uri.as_deref())).unwrap_or_else(|| name(tag));
            let removed = context.send(&Self::SPEC, videos.remove_video_tag(video, word).into_call()).await;
            removed.map_err(|error| with_done(error, &done))?;
            done.push(format!("removed the tag {}", title(tag.name.clone()).unwrap_or_default()));
        }
        if !missing.is_empty() {
            let add = videos.add_video_tags(video, missing).into_call().fields("name");
            context.send(&Self::SPEC, add).await.map_err(|error| with_done(error, &done))?;
        }
        Ok(VideoTags { id: video.to_string(), untrusted: VideoTagsText { tags: wanted } })
    }
}

/// Adds what was changed before the error.
fn with_done(mut error: BoxedError, done: &[String]) -> BoxedError {
    error.done_before.extend_from_slice(done);
    error
}
