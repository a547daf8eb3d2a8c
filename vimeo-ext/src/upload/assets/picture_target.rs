//! What a picture is for.

use serde_json::Value;
use vimeo_api::{Error as CallError, ResourceUri, ShowcaseId, UserId};

use crate::error::MediaError;
use crate::upload::{NewVideo, VideoRef};
use crate::{Error, Vimeo};

/// What a picture is for: where it is created, and whether it can be switched on.
///
/// From a URI: `/videos/1`, `/users/7`, `/me`, `/live_events/3`, `/ondemand/pages/5`, and any other object whose answer
/// names its pictures. Pictures of another kind have a function of their own.
///
/// ```
/// use vimeo_ext::PictureTarget;
/// let thumbnail = PictureTarget::from("/videos/76979871");
/// let logo = PictureTarget::showcase_logo("/users/7/albums/9");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureTarget {
    place: Place,
    switch: Switch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The collection that it is created in.
    At(String),
    /// The object that names the collection.
    Of(String),
    /// What was given is nothing of the kind.
    Wrong { given: String, wanted: &'static str },
}

/// Whether such pictures have `active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    There,
    Absent,
}

impl PictureTarget {
    fn at(path: String) -> Self {
        Self { place: Place::At(path), switch: Switch::There }
    }

    /// A video's thumbnail.
    pub fn video(video: impl Into<VideoRef>) -> Self {
        let video = video.into();
        match video.video_id() {
            Some(id) => Self::at(format!("/videos/{id}/pictures")),
            None => Self::wrong(video.uri(), "/videos/1"),
        }
    }

    /// The portrait of the token's user.
    pub fn me() -> Self {
        Self::at("/me/pictures".to_owned())
    }

    /// A user's portrait.
    pub fn user(user: impl Into<UserId>) -> Self {
        Self::at(format!("{}/pictures", user.into().uri()))
    }

    /// A live event's thumbnail.
    pub fn live_event(id: u64) -> Self {
        Self::at(format!("/live_events/{id}/pictures"))
    }

    /// The poster of an On Demand page.
    pub fn on_demand_poster(page: u64) -> Self {
        Self::at(format!("/ondemand/pages/{page}/pictures"))
    }

    /// The background of an On Demand page.
    pub fn on_demand_background(page: u64) -> Self {
        Self::at(format!("/ondemand/pages/{page}/backgrounds"))
    }

    /// A showcase's own logo, by the showcase's URI: `/users/7/albums/9`.
    pub fn showcase_logo(showcase: &str) -> Self {
        Self::showcase(showcase, "logos")
    }

    /// A showcase's own thumbnail, by the showcase's URI: `/users/7/albums/9`. To take a picture out of one of its videos
    /// instead, see the operations on showcases.
    pub fn showcase_thumbnail(showcase: &str) -> Self {
        Self::showcase(showcase, "custom_thumbnails")
    }

    fn showcase(showcase: &str, collection: &str) -> Self {
        match showcase.parse::<ShowcaseId>() {
            Ok(id) if id.owner().is_some() => Self::at(format!("{}/{collection}", id.uri())),
            _ => Self::wrong(showcase, "/users/7/albums/9"),
        }
    }

    /// The picture of a chapter of a video.
    pub fn chapter(video: impl Into<VideoRef>, chapter: u64) -> Self {
        let video = video.into();
        match video.video_id() {
            Some(id) => Self::at(format!("/videos/{id}/chapters/{chapter}/pictures")),
            None => Self::wrong(video.uri(), "/videos/1"),
        }
    }

    /// A logo for the account's embedded players; embed settings and presets name it by its URI. Has no `active`.
    pub fn custom_logo() -> Self {
        Self { place: Place::At("/me/customlogos".to_owned()), switch: Switch::Absent }
    }

    /// A picture for the timeline of a video's player. Has no `active`.
    pub fn timeline_thumbnail(video: impl Into<VideoRef>) -> Self {
        let video = video.into();
        match video.video_id() {
            Some(id) => {
                let path = format!("/videos/{id}/timelinethumbnails");
                Self { place: Place::At(path), switch: Switch::Absent }
            }
            None => Self::wrong(video.uri(), "/videos/1"),
        }
    }

    fn wrong(given: &str, wanted: &'static str) -> Self {
        let given = given.split(['?', '#']).next().unwrap_or_default().to_owned();
        Self { place: Place::Wrong { given, wanted }, switch: Switch::There }
    }

    fn of_object(uri: &str) -> Self {
        let path = uri.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        if path.parse::<ResourceUri>().is_err() {
            return Self::video(uri);
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments[..] {
            ["me"] => Self::me(),
            ["videos", _] | ["users", _, "videos", _] | ["me", "videos", _] => Self::video(path),
            ["users", _] | ["live_events", _] | ["ondemand", "pages", _] => {
                Self::at(format!("{path}/pictures"))
            }
            _ => Self { place: Place::Of(path.to_owned()), switch: Switch::There },
        }
    }

    /// Where the picture is to be created; asks Vimeo where only it knows.
    pub(crate) async fn collection(&self, vimeo: &Vimeo, activates: bool) -> Result<String, Error> {
        let path = match &self.place {
            Place::Wrong { given, wanted } => {
                let reason =
                    format!("`{given}` is not what the picture can be for; give a URI such as {wanted}");
                return Err(CallError::invalid("upload_picture", reason).into());
            }
            Place::At(path) => path.clone(),
            Place::Of(uri) => {
                let object = vimeo.get(uri).fields("metadata.connections.pictures.uri").send().await?;
                let found = object.pointer("/metadata/connections/pictures/uri").and_then(Value::as_str);
                found.ok_or_else(|| MediaError::NoPictures { uri: uri.clone() })?.to_owned()
            }
        };
        if activates && self.switch == Switch::Absent {
            return Err(MediaError::ActivationUnsupported { path }.into());
        }
        Ok(path)
    }
}

impl From<&str> for PictureTarget {
    fn from(uri: &str) -> Self {
        Self::of_object(uri)
    }
}

impl From<String> for PictureTarget {
    fn from(uri: String) -> Self {
        Self::of_object(&uri)
    }
}

impl From<&String> for PictureTarget {
    fn from(uri: &String) -> Self {
        Self::of_object(uri)
    }
}

impl From<VideoRef> for PictureTarget {
    fn from(video: VideoRef) -> Self {
        Self::video(video)
    }
}

impl From<&NewVideo> for PictureTarget {
    fn from(video: &NewVideo) -> Self {
        Self::video(video)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_pictures_is_known_or_asked_for() {
        let at = |path: &str| Some(Place::At(path.to_owned()));
        let of = |path: &str| Some(Place::Of(path.to_owned()));
        // (object, place; `None` for none)
        let table = [
            ("/videos/7", at("/videos/7/pictures")),
            ("/videos/7:5ecret", at("/videos/7:5ecret/pictures")),
            ("https://vimeo.com/7/a1b2c3d4e5", at("/videos/7:a1b2c3d4e5/pictures")),
            ("/users/3/videos/7", at("/videos/7/pictures")),
            ("/users/7", at("/users/7/pictures")),
            ("/me", at("/me/pictures")),
            ("/me/", at("/me/pictures")),
            ("/live_events/3", at("/live_events/3/pictures")),
            ("/ondemand/pages/5", at("/ondemand/pages/5/pictures")),
            ("/channels/9", of("/channels/9")),
            ("/groups/9?x=1", of("/groups/9")),
            ("/videos/x", None),
            ("https://vimeo.com/7", at("/videos/7/pictures")),
            ("https://vimeo.com/showcase/7", None),
            ("", None),
        ];
        for (uri, place) in table {
            let target = PictureTarget::from(uri);
            match place {
                Some(place) => assert_eq!(target.place, place, "{uri}"),
                None => assert!(matches!(target.place, Place::Wrong { .. }), "{uri}: {target:?}"),
            }
        }
        assert_eq!(
            PictureTarget::showcase_logo("/users/7/albums/9").place,
            Place::At("/users/7/albums/9/logos".to_owned())
        );
        for wrong in [PictureTarget::showcase_logo("/albums/9"), PictureTarget::video("/users/9")] {
            assert!(matches!(wrong.place, Place::Wrong { .. }), "{wrong:?}");
        }
    }
}
