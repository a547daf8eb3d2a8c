//! The kinds of ids.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::InvalidId;
use super::text::{Form, is_hash, number, read};

/// Read from text, written as text, and a plain string in a schema.
macro_rules! id_text {
    ($($name:ident),*) => {
        $(
            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = <Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(de::Error::custom)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"type": "string"})
                }
            }
        )*
    };
}

id_text!(VideoId, ShowcaseId, FolderId, UserId, ChannelId, AppId, WebhookId, Id);

/// A video: `123`, `123:abc`, `/videos/123`, or a link that Vimeo shows; the hash of an unlisted video is kept.
///
/// ```
/// use vimeo_ext::tools::VideoId;
/// let video: VideoId = "https://vimeo.com/76979871/a1b2c3d4".parse()?;
/// assert_eq!((video.number(), video.hash()), (76979871, Some("a1b2c3d4")));
/// assert!("https://vimeo.com/showcase/76979871".parse::<VideoId>().is_err());
/// # Ok::<(), vimeo_ext::tools::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VideoId {
    number: u64,
    hash: Option<String>,
}

const VIDEO: &str = "a video: 76979871, /videos/76979871 or a link such as https://vimeo.com/76979871";

impl VideoId {
    /// The number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The hash of an unlisted video.
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }
}

impl From<u64> for VideoId {
    fn from(number: u64) -> Self {
        Self { number, hash: None }
    }
}

impl FromStr for VideoId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refuse = |is: Option<&str>| Err(InvalidId::new(VIDEO, text, is));
        let (found, hash) = match read(text) {
            Some(Form::Number(number, hash)) => (Some((number, hash)), None),
            Some(Form::Uri(path)) => match parts(&path).as_slice() {
                ["videos", id] | ["me", "videos", id] => (number(id), None),
                ["users", user, "videos", id] if number(user).is_some() => (number(id), None),
                _ => return refuse(kind_of_uri(&path)),
            },
            Some(Form::Page(path, h)) => match parts(&path).as_slice() {
                [id] | ["manage", "videos", id] => (number(id), h),
                [id, hash] | ["manage", "videos", id, hash] if number(id).is_some() && is_hash(hash) => {
                    (number(id), Some((*hash).to_owned()))
                }
                ["channels", _, id] | ["ondemand", _, id] | ["groups", _, "videos", id] => (number(id), h),
                ["showcase" | "album", showcase, "video", id] if number(showcase).is_some() => {
                    (number(id), h)
                }
                // The last part is the key of the review page, not the hash of the video.
                [_, "review", id, _] => (number(id), None),
                _ => return refuse(kind_of_page(&path)),
            },
            Some(Form::Player(path, h)) => match parts(&path).as_slice() {
                ["video", id] => (number(id), h),
                _ => return refuse(None),
            },
            Some(Form::Word(_)) | None => return refuse(None),
        };
        match found {
            Some((number, own)) => Ok(Self { number, hash: own.or(hash) }),
            None => refuse(match read(text) {
                Some(Form::Page(path, _)) => kind_of_page(&path),
                _ => None,
            }),
        }
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hash {
            Some(hash) => write!(f, "{}:{hash}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// The kinds that are a number alone.
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident, $expected:literal, uri: $uri:pat, page: $page:pat => $read:ident, $id:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $name(u64);

            impl $name {
                /// The number.
                pub fn number(self) -> u64 {
                    self.0
                }
            }

            impl From<u64> for $name {
                fn from(number: u64) -> Self {
                    Self(number)
                }
            }

            impl FromStr for $name {
                type Err = InvalidId;

                fn from_str(text: &str) -> Result<Self, InvalidId> {
                    let (found, is) = match read(text) {
                        Some(Form::Number(found, None)) => (Some(found), None),
                        Some(Form::Uri(path)) => match parts(&path).as_slice() {
                            $uri => (plain($id), None),
                            _ => (None, kind_of_uri(&path)),
                        },
                        Some(Form::Page(path, _)) => match parts(&path).as_slice() {
                            $page => ($read($id), kind_of_page(&path)),
                            _ => (None, kind_of_page(&path)),
                        },
                        _ => (None, None),
                    };
                    found.map(Self).ok_or_else(|| InvalidId::new($expected, text, is))
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}", self.0)
                }
            }
        )*
    };
}

numbered! {
    /// A showcase: `123`, `/albums/123`, or a link to its page.
    ShowcaseId, "a showcase: 123, /albums/123 or a link such as https://vimeo.com/showcase/123",
    uri: ["albums", id] | ["me", "albums", id] | ["users", _, "albums", id],
    page: ["showcase" | "album", id] | ["showcase", id, "embed"] | ["manage", "showcases", id]
        | ["manage", "showcases", id, "info"] => plain, id;

    /// A user: `123`, `/users/123`, or a link with the number.
    UserId, "a user by number: 123, /users/123 or https://vimeo.com/user123",
    uri: ["users", id],
    page: [id] => of_user_page, id;

    /// An app: `123` or `/apps/123`.
    AppId, "an app: 123 or /apps/123",
    uri: ["apps", id],
    page: ["apps", id] => plain, id;

    /// Something whose number is all there is to say: a text track or a version.
    Id, "a number, such as 123",
    uri: ["videos", _, "texttracks" | "versions", id],
    page: ["-", id] => plain, id;
}

/// A folder: `123`, `/users/7/projects/123`, or a link to its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FolderId {
    number: u64,
    owner: Option<u64>,
}

impl FolderId {
    /// The number.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The user that it was said to belong to.
    pub fn owner(self) -> Option<u64> {
        self.owner
    }
}

impl From<u64> for FolderId {
    fn from(number: u64) -> Self {
        Self { number, owner: None }
    }
}

impl FromStr for FolderId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: &str =
            "a folder: 123, /me/projects/123 or a link such as https://vimeo.com/manage/folders/123";
        let (number, owner, is) = match read(text) {
            Some(Form::Number(number, None)) => (Some(number), None, None),
            Some(Form::Uri(path)) => match parts(&path).as_slice() {
                ["projects" | "folders", id] | ["me", "projects" | "folders", id] => (plain(id), None, None),
                ["users", owner, "projects" | "folders", id] if plain(owner).is_some() => {
                    (plain(id), plain(owner), None)
                }
                _ => (None, None, kind_of_uri(&path)),
            },
            Some(Form::Page(path, _)) => match parts(&path).as_slice() {
                ["manage", "folders", id] => (plain(id), None, None),
                ["user", owner, "folder", id] if plain(owner).is_some() => (plain(id), plain(owner), None),
                _ => (None, None, kind_of_page(&path)),
            },
            _ => (None, None, None),
        };
        let number = number.ok_or_else(|| InvalidId::new(EXPECTED, text, is))?;
        Ok(Self { number, owner })
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(owner) => write!(f, "/users/{owner}/projects/{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// A webhook: `123` or `/apps/7/webhooks/123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WebhookId {
    number: u64,
    app: Option<u64>,
}

impl WebhookId {
    /// The number.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The app that it was said to belong to.
    pub fn app(self) -> Option<u64> {
        self.app
    }
}

impl FromStr for WebhookId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refuse = || InvalidId::new("a webhook: 123 or /apps/7/webhooks/123", text, None);
        match read(text) {
            Some(Form::Number(number, None)) => Ok(Self { number, app: None }),
            Some(Form::Uri(path)) => match parts(&path).as_slice() {
                ["apps", app, "webhooks", id] => {
                    let (number, app) = (plain(id).ok_or_else(refuse)?, plain(app).ok_or_else(refuse)?);
                    Ok(Self { number, app: Some(app) })
                }
                _ => Err(refuse()),
            },
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.app {
            Some(app) => write!(f, "/apps/{app}/webhooks/{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// A channel: `123`, its name in links such as `staffpicks`, `/channels/123`, or a link to its page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChannelId(String);

impl ChannelId {
    /// The number or the name, of letters, digits, `-` and `_` alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: &str = "a channel: 123, staffpicks, /channels/123 or a link such as https://vimeo.com/channels/staffpicks";
        let refuse = |is| InvalidId::new(EXPECTED, text, is);
        match read(text) {
            Some(Form::Number(number, None)) => Ok(Self(number.to_string())),
            Some(Form::Word(word)) => Ok(Self(word)),
            Some(Form::Uri(path)) => match parts(&path).as_slice() {
                ["channels", id] if !id.contains(':') => Ok(Self((*id).to_owned())),
                _ => Err(refuse(kind_of_uri(&path))),
            },
            Some(Form::Page(path, _)) => match parts(&path).as_slice() {
                ["channels", id] if !id.contains(':') => Ok(Self((*id).to_owned())),
                _ => Err(refuse(kind_of_page(&path))),
            },
            _ => Err(refuse(None)),
        }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parts(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// The number in `user123`.
fn of_user_page(text: &str) -> Option<u64> {
    plain(text.strip_prefix("user")?)
}

/// A number without a hash.
fn plain(text: &str) -> Option<u64> {
    number(text).filter(|(_, hash)| hash.is_none()).map(|(number, _)| number)
}

/// What a URI leads to, for the message.
fn kind_of_uri(path: &[String]) -> Option<&'static str> {
    Some(match parts(path).as_slice() {
        [.., "videos", _] => "the URI of a video",
        [.., "albums", _] => "the URI of a showcase",
        [.., "projects" | "folders", _] => "the URI of a folder",
        ["users", _] => "the URI of a user",
        ["channels", _] => "the URI of a channel",
        _ => return None,
    })
}

/// What a page shows, for the message.
fn kind_of_page(path: &[String]) -> Option<&'static str> {
    Some(match parts(path).as_slice() {
        ["showcase" | "album", _, "video", _] | ["channels", _, _] => "a link to a video",
        ["showcase" | "album", ..] | ["manage", "showcases", ..] => "a link to a showcase",
        ["manage", "folders", ..] | ["user", _, "folder", _] => "a link to a folder",
        ["channels", ..] => "a link to a channel",
        ["event", ..] => "a link to a live event",
        ["manage", "videos", ..] => "a link to a video",
        [id, ..] if number(id).is_some() => "a link to a video",
        [user] if of_user_page(user).is_some() => "a link to a user",
        [_] => "a link to a user's page, which has no number in it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
