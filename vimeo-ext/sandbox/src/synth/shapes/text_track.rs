//! Text tracks: captions, subtitles and others.

use serde_json::Value;

use crate::call::ResponseView;
use crate::protocol::fields::{Object, Selection};
use crate::protocol::links::Target;
use crate::world::video::{TextTrack, Video};

/// Renders a text track. Its `link` receives the file, and returns it once uploaded.
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

/// Returns the language's English name if it is a common one, or its code.
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
