//! IDs as callers give them: a number, the name that Vimeo takes in its place, a URI, or a link that Vimeo shows.
//!
//! What the caller named is kept whole: the hash of an unlisted video, the name of a user, the owner of a folder.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::call::PathValue;
use super::reference::{ParseError, Reference, parse};
use super::uri::ResourceUri;

/// A text that is no ID of the kind that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}; expected {expected}")]
pub struct InvalidId {
    expected: &'static str,
    found: String,
}

impl InvalidId {
    fn new(expected: &'static str, text: &str, found: &Result<Reference, ParseError>) -> Self {
        // The query of a link may be signed.
        let before_query = text.split(['?', '#']).next().filter(|before| before.contains('/'));
        let shown = before_query.unwrap_or(text).chars();
        let shown: String = shown.filter(|c| !c.is_control()).take(60).collect();
        let form = match text.trim() {
            uri if uri.starts_with('/') || uri.contains("://api.vimeo.com/") => "the URI of ",
            link if link.contains("vimeo.com/") => "a link to ",
            _ => "",
        };
        let found = match found {
            // A name of a kind that has none says nothing of what was meant.
            Ok(Reference::Name(_)) | Err(ParseError::Form) => format!("`{shown}` cannot be read"),
            Ok(reference) => format!("`{shown}` is {form}{}", reference.kind()),
            Err(ParseError::VideoPart(part)) => format!(
                "`{shown}` is a link to a video, but `{part}` behind its number is neither a hash nor a page that is known"
            ),
        };
        Self { expected, found }
    }
}

impl From<Infallible> for InvalidId {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Gives a type of responses with a `uri` its ID: `resource!(Video, VideoId)`, or `resource!(Comment)` for a plain number.
#[allow(unused_macros)]
macro_rules! resource {
    (Video, VideoId) => {
        $crate::runtime::resource!(@named Video, VideoId);

        impl Video {
            /// The hash of an unlisted video, where `uri` has it: `abc` in `/videos/123:abc`.
            pub fn hash(&self) -> Option<String> {
                self.id()?.hash().map(str::to_owned)
            }
        }
    };
    ($name:ident) => {
        impl $name {
            /// The number at the end of `uri`; `None` where the response came without one.
            pub fn id(&self) -> Option<u64> {
                self.uri.as_deref()?.parse::<$crate::ResourceUri>().ok()?.id()
            }
        }
    };
    ($name:ident, $id:ident) => {
        $crate::runtime::resource!(@named $name, $id);
    };
    (@named $name:ident, $id:ident) => {
        impl $name {
            /// The ID, which calls take, out of `uri`; `None` where the response came without it.
            pub fn id(&self) -> Option<$crate::$id> {
                self.uri.as_deref()?.parse().ok()
            }
        }

        impl TryFrom<&$name> for $crate::$id {
            type Error = $crate::InvalidId;

            fn try_from(value: &$name) -> Result<Self, Self::Error> {
                value.uri.as_deref().unwrap_or_default().parse()
            }
        }
    };
}

#[allow(unused_imports)]
pub(crate) use resource;

/// The ID that a caller named; for generated calls, which keep the error until they are sent.
#[allow(dead_code, reason = "a description need not have a marked ID")]
pub(crate) fn parse_id<T>(value: impl TryInto<T, Error: Into<InvalidId>>) -> Result<T, InvalidId> {
    value.try_into().map_err(Into::into)
}

impl<T: PathValue> PathValue for Result<T, InvalidId> {
    fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId> {
        match self {
            Ok(id) => id.to_segment(),
            Err(error) => Err(error.clone()),
        }
    }
}

/// The conversions of a value that is read from text.
macro_rules! text_conversions {
    ($name:ident) => {
        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl TryFrom<&String> for $name {
            type Error = InvalidId;

            fn try_from(text: &String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<&$name> for $name {
            fn from(value: &$name) -> Self {
                value.clone()
            }
        }

        impl PathValue for $name {
            fn to_segment(&self) -> Result<Cow<'_, str>, InvalidId> {
                Ok(Cow::Owned(self.to_string()))
            }
        }
    };
}

/// What every kind of ID has: it is read from text by the grammar, and written as text.
macro_rules! id {
    ($name:ident, $expected:expr, $($pattern:pat => $value:expr),+ $(,)?) => {
        impl $name {
            const EXPECTED: &str = $expected;
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match parse(text) {
                    $($pattern => Ok($value),)+
                    found => Err(InvalidId::new(Self::EXPECTED, text, &found)),
                }
            }
        }

        text_conversions!($name);

        impl TryFrom<&ResourceUri> for $name {
            type Error = InvalidId;

            fn try_from(uri: &ResourceUri) -> Result<Self, InvalidId> {
                uri.as_str().parse()
            }
        }

        /// From text, or from a plain number.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($name::EXPECTED)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                }

                deserializer.deserialize_any(Text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// A video: its number, and the hash of an unlisted one.
///
/// It is made from a number, from `123:abc`, from a URI such as `/videos/123`, or from a link that Vimeo shows.
///
/// ```
/// use vimeo_api::VideoId;
/// let video: VideoId = "https://vimeo.com/76979871/a1b2c3d4e5".parse()?;
/// assert_eq!((video.number(), video.hash()), (76979871, Some("a1b2c3d4e5")));
/// assert_eq!(video.to_string(), "76979871:a1b2c3d4e5");
/// assert_eq!(VideoId::from(76979871).uri(), "/videos/76979871");
/// assert!("https://vimeo.com/showcase/76979871".parse::<VideoId>().is_err());
/// # Ok::<(), vimeo_api::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoId {
    number: u64,
    hash: Option<String>,
}

id! {
    VideoId, "a video: 76979871, /videos/76979871 or a link such as https://vimeo.com/76979871",
    Ok(Reference::Number { number, hash } | Reference::Video { number, hash }) => Self { number, hash },
}

impl VideoId {
    /// The number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The hash of an unlisted video, where it was named.
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    /// The URI, with the hash: `/videos/123:abc`.
    pub fn uri(&self) -> String {
        format!("/videos/{self}")
    }
}

impl From<u64> for VideoId {
    fn from(number: u64) -> Self {
        Self { number, hash: None }
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

/// The kinds that go by a number or a name.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident, $expected:literal, $variant:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(String);

            id! {
                $name, $expected,
                Ok(Reference::Number { number, hash: None }) => Self::from(number),
                Ok(Reference::Name(name) | Reference::$variant(name)) => Self::of_name(name),
            }

            impl $name {
                /// The number or the name: letters, digits, `-` and `_` alone.
                pub fn as_str(&self) -> &str {
                    &self.0
                }

                /// The number; `None` where it is a name.
                pub fn number(&self) -> Option<u64> {
                    self.0.parse().ok()
                }
            }

            impl From<u64> for $name {
                fn from(number: u64) -> Self {
                    Self(number.to_string())
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }
        )*
    };
}

named! {
    /// A user: a number, or the name in the address of the profile.
    ///
    /// ```
    /// use vimeo_api::UserId;
    /// assert_eq!("https://vimeo.com/staff".parse::<UserId>()?.as_str(), "staff");
    /// assert_eq!("/users/152184".parse::<UserId>()?.number(), Some(152184));
    /// # Ok::<(), vimeo_api::InvalidId>(())
    /// ```
    UserId, "a user: 152184, staff, /users/152184 or a link such as https://vimeo.com/staff", User;

    /// A channel: a number, or the name in its address.
    ChannelId, "a channel: 123, staffpicks, /channels/123 or a link such as https://vimeo.com/channels/staffpicks", Channel;

    /// A group: a number, or the name in its address.
    GroupId, "a group: 123, motion, /groups/123 or a link such as https://vimeo.com/groups/motion", Group;
}

impl UserId {
    fn of_name(name: String) -> Self {
        // Who has chosen no name goes by `user` and the number.
        match name.strip_prefix("user").and_then(|digits| digits.parse::<u64>().ok()) {
            Some(number) => number.into(),
            None => Self(name),
        }
    }

    /// The URI: `/users/123`.
    pub fn uri(&self) -> String {
        format!("/users/{self}")
    }
}

impl ChannelId {
    fn of_name(name: String) -> Self {
        Self(name)
    }
}

impl GroupId {
    fn of_name(name: String) -> Self {
        Self(name)
    }
}

/// The kinds that go by a number, and belong to a user.
macro_rules! owned {
    ($($(#[$doc:meta])* $name:ident, $expected:literal, $variant:ident, $collection:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name {
                number: u64,
                owner: Option<UserId>,
            }

            id! {
                $name, $expected,
                Ok(Reference::Number { number, hash: None }) => Self::from(number),
                Ok(Reference::$variant { number, owner }) => {
                    Self { number, owner: owner.map(UserId::of_name) }
                },
            }

            impl $name {
                /// The number.
                pub fn number(&self) -> u64 {
                    self.number
                }

                /// The user that it was said to belong to; `None` for the token's own.
                pub fn owner(&self) -> Option<&UserId> {
                    self.owner.as_ref()
                }

                /// The path: of the user that it was said to belong to, or else of the token's own.
                pub fn uri(&self) -> String {
                    match &self.owner {
                        Some(owner) => format!(concat!("/users/{}/", $collection, "/{}"), owner, self.number),
                        None => format!(concat!("/me/", $collection, "/{}"), self.number),
                    }
                }
            }

            impl From<u64> for $name {
                fn from(number: u64) -> Self {
                    Self { number, owner: None }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    match self.owner {
                        Some(_) => f.write_str(&self.uri()),
                        None => write!(f, "{}", self.number),
                    }
                }
            }
        )*
    };
}

owned! {
    /// A showcase: its number, and whose it is where that was named.
    ///
    /// ```
    /// use vimeo_api::ShowcaseId;
    /// let showcase: ShowcaseId = "/users/7/albums/5".parse()?;
    /// assert_eq!(showcase.uri(), "/users/7/albums/5");
    /// assert_eq!(ShowcaseId::from(5).uri(), "/me/albums/5");
    /// # Ok::<(), vimeo_api::InvalidId>(())
    /// ```
    ShowcaseId, "a showcase: 123, /users/7/albums/123 or a link such as https://vimeo.com/showcase/123", Showcase, "albums";

    /// A folder: its number, and whose it is where that was named.
    FolderId, "a folder: 123, /users/7/projects/123 or a link such as https://vimeo.com/manage/folders/123", Folder, "projects";
}

/// The kinds that are a number alone.
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident, $expected:literal, $variant:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(u64);

            id! {
                $name, $expected,
                Ok(Reference::Number { number, hash: None } | Reference::$variant(number)) => Self(number),
            }

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

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}", self.0)
                }
            }
        )*
    };
}

numbered! {
    /// An app: `123` or `/apps/123`.
    AppId, "an app: 123 or /apps/123", App;

    /// A text track: `123` or `/videos/7/texttracks/123`.
    TextTrackId, "a text track: 123 or /videos/7/texttracks/123", TextTrack;

    /// A version of a video: `123` or `/videos/7/versions/123`.
    VersionId, "a version: 123 or /videos/7/versions/123", Version;
}

/// The name of a site's host, as the embed settings of a video take it: `example.com`.
///
/// A link to the site itself gives its host; one to a page of the site is refused, since a whole site is what is allowed.
///
/// ```
/// use vimeo_api::DomainName;
/// assert_eq!("https://example.com/".parse::<DomainName>()?.as_str(), "example.com");
/// assert!("https://example.com/blog".parse::<DomainName>().is_err());
/// # Ok::<(), vimeo_api::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(String);

impl DomainName {
    const EXPECTED: &str = "a domain such as example.com";

    /// The name, without a scheme.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let given = text.trim();
        let host = ["https://", "http://"].iter().find_map(|scheme| {
            let start = given.get(..scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then(|| given.get(scheme.len()..)).flatten()
        });
        let host = match host {
            Some(host) => host.strip_suffix('/').unwrap_or(host),
            None => given,
        };
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '*' | '_'))
        };
        if host.len() <= 253 && host.split('.').all(label) {
            Ok(Self(host.to_owned()))
        } else {
            Err(InvalidId::new(Self::EXPECTED, text, &Err(ParseError::Form)))
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(DomainName);

/// A webhook: `123` or `/apps/7/webhooks/123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId {
    number: u64,
    app: Option<u64>,
}

id! {
    WebhookId, "a webhook: 123 or /apps/7/webhooks/123",
    Ok(Reference::Number { number, hash: None }) => Self { number, app: None },
    Ok(Reference::Webhook { number, app }) => Self { number, app: Some(app) },
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

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.app {
            Some(app) => write!(f, "/apps/{app}/webhooks/{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests;
