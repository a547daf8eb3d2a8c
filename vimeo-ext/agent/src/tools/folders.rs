//! Folders, which Vimeo's paths call projects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::types;

use super::collection::{Collection, folder_fields};
use super::error::{Failed, ToolError};
use super::outputs::{Ack, Video, video_fields, word};
use super::paging::{given, list, list_input};
use super::showcases::find_by_name;
use super::untrusted::quoted;
use super::videos::read;
use super::{
    Context, Cost, Detail, Disclosure, Effect, FolderId, KnownValue, Listing, Spec, Tool, Toolset, UserId,
    VideoId,
};

/// Arguments of [`FolderCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderCreateInput {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Folder to create it in: its uri or number.
    #[schemars(extend("x-listed" = true))]
    #[schemars(with = "Option<String>")]
    pub parent_folder_uri: Option<FolderId>,
}

/// `vimeo_folder_create`
#[derive(Debug)]
pub struct FolderCreate;

impl Tool for FolderCreate {
    type Input = FolderCreateInput;
    type Output = Collection;
    const SPEC: Spec = Spec {
        name: "vimeo_folder_create",
        title: "Create a folder",
        description: "Creates an empty folder in the library; each call makes another. To show videos to \
                      people use vimeo_showcase_create.",
        scopes: &["create"],
        effect: Effect::Add,
        discloses: None,
        toolset: Toolset::Library,
        cost: Cost::One,
        check: "It may exist now: look for its name with vimeo_folders_list before you create it again.",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        if input.name.trim().is_empty() {
            return Err(Box::new(ToolError::input("name", "A folder needs a name.", "Give a name.")));
        }
        let mut body = types::CreateFolderBody::new(&input.name);
        if let Some(parent) = input.parent_folder_uri {
            body = body.parent_folder_uri(uri(context, &Self::SPEC, parent).await?);
        }
        let call = context.api().folders().create_my_folder(body).fields(folder_fields(Some(Detail::Full)));
        let created = context.send(&Self::SPEC, call.into_call()).await;
        let check = |error: Failed| find_by_name(error, "vimeo_folders_list", &input.name);
        Ok(created.map_err(check)?.into_inner().into())
    }
}

/// The URI of a folder, which names its owner.
async fn uri(context: &Context, spec: &Spec, folder: FolderId) -> Result<String, Failed> {
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
        required {}
        optional {
            /// Words to find.
            pub query: String,
            /// Order of the list.
            pub sort: KnownValue<types::FolderSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_folders_list`
#[derive(Debug)]
pub struct FoldersList;

impl Tool for FoldersList {
    type Input = FoldersListInput;
    type Output = Listing<Collection>;
    const SPEC: Spec = read(
        "vimeo_folders_list",
        "List my folders",
        "Lists the folders of the account's library, those inside others too.",
        &["private"],
        Toolset::Library,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().folders().list_my_folders().into_call();
        let call = given(call, "query", &input.query);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, folder_fields(input.detail), Collection::from).await
    }
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

/// `vimeo_folder_video_add`
#[derive(Debug)]
pub struct FolderVideoAdd;

impl Tool for FolderVideoAdd {
    type Input = FolderVideoAddInput;
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_folder_video_add",
        title: "Move a video into a folder",
        description: "Moves one own video into a folder; it leaves the folder that it was in. May need consent.",
        scopes: &["interact"],
        effect: Effect::Overwrite,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Library,
        cost: Cost::Two,
        check: "",
    };

    async fn disclosure(context: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        let (folders, id) = (context.api().folders(), input.folder_id.number());
        let look = match input.folder_id.owner() {
            Some(owner) => folders.get_user_folder(owner, id).into_call(),
            None => folders.get_my_folder(id).into_call(),
        };
        let found = context.send(&Self::SPEC, look.fields("name,privacy.view")).await?.into_inner();
        let view = found.privacy.and_then(|privacy| privacy.view);
        if view == Some(types::FolderViewPrivacy::Nobody) {
            return Ok(None);
        }
        let (video, title) =
            (input.video_id.number(), quoted(found.name.as_deref().unwrap_or_default(), 120));
        let privacy = view.as_ref().map_or_else(|| "not known".to_owned(), word);
        Ok(Some(format!("move video {video} into folder {id} {title}, whose privacy is {privacy}")))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (folder, video) = (&input.folder_id, &input.video_id);
        let folders = context.api().folders();
        let call = match folder.owner() {
            Some(owner) => folders.add_user_folder_video(owner, folder.number(), video).into_call(),
            None => folders.add_my_folder_video(folder.number(), video).into_call(),
        };
        context.send(&Self::SPEC, call).await?;
        Ok(Ack::new("The video is in the folder.", video))
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
        optional {
            /// Words to find.
            pub query: String,
            /// Whether videos of folders inside count too.
            pub include_subfolders: bool,
            /// Order of the list.
            pub sort: KnownValue<types::FolderItemSort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// `vimeo_folder_videos_list`
#[derive(Debug)]
pub struct FolderVideosList;

impl Tool for FolderVideosList {
    type Input = FolderVideosListInput;
    type Output = Listing<Video>;
    const SPEC: Spec = read(
        "vimeo_folder_videos_list",
        "List a folder's videos",
        "Lists the videos in one folder, own or not.",
        &["private"],
        Toolset::Library,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let (folders, folder) = (context.api().folders(), &input.folder_id);
        let call = match folder.owner() {
            Some(owner) => folders.list_user_folder_videos(owner, folder.number()).into_call(),
            None => folders.list_my_folder_videos(folder.number()).into_call(),
        };
        let call = given(call, "query", &input.query);
        let call = given(call, "include_subfolders", &input.include_subfolders);
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, video_fields(input.detail), Video::in_detail(input.detail))
            .await
    }
}
