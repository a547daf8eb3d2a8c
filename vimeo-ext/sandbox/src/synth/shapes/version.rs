//! Versions of videos.

use serde_json::{Value, json};

use super::{auth, metadata, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::protocol::html::escape;
use crate::protocol::links::Target;
use crate::world::video::{Source, Stage, Version, Video};

/// Renders a version of a video.
pub(crate) fn version(
    view: &ResponseView<'_>,
    video: &Video,
    version: &Version,
    selection: &Selection,
) -> Value {
    let upload_here = version.source.upload().filter(|_| version.uploaded.is_some());
    let size = upload_here.map_or(Value::Null, |upload| upload.size().into());
    let duration = if version.transcode == Stage::Complete { video.duration.into() } else { Value::Null };
    Object::new(selection)
        .put("uri", uri(video, version))
        .put("filename", version.file_name.as_str())
        .put("description", version.description.clone())
        .put("filesize", size)
        .put("upload_date", version.uploaded.map_or(Value::Null, time))
        .put("duration", duration)
        .put("active", version.active)
        .with("user", |selection| {
            view.state.users.get(&video.owner).map_or(Value::Null, |owner| user::user(view, owner, selection))
        })
        .with("app", |_| auth::app(view))
        .put("created_time", time(version.created))
        .put("modified_time", time(version.modified))
        .with("metadata", |_| {
            let video = metadata::list(&format!("/videos/{}", video.id), &["GET", "DELETE"], 1);
            json!({"connections": {"video": video}})
        })
        .with("transcode", |_| transcode(version))
        .with("upload", |_| upload(view, version))
        .with("play", |_| json!({"status": if version.transcode == Stage::Complete { "playable" } else { "unavailable" }}))
        .build()
}

pub(crate) fn uri(video: &Video, version: &Version) -> String {
    format!("/videos/{}/versions/{}", video.id, version.id)
}

/// Renders `transcode` of a version, which is also the video's.
pub(crate) fn transcode(version: &Version) -> Value {
    json!({"status": version.transcode.as_str()})
}

/// Renders `upload` of a version, which is also the video's. A finished upload shows no details.
pub(crate) fn upload(view: &ResponseView<'_>, version: &Version) -> Value {
    let mut body = json!({
        "status": version.upload.as_str(),
        "upload_link": null,
        "form": null,
        "complete_uri": null,
        "approach": null,
        "size": null,
        "redirect_url": null,
        "link": null,
    });
    let Some(members) = body.as_object_mut() else { return body };
    if let Stage::Error(Some(error)) = &version.upload {
        members.insert("error".to_owned(), error.as_str().into());
    }
    if version.upload == Stage::InProgress {
        match &version.source {
            Source::Tus(upload) => {
                let (link, _) = view.state.signed(Target::File(upload.ticket.clone()), version.created);
                members.insert("upload_link".to_owned(), format!("{}{link}", view.upload_base).into());
                members.insert("approach".to_owned(), "tus".into());
                members.insert("size".to_owned(), upload.size().into());
            }
            Source::Form(upload, redirect) => {
                let (link, _) = view.state.signed(Target::Form(upload.ticket.clone()), version.created);
                let link = format!("{}{link}", view.upload_base);
                members.insert("form".to_owned(), form(&link).into());
                members.insert("upload_link".to_owned(), link.into());
                members.insert("approach".to_owned(), "post".into());
                members.insert("redirect_url".to_owned(), redirect.clone().into());
            }
            Source::Pull(link) => {
                members.insert("approach".to_owned(), "pull".into());
                members.insert("link".to_owned(), link.as_str().into());
            }
            Source::Seeded => {}
        }
    }
    body
}

/// Returns an HTML form for the file. Vimeo's own is not recorded; the field name is the sandbox's.
fn form(link: &str) -> String {
    let link = escape(link);
    format!(
        "<form method=\"post\" action=\"{link}\" enctype=\"multipart/form-data\">\
         <input type=\"file\" name=\"file\"><input type=\"submit\" value=\"Upload\"></form>"
    )
}
