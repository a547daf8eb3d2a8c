//! `vimeo videos`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use vimeo_ext::api::types::{self, CommentPrivacy, EmbedPrivacy, VideoViewPrivacy};

use super::args::{DeleteArgs, ItemArgs, item};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::{Table, known_fields};
use crate::resource::{CellFormat, Resource, column};
use crate::video_pages::Site;
use crate::{confirm, ids};

pub(crate) const VIDEOS: Resource = Resource {
    noun: "videos",
    columns: &[
        column("uri", "uri", CellFormat::Text),
        column("name", "name", CellFormat::Text),
        column("length", "duration", CellFormat::Duration),
        column("privacy", "privacy.view", CellFormat::Text),
        column("status", "status", CellFormat::Text),
        column("created", "created_time", CellFormat::Time),
    ],
    field_names: known_fields::<types::Video>,
};

/// Manage videos
#[derive(Debug, Args)]
pub(crate) struct VideosArgs {
    #[command(subcommand)]
    command: VideosCommand,
}

#[derive(Debug, Subcommand)]
enum VideosCommand {
    List(ListArgs),
    /// Show a video
    #[command(after_help = "Scope: public; private for videos that only you can see.\n\nExamples:\n  \
        $ vimeo videos show 76979871\n  \
        $ vimeo videos show https://vimeo.com/76979871 --json=name,privacy.view")]
    #[command(mut_arg("id", item("VIDEO", "Video")))]
    Show(ItemArgs),
    Edit(EditArgs),
    /// Delete a video permanently
    #[command(after_help = "Scope: delete. Prompts for the title unless --yes is given.\n\nExamples:\n  \
        $ vimeo videos delete 76979871 --yes")]
    #[command(mut_arg("id", item("VIDEO", "Video")))]
    Delete(DeleteArgs),
    Search(SearchArgs),
    /// Print the links of a video: page, player, review page and files
    #[command(
        after_help = "Scope: public; video_files for file links.\n\nExamples:\n  $ vimeo videos links 76979871"
    )]
    #[command(mut_arg("id", item("VIDEO", "Video")))]
    Links(ItemArgs),
}

/// List your videos, newest first by default
#[derive(Debug, Args)]
#[command(after_help = "Scope: private.\n\nExamples:\n  \
    $ vimeo videos list --limit 5\n  \
    $ vimeo videos list --json=uri,name,duration --jq 'map(.duration) | add'")]
pub(crate) struct ListArgs {
    /// Maximum number of videos
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u64,
    /// Only videos that match these words
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Sort by date, alphabetical, plays, likes, comments, duration or modified_time
    #[arg(long, value_name = "ORDER", default_value = "date")]
    sort: String,
    /// Sort direction: asc or desc
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<String>,
}

/// Edit a video; omitted settings stay unchanged
#[derive(Debug, Args)]
#[command(after_help = "Scope: edit.\n\nExamples:\n  \
    $ vimeo videos edit 76979871 --name 'Surf, second cut' --privacy unlisted")]
pub(crate) struct EditArgs {
    /// Video ID, URI or link
    video: String,
    /// Title
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,
    /// Description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who can see it: anybody, nobody, unlisted, disable, contacts, users
    #[arg(long, value_name = "PRIVACY")]
    privacy: Option<VideoViewPrivacy>,
    /// Where it can be embedded: public, private, whitelist
    #[arg(long, value_name = "WHERE")]
    embed: Option<EmbedPrivacy>,
    /// Who can comment: anybody, contacts, nobody
    #[arg(long, value_name = "WHO")]
    comments: Option<CommentPrivacy>,
    /// Whether it can be downloaded
    #[arg(long, value_name = "BOOL")]
    download: Option<bool>,
}

/// Search all public videos
#[derive(Debug, Args)]
#[command(after_help = "Scope: public.\n\nExamples:\n  $ vimeo videos search surf --limit 3")]
pub(crate) struct SearchArgs {
    /// Search text
    words: String,
    /// Maximum number of videos
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u64,
}

pub(crate) async fn run(context: &Context<'_>, args: VideosArgs) -> Result<ExitCode> {
    match args.command {
        VideosCommand::List(args) => {
            VIDEOS.requested_fields(context)?;
            let mut call = context.vimeo().await?.get("/me/videos").query("sort", &args.sort);
            for (name, value) in [("query", args.query), ("direction", args.direction)] {
                if let Some(value) = value {
                    call = call.query(name, value);
                }
            }
            VIDEOS.list(context, call, args.limit).await
        }
        VideosCommand::Show(args) => {
            let path = ids::video(&args.id)?;
            VIDEOS.show(context, context.vimeo().await?.get(&path)).await
        }
        VideosCommand::Edit(args) => edit(context, args).await,
        VideosCommand::Delete(args) => {
            let path = ids::video(&args.item.id)?;
            confirm::delete(context, &path, args.yes).await?;
            context.streams.note(&format!("deleted {path}"));
            Ok(ExitCode::Done)
        }
        VideosCommand::Search(args) => {
            VIDEOS.requested_fields(context)?;
            let call = context.vimeo().await?.get("/videos").query("query", &args.words);
            VIDEOS.list(context, call, args.limit).await
        }
        VideosCommand::Links(args) => links(context, &args.id).await,
    }
}

async fn edit(context: &Context<'_>, args: EditArgs) -> Result<ExitCode> {
    let path = ids::video(&args.video)?;
    let mut body = Map::new();
    for (name, value) in [("name", args.name), ("description", args.description)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.into());
        }
    }
    let mut privacy = Map::new();
    for (name, value) in [
        ("view", args.privacy.as_ref().map(VideoViewPrivacy::as_str)),
        ("embed", args.embed.as_ref().map(EmbedPrivacy::as_str)),
        ("comments", args.comments.as_ref().map(CommentPrivacy::as_str)),
    ] {
        if let Some(value) = value {
            privacy.insert(name.to_owned(), value.into());
        }
    }
    if let Some(download) = args.download {
        privacy.insert("download".to_owned(), download.into());
    }
    if !privacy.is_empty() {
        body.insert("privacy".to_owned(), privacy.into());
    }
    if body.is_empty() {
        return Err(CliError::usage("nothing to change: name at least one setting")
            .with_next_step("vimeo videos edit --help"));
    }
    context.check_write_allowed("editing a video")?;
    let call = context.vimeo().await?.patch(&path).json(&Value::Object(body));
    VIDEOS.send_and_show(context, call).await
}

async fn links(context: &Context<'_>, video: &str) -> Result<ExitCode> {
    let path = ids::video(video)?;
    let fields = "uri,link,player_embed_url,review_page.link,files.link,files.rendition";
    let video = context.vimeo().await?.get(&path).fields(fields).send().await?;
    let text = |pointer: &str| video.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut links: Vec<(String, String)> = [
        ("page", text("/link")),
        ("player", text("/player_embed_url")),
        ("review", text("/review_page/link")),
    ]
    .into_iter()
    .filter_map(|(name, link)| Some((name.to_owned(), link?)))
    .collect();
    for file in video.get("files").and_then(Value::as_array).into_iter().flatten() {
        if let Some(link) = file.get("link").and_then(Value::as_str) {
            let rendition = file.get("rendition").and_then(Value::as_str).unwrap_or("file");
            links.push((rendition.to_owned(), link.to_owned()));
        }
    }
    let site = context.site().await?;
    let page = site.video(text("/uri").as_deref(), text("/link").as_deref());
    if context.wants_json() {
        let mut list: Vec<Value> =
            links.iter().map(|(name, link)| json!({"name": name, "link": link})).collect();
        if let (Site::Sandbox(_), Some(page)) = (site, page) {
            let row = list.iter_mut().find(|row| row.get("name").is_some_and(|name| name == "page"));
            if let Some(members) = row.and_then(Value::as_object_mut) {
                members.insert("page".to_owned(), page.into());
            }
        }
        context.print_json(&list).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["name", "link"]);
    for (name, link) in links {
        match (&*name, site) {
            ("page", _) => table.row([name, page.clone().unwrap_or_default()]),
            _ => table.row([name, link]),
        }
    }
    table.print(context.streams)?;
    if site.is_sandbox() {
        context.streams.flush()?;
        context.streams.hint("links to vimeo.com do not lead to videos of a sandbox");
    }
    Ok(ExitCode::Done)
}
