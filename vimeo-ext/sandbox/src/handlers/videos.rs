//! Videos: list, search, get, edit, delete.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::{ApiError, EMPTY_PARAMETER, PERMISSION_DENIED};
use crate::protocol::input::Input;
use crate::protocol::query::Query;
use crate::synth::shapes::video as shape;
use crate::world::State;
use crate::world::video::{Tag, Video};

/// The values of `privacy.view`.
const VIEW: [&str; 8] = ["anybody", "contacts", "disable", "nobody", "password", "team", "unlisted", "users"];
const EMBED: [&str; 3] = ["private", "public", "whitelist"];
const COMMENTS: [&str; 3] = ["anybody", "contacts", "nobody"];
const LICENSES: [&str; 7] = ["by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0"];
const RATINGS: [&str; 7] = ["advertisement", "drugs", "language", "nudity", "safe", "unrated", "violence"];
/// The maximum length of a description, in characters.
const MAX_DESCRIPTION: usize = 5000;

/// The sort orders of a user's videos.
const USER_SORTS: [&str; 8] = [
    "alphabetical",
    "date",
    "default",
    "duration",
    "last_user_action_event_date",
    "likes",
    "modified_time",
    "plays",
];

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let owner = call.subject()?;
    let viewer = call.viewer();
    let sort = call.query_enum("sort", &USER_SORTS, "default")?;
    let descending = call.descending(descends_by_default(&sort))?;
    let filter = Filter::read(call)?;
    let mut found: Vec<&Video> = call
        .state
        .videos
        .values()
        .filter(|video| video.owner == owner && video.listed_for(viewer) && filter.matches(video))
        .collect();
    sort_videos(call.state, &mut found, &sort, descending);
    let changed = call.user(owner)?.videos_changed;
    let modified = found.iter().map(|video| video.modified).fold(changed, DateTime::<Utc>::max);
    let answer = call.page("video", &found, |view, video, selection| shape::video(view, video, selection))?;
    Ok(answer.modified(modified))
}

pub(crate) fn search(call: &mut Call<'_>) -> Outcome {
    let sorts = ["alphabetical", "comments", "date", "duration", "likes", "plays", "relevant"];
    let sort = call.query_enum("sort", &sorts, "relevant")?;
    let descending = call.descending(descends_by_default(&sort))?;
    let filter = Filter::read(call)?;
    let uris: Option<Vec<u64>> = call.request.query.get("uris").map(parse_video_ids);
    let links: Option<Vec<&str>> = call.request.query.get("links").map(|links| links.split(',').collect());
    let mut found: Vec<&Video> = call
        .state
        .videos
        .values()
        .filter(|video| video.listed_for(None) && video.is_playable() && filter.matches(video))
        .filter(|video| uris.as_ref().is_none_or(|ids| ids.contains(&video.id)))
        .filter(|video| {
            let link = format!("https://vimeo.com/{}", video.id);
            links.as_ref().is_none_or(|links| links.contains(&link.as_str()))
        })
        .collect();
    sort_videos(call.state, &mut found, &sort, descending);
    call.page("video", &found, |view, video, selection| shape::video(view, video, selection))
}

pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let id = call.video()?.id;
    call.state.read_video(id, call.now);
    answer(call)
}

/// Returns the video if it belongs to the user; 404 otherwise.
pub(crate) fn owned(call: &mut Call<'_>) -> Outcome {
    let owner = call.subject()?;
    if call.video()?.owner != owner {
        return Err(ApiError::not_found("video of this user"));
    }
    answer(call)
}

pub(crate) fn edit(call: &mut Call<'_>) -> Outcome {
    let mut input = call.input()?;
    let edits = Edits::read(&mut input, true);
    let now = call.now;
    let video = call.own_video()?;
    if !edits.allows_domains(video) {
        return Err(ApiError::bad_request(2518, "Domains can be set only if privacy.embed is whitelist."));
    }
    input.finish()?;
    edits.apply(video, now);
    let id = video.id;
    call.state.emit_video("video-updated", id, now);
    answer(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = call.own_video()?.id;
    call.state.remove_video(id, call.now);
    Ok(Answer::no_content())
}

/// Deletes the videos in `uris`, all or none.
pub(crate) fn delete_many(call: &mut Call<'_>) -> Outcome {
    let owner = call.own_subject()?;
    let ids = parse_video_ids(call.request.query.get("uris").unwrap_or_default());
    if ids.is_empty() {
        return Err(ApiError::invalid_field("uris", "must be a comma-separated list of video URIs"));
    }
    for id in &ids {
        let video = call.state.videos.get(id).ok_or_else(|| ApiError::not_found("video"))?;
        if video.owner != owner {
            return Err(ApiError::bad_request(
                PERMISSION_DENIED,
                format!("/videos/{id} belongs to another user."),
            ));
        }
    }
    for id in ids {
        call.state.remove_video(id, call.now);
    }
    Ok(Answer::no_content())
}

fn answer(call: &Call<'_>) -> Outcome {
    let video = call.video()?;
    Ok(Answer::ok("video", shape::video(&call.view(), video, &call.selection)))
}

/// Parses the IDs in a list of video URIs.
pub(crate) fn parse_video_ids(uris: &str) -> Vec<u64> {
    uris.split(',').filter_map(|uri| uri.trim().trim_start_matches("/videos/").parse().ok()).collect()
}

// Lists.

/// Whether a sort order is descending by default.
fn descends_by_default(sort: &str) -> bool {
    sort != "alphabetical"
}

/// Sorts videos; ties keep the order of creation.
pub(crate) fn sort_videos(state: &State, videos: &mut [&Video], sort: &str, descending: bool) {
    let by = |a: &&Video, b: &&Video| -> Ordering {
        match sort {
            "alphabetical" | "name" => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
            "duration" => a.duration.cmp(&b.duration),
            "plays" => a.plays.cmp(&b.plays),
            "likes" => state.likes.count_by(a.id).cmp(&state.likes.count_by(b.id)),
            "comments" => a.comments.len().cmp(&b.comments.len()),
            "modified_time" | "last_user_action_event_date" => a.modified.cmp(&b.modified),
            _ => a.created.cmp(&b.created),
        }
        .then_with(|| a.id.cmp(&b.id))
    };
    videos.sort_by(by);
    if descending {
        videos.reverse();
    }
}

/// The filters of a video list.
pub(crate) struct Filter {
    query: String,
    in_title: bool,
    in_description: bool,
    in_tags: bool,
    playable: Option<bool>,
    embeddable: Option<bool>,
    any_tag: Vec<String>,
    all_tags: Vec<String>,
    no_tag: Vec<String>,
    /// Set by filters for videos that the sandbox does not have, such as live videos.
    matches_nothing: bool,
}

impl Filter {
    pub(crate) fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let query = &call.request.query;
        let fields = query.get("query_fields").unwrap_or("title,description,chapters,tags");
        let searches = |name: &str| fields.split(',').any(|field| field.trim() == name);
        let mut filter = Self {
            query: query.get("query").unwrap_or_default().to_lowercase(),
            in_title: searches("title"),
            in_description: searches("description"),
            in_tags: searches("tags"),
            playable: call.query_bool("filter_playable")?,
            embeddable: call.query_bool("filter_embeddable")?,
            any_tag: tags(query, "filter_tag"),
            all_tags: tags(query, "filter_tag_all_of"),
            no_tag: tags(query, "filter_tag_exclude"),
            matches_nothing: call.query_bool("filter_screen_recorded")? == Some(true),
        };
        match query.get("filter") {
            Some("playable") => filter.playable = Some(filter.playable.unwrap_or(true)),
            Some("embeddable") => filter.embeddable = Some(filter.embeddable.unwrap_or(true)),
            Some("live" | "screen_recorded" | "app_only" | "featured") => filter.matches_nothing = true,
            _ => {}
        }
        Ok(filter)
    }

    pub(crate) fn matches(&self, video: &Video) -> bool {
        let has = |words: &[String]| words.iter().filter(|word| video.has_tag(word)).count();
        !self.matches_nothing
            && self.matches_query(video)
            && self.playable.is_none_or(|playable| video.is_playable() == playable)
            && self.embeddable.is_none_or(|embeddable| (video.privacy.embed != "private") == embeddable)
            && (self.any_tag.is_empty() || has(&self.any_tag) > 0)
            && has(&self.all_tags) == self.all_tags.len()
            && has(&self.no_tag) == 0
    }

    fn matches_query(&self, video: &Video) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(&self.query);
        self.query.is_empty()
            || (self.in_title && holds(&video.name))
            || (self.in_description && video.description.as_deref().is_some_and(holds))
            || (self.in_tags && video.tags.iter().any(|tag| holds(&tag.name)))
    }
}

fn tags(query: &Query, name: &str) -> Vec<String> {
    let names = query.get(name).unwrap_or_default().split(',');
    names.filter_map(Tag::new).map(|tag| tag.canonical).collect()
}

// Edits.

/// The fields of a video that a request sets, at creation or later.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    name: Option<String>,
    description: Option<Option<String>>,
    privacy: PrivacyEdits,
    password: Option<String>,
    license: Option<Option<String>>,
    locale: Option<String>,
    content_rating: Option<Vec<String>>,
    embed: Option<Map<String, Value>>,
    domains: Option<Vec<String>>,
    domains_add: Vec<String>,
    domains_delete: Vec<String>,
    hide_from_vimeo: Option<bool>,
    review_active: Option<bool>,
    spatial: Option<Map<String, Value>>,
    custom_url: Option<String>,
}

#[derive(Debug, Default)]
struct PrivacyEdits {
    view: Option<String>,
    embed: Option<String>,
    download: Option<bool>,
    add: Option<bool>,
    comments: Option<String>,
}

impl Edits {
    /// Reads the edits; invalid fields are collected in `input`.
    pub(crate) fn read(input: &mut Input, is_edit: bool) -> Self {
        if input
            .get("description")
            .and_then(Value::as_str)
            .is_some_and(|text| text.chars().count() > MAX_DESCRIPTION)
        {
            let message = format!("must have at most {MAX_DESCRIPTION} characters");
            input.reject(crate::protocol::error::InvalidField::new("description", message));
        }
        let view = input.enum_value("privacy.view", &VIEW);
        let password = if is_edit { input.edited_password() } else { input.string("password") };
        if view.as_deref() == Some("password") && password.is_none() {
            let missing = crate::protocol::error::InvalidField::new(
                "password",
                "is required when privacy.view is password",
            );
            input.reject(missing.with_code(EMPTY_PARAMETER));
        }
        let content_rating = input.strings("content_rating");
        if let Some(unknown) = content_rating.iter().flatten().find(|word| !RATINGS.contains(&word.as_str()))
        {
            let message = format!("\"{unknown}\" must be one of {}", RATINGS.join(", "));
            input.reject(crate::protocol::error::InvalidField::new("content_rating", message));
        }
        Self {
            name: input.string("name"),
            // Null removes a description or a license.
            description: input.has("description").then(|| input.string("description")),
            privacy: PrivacyEdits {
                view,
                embed: input.enum_value("privacy.embed", &EMBED),
                download: input.boolean("privacy.download"),
                add: input.boolean("privacy.add"),
                comments: input.enum_value("privacy.comments", &COMMENTS),
            },
            password,
            license: input.has("license").then(|| input.enum_value("license", &LICENSES)),
            locale: input.string("locale"),
            content_rating,
            embed: input.object("embed"),
            domains: input.strings("embed_domains"),
            domains_add: input.strings("embed_domains_add").unwrap_or_default(),
            domains_delete: input.strings("embed_domains_delete").unwrap_or_default(),
            hide_from_vimeo: input.boolean("hide_from_vimeo"),
            review_active: input.boolean("review_page.active"),
            spatial: input.object("spatial"),
            custom_url: input.string("custom_url"),
        }
    }

    /// Domains can be set only for a video whose `privacy.embed` is `whitelist`.
    pub(crate) fn allows_domains(&self, video: &Video) -> bool {
        let sets_domains =
            self.domains.is_some() || !self.domains_add.is_empty() || !self.domains_delete.is_empty();
        !sets_domains || self.privacy.embed.as_deref().unwrap_or(&video.privacy.embed) == "whitelist"
    }

    pub(crate) fn apply(self, video: &mut Video, now: DateTime<Utc>) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut video.name, self.name);
        set(&mut video.description, self.description);
        set(&mut video.privacy.view, self.privacy.view);
        set(&mut video.privacy.embed, self.privacy.embed);
        set(&mut video.privacy.download, self.privacy.download);
        set(&mut video.privacy.add, self.privacy.add);
        set(&mut video.privacy.comments, self.privacy.comments);
        set(&mut video.license, self.license);
        set(&mut video.content_rating, self.content_rating);
        set(&mut video.hide_from_vimeo, self.hide_from_vimeo);
        set(&mut video.review_active, self.review_active);
        if self.password.is_some() {
            video.privacy.password = self.password;
        }
        if self.locale.is_some() {
            video.locale = self.locale;
        }
        if self.custom_url.is_some() {
            video.custom_url = self.custom_url;
        }
        if let Some(spatial) = self.spatial {
            video.spatial = Some(Value::Object(spatial));
        }
        if let Some(embed) = self.embed {
            crate::synth::shapes::metadata::overlay(&mut video.embed, &embed);
        }
        if let Some(domains) = self.domains {
            video.embed_domains = domains.into_iter().collect();
        }
        video.embed_domains.extend(self.domains_add);
        for domain in self.domains_delete {
            video.embed_domains.remove(&domain);
        }
        video.touch(now);
    }
}
