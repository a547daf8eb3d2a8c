//! Lists whose things need no rules of their own: where they are, what is on them, and what a method does there.

use http::Method;

/// A kind of list.
pub(crate) struct CollectionSpec {
    /// The list's own path, which begins the URIs of its things.
    pub(crate) key: &'static str,
    /// What is on it: a schema, or something that the world holds.
    pub(crate) item: &'static str,
    /// How members of bodies are called in answers, where they are called otherwise.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// The member that holds a thing's id when it has no number of its own.
    pub(crate) word: Option<&'static str>,
    /// Whether there is one such thing rather than a list.
    pub(crate) single: bool,
}

const fn list(key: &'static str, item: &'static str) -> CollectionSpec {
    CollectionSpec { key, item, renamed: &[], word: None, single: false }
}

const fn words(key: &'static str, item: &'static str, word: &'static str) -> CollectionSpec {
    CollectionSpec { word: Some(word), ..list(key, item) }
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
    words("/live_events/{live_event_id}/composer/graphics/videos", "LiveEventVideoGraphic", "videoId"),
    list("/live_events/{live_event_id}/composer/scenes", "LiveEventScene"),
    list("/live_events/{live_event_id}/destinations", "LiveEventDestination"),
    CollectionSpec {
        renamed: &[("low_latency", "lowLatency")],
        ..single("/live_events/{live_event_id}/low_latency", "LiveEventLowLatency")
    },
    list("/live_events/{live_event_id}/ott_destinations", "OttDestination"),
    list("/live_events/{live_event_id}/pictures", "Picture"),
    words("/live_events/{live_event_id}/privacy/domains", "EmbedDomain", "domain"),
    list("/live_events/{live_event_id}/videos", "Video"),
    list("/ondemand/pages", "OnDemandPage"),
    list("/ondemand/pages/{ondemand_id}/backgrounds", "Picture"),
    words("/ondemand/pages/{ondemand_id}/genres", "OnDemandGenre", "canonical"),
    list("/ondemand/pages/{ondemand_id}/pictures", "Picture"),
    list("/ondemand/pages/{ondemand_id}/promotions", "OnDemandPromotion"),
    words("/ondemand/pages/{ondemand_id}/regions", "OnDemandRegion", "country_code"),
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

/// The schemas of things that the world holds.
const HELD: [&str; 8] = ["ApiApp", "Category", "Channel", "Folder", "Group", "Showcase", "User", "Video"];

/// Whether the things of a schema are held by the world rather than made up.
pub(crate) fn is_held(schema: &str) -> bool {
    HELD.contains(&schema)
}

/// Paths that mean the same place, and how the one that counts begins.
const SAME: [(&str, &str); 6] = [
    ("/me/", "/users/{user_id}/"),
    ("/users/{user_id}/live_events", "/live_events"),
    ("/users/{user_id}/ondemand/pages", "/ondemand/pages"),
    ("/channels/{channel_id}/videos/{video_id}/", "/videos/{video_id}/"),
    ("/live_events/{live_event_id}/ott_destination/", "/live_events/{live_event_id}/ott_destinations/"),
    ("/destination/", "/live_events/{live_event_id}/destinations/"),
];

/// A path in the form that counts.
pub(crate) fn normal(path: &str) -> String {
    SAME.iter().fold(path.to_owned(), |path, (from, to)| match path.strip_prefix(from) {
        Some(rest) if from.ends_with('/') || rest.is_empty() || rest.starts_with('/') => {
            format!("{to}{rest}")
        }
        _ => path,
    })
}

/// What an operation does to a list, or to a thing on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Of the one thing at a place.
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

/// An operation's place among the lists.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) collection: &'static CollectionSpec,
    pub(crate) action: Action,
}

/// The list that a path of the description belongs to, and what `method` does there.
pub(super) fn find(method: &Method, path: &str) -> Option<Member> {
    let path = normal(path);
    let (parent, last) = path.rsplit_once('/')?;
    let whole = COLLECTIONS.iter().find(|collection| collection.key == path);
    let item = COLLECTIONS.iter().find(|collection| collection.key == parent && last.starts_with('{'));
    let (collection, action) = match (whole, item, method.as_str()) {
        (Some(collection), _, "GET") if collection.single => (collection, Action::GetSingle),
        (Some(collection), _, "PATCH" | "PUT") if collection.single => (collection, Action::SetSingle),
        (Some(collection), _, "DELETE") if collection.single => (collection, Action::RemoveSingle),
        // Which of the events the request means is not known.
        (Some(collection), _, "DELETE") if collection.item == "LiveEvent" => return None,
        (Some(collection), _, "GET") => (collection, Action::List),
        (Some(collection), _, "POST") if collection.is_made() => (collection, Action::Create),
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

/// Whether things are made on the list at a path, such that a longer path can lead through them.
pub(crate) fn is_made_at(path: &str) -> bool {
    COLLECTIONS.iter().any(|collection| collection.key == path && collection.is_made())
}

impl CollectionSpec {
    /// Whether its things are made there rather than put there.
    fn is_made(&self) -> bool {
        // Groups are made on their list and joined on a user's.
        self.key == "/groups"
            || (!is_held(self.item) && self.item != "Tag" && !self.key.ends_with("/presets"))
            || self.key == "/users/{user_id}/presets"
    }
}
