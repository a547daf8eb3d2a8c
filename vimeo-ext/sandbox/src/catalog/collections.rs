//! Collections without rules of their own: their paths, their items, and what each method does to them.

use http::Method;

/// A kind of collection.
pub(crate) struct CollectionSpec {
    /// The collection's path, which is the prefix of its items' URIs.
    pub(crate) key: &'static str,
    /// The schema of its items.
    pub(crate) item: &'static str,
    /// Members that have another name in responses than in request bodies.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// The member that contains the ID of an item without a number.
    pub(crate) id_member: Option<&'static str>,
    /// Whether there is a single item instead of a list.
    pub(crate) single: bool,
}

const fn list(key: &'static str, item: &'static str) -> CollectionSpec {
    CollectionSpec { key, item, renamed: &[], id_member: None, single: false }
}

const fn named_list(key: &'static str, item: &'static str, id_member: &'static str) -> CollectionSpec {
    CollectionSpec { id_member: Some(id_member), ..list(key, item) }
}

const fn single(key: &'static str, item: &'static str) -> CollectionSpec {
    CollectionSpec { single: true, ..list(key, item) }
}

static COLLECTIONS: &[CollectionSpec] = &[
    list("/channels/{channel_id}/categories", "Category"),
    list("/channels/{channel_id}/privacy/users", "User"),
    list("/channels/{channel_id}/tags", "Tag"),
    list("/groups", "Group"),
    list("/groups/{group_id}/videos", "Video"),
    CollectionSpec { renamed: &[("auto_cc_lang", "auto_cc_language")], ..list("/live_events", "LiveEvent") },
    single("/live_events/{live_event_id}/audio_tracks", "LiveEventAudioTracks"),
    CollectionSpec {
        renamed: &[("auto_cc_lang", "auto_cc_language")],
        ..single("/live_events/{live_event_id}/auto_cc", "LiveEventClosedCaptions")
    },
    named_list("/live_events/{live_event_id}/composer/graphics/videos", "LiveEventVideoGraphic", "videoId"),
    list("/live_events/{live_event_id}/composer/scenes", "LiveEventScene"),
    list("/live_events/{live_event_id}/destinations", "LiveEventDestination"),
    CollectionSpec {
        renamed: &[("low_latency", "lowLatency")],
        ..single("/live_events/{live_event_id}/low_latency", "LiveEventLowLatency")
    },
    list("/live_events/{live_event_id}/ott_destinations", "OttDestination"),
    list("/live_events/{live_event_id}/pictures", "Picture"),
    named_list("/live_events/{live_event_id}/privacy/domains", "EmbedDomain", "domain"),
    list("/live_events/{live_event_id}/videos", "Video"),
    list("/ondemand/pages", "OnDemandPage"),
    list("/ondemand/pages/{ondemand_id}/backgrounds", "Picture"),
    named_list("/ondemand/pages/{ondemand_id}/genres", "OnDemandGenre", "canonical"),
    list("/ondemand/pages/{ondemand_id}/pictures", "Picture"),
    list("/ondemand/pages/{ondemand_id}/promotions", "OnDemandPromotion"),
    named_list("/ondemand/pages/{ondemand_id}/regions", "OnDemandRegion", "country_code"),
    list("/ondemand/pages/{ondemand_id}/videos", "Video"),
    list("/users/{user_id}/albums/{album_id}/custom_thumbnails", "Picture"),
    list("/users/{user_id}/albums/{album_id}/logos", "Picture"),
    list("/users/{user_id}/categories", "Category"),
    list("/users/{user_id}/customlogos", "Picture"),
    list("/users/{user_id}/groups", "Group"),
    list("/users/{user_id}/portfolios/{portfolio_id}/videos", "Video"),
    CollectionSpec { renamed: &[("embed", "settings")], ..list("/users/{user_id}/presets", "EmbedPreset") },
    list("/videos/{video_id}/animated_thumbsets", "AnimatedThumbnailSet"),
    list("/videos/{video_id}/categories", "Category"),
    list("/videos/{video_id}/chapters", "VideoChapter"),
    list("/videos/{video_id}/chapters/temporary/pictures", "Picture"),
    list("/videos/{video_id}/chapters/{chapter_id}/pictures", "Picture"),
    list("/videos/{video_id}/credits", "VideoCredit"),
    single("/videos/{video_id}/fragments", "VideoFragments"),
    list("/videos/{video_id}/presets", "EmbedPreset"),
    list("/videos/{video_id}/privacy/users", "User"),
    list("/videos/{video_id}/timelinethumbnails", "Picture"),
    list("/videos/{video_id}/versions/{version_id}/audiotracks", "AudioTrack"),
];

/// Schemas whose items are part of the state of the world.
const STATEFUL_SCHEMAS: [&str; 8] =
    ["ApiApp", "Category", "Channel", "Folder", "Group", "Showcase", "User", "Video"];

/// Returns whether the items of a schema are part of the state rather than synthesized.
pub(crate) fn is_stateful(schema: &str) -> bool {
    STATEFUL_SCHEMAS.contains(&schema)
}

/// Prefixes of paths that mean the same collection, and the canonical prefix.
const PATH_ALIASES: [(&str, &str); 6] = [
    ("/me/", "/users/{user_id}/"),
    ("/users/{user_id}/live_events", "/live_events"),
    ("/users/{user_id}/ondemand/pages", "/ondemand/pages"),
    ("/channels/{channel_id}/videos/{video_id}/", "/videos/{video_id}/"),
    ("/live_events/{live_event_id}/ott_destination/", "/live_events/{live_event_id}/ott_destinations/"),
    ("/destination/", "/live_events/{live_event_id}/destinations/"),
];

/// Returns the canonical form of a path.
pub(crate) fn normalize_path(path: &str) -> String {
    PATH_ALIASES.iter().fold(path.to_owned(), |path, (from, to)| match path.strip_prefix(from) {
        Some(rest) if from.ends_with('/') || rest.is_empty() || rest.starts_with('/') => {
            format!("{to}{rest}")
        }
        _ => path,
    })
}

/// What an operation does to a collection or an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// On a single item.
    GetSingle,
    SetSingle,
    RemoveSingle,
    List,
    Create,
    AddMany,
    ReplaceAll,
    RemoveMany,
    Get,
    Add,
    Edit,
    Remove,
}

/// What an operation does to which collection.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) collection: &'static CollectionSpec,
    pub(crate) action: Action,
}

/// Returns the collection of a described path, and what `method` does to it.
pub(super) fn find(method: &Method, path: &str) -> Option<Member> {
    let path = normalize_path(path);
    let (parent, last) = path.rsplit_once('/')?;
    let whole = COLLECTIONS.iter().find(|collection| collection.key == path);
    let item = COLLECTIONS.iter().find(|collection| collection.key == parent && last.starts_with('{'));
    let (collection, action) = match (whole, item, method.as_str()) {
        (Some(collection), _, "GET") if collection.single => (collection, Action::GetSingle),
        (Some(collection), _, "PATCH" | "PUT") if collection.single => (collection, Action::SetSingle),
        (Some(collection), _, "DELETE") if collection.single => (collection, Action::RemoveSingle),
        // Which live events the request deletes is unknown.
        (Some(collection), _, "DELETE") if collection.item == "LiveEvent" => return None,
        (Some(collection), _, "GET") => (collection, Action::List),
        (Some(collection), _, "POST") if collection.creates_items() => (collection, Action::Create),
        (Some(collection), _, "POST" | "PUT") => (collection, Action::AddMany),
        (Some(collection), _, "PATCH") => (collection, Action::ReplaceAll),
        (Some(collection), _, "DELETE") => (collection, Action::RemoveMany),
        (_, Some(collection), "GET") => (collection, Action::Get),
        (_, Some(collection), "PUT") => (collection, Action::Add),
        (_, Some(collection), "PATCH") => (collection, Action::Edit),
        (_, Some(collection), "DELETE") => (collection, Action::Remove),
        _ => return None,
    };
    Some(Member { collection, action })
}

/// Returns whether items are created in the collection at a path, so that a longer path can lead through them.
pub(crate) fn creates_items_at(path: &str) -> bool {
    COLLECTIONS.iter().any(|collection| collection.key == path && collection.creates_items())
}

impl CollectionSpec {
    /// Returns whether its items are created there rather than added.
    fn creates_items(&self) -> bool {
        // Groups are created in their own list and joined in a user's list.
        self.key == "/groups"
            || (!is_stateful(self.item) && self.item != "Tag" && !self.key.ends_with("/presets"))
            || self.key == "/users/{user_id}/presets"
    }
}
