//! The lists that are kept, one a line.

/// A kind of list.
pub(crate) struct Shelf {
    /// The list's own path, which begins the URIs of its things.
    pub(super) key: &'static str,
    /// What is on it: a schema, or something that the world holds.
    pub(super) item: &'static str,
    /// How members of bodies are called in answers, where they are called otherwise.
    pub(super) renamed: &'static [(&'static str, &'static str)],
    /// The member that holds a thing's id when it has no number of its own.
    pub(super) word: Option<&'static str>,
    /// Whether there is one such thing rather than a list.
    pub(super) single: bool,
}

const fn list(key: &'static str, item: &'static str) -> Shelf {
    Shelf { key, item, renamed: &[], word: None, single: false }
}

const fn words(key: &'static str, item: &'static str, word: &'static str) -> Shelf {
    Shelf { word: Some(word), ..list(key, item) }
}

const fn single(key: &'static str, item: &'static str) -> Shelf {
    Shelf { single: true, ..list(key, item) }
}

pub(super) static SHELVES: &[Shelf] = &[
    list("/channels/{channel_id}/categories", "Category"),
    list("/channels/{channel_id}/privacy/users", "User"),
    list("/channels/{channel_id}/tags", "Tag"),
    list("/groups", "Group"),
    list("/groups/{group_id}/videos", "Video"),
    Shelf { renamed: &[("auto_cc_lang", "auto_cc_language")], ..list("/live_events", "LiveEvent") },
    single("/live_events/{live_event_id}/audio_tracks", "LiveEventAudioTracks"),
    Shelf {
        renamed: &[("auto_cc_lang", "auto_cc_language")],
        ..single("/live_events/{live_event_id}/auto_cc", "LiveEventClosedCaptions")
    },
    words("/live_events/{live_event_id}/composer/graphics/videos", "LiveEventVideoGraphic", "videoId"),
    list("/live_events/{live_event_id}/composer/scenes", "LiveEventScene"),
    list("/live_events/{live_event_id}/destinations", "LiveEventDestination"),
    Shelf {
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
    Shelf { renamed: &[("embed", "settings")], ..list("/users/{user_id}/presets", "EmbedPreset") },
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
