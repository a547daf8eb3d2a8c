//! The chapters of a video.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vimeo_api::types;

use super::confirm::confirm;
use super::error::{BoxedError, invalid};
use super::outputs::{Ack, ApiObject, last_segment, output, title, uri};
use super::paging::list;
use super::tool::tool;
use super::{Cost, Detail, Effect, Listing, Toolset, VideoId, VideoItemsListInput};

output! {
    /// A chapter of a video.
    pub struct Chapter {
        /// The ID: what other tools take as `chapter_id`.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// Where it starts, in seconds.
            pub timecode: Option<u64>,
        }
        untrusted ChapterText {
            /// The title.
            pub title: Option<String>,
        }
    }
}

impl ApiObject for types::VideoChapter {
    type Output = Chapter;

    fn fields(_: Detail) -> &'static str {
        "uri,title,timecode"
    }
}

impl From<types::VideoChapter> for Chapter {
    fn from(chapter: types::VideoChapter) -> Self {
        Self {
            id: last_segment(chapter.uri.as_deref()).unwrap_or_default(),
            uri: uri(chapter.uri),
            timecode: chapter.timecode,
            untrusted: ChapterText { title: title(chapter.title) },
        }
    }
}

tool! {
    "vimeo_chapters_list" ChaptersList(VideoItemsListInput) -> Listing<Chapter> {
        title: "List a video's chapters",
        description: "Lists the chapters of a video: title, and timecode in seconds.",
        scopes: &["public"],
        toolset: Toolset::Player,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().videos().list_video_chapters(&input.video_id).into_call()).await
    }
}

/// Arguments of [`ChapterAdd`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChapterAddInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Its title.
    #[schemars(length(min = 1))]
    pub title: String,
    /// Where it starts, in seconds.
    #[schemars(extend("x-listed" = true))]
    pub timecode: u64,
}

tool! {
    "vimeo_chapter_add" ChapterAdd(ChapterAddInput) -> Chapter {
        title: "Add a chapter",
        description: "Adds a chapter to one of the account's videos; each call adds another.",
        scopes: &["upload"],
        effect: Effect::Add,
        toolset: Toolset::Player,
        check: "The chapter may exist: look for it with vimeo_chapters_list before you add it again.",
        own_text: true,
    }
    run |context, input| {
        check_title(Some(&input.title))?;
        let mut body = types::CreateVideoChapterBody::default();
        body.title = Some(input.title);
        body.timecode = Some(input.timecode);
        let call = context.api().videos().create_video_chapter(&input.video_id).body(body).into_call();
        let call = call.fields(types::VideoChapter::fields(Detail::Full));
        let added = context.send(&Self::SPEC, call).await.map_err(|error| {
            error.check_if_unknown("vimeo_chapters_list", json!({"video_id": input.video_id.to_string()}))
        });
        Ok(added?.into_inner().into())
    }
}

/// Arguments of [`ChapterEdit`]. Arguments that are left out change nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChapterEditInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Its ID.
    pub chapter_id: u64,
    /// Title.
    #[schemars(length(min = 1))]
    pub title: Option<String>,
    /// Where it starts, in seconds.
    #[schemars(extend("x-listed" = true))]
    pub timecode: Option<u64>,
}

tool! {
    "vimeo_chapter_edit" ChapterEdit(ChapterEditInput) -> Chapter {
        title: "Edit a chapter",
        description: "Overwrites the given fields of a chapter of one of the account's videos.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::Player,
        own_text: true,
    }
    run |context, input| {
        check_title(input.title.as_deref())?;
        if input.title.is_none() && input.timecode.is_none() {
            let next = "Give title, timecode or both.";
            return invalid("chapter_id", "No argument changes anything; nothing was sent.", next);
        }
        let mut body = types::EditVideoChapterBody::default();
        body.title = input.title;
        body.timecode = input.timecode;
        let call = context.api().videos().edit_video_chapter(&input.video_id, input.chapter_id).body(body);
        let call = call.into_call().fields(types::VideoChapter::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call).await?.into_inner().into())
    }
}

/// Arguments of [`ChapterDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChapterDeleteInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Its ID.
    pub chapter_id: u64,
    /// The chapter's current title, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
}

tool! {
    "vimeo_chapter_delete" ChapterDelete(ChapterDeleteInput) -> Ack {
        title: "Delete a chapter",
        description: "Permanently deletes a chapter of one of the account's videos. Read its title with \
                      vimeo_chapters_list first and pass it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::Player,
        cost: Cost::Two,
    }
    run |context, input| {
        let (videos, chapter) = (context.api().videos(), input.chapter_id);
        let get = videos.get_video_chapter(&input.video_id, chapter).into_call().fields("title");
        let found = context.send(&Self::SPEC, get).await?;
        let how = "find it with vimeo_chapters_list.";
        confirm(context, &Self::SPEC, "chapter", &input.confirm, found.title.as_deref(), how).await?;
        let delete = videos.delete_video_chapter(&input.video_id, chapter).into_call();
        context.send_ack(&Self::SPEC, delete, "The chapter is deleted.", &chapter).await
    }
}

fn check_title(title: Option<&str>) -> Result<(), BoxedError> {
    if title.is_some_and(|title| title.trim().is_empty()) {
        return invalid("title", "title is empty.", "Give the title of the chapter.");
    }
    Ok(())
}
