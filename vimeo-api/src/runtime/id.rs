//! IDs as callers give them: a number, the name that Vimeo takes in its place, a URI, or a link that Vimeo shows.
//!
//! What the caller named is kept whole: the hash of an unlisted video, the name of a user, the owner of a folder.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::call::PathValue;
use super::reference::{Reference, Unreadable, read};
use super::uri::ResourceUri;

/// A text that is no ID of the kind that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}; expected {expected}")]
pub struct InvalidId {
    expected: &'static str,
    found: String,
}

impl InvalidId {
    fn new(expected: &'static str, text: &str, found: &Result<Reference, Unreadable>) -> Self {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        let form = match text.trim() {
            uri if uri.starts_with('/') || uri.contains("://api.vimeo.com/") => "the URI of ",
            link if link.contains("vimeo.com/") => "a link to ",
            _ => "",
        };
        let found = match found {
            // A name of a kind that has none says nothing of what was meant.
            Ok(Reference::Word(_)) | Err(Unreadable::Form) => format!("`{shown}` cannot be read"),
            Ok(reference) => format!("`{shown}` is {form}{}", reference.kind()),
            Err(Unreadable::VideoPart(part)) => format!(
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
pub(crate) fn read_id<T>(value: impl TryInto<T, Error: Into<InvalidId>>) -> Result<T, InvalidId> {
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
macro_rules! converts {
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
                match read(text) {
                    $($pattern => Ok($value),)+
                    found => Err(InvalidId::new(Self::EXPECTED, text, &found)),
                }
            }
        }

        converts!($name);

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
                Ok(Reference::Word(name) | Reference::$variant(name)) => Self::of_name(name),
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
            Err(InvalidId::new(Self::EXPECTED, text, &Err(Unreadable::Form)))
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

converts!(DomainName);

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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn videos_are_read_by_grammar_and_keep_their_hash() {
        let taken = [
            ("76979871", 76979871, None),
            (" 76979871\n", 76979871, None),
            ("76979871:a1b2c3", 76979871, Some("a1b2c3")),
            ("/videos/76979871", 76979871, None),
            ("/videos/76979871:a1b2c3", 76979871, Some("a1b2c3")),
            ("/users/7/videos/76979871", 76979871, None),
            ("/me/videos/76979871", 76979871, None),
            ("https://api.vimeo.com/videos/76979871", 76979871, None),
            ("https://vimeo.com/76979871", 76979871, None),
            ("http://www.vimeo.com/76979871/", 76979871, None),
            ("vimeo.com/76979871?share=copy#t=30s", 76979871, None),
            ("https://vimeo.com/76979871/a1b2c3d4e5", 76979871, Some("a1b2c3d4e5")),
            ("https://vimeo.com/76979871?h=a1b2c3d4e5", 76979871, Some("a1b2c3d4e5")),
            ("https://player.vimeo.com/video/76979871?h=a1b2c3&badge=0", 76979871, Some("a1b2c3")),
            ("https://vimeo.com/manage/videos/76979871", 76979871, None),
            ("https://vimeo.com/manage/videos/76979871/a1b2c3", 76979871, Some("a1b2c3")),
            ("https://vimeo.com/channels/staffpicks/76979871", 76979871, None),
            ("https://vimeo.com/groups/motion/videos/76979871", 76979871, None),
            ("https://vimeo.com/ondemand/film/76979871", 76979871, None),
            ("https://vimeo.com/showcase/1234567/video/76979871", 76979871, None),
            ("https://vimeo.com/album/1234567/video/76979871", 76979871, None),
            ("https://vimeo.com/someone/review/76979871/a1b2c3", 76979871, None),
            ("18446744073709551615", u64::MAX, None),
        ];
        for (text, number, hash) in taken {
            let video: VideoId = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((video.number(), video.hash()), (number, hash), "{text}");
            for written in [video.to_string(), video.uri()] {
                assert_eq!(written.parse::<VideoId>().unwrap(), video, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_video_is_refused_and_called_by_its_name() {
        let refused = [
            ("https://vimeo.com/showcase/76979871", "a link to a showcase"),
            ("https://vimeo.com/showcase/76979871/embed2", "a link to a showcase"),
            ("https://vimeo.com/album/76979871", "a link to a showcase"),
            ("https://vimeo.com/manage/folders/76979871", "a link to a folder"),
            ("https://vimeo.com/user76979871", "a link to a user"),
            ("https://vimeo.com/surfer", "a link to a user"),
            ("https://vimeo.com/channels/76979871", "a link to a channel"),
            ("https://vimeo.com/event/76979871", "a link to a live event"),
            ("https://vimeo.com/settings", "a link to a page of Vimeo's own"),
            ("/albums/76979871", "the URI of a showcase"),
            ("/users/76979871", "the URI of a user"),
            ("/me/projects/76979871", "the URI of a folder"),
            ("Film_7697987", "cannot be read"),
            ("https://vimeo.com/76979871/whatever", "is a link to a video, but `whatever` behind its number"),
            ("Holiday 76979871", "cannot be read"),
            ("../../me", "cannot be read"),
            ("/videos/../me", "cannot be read"),
            ("/videos/%2e%2e/me", "cannot be read"),
            ("https://vimeo.com/../76979871", "cannot be read"),
            ("https://vimeo.com/76979871/../1", "cannot be read"),
            ("1?x=2", "cannot be read"),
            ("/videos/1?x=2", "cannot be read"),
            ("1/comments", "cannot be read"),
            ("/videos/1/comments", "cannot be read"),
            ("0", "cannot be read"),
            ("007", "cannot be read"),
            ("-5", "cannot be read"),
            ("1e9", "cannot be read"),
            ("1.0", "cannot be read"),
            ("18446744073709551616", "cannot be read"),
            ("76979871:", "cannot be read"),
            ("76979871:a/b", "cannot be read"),
            ("https://vimeo.com/76979871?h=a/b", "cannot be read"),
            ("https://evil.example/76979871", "cannot be read"),
            ("https://vimeo.com.evil.example/76979871", "cannot be read"),
            ("https://user@vimeo.com/76979871", "cannot be read"),
            ("https://vimeo.com:444/76979871", "cannot be read"),
            ("//vimeo.com/76979871", "cannot be read"),
            ("٧٦", "cannot be read"),
            ("", "cannot be read"),
        ];
        for (text, is) in refused {
            let error = text.parse::<VideoId>().expect_err(text).to_string();
            assert!(error.contains(is), "{text}: {error}");
            assert!(error.ends_with(VideoId::EXPECTED), "{error}");
        }
    }

    /// No kind is refused with the words that it is one of that kind.
    #[test]
    fn a_refusal_does_not_contradict_itself() {
        fn check<T: FromStr<Err = InvalidId>>(kind: &str) {
            let texts = [
                "5",
                "5:abc",
                "staff",
                "me",
                "/me",
                "/videos/5",
                "/videos/5:abc",
                "/albums/5",
                "/users/7/albums/5",
                "/me/projects/5",
                "/users/7/folders/5",
                "/users/7",
                "/channels/x",
                "/groups/x",
                "/apps/7",
                "/apps/7/webhooks/5",
                "/videos/7/texttracks/5",
                "/videos/7/versions/5",
                "https://vimeo.com/5",
                "https://vimeo.com/5/settings",
                "https://vimeo.com/5/a1b2c3d4e5",
                "https://vimeo.com/showcase/5",
                "https://vimeo.com/showcase/5/embed",
                "https://vimeo.com/showcase/5/embed2",
                "https://vimeo.com/showcase/5/video/6",
                "https://vimeo.com/album/5",
                "https://vimeo.com/manage/showcases/5",
                "https://vimeo.com/manage/showcases/5/info",
                "https://vimeo.com/manage/folders/5",
                "https://vimeo.com/user/7/folder/5",
                "https://vimeo.com/user5",
                "https://vimeo.com/staff",
                "https://vimeo.com/staff/videos",
                "https://vimeo.com/channels/x",
                "https://vimeo.com/channels/x/5",
                "https://vimeo.com/groups/x",
                "https://vimeo.com/event/5",
                "https://vimeo.com/ondemand/x",
            ];
            for text in texts {
                if let Err(error) = text.parse::<T>() {
                    let error = error.to_string();
                    let found = error.split("; expected").next().unwrap_or_default();
                    assert!(!found.ends_with(kind), "{text}: {error}");
                }
            }
        }
        check::<VideoId>("a video");
        check::<ShowcaseId>("a showcase");
        check::<FolderId>("a folder");
        check::<UserId>("a user");
        check::<ChannelId>("a channel");
        check::<GroupId>("a group");
        check::<AppId>("an app");
        check::<WebhookId>("a webhook");
        check::<TextTrackId>("a text track");
        check::<VersionId>("a version");
    }

    #[test]
    fn the_other_kinds_take_their_own_and_refuse_each_other() {
        let cases = [
            ("5", Some("/me/albums/5"), Some("/me/projects/5"), Some("5")),
            ("/albums/5", Some("/me/albums/5"), None, None),
            ("/users/7/albums/5", Some("/users/7/albums/5"), None, None),
            ("https://vimeo.com/showcase/5", Some("/me/albums/5"), None, None),
            ("https://vimeo.com/showcase/5/embed", Some("/me/albums/5"), None, None),
            ("https://vimeo.com/showcase/5/embed2", Some("/me/albums/5"), None, None),
            ("https://vimeo.com/showcase/5/video/6", None, None, None),
            ("/users/7/projects/5", None, Some("/users/7/projects/5"), None),
            ("/users/surfer/folders/5", None, Some("/users/surfer/projects/5"), None),
            ("/me/folders/5", None, Some("/me/projects/5"), None),
            ("https://vimeo.com/manage/folders/5", None, Some("/me/projects/5"), None),
            ("https://vimeo.com/user/7/folder/5", None, Some("/users/7/projects/5"), None),
            ("/users/5", None, None, Some("5")),
            ("https://vimeo.com/user5", None, None, Some("5")),
            ("user5", None, None, Some("5")),
            ("https://vimeo.com/surfer", None, None, Some("surfer")),
            ("surfer", None, None, Some("surfer")),
            ("me", None, None, None),
            ("/videos/5", None, None, None),
            ("5:abc", None, None, None),
            ("../../videos/1", None, None, None),
        ];
        for (text, showcase, folder, user) in cases {
            let uri = text.parse::<ShowcaseId>().ok().map(|id| id.uri());
            assert_eq!(uri.as_deref(), showcase, "showcase {text}");
            let uri = text.parse::<FolderId>().ok().map(|id| id.uri());
            assert_eq!(uri.as_deref(), folder, "folder {text}");
            let id = text.parse::<UserId>().ok();
            assert_eq!(id.as_ref().map(UserId::as_str), user, "user {text}");
        }
        assert!("https://vimeo.com/76979871".parse::<UserId>().is_err(), "a video is no user");
        assert_eq!(UserId::from(5).number(), Some(5));
        assert_eq!("surfer".parse::<UserId>().unwrap().number(), None);
    }

    #[test]
    fn channels_and_groups_go_by_number_or_name_and_webhooks_may_name_their_app() {
        for (text, id) in [
            ("staffpicks", Some("staffpicks")),
            ("12", Some("12")),
            ("/channels/12", Some("12")),
            ("https://vimeo.com/channels/staff-picks", Some("staff-picks")),
            ("https://vimeo.com/channels/staffpicks/76979871", None),
            ("../me", None),
            ("a b", None),
            ("a/b", None),
        ] {
            assert_eq!(text.parse::<ChannelId>().ok().as_ref().map(ChannelId::as_str), id, "{text}");
        }
        assert_eq!("https://vimeo.com/groups/motion".parse::<GroupId>().unwrap().as_str(), "motion");
        let hook: WebhookId = "/apps/7/webhooks/5".parse().unwrap();
        assert_eq!((hook.number(), hook.app()), (5, Some(7)));
        assert_eq!("5".parse::<WebhookId>().unwrap().app(), None);
        assert!("/apps/7".parse::<WebhookId>().is_err());
    }

    #[test]
    fn a_domain_is_a_host_or_the_link_to_one() {
        for (text, host) in [
            ("example.com", Some("example.com")),
            (" example.com ", Some("example.com")),
            ("https://example.com", Some("example.com")),
            ("http://shop.example.com/", Some("shop.example.com")),
            ("HTTPS://example.com", Some("example.com")),
            ("*.example.com", Some("*.example.com")),
            ("bücher.example", Some("bücher.example")),
            ("https://example.com/page", None),
            ("https://example.com?x", None),
            ("example.com/", None),
            ("https://user@example.com", None),
            ("https://example.com:8080", None),
            ("ftp://example.com", None),
            ("https://", None),
            ("a..b", None),
            ("../me", None),
            ("", None),
        ] {
            let domain = text.parse::<DomainName>().ok();
            assert_eq!(domain.as_ref().map(DomainName::as_str), host, "{text}");
        }
    }

    #[test]
    fn ids_are_read_from_json_text_and_numbers_and_written_as_text() {
        let video = |json: serde_json::Value| serde_json::from_value::<VideoId>(json);
        assert_eq!(video(json!(76979871)).unwrap(), VideoId::from(76979871));
        assert_eq!(video(json!("/videos/1:abc")).unwrap().hash(), Some("abc"));
        for refused in [json!(-1), json!(0), json!(1.5), json!(true), json!(null), json!([1]), json!("x")] {
            assert!(video(refused.clone()).is_err(), "{refused}");
        }
        assert_eq!(serde_json::to_value("1:abc".parse::<VideoId>().unwrap()).unwrap(), json!("1:abc"));
        assert_eq!(serde_json::from_value::<UserId>(json!(7)).unwrap(), UserId::from(7));
        let folder: FolderId = "/users/7/projects/5".parse().unwrap();
        let again = serde_json::from_value::<FolderId>(serde_json::to_value(&folder).unwrap()).unwrap();
        assert_eq!(again, folder);
    }
}
