//! Captions, subtitles and the like.

use serde_json::Value;

use crate::call::ResponseView;
use crate::protocol::fields::{Object, Selection};
use crate::protocol::links::Target;
use crate::world::video::{TextTrack, Video};

/// A text track; its `link` takes the file until it has come, and gives it afterwards.
pub(crate) fn text_track(
    view: &ResponseView<'_>,
    video: &Video,
    track: &TextTrack,
    now: chrono::DateTime<chrono::Utc>,
    selection: &Selection,
) -> Value {
    let (link, expires) = view.state.signed(Target::Captions(track.id), now);
    let link = format!("{}{link}", view.upload_base);
    let expires = expires.timestamp();
    Object::new(selection)
        .put("uri", format!("/videos/{}/texttracks/{}", video.id, track.id))
        .put("active", track.active)
        .put("type", track.kind.as_str())
        .put("language", track.language.as_str())
        .put("display_language", display_language(&track.language))
        .put("id", track.id)
        .put("link", link.as_str())
        .put("link_expires_time", expires)
        .put("hls_link", format!("{link}&hls=1"))
        .put("hls_link_expires_time", expires)
        .put("name", track.name.as_str())
        .build()
}

/// The language's English name, where it is one of the usual; its code otherwise.
fn display_language(code: &str) -> &str {
    match code.split(['-', '_']).next().unwrap_or_default() {
        "ar" => "Arabic",
        "de" => "German",
        "en" => "English",
        "es" => "Spanish",
        "fr" => "French",
        "hi" => "Hindi",
        "it" => "Italian",
        "ja" => "Japanese",
        "ko" => "Korean",
        "nl" => "Dutch",
        "pl" => "Polish",
        "pt" => "Portuguese",
        "ru" => "Russian",
        "sv" => "Swedish",
        "tr" => "Turkish",
        "uk" => "Ukrainian",
        "zh" => "Chinese",
        _ => code,
    }
}
