//! The objects that pictures are uploaded for.

use serde_json::Value;
use vimeo_api::{Error as CallError, InvalidId, ResourceUri, ShowcaseId, UserId, VideoId};

use crate::error::MediaError;
use crate::upload::NewVideo;
use crate::{Error, Vimeo};

/// The object that a picture is for: where it is created, and whether it can be activated.
///
/// It converts from a URI: `/videos/1`, `/users/7`, `/me`, `/live_events/3`, `/ondemand/pages/5`, or any other object whose
/// response names its pictures. Other kinds of pictures have a function of their own.
///
/// ```
/// use vimeo_ext::PictureTarget;
/// let thumbnail = PictureTarget::from("/videos/76979871");
/// let logo = PictureTarget::showcase_logo("/users/7/albums/9");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureTarget {
    location: PictureLocation,
    active_flag: ActiveFlag,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PictureLocation {
    /// The collection that the picture is created in.
    Collection(String),
    /// The object whose response names the collection.
    OfObject(String),
    /// The caller's value names no such object.
    Invalid { reason: String },
}

/// Whether pictures of the kind have an `active` member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActiveFlag {
    Supported,
    Unsupported,
}

impl PictureTarget {
    fn collection_at(path: String) -> Self {
        Self { location: PictureLocation::Collection(path), active_flag: ActiveFlag::Supported }
    }

    /// A collection under a video, such as `pictures`.
    fn of_video<V>(video: V, active_flag: ActiveFlag, collection: &str) -> Self
    where
        V: TryInto<VideoId, Error: Into<InvalidId>>,
    {
        let location = match video.try_into().map_err(Into::into) {
            Ok(id) => PictureLocation::Collection(format!("{}/{collection}", id.uri())),
            Err(error) => PictureLocation::Invalid { reason: error.to_string() },
        };
        Self { location, active_flag }
    }

    /// The thumbnail of a video.
    pub fn video(video: impl TryInto<VideoId, Error: Into<InvalidId>>) -> Self {
        Self::of_video(video, ActiveFlag::Supported, "pictures")
    }

    /// The portrait of the token's user.
    pub fn me() -> Self {
        Self::collection_at("/me/pictures".to_owned())
    }

    /// The portrait of a user.
    pub fn user(user: impl Into<UserId>) -> Self {
        Self::collection_at(format!("{}/pictures", user.into().uri()))
    }

    /// The thumbnail of a live event.
    pub fn live_event(id: u64) -> Self {
        Self::collection_at(format!("/live_events/{id}/pictures"))
    }

    /// The poster of an On Demand page.
    pub fn on_demand_poster(page: u64) -> Self {
        Self::collection_at(format!("/ondemand/pages/{page}/pictures"))
    }

    /// The background of an On Demand page.
    pub fn on_demand_background(page: u64) -> Self {
        Self::collection_at(format!("/ondemand/pages/{page}/backgrounds"))
    }

    /// The custom logo of a showcase, by the showcase's URI: `/users/7/albums/9`.
    pub fn showcase_logo(showcase: &str) -> Self {
        Self::showcase(showcase, "logos")
    }

    /// The custom thumbnail of a showcase, by the showcase's URI: `/users/7/albums/9`. To use a frame of one of its videos
    /// instead, see the showcase operations.
    pub fn showcase_thumbnail(showcase: &str) -> Self {
        Self::showcase(showcase, "custom_thumbnails")
    }

    fn showcase(showcase: &str, collection: &str) -> Self {
        match showcase.parse::<ShowcaseId>() {
            Ok(id) if id.owner().is_some() => Self::collection_at(format!("{}/{collection}", id.uri())),
            _ => {
                let shown = showcase.split(['?', '#']).next().unwrap_or_default();
                let reason =
                    format!("`{shown}` is not a showcase of a user; give a URI such as /users/7/albums/9");
                Self { location: PictureLocation::Invalid { reason }, active_flag: ActiveFlag::Supported }
            }
        }
    }

    /// The picture of a chapter of a video.
    pub fn chapter(video: impl TryInto<VideoId, Error: Into<InvalidId>>, chapter: u64) -> Self {
        Self::of_video(video, ActiveFlag::Supported, &format!("chapters/{chapter}/pictures"))
    }

    /// A logo for the account's embedded players. Embed settings and presets refer to it by its URI. It cannot be activated.
    pub fn custom_logo() -> Self {
        let location = PictureLocation::Collection("/me/customlogos".to_owned());
        Self { location, active_flag: ActiveFlag::Unsupported }
    }

    /// A picture for the timeline of a video's player. It cannot be activated.
    pub fn timeline_thumbnail(video: impl TryInto<VideoId, Error: Into<InvalidId>>) -> Self {
        Self::of_video(video, ActiveFlag::Unsupported, "timelinethumbnails")
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
                Self::collection_at(format!("{path}/pictures"))
            }
            _ => {
                let location = PictureLocation::OfObject(path.to_owned());
                Self { location, active_flag: ActiveFlag::Supported }
            }
        }
    }

    /// Returns the collection to create the picture in; calls Vimeo if only the object's response names it.
    pub(crate) async fn collection(&self, vimeo: &Vimeo, activates: bool) -> Result<String, Error> {
        let path = match &self.location {
            PictureLocation::Invalid { reason } => {
                return Err(CallError::invalid("upload_picture", reason.clone()).into());
            }
            PictureLocation::Collection(path) => path.clone(),
            PictureLocation::OfObject(uri) => {
                let object = vimeo.get(uri).fields("metadata.connections.pictures.uri").send().await?;
                let found = object.pointer("/metadata/connections/pictures/uri").and_then(Value::as_str);
                found.ok_or_else(|| MediaError::NoPictures { uri: uri.clone() })?.to_owned()
            }
        };
        if activates && self.active_flag == ActiveFlag::Unsupported {
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

impl From<VideoId> for PictureTarget {
    fn from(video: VideoId) -> Self {
        Self::video(video)
    }
}

impl From<&VideoId> for PictureTarget {
    fn from(video: &VideoId) -> Self {
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
    fn collection_is_known_or_named_by_the_object() {
        let collection = |path: &str| Some(PictureLocation::Collection(path.to_owned()));
        let object = |path: &str| Some(PictureLocation::OfObject(path.to_owned()));
        // (object, location; `None` if invalid)
        let table = [
            ("/videos/7", collection("/videos/7/pictures")),
            ("/videos/7:5ecret", collection("/videos/7:5ecret/pictures")),
            ("https://vimeo.com/7/a1b2c3d4e5", collection("/videos/7:a1b2c3d4e5/pictures")),
            ("/users/3/videos/7", collection("/videos/7/pictures")),
            ("/users/7", collection("/users/7/pictures")),
            ("/me", collection("/me/pictures")),
            ("/me/", collection("/me/pictures")),
            ("/live_events/3", collection("/live_events/3/pictures")),
            ("/ondemand/pages/5", collection("/ondemand/pages/5/pictures")),
            ("/channels/9", object("/channels/9")),
            ("/groups/9?x=1", object("/groups/9")),
            ("/videos/x", None),
            ("https://vimeo.com/7", collection("/videos/7/pictures")),
            ("https://vimeo.com/showcase/7", None),
            ("", None),
        ];
        for (uri, location) in table {
            let target = PictureTarget::from(uri);
            match location {
                Some(location) => assert_eq!(target.location, location, "{uri}"),
                None => {
                    assert!(matches!(target.location, PictureLocation::Invalid { .. }), "{uri}: {target:?}");
                }
            }
        }
        assert_eq!(
            PictureTarget::showcase_logo("/users/7/albums/9").location,
            PictureLocation::Collection("/users/7/albums/9/logos".to_owned())
        );
        for invalid in [PictureTarget::showcase_logo("/albums/9"), PictureTarget::video("/users/9")] {
            assert!(matches!(invalid.location, PictureLocation::Invalid { .. }), "{invalid:?}");
        }
    }
}
