//! The parser of references to resources: numbers, names, URIs of the API, and links to vimeo.com.
//!
//! It parses the whole text by a grammar instead of searching for digits. So the number of a showcase is never used as that of
//! a video, a word after a video's number never as its hash, and no unparsed text reaches a path.

use url::{Host, Url};

/// A parsed reference: the kind of resource and everything that the text says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// `123`, or `123:abc` with the hash of an unlisted video; of the kind that the caller expects.
    Number {
        number: u64,
        hash: Option<String>,
    },
    /// `staff`: the name of a user, a channel or a group.
    Name(String),
    Video {
        number: u64,
        hash: Option<String>,
    },
    Showcase {
        number: u64,
        owner: Option<String>,
    },
    Folder {
        number: u64,
        owner: Option<String>,
    },
    User(String),
    Channel(String),
    Group(String),
    App(u64),
    Webhook {
        number: u64,
        app: u64,
    },
    TextTrack(u64),
    Version(u64),
    /// A resource without an ID type; holds a description.
    Other(&'static str),
}

impl Reference {
    /// The kind, for error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number { hash: None, .. } => "a number",
            Self::Number { hash: Some(_), .. } => "a number with the hash of a video",
            Self::Name(_) => "a name",
            Self::Video { .. } => "a video",
            Self::Showcase { .. } => "a showcase",
            Self::Folder { .. } => "a folder",
            Self::User(_) => "a user",
            Self::Channel(_) => "a channel",
            Self::Group(_) => "a group",
            Self::App(_) => "an app",
            Self::Webhook { .. } => "a webhook",
            Self::TextTrack(_) => "a text track",
            Self::Version(_) => "a version",
            Self::Other(what) => what,
        }
    }
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParseError {
    /// The form is unknown.
    UnknownForm,
    /// A link to a video in which this part is neither a hash nor a page of the video.
    VideoPart(String),
}

/// The maximum length of a reference.
const MAX_LENGTH: usize = 300;

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Reference, ParseError> {
    let text = text.trim();
    if text.is_empty()
        || text.len() > MAX_LENGTH
        || text.contains(|c: char| c.is_control() || c.is_whitespace())
    {
        return Err(ParseError::UnknownForm);
    }
    if let Some((number, hash)) = number_with_hash(text) {
        return Ok(Reference::Number { number, hash });
    }
    if let Some(path) = text.strip_prefix('/') {
        // A query belongs to the call that the URI was used in, not to what it names.
        let path = path.split(['?', '#']).next().unwrap_or_default();
        return uri(&segments(path)?);
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return link(text);
    }
    let host = text.split('/').next().unwrap_or_default();
    if matches!(host, "vimeo.com" | "www.vimeo.com" | "player.vimeo.com") {
        return link(&format!("https://{text}"));
    }
    match text {
        "me" => Ok(Reference::Other("the account itself")),
        word if is_word(word) => Ok(Reference::Name(word.to_owned())),
        _ => Err(ParseError::UnknownForm),
    }
}

fn link(text: &str) -> Result<Reference, ParseError> {
    // URL parsing would resolve `..` and convert backslashes. Links of Vimeo have neither.
    if text.contains("/..") || text.contains("/./") || text.contains('\\') {
        return Err(ParseError::UnknownForm);
    }
    let url = Url::parse(text).map_err(|_| ParseError::UnknownForm)?;
    if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
        return Err(ParseError::UnknownForm);
    }
    let Some(Host::Domain(host)) = url.host() else { return Err(ParseError::UnknownForm) };
    let path = segments(url.path().trim_start_matches('/'))?;
    let mut hash = None;
    for (name, value) in url.query_pairs() {
        if name == "h" {
            // A link with an invalid hash must not become a link without one.
            if !is_hash(&value) {
                return Err(ParseError::UnknownForm);
            }
            hash = Some(value.into_owned());
        }
    }
    match host {
        "vimeo.com" | "www.vimeo.com" => page(&path, hash),
        "player.vimeo.com" => player(&path, hash),
        "api.vimeo.com" => uri(&path),
        "developer.vimeo.com" => match *path {
            ["apps", id] => Ok(Reference::App(number(id)?)),
            _ => Ok(Reference::Other("a page for developers")),
        },
        _ => Err(ParseError::UnknownForm),
    }
}

/// Parses a path of the API.
fn uri(path: &[&str]) -> Result<Reference, ParseError> {
    // The owner comes first.
    let (owner, rest) = match path {
        ["me", rest @ ..] => (None, rest),
        ["users", owner, rest @ ..] if !rest.is_empty() => (Some(name(owner)?), rest),
        all => (None, all),
    };
    let found = match *rest {
        ["videos", id]
        | ["albums" | "projects" | "folders" | "channels" | "groups" | "portfolios", _, "videos", id] => {
            let (number, hash) = number_with_hash(id).ok_or(ParseError::UnknownForm)?;
            Reference::Video { number, hash }
        }
        ["albums", id] => Reference::Showcase { number: number(id)?, owner },
        ["projects" | "folders", id] => Reference::Folder { number: number(id)?, owner },
        [] => Reference::Other("the account itself"),
        _ => match *path {
            ["users", id] => Reference::User(name(id)?),
            ["channels", id] => Reference::Channel(name(id)?),
            ["groups", id] => Reference::Group(name(id)?),
            ["apps", id] => Reference::App(number(id)?),
            ["apps", app, "webhooks", id] => Reference::Webhook { number: number(id)?, app: number(app)? },
            ["videos", _, "texttracks", id] => Reference::TextTrack(number(id)?),
            ["videos", _, "versions", id] => Reference::Version(number(id)?),
            ["live_events", _] => Reference::Other("a live event"),
            ["ondemand", "pages", _] => Reference::Other("an On Demand page"),
            ["categories", _] => Reference::Other("a category"),
            _ => return Err(ParseError::UnknownForm),
        },
    };
    Ok(found)
}

/// Parses a link to vimeo.com; `hash` is from its query.
fn page(path: &[&str], hash: Option<String>) -> Result<Reference, ParseError> {
    let found = match *path {
        [id, ref behind @ ..] if number(id).is_ok() => video(id, behind, hash)?,
        ["video", id, ref behind @ ..] => video(id, behind, hash)?,
        ["manage", "videos", id, ref behind @ ..] => video(id, behind, hash)?,
        ["channels", _, id]
        | ["groups", _, "videos", id]
        | ["ondemand", _, id]
        | ["event", _, "videos", id]
        | ["showcase" | "album", _, "video", id]
            if number(id).is_ok() =>
        {
            video(id, &[], hash)?
        }
        ["showcase" | "album", _, "video", id, ref behind @ ..] => video(id, behind, hash)?,
        // The last part is the key of the review page, not the hash of the video.
        [_, "review", id, _] | ["reviews", _, "videos", id] => video(id, &[], None)?,
        ["showcase" | "album", id] | ["showcase" | "album", id, "embed" | "embed2"] => {
            Reference::Showcase { number: number(id)?, owner: None }
        }
        ["manage", "showcases", id, ref behind @ ..] if behind.iter().all(|part| is_page_name(part)) => {
            Reference::Showcase { number: number(id)?, owner: None }
        }
        ["manage", "folders", id, ref behind @ ..] if behind.iter().all(|part| is_page_name(part)) => {
            Reference::Folder { number: number(id)?, owner: None }
        }
        ["user", owner, "folder", id] => {
            Reference::Folder { number: number(id)?, owner: Some(number(owner)?.to_string()) }
        }
        ["channels", id] | ["channels", id, "videos"] => Reference::Channel(name(id)?),
        ["groups", id] | ["groups", id, "videos" | "members"] => Reference::Group(name(id)?),
        ["apps", id] => Reference::App(number(id)?),
        ["ondemand", ..] => Reference::Other("an On Demand page"),
        ["event", ..] | ["manage", "events", ..] => Reference::Other("a live event"),
        ["categories", ..] => Reference::Other("a category"),
        ["channels" | "groups" | "album" | "showcase" | "manage" | "reviews", ..] => {
            return Err(ParseError::UnknownForm);
        }
        ["user", id] => Reference::User(number(id)?.to_string()),
        [word, ..] if RESERVED_PATHS.contains(&word) => Reference::Other("a page of Vimeo's own"),
        [id] | [id, "videos" | "about" | "following" | "followers" | "likes" | "showcases" | "albums"] => {
            Reference::User(name(id)?)
        }
        _ => return Err(ParseError::UnknownForm),
    };
    Ok(found)
}

/// Parses a link to player.vimeo.com.
fn player(path: &[&str], hash: Option<String>) -> Result<Reference, ParseError> {
    match *path {
        ["video", id, ref behind @ ..] => video(id, behind, hash),
        ["event", ..] => Ok(Reference::Other("a live event")),
        _ => Err(ParseError::UnknownForm),
    }
}

/// Parses the parts after a video's number in a link: its hash, a page about the video, or both.
fn video(id: &str, behind: &[&str], query: Option<String>) -> Result<Reference, ParseError> {
    let number = number(id)?;
    let (hash, pages) = match behind {
        [hash, pages @ ..] if is_hash_in_path(hash) => (Some((*hash).to_owned()), pages),
        pages => (None, pages),
    };
    if let Some(part) = pages.iter().find(|part| !VIDEO_PAGES.contains(*part)) {
        return Err(ParseError::VideoPart((*part).to_owned()));
    }
    Ok(Reference::Video { number, hash: hash.or(query) })
}

/// Names of pages about a video, which follow its number in links.
const VIDEO_PAGES: &[&str] = &[
    "advanced",
    "ai",
    "analytics",
    "chapters",
    "collaborators",
    "comments",
    "config",
    "description",
    "distribution",
    "download",
    "edit",
    "embed",
    "end-screen",
    "general",
    "interaction-tools",
    "interactivity",
    "likes",
    "marketing",
    "privacy",
    "review",
    "settings",
    "share",
    "stats",
    "subtitles",
    "team",
    "thumbnail",
    "transcript",
    "upload",
    "versions",
];

/// First path segments on vimeo.com that are not user names.
const RESERVED_PATHS: &[&str] = &[
    "about",
    "analytics",
    "api",
    "blog",
    "cookie_policy",
    "create",
    "enterprise",
    "explore",
    "features",
    "folder",
    "help",
    "home",
    "jobs",
    "join",
    "library",
    "live",
    "log_in",
    "login",
    "manage",
    "me",
    "partners",
    "privacy",
    "professionals",
    "purchases",
    "search",
    "settings",
    "site_map",
    "solutions",
    "staff-picks",
    "stock",
    "store",
    "tag",
    "terms",
    "upgrade",
    "upload",
    "user",
    "video",
    "watch",
    "watchlater",
];

/// Splits a path into segments of plain characters. Accepts a trailing slash.
fn segments(path: &str) -> Result<Vec<&str>, ParseError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    let plain = |segment: &&str| {
        let (word, hash) = segment.split_once(':').unwrap_or((segment, "0"));
        is_plain(word) && is_hash(hash)
    };
    if segments.iter().all(plain) { Ok(segments) } else { Err(ParseError::UnknownForm) }
}

/// `123` or `123:abc`.
fn number_with_hash(text: &str) -> Option<(u64, Option<String>)> {
    match text.split_once(':') {
        Some((digits, hash)) if is_hash(hash) => Some((number(digits).ok()?, Some(hash.to_owned()))),
        Some(_) => None,
        None => Some((number(text).ok()?, None)),
    }
}

/// A number as Vimeo writes it.
fn number(digits: &str) -> Result<u64, ParseError> {
    if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::UnknownForm);
    }
    digits.parse().map_err(|_| ParseError::UnknownForm)
}

/// The number or the name of a user, a channel or a group.
fn name(text: &str) -> Result<String, ParseError> {
    if is_word(text) { Ok(text.to_owned()) } else { number(text).map(|number| number.to_string()) }
}

/// The letters and digits that stand behind the number of an unlisted video, where nothing else can stand.
fn is_hash(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a part of a link is a hash: hex digits that are not a word.
fn is_hash_in_path(text: &str) -> bool {
    is_hash(text)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (text.len() == 10 || text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A word behind a number that says which page of the thing is shown.
fn is_page_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}

/// A segment of plain characters.
fn is_plain(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A name as it stands in a link: without a letter it would be a number that went wrong.
fn is_word(text: &str) -> bool {
    is_plain(text) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(number: u64, hash: Option<&str>) -> Reference {
        Reference::Video { number, hash: hash.map(str::to_owned) }
    }

    #[test]
    fn parses_every_form_of_link() {
        let showcase = |number| Reference::Showcase { number, owner: None };
        let folder =
            |number, owner: Option<&str>| Reference::Folder { number, owner: owner.map(str::to_owned) };
        let user = |name: &str| Reference::User(name.to_owned());
        let event = Reference::Other("a live event");
        let cases = [
            ("https://vimeo.com/76979871", video(76979871, None)),
            ("http://www.vimeo.com/76979871/", video(76979871, None)),
            ("vimeo.com/76979871?share=copy#t=30s", video(76979871, None)),
            ("https://vimeo.com/76979871/a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/76979871/a1b2c3d4e5?share=copy", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/76979871?h=a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/video/76979871", video(76979871, None)),
            ("https://vimeo.com/video/76979871?h=a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/video/76979871/a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://player.vimeo.com/video/76979871", video(76979871, None)),
            (
                "https://player.vimeo.com/video/76979871?h=a1b2c3d4e5&badge=0",
                video(76979871, Some("a1b2c3d4e5")),
            ),
            ("https://player.vimeo.com/video/76979871/a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/manage/videos/76979871", video(76979871, None)),
            ("https://vimeo.com/manage/videos/76979871/a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            (
                "https://vimeo.com/manage/videos/76979871/a1b2c3d4e5/privacy",
                video(76979871, Some("a1b2c3d4e5")),
            ),
            ("https://vimeo.com/channels/staffpicks/76979871", video(76979871, None)),
            ("https://vimeo.com/groups/motion/videos/76979871", video(76979871, None)),
            ("https://vimeo.com/ondemand/film/76979871", video(76979871, None)),
            ("https://vimeo.com/event/5/videos/76979871", video(76979871, None)),
            ("https://vimeo.com/showcase/5/video/76979871", video(76979871, None)),
            ("https://vimeo.com/showcase/5/video/76979871?h=a1b2c3d4e5", video(76979871, Some("a1b2c3d4e5"))),
            ("https://vimeo.com/someone/review/76979871/a1b2c3d4e5", video(76979871, None)),
            ("https://vimeo.com/reviews/0f9d2a5e-1b2c/videos/76979871", video(76979871, None)),
            ("https://vimeo.com/showcase/5", showcase(5)),
            ("https://vimeo.com/album/5", showcase(5)),
            ("https://vimeo.com/showcase/5/embed", showcase(5)),
            ("https://vimeo.com/showcase/5/embed2", showcase(5)),
            ("https://vimeo.com/album/5/embed", showcase(5)),
            ("https://vimeo.com/manage/showcases/5/info", showcase(5)),
            ("https://vimeo.com/manage/folders/9", folder(9, None)),
            ("https://vimeo.com/user/7/folder/9", folder(9, Some("7"))),
            ("https://vimeo.com/user/7/folder/9?isPrivate=false", folder(9, Some("7"))),
            ("https://vimeo.com/staff", user("staff")),
            ("https://vimeo.com/staff/videos", user("staff")),
            ("https://vimeo.com/user7", user("user7")),
            ("https://vimeo.com/user/7", user("7")),
            ("https://vimeo.com/channels/staffpicks", Reference::Channel("staffpicks".to_owned())),
            ("https://vimeo.com/groups/motion", Reference::Group("motion".to_owned())),
            ("https://developer.vimeo.com/apps/7", Reference::App(7)),
            ("https://vimeo.com/event/5", event.clone()),
            ("https://vimeo.com/event/5/a1b2c3d4e5", event.clone()),
            ("https://vimeo.com/event/5/embed", event.clone()),
            ("https://player.vimeo.com/event/5/embed", event),
            ("https://vimeo.com/ondemand/film", Reference::Other("an On Demand page")),
            ("https://vimeo.com/categories/animation", Reference::Other("a category")),
            ("https://vimeo.com/settings", Reference::Other("a page of Vimeo's own")),
            ("https://vimeo.com/upload/videos", Reference::Other("a page of Vimeo's own")),
        ];
        for (link, wanted) in cases {
            assert_eq!(parse(link), Ok(wanted), "{link}");
        }
    }

    #[test]
    fn page_names_are_not_hashes() {
        for page in VIDEO_PAGES {
            for link in [
                format!("https://vimeo.com/76979871/{page}"),
                format!("https://vimeo.com/manage/videos/76979871/{page}"),
                format!("https://vimeo.com/manage/videos/76979871/{page}/general"),
                format!("https://player.vimeo.com/video/76979871/{page}"),
            ] {
                assert_eq!(parse(&link), Ok(video(76979871, None)), "{link}");
            }
            let hash = format!("https://vimeo.com/manage/videos/76979871/a1b2c3d4e5/{page}?share=copy");
            assert_eq!(parse(&hash), Ok(video(76979871, Some("a1b2c3d4e5"))), "{hash}");
        }
        // Also one that nobody has listed: a word is never sent in the place of a hash.
        for word in ["whatever", "facade", "feedback", "cafe", "Deadbeef", "g1b2c3d4e5"] {
            let link = format!("https://vimeo.com/76979871/{word}");
            assert_eq!(parse(&link), Err(ParseError::VideoPart(word.to_owned())), "{link}");
        }
        // Ten hex digits are a hash, even if none of them is decimal.
        assert_eq!(parse("https://vimeo.com/7/abcdefabcd"), Ok(video(7, Some("abcdefabcd"))));
    }

    #[test]
    fn uris_retain_the_owner() {
        let showcase =
            |owner: Option<&str>| Reference::Showcase { number: 5, owner: owner.map(str::to_owned) };
        let folder = |owner: Option<&str>| Reference::Folder { number: 5, owner: owner.map(str::to_owned) };
        let cases = [
            ("/videos/7", video(7, None)),
            ("/videos/7:a1b2c3", video(7, Some("a1b2c3"))),
            ("/users/3/videos/7:a1b2c3", video(7, Some("a1b2c3"))),
            ("/me/videos/7", video(7, None)),
            ("/me/albums/5/videos/7", video(7, None)),
            ("/users/3/projects/5/videos/7", video(7, None)),
            ("/channels/staffpicks/videos/7", video(7, None)),
            ("https://api.vimeo.com/videos/7", video(7, None)),
            ("/albums/5", showcase(None)),
            ("/me/albums/5", showcase(None)),
            ("/users/7/albums/5", showcase(Some("7"))),
            ("/users/staff/albums/5", showcase(Some("staff"))),
            ("/me/projects/5", folder(None)),
            ("/me/folders/5", folder(None)),
            ("/users/7/projects/5", folder(Some("7"))),
            ("/users/7/folders/5", folder(Some("7"))),
            ("/users/7", Reference::User("7".to_owned())),
            ("/users/staff", Reference::User("staff".to_owned())),
            ("/channels/staffpicks", Reference::Channel("staffpicks".to_owned())),
            ("/groups/motion", Reference::Group("motion".to_owned())),
            ("/apps/7", Reference::App(7)),
            ("/apps/7/webhooks/5", Reference::Webhook { number: 5, app: 7 }),
            ("/videos/7/texttracks/5", Reference::TextTrack(5)),
            ("/videos/7/versions/5", Reference::Version(5)),
            ("/live_events/5", Reference::Other("a live event")),
            ("/me", Reference::Other("the account itself")),
            ("me", Reference::Other("the account itself")),
            ("5", Reference::Number { number: 5, hash: None }),
            (" 5\n", Reference::Number { number: 5, hash: None }),
            ("5:a1b2", Reference::Number { number: 5, hash: Some("a1b2".to_owned()) }),
            ("staff", Reference::Name("staff".to_owned())),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn parsed_references_are_safe_in_paths() {
        // Every text of up to four of these pieces, links and URIs among them.
        let pieces = [
            "/",
            "..",
            ".",
            "%2e",
            "videos",
            "users",
            "me",
            "7",
            "07",
            "staff",
            ":",
            "a1b2c3d4e5",
            "?h=",
            "#",
            "\\",
            " ",
            "https://vimeo.com",
            "https://player.vimeo.com",
            "https://api.vimeo.com",
            "@",
            "é",
            "\u{0}",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            let longer: Vec<String> = texts
                .iter()
                .flat_map(|text| pieces.iter().map(move |piece| format!("{text}{piece}")))
                .collect();
            for text in &longer {
                let Ok(reference) = parse(text) else { continue };
                let (names, hashes) = match reference {
                    Reference::Number { hash, .. } | Reference::Video { hash, .. } => (vec![], vec![hash]),
                    Reference::Name(name)
                    | Reference::User(name)
                    | Reference::Channel(name)
                    | Reference::Group(name) => (vec![Some(name)], vec![]),
                    Reference::Showcase { owner, .. } | Reference::Folder { owner, .. } => {
                        (vec![owner], vec![])
                    }
                    _ => continue,
                };
                assert!(names.iter().flatten().all(|name| is_plain(name)), "{text}: {names:?}");
                assert!(hashes.iter().flatten().all(|hash| is_hash(hash)), "{text}: {hashes:?}");
            }
            texts = longer.into_iter().filter(|text| text.len() < 40).take(12_000).collect();
        }
    }
}
