//! Folders, which Vimeo's paths call projects.

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
use super::{
    Context, Cost, Detail, Disclosure, Effect, FolderId, KnownValue, Listing, Spec, Toolset, UserId, VideoId,
};

/// Arguments of [`FolderCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderCreateInput {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Parent folder: its uri or number.
    #[schemars(extend("x-listed" = true))]
    #[schemars(with = "Option<String>")]
    pub parent_folder_uri: Option<FolderId>,
}

tool! {
    "vimeo_folder_create" FolderCreate(FolderCreateInput) -> Collection {
        title: "Create a folder",
        description: "Creates an empty folder in the library; each call creates another. To show videos to people \
                      use vimeo_showcase_create.",
        scopes: &["create"],
        effect: Effect::Add,
        toolset: Toolset::Library,
        check: "The folder may exist: look for its name with vimeo_folders_list before you create it again.",
        own_text: true,
    }
    run |context, input| {
        if input.name.trim().is_empty() {
            return invalid("name", "name is empty.", "Give the name of the folder.");
        }
        let mut body = types::CreateFolderBody::new(&input.name);
        if let Some(parent) = input.parent_folder_uri {
            body = body.parent_folder_uri(uri_with_owner(context, &Self::SPEC, parent).await?);
        }
        let call = context.api().folders().create_my_folder(body).fields(types::Folder::fields(Detail::Full));
        let created = context.send(&Self::SPEC, call.into_call()).await;
        let check = |error: BoxedError| error.check_if_unknown("vimeo_folders_list", json!({"query": input.name}));
        Ok(created.map_err(check)?.into_inner().into())
    }
}

/// Returns the URI of a folder, with its owner.
async fn uri_with_owner(context: &Context, spec: &Spec, folder: FolderId) -> Result<String, BoxedError> {
    if folder.owner().is_some() {
        return Ok(folder.uri());
    }
    let grant = context.grant(spec).await?;
    let user = grant.user.as_ref().and_then(|user| user.uri.as_deref());
    match user.and_then(|uri| uri.parse::<UserId>().ok()) {
        Some(user) => Ok(format!("{}/projects/{}", user.uri(), folder.number())),
        None => Ok(folder.uri()),
    }
}

list_input! {
    /// Arguments of [`FoldersList`].
    #[derive(Default)]
    pub struct FoldersListInput {
        query {
            /// Text to search for.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::FolderSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_folders_list" FoldersList(FoldersListInput) -> Listing<Collection> {
        title: "List my folders",
        description: "Lists all folders of the account's library, including nested ones.",
        scopes: &["private"],
        toolset: Toolset::Library,
        own_text: true,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().folders().list_my_folders().into_call()).await
    }
}

/// Returns what moving a video into a folder discloses; `None` if nobody else sees the folder.
async fn moved_into(context: &Context, spec: &Spec, folder: &FolderId) -> Result<Option<String>, BoxedError> {
    let (folders, id) = (context.api().folders(), folder.number());
    let get = match folder.owner() {
        Some(owner) => folders.get_user_folder(owner, id).into_call(),
        None => folders.get_my_folder(id).into_call(),
    };
    let found = context.send(spec, get.fields("name,privacy.view")).await?.into_inner();
    let view = found.privacy.and_then(|privacy| privacy.view);
    if view == Some(types::FolderViewPrivacy::Nobody) {
        return Ok(None);
    }
    let title = quoted(found.name.as_deref().unwrap_or_default(), 120);
    let privacy = view.as_ref().map_or_else(|| "unknown".to_owned(), value);
    Ok(Some(format!("into folder {id} {title}, whose privacy is {privacy}")))
}

/// Arguments of [`FolderVideoAdd`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderVideoAddInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub folder_id: FolderId,
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
}

tool! {
    "vimeo_folder_video_add" FolderVideoAdd(FolderVideoAddInput) -> Ack {
        title: "Move a video into a folder",
        description: "Moves one of the account's videos into a folder, out of its current one. May need approval.",
        scopes: &["interact"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::Two,
    }
    disclosure |context, input| {
        let (folder, video) = (moved_into(context, &Self::SPEC, &input.folder_id).await?, input.video_id.number());
        Ok(folder.map(|folder| format!("move video {video} {folder}")))
    };
    run |context, input| {
        let (folders, folder, video) = (context.api().folders(), &input.folder_id, &input.video_id);
        let call = match folder.owner() {
            Some(owner) => folders.add_user_folder_video(owner, folder.number(), video).into_call(),
            None => folders.add_my_folder_video(folder.number(), video).into_call(),
        };
        context.send_ack(&Self::SPEC, call, "The video is in the folder.", video).await
    }
}

list_input! {
    /// Arguments of [`FolderVideosList`].
    pub struct FolderVideosListInput {
        required {
            /// Number, URI or link.
            #[schemars(with = "String")]
            pub folder_id: FolderId,
        }
        query {
            /// Text to search for.
            pub query: String,
            /// Whether to include videos of nested folders.
            pub include_subfolders: bool,
            /// Order of the list.
            pub sort: KnownValue<types::FolderItemSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

tool! {
    "vimeo_folder_videos_list" FolderVideosList(FolderVideosListInput) -> Listing<Video> {
        title: "List a folder's videos",
        description: "Lists the videos in a folder of any user.",
        scopes: &["private"],
        toolset: Toolset::Library,
    }
    run |context, input| {
        let (folders, folder) = (context.api().folders(), &input.folder_id);
        let call = match folder.owner() {
            Some(owner) => folders.list_user_folder_videos(owner, folder.number()).into_call(),
            None => folders.list_my_folder_videos(folder.number()).into_call(),
        };
        list(context, &Self::SPEC, &input, call).await
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

tool! {
    "vimeo_folder_delete" FolderDelete(FolderDeleteInput) -> Ack {
        title: "Delete a folder",
        description: "Permanently deletes one of the account's folders and the folders in it. The videos stay in the \
                      library. Read its name with vimeo_folders_list first and pass it as confirm.",
        scopes: &["delete"],
        effect: Effect::Delete,
        toolset: Toolset::More,
        cost: Cost::Two,
    }
    run |context, input| {
        let (folders, id) = (context.api().folders(), input.folder_id.number());
        // Without a body, the videos stay.
        let (get, delete) = match input.folder_id.owner() {
            Some(owner) => (
                folders.get_user_folder(owner, id).fields("name").into_call(),
                folders.delete_user_folder(owner, id).into_call(),
            ),
            None => (
                folders.get_my_folder(id).fields("name").into_call(),
                folders.delete_my_folder(id).into_call(),
            ),
        };
        let found = context.send(&Self::SPEC, get).await?;
        let how = "find it with vimeo_folders_list.";
        confirm(context, &Self::SPEC, "folder", &input.confirm, found.name.as_deref(), how).await?;
        context.send_ack(&Self::SPEC, delete, "The folder is deleted; its videos stay.", &id).await
    }
}

/// Arguments of [`FolderEdit`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderEditInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub folder_id: FolderId,
    /// New name.
    #[schemars(length(min = 1))]
    pub name: String,
}

tool! {
    "vimeo_folder_edit" FolderEdit(FolderEditInput) -> Collection {
        title: "Rename a folder",
        description: "Renames one of the account's folders. The old name is lost.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::Edit,
        own_text: true,
    }
    run |context, input| {
        if input.name.trim().is_empty() {
            return invalid("name", "name is empty.", "Give the name of the folder.");
        }
        let (folders, id) = (context.api().folders(), input.folder_id.number());
        let body = types::EditFolderBody::new(input.name);
        let call = match input.folder_id.owner() {
            Some(owner) => folders.edit_user_folder(owner, id, body).into_call(),
            None => folders.edit_my_folder(id, body).into_call(),
        };
        let call = call.fields(types::Folder::fields(Detail::Full));
        Ok(context.send(&Self::SPEC, call).await?.into_inner().into())
    }
}

/// How many videos one call moves.
const MAX_VIDEOS: usize = 100;

/// Arguments of [`FolderVideosAdd`] and [`FolderVideosRemove`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderVideosInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub folder_id: FolderId,
    /// Numbers, URIs or links; 1 to 100.
    #[schemars(with = "Vec<String>", extend("x-listed" = true))]
    pub video_ids: Vec<VideoId>,
}

impl FolderVideosInput {
    /// Returns the URIs of the videos, as Vimeo takes them.
    fn uris(&self) -> Result<String, BoxedError> {
        if !(1..=MAX_VIDEOS).contains(&self.video_ids.len()) {
            return invalid(
                "video_ids",
                "video_ids has no video or more than 100; nothing was sent.",
                "Give 1 to 100.",
            );
        }
        let uris: Vec<String> = self.video_ids.iter().map(|id| format!("/videos/{}", id.number())).collect();
        Ok(uris.join(","))
    }
}

tool! {
    "vimeo_folder_videos_add" FolderVideosAdd(FolderVideosInput) -> Ack {
        title: "Move videos into a folder",
        description: "Moves up to 100 of the account's videos into a folder, out of their current ones. May need approval.",
        scopes: &["interact"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Edit,
        cost: Cost::Two,
    }
    disclosure |context, input| {
        input.uris()?;
        let count = input.video_ids.len();
        Ok(moved_into(context, &Self::SPEC, &input.folder_id).await?.map(|folder| format!("move {count} videos {folder}")))
    };
    run |context, input| {
        let (folders, folder) = (context.api().folders(), &input.folder_id);
        let body = types::AddFolderVideosBody::new(input.uris()?);
        let call = match folder.owner() {
            Some(owner) => folders.add_user_folder_videos(owner, folder.number(), body).into_call(),
            None => folders.add_my_folder_videos(folder.number(), body).into_call(),
        };
        context.send_ack(&Self::SPEC, call, "The videos are in the folder.", &folder.number()).await
    }
}

tool! {
    "vimeo_folder_videos_remove" FolderVideosRemove(FolderVideosInput) -> Ack {
        title: "Take videos out of a folder",
        description: "Takes up to 100 videos out of one of the account's folders; the videos stay in the library.",
        scopes: &["interact"],
        effect: Effect::Overwrite,
        toolset: Toolset::Edit,
    }
    run |context, input| {
        let (folders, folder) = (context.api().folders(), &input.folder_id);
        let body = types::RemoveFolderVideosBody::new(input.uris()?);
        let call = match folder.owner() {
            Some(owner) => folders.remove_user_folder_videos(owner, folder.number(), body).into_call(),
            None => folders.remove_my_folder_videos(folder.number(), body).into_call(),
        };
        context.send_ack(&Self::SPEC, call, "The videos are out of the folder.", &folder.number()).await
    }
}
