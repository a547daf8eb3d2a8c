//! Showcases and their videos.

use http::StatusCode;
use serde_json::Value;

use super::videos::{Filter, parse_video_ids, sort_videos};
use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, InvalidField, PERMISSION_DENIED};
use crate::protocol::input::Input;
use crate::synth::shapes::{showcase as shape, video as video_shape};
use crate::world::collections::Showcase;
use crate::world::video::Video;

const PRIVACY: [&str; 6] = ["anybody", "embed_only", "nobody", "password", "team", "unlisted"];
const SORTS: [&str; 13] = [
    "added_first",
    "added_last",
    "alphabetical",
    "alphabetical_desc",
    "arranged",
    "comments",
    "likes",
    "manual",
    "modified_time_asc",
    "modified_time_desc",
    "newest",
    "oldest",
    "plays",
];

fn not_found() -> ApiError {
    ApiError::not_found("showcase")
}

pub(super) fn find<'c>(call: &'c Call<'_>) -> Result<&'c Showcase, ApiError> {
    let owner = call.subject()?;
    let viewer = call.viewer();
    let id = call.params.id("album_id").ok_or_else(not_found)?;
    let found = call.state.showcases.get(&id).filter(|showcase| showcase.owner == owner);
    found.filter(|showcase| viewer == Some(owner) || showcase.privacy != "nobody").ok_or_else(not_found)
}

pub(super) fn find_own<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Showcase, ApiError> {
    call.own_subject()?;
    let id = find(call)?.id;
    call.state.showcases.get_mut(&id).ok_or_else(not_found)
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let owner = call.subject()?;
    let own = call.viewer() == Some(owner);
    let query = call.request.query.get("query").unwrap_or_default().to_lowercase();
    let sort = call.query_enum("sort", &["alphabetical", "date", "duration", "videos"], "date")?;
    let descending = call.descending(sort != "alphabetical")?;
    let matches = |showcase: &&Showcase| {
        showcase.owner == owner
            && (own || showcase.privacy == "anybody")
            && showcase.name.to_lowercase().contains(&query)
    };
    let mut found: Vec<&Showcase> = call.state.showcases.values().filter(matches).collect();
    match sort.as_str() {
        "alphabetical" => found.sort_by_key(|showcase| showcase.name.to_lowercase()),
        "videos" => found.sort_by_key(|showcase| showcase.videos.len()),
        _ => {}
    }
    if descending {
        found.reverse();
    }
    call.page("album", &found, |view, showcase, selection| shape::showcase(view, showcase, selection))
}

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let mut input = call.input()?;
    let name = input.required_string("name");
    let edits = Edits::read(&mut input);
    input.finish()?;
    let (id, resource_key, created) = (call.state.ids.id(), call.state.ids.hex(40), call.now);
    let mut showcase = Showcase {
        id,
        owner,
        name,
        description: None,
        privacy: "anybody".to_owned(),
        password: None,
        brand_color: None,
        layout: "grid".to_owned(),
        theme: "standard".to_owned(),
        sort: "newest".to_owned(),
        hide_nav: false,
        hide_upcoming: false,
        hide_from_vimeo: false,
        review_mode: false,
        videos: Vec::new(),
        thumbnail: None,
        featured: None,
        created,
        modified: created,
        resource_key,
    };
    edits.apply(&mut showcase);
    call.state.showcases.insert(id, showcase);
    call.params.put("album_id", id);
    let mut answer = get(call)?;
    answer.status = StatusCode::CREATED;
    Ok(answer)
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let found = find(call)?;
    Ok(Answer::ok("album", shape::showcase(&call.view(), found, &call.selection)))
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let edits = Edits::read(&mut input);
    let now = call.now;
    let showcase = find_own(call)?;
    input.finish()?;
    edits.apply(showcase);
    showcase.modified = now;
    get(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = find_own(call)?.id;
    call.state.showcases.remove(&id);
    Ok(Answer::no_content())
}

// Videos.

pub(crate) fn videos(call: &mut Call<'_>) -> Outcome {
    let viewer = call.viewer();
    let filter = Filter::read(call)?;
    let showcase = find(call)?;
    let closed = showcase.privacy == "password" && viewer != Some(showcase.owner);
    if closed && call.request.query.get("password") != showcase.password.as_deref() {
        return Err(not_found());
    }
    let sorts = [
        "alphabetical",
        "comments",
        "date",
        "default",
        "duration",
        "likes",
        "manual",
        "modified_time",
        "plays",
    ];
    let sort = call.query_enum("sort", &sorts, "default")?;
    let descending = call.descending(!matches!(sort.as_str(), "alphabetical" | "default" | "manual"))?;
    let known = showcase.videos.iter().filter_map(|id| call.state.videos.get(id));
    let mut found: Vec<&Video> =
        known.filter(|video| video.visible_to(viewer) && filter.matches(video)).collect();
    match sort.as_str() {
        "default" | "manual" if descending => found.reverse(),
        "default" | "manual" => {}
        sort => sort_videos(call.state, &mut found, sort, descending),
    }
    call.page("video", &found, |view, video, selection| video_shape::video(view, video, selection))
}

pub(crate) fn video(call: &mut Call<'_>) -> Outcome {
    let video = call.video()?;
    if !find(call)?.videos.contains(&video.id) {
        return Err(ApiError::not_found("video in the showcase"));
    }
    Ok(Answer::ok("video", video_shape::video(&call.view(), video, &call.selection)))
}

pub(crate) fn add_video(call: &mut Call<'_>) -> Outcome {
    let video = own_video(call, call.params.id("video_id"))?;
    let now = call.now;
    let showcase = find_own(call)?;
    if !showcase.videos.contains(&video) {
        showcase.videos.push(video);
    }
    showcase.modified = now;
    Ok(Answer::no_content())
}

pub(crate) fn remove_video(call: &mut Call<'_>) -> Outcome {
    let (id, now) = (call.params.id("video_id"), call.now);
    let showcase = find_own(call)?;
    let index = showcase.videos.iter().position(|video| Some(*video) == id);
    let index = index.ok_or_else(|| ApiError::not_found("video in the showcase"))?;
    showcase.videos.remove(index);
    showcase.modified = now;
    Ok(Answer::no_content())
}

/// Replaces all videos of the showcase.
pub(crate) fn replace_videos(call: &mut Call<'_>) -> Outcome {
    let input = call.input()?;
    let uris = input.get("videos").and_then(Value::as_str).unwrap_or_default().to_owned();
    if uris.is_empty() {
        return Err(ApiError::invalid(vec![
            InvalidField::new("videos", "is required").with_code(EMPTY_PARAMETER),
        ]));
    }
    let ids = parse_video_ids(&uris)
        .into_iter()
        .map(|id| own_video(call, Some(id)))
        .collect::<Result<Vec<u64>, _>>()?;
    let now = call.now;
    let showcase = find_own(call)?;
    showcase.videos = ids;
    showcase.modified = now;
    let mut answer = get(call)?;
    answer.status = StatusCode::CREATED;
    Ok(answer)
}

fn own_video(call: &Call<'_>, id: Option<u64>) -> Result<u64, ApiError> {
    let me = call.me()?;
    let video = call.state.video(id).ok_or_else(|| ApiError::not_found("video"))?;
    if video.owner == me {
        Ok(video.id)
    } else {
        Err(ApiError::forbidden(Some(PERMISSION_DENIED), "The video belongs to another user."))
    }
}

/// The fields of a showcase that a request sets.
struct Edits {
    name: Option<String>,
    description: Option<String>,
    privacy: Option<String>,
    password: Option<String>,
    brand_color: Option<String>,
    layout: Option<String>,
    theme: Option<String>,
    sort: Option<String>,
    hide_nav: Option<bool>,
    hide_upcoming: Option<bool>,
    hide_from_vimeo: Option<bool>,
    review_mode: Option<bool>,
}

impl Edits {
    fn read(input: &mut Input) -> Self {
        let privacy = input.enum_value("privacy", &PRIVACY);
        let password = input.edited_password();
        if privacy.as_deref() == Some("password") && password.is_none() {
            input.reject(
                InvalidField::new("password", "is required when privacy is password")
                    .with_code(EMPTY_PARAMETER),
            );
        }
        Self {
            name: input.string("name"),
            description: input.string("description"),
            privacy,
            password,
            brand_color: input.string("brand_color"),
            layout: input.enum_value("layout", &["grid", "player"]),
            theme: input.enum_value("theme", &["dark", "standard"]),
            sort: input.enum_value("sort", &SORTS),
            hide_nav: input.boolean("hide_nav"),
            hide_upcoming: input.boolean("hide_upcoming"),
            hide_from_vimeo: input.boolean("hide_from_vimeo"),
            review_mode: input.boolean("review_mode"),
        }
    }

    fn apply(self, showcase: &mut Showcase) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut showcase.name, self.name);
        set(&mut showcase.privacy, self.privacy);
        set(&mut showcase.layout, self.layout);
        set(&mut showcase.theme, self.theme);
        set(&mut showcase.sort, self.sort);
        set(&mut showcase.hide_nav, self.hide_nav);
        set(&mut showcase.hide_upcoming, self.hide_upcoming);
        set(&mut showcase.hide_from_vimeo, self.hide_from_vimeo);
        set(&mut showcase.review_mode, self.review_mode);
        set(&mut showcase.description, self.description.map(Some));
        set(&mut showcase.password, self.password.map(Some));
        set(&mut showcase.brand_color, self.brand_color.map(Some));
    }
}
