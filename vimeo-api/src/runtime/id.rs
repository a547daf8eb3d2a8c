//! ID types. They are created from a number, a name, a URI or a link to vimeo.com.
//!
//! An ID retains the hash of an unlisted video, the name of a user and the owner of a folder.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::call::PathValue;
use super::reference::{ParseError, Reference, parse};
use super::uri::ResourceUri;

/// The error of a text that is not an ID of the expected kind.
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
            // The kind has no names, so the text is just invalid.
            Ok(Reference::Name(_)) | Err(ParseError::UnknownForm) => format!("invalid ID `{shown}`"),
            Ok(reference) => format!("`{shown}` is {form}{}", reference.kind()),
            Err(ParseError::VideoPart(part)) => format!(
                "`{shown}` is a link to a video, but `{part}` after its number is neither a hash nor a known page"
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

/// Implements `id()` for a response type with a `uri`: `resource!(Video, VideoId)`, or `resource!(Comment)` for a number.
#[allow(unused_macros)]
macro_rules! resource {
    (Video, VideoId) => {
        $crate::runtime::resource!(@named Video, VideoId);

        impl Video {
            /// Returns the hash of an unlisted video, if `uri` contains it: `abc` in `/videos/123:abc`.
            pub fn hash(&self) -> Option<String> {
                self.id()?.hash().map(str::to_owned)
            }
        }
    };
    ($name:ident) => {
        impl $name {
            /// Returns the number at the end of `uri`; `None` if the response has no `uri`.
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
            /// Returns the ID from `uri`, which other calls accept; `None` if the response has no `uri`.
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

/// Converts an argument of a generated call into an ID. The call reports the error when it is sent.
#[allow(dead_code, reason = "not every description marks IDs")]
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

/// Implements the conversions of a type that is parsed from text.
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

/// Implements parsing and serde for an ID type.
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

        /// Accepts text or a number.
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

/// The ID of a video: its number, and the hash of an unlisted video.
///
/// Created from a number, from `123:abc`, from a URI such as `/videos/123`, or from a link to vimeo.com.
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
    /// Returns the number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the hash of an unlisted video, if it is known.
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    /// Returns the URI with the hash: `/videos/123:abc`.
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

/// ID types with a number or a name.
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
                /// Returns the number or the name; it consists of letters, digits, `-` and `_`.
                pub fn as_str(&self) -> &str {
                    &self.0
                }

                /// Returns the number; `None` for a name.
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
    /// The ID of a user: a number, or the name in the address of the profile.
    ///
    /// ```
    /// use vimeo_api::UserId;
    /// assert_eq!("https://vimeo.com/staff".parse::<UserId>()?.as_str(), "staff");
    /// assert_eq!("/users/152184".parse::<UserId>()?.number(), Some(152184));
    /// # Ok::<(), vimeo_api::InvalidId>(())
    /// ```
    UserId, "a user: 152184, staff, /users/152184 or a link such as https://vimeo.com/staff", User;

    /// The ID of a channel: a number, or the name in its address.
    ChannelId, "a channel: 123, staffpicks, /channels/123 or a link such as https://vimeo.com/channels/staffpicks", Channel;

    /// The ID of a group: a number, or the name in its address.
    GroupId, "a group: 123, motion, /groups/123 or a link such as https://vimeo.com/groups/motion", Group;
}

impl UserId {
    fn of_name(name: String) -> Self {
        // Users without a name have `user` and the number in their address.
        match name.strip_prefix("user").and_then(|digits| digits.parse::<u64>().ok()) {
            Some(number) => number.into(),
            None => Self(name),
        }
    }

    /// Returns the URI: `/users/123`.
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

/// ID types with a number and an optional owner.
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
                /// Returns the number.
                pub fn number(&self) -> u64 {
                    self.number
                }

                /// Returns the owner, if it is known; `None` stands for the token's user.
                pub fn owner(&self) -> Option<&UserId> {
                    self.owner.as_ref()
                }

                /// Returns the path below the owner, or below `/me` if there is none.
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
    /// The ID of a showcase: its number, and its owner if known.
    ///
    /// ```
    /// use vimeo_api::ShowcaseId;
    /// let showcase: ShowcaseId = "/users/7/albums/5".parse()?;
    /// assert_eq!(showcase.uri(), "/users/7/albums/5");
    /// assert_eq!(ShowcaseId::from(5).uri(), "/me/albums/5");
    /// # Ok::<(), vimeo_api::InvalidId>(())
    /// ```
    ShowcaseId, "a showcase: 123, /users/7/albums/123 or a link such as https://vimeo.com/showcase/123", Showcase, "albums";

    /// The ID of a folder: its number, and its owner if known.
    FolderId, "a folder: 123, /users/7/projects/123 or a link such as https://vimeo.com/manage/folders/123", Folder, "projects";
}

/// ID types that are a number.
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
                /// Returns the number.
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
    /// The ID of an app: `123` or `/apps/123`.
    AppId, "an app: 123 or /apps/123", App;

    /// The ID of a text track: `123` or `/videos/7/texttracks/123`.
    TextTrackId, "a text track: 123 or /videos/7/texttracks/123", TextTrack;

    /// The ID of a version of a video: `123` or `/videos/7/versions/123`.
    VersionId, "a version: 123 or /videos/7/versions/123", Version;
}

/// A domain for the embed settings of a video: `example.com`.
///
/// Also created from a link to the site. A link to a page of the site is rejected, because the setting applies to whole
/// domains.
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

    /// Returns the domain without a scheme.
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
            Err(InvalidId::new(Self::EXPECTED, text, &Err(ParseError::UnknownForm)))
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(DomainName);

/// The ID of a webhook: `123` or `/apps/7/webhooks/123`.
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
    /// Returns the number.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns the app that owns the webhook, if it is known.
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
