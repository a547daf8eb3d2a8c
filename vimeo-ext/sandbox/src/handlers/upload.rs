//! Starting uploads: new videos and new versions.

use http::StatusCode;

use super::folders::find_by_uri;
use super::videos::Edits;
use crate::call::{Answer, Call, Outcome};
use crate::config::QuotaUnit;
use crate::protocol::error::{
    ApiError, DISK_QUOTA, EMPTY_PARAMETER, InvalidField, PERIODIC_QUOTA, STREAMING_CLOSED,
};
use crate::protocol::input::Input;
use crate::synth::shapes::{version, video};
use crate::world::NewSource;

pub(crate) fn create_video(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let mut input = call.input()?;
    let edits = Edits::read(&mut input, false);
    let source = source(&mut input)?;
    let folder = input.string("folder_uri").map(|uri| find_by_uri(call, owner, &uri)).transpose()?;
    let file_name =
        input.string("file_name").or_else(|| input.string("name")).unwrap_or_else(|| "Untitled".to_owned());
    input.finish()?;
    check_quota(call, owner, &source, 1)?;
    // 200 is what the official libraries require; the API description says 201.
    let status = match source {
        NewSource::Tus { .. } if !call.state.config.create_answers_201 => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    let now = call.now;
    let id = call.state.add_video(owner, now);
    if let Some(video) = call.state.videos.get_mut(&id) {
        edits.apply(video, now);
        video.folder = folder;
    }
    if let Err(error) = call.state.add_version(id, &file_name, source, now) {
        call.state.remove_video(id, now);
        return Err(error);
    }
    call.state.emit_video("video-created", id, now);
    let created = call.state.video(Some(id)).ok_or_else(|| ApiError::not_found("video"))?;
    let body = video::video(&call.view(), created, &call.selection);
    Ok(Answer::of(status, "video", body))
}

pub(crate) fn create_version(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let file_name = match takes_name(call, &input) {
        true => input.required_string("name"),
        false => input.required_string("file_name"),
    };
    let source = source(&mut input)?;
    let video = call.own_video()?;
    let (id, owner) = (video.id, video.owner);
    input.finish()?;
    check_quota(call, owner, &source, 0)?;

    let version_id = call.state.add_version(id, &file_name, source, call.now)?;
    let video = call.video()?;
    let created = video.version(version_id).ok_or_else(|| ApiError::not_found("version"))?;
    Ok(Answer::created("video.version", version::version(&call.view(), video, created, &call.selection)))
}

/// Whether `name` stands for the missing `file_name` of a new version.
pub(crate) fn takes_name(call: &Call<'_>, input: &Input) -> bool {
    call.state.config.replace_by_name
        && call.operation.name == "create_video_version"
        && input.get("file_name").is_none()
        && input.get("name").is_some()
}

/// Reads `upload`; invalid fields are collected in `input`.
fn source(input: &mut Input) -> Result<NewSource, ApiError> {
    match input.string("upload.approach").as_deref() {
        Some("tus") => {
            if input.get("upload.size").is_none() {
                input.reject(
                    InvalidField::new("upload.size", "is required: the size in bytes")
                        .with_code(EMPTY_PARAMETER),
                );
            }
            let size = input.integer("upload.size");
            if size == Some(0) {
                input.reject(InvalidField::new(
                    "upload.size",
                    "must be at least 1: an empty file cannot be uploaded",
                ));
            }
            Ok(NewSource::Tus { size: size.unwrap_or_default() })
        }
        Some("pull") => {
            let link = input.required_string("upload.link");
            if url::Url::parse(&link).is_err() {
                input.reject(InvalidField::new("upload.link", "must be an absolute URL"));
            }
            Ok(NewSource::Pull { link })
        }
        Some("post") => {
            let (size, redirect) = (input.integer("upload.size"), input.string("upload.redirect_url"));
            if redirect.as_deref().is_some_and(|address| url::Url::parse(address).is_err()) {
                input.reject(InvalidField::new("upload.redirect_url", "must be an absolute URL"));
            }
            Ok(NewSource::Form { size, redirect })
        }
        Some("streaming") => {
            let message = "was closed; use tus";
            let field = InvalidField::new("upload.approach", message).with_code(STREAMING_CLOSED);
            Err(ApiError::invalid(vec![field]))
        }
        Some(_) => Err(ApiError::invalid_field("upload.approach", "must be one of post, pull, tus")),
        None => Err(ApiError::invalid(vec![
            InvalidField::new("upload.approach", "is required").with_code(EMPTY_PARAMETER),
        ])),
    }
}

/// Whether there is room for an upload that makes so many new videos.
fn check_quota(call: &Call<'_>, owner: u64, source: &NewSource, videos: u64) -> Result<(), ApiError> {
    let quota = call.user(owner)?.quota;
    let (more, unit) = match (quota.unit, source) {
        (QuotaUnit::VideoCount, _) => (videos, "videos"),
        (QuotaUnit::VideoSize, NewSource::Tus { size } | NewSource::Form { size: Some(size), .. }) => {
            (*size, "bytes")
        }
        (QuotaUnit::VideoSize, _) => return Ok(()),
    };
    let after = call.state.quota_used(owner, quota.unit).saturating_add(more);
    let refuse = |code: u32, what: &str, most: u64| {
        Err(ApiError::forbidden(
            Some(code),
            format!("The upload would make {after} of {most} {unit} {what}."),
        ))
    };
    if after > quota.total {
        refuse(DISK_QUOTA, "in all", quota.total)
    } else if after > quota.periodic {
        refuse(PERIODIC_QUOTA, "in this period", quota.periodic)
    } else {
        Ok(())
    }
}
