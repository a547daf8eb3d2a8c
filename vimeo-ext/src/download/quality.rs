//! Which of a video's files is downloaded.

use std::fmt;
use std::str::FromStr;

use vimeo_api::types::{VideoFile, VideoQuality, VideoRendition};

/// Which file of a video is downloaded. Default: [`Best`](Self::Best).
///
/// ```
/// use vimeo_ext::download::Quality;
/// assert_eq!("source".parse(), Ok(Quality::Source));
/// assert_eq!("1080p".parse(), Ok(Quality::UpTo(1080)));
/// assert!("1080".parse::<Quality>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Quality {
    /// The file that was uploaded.
    Source,
    /// The file that was uploaded, or if it is not offered, the rendition with the largest picture.
    #[default]
    Best,
    /// The rendition with the largest picture of at most this height in pixels.
    UpTo(u32),
}

/// A text that does not name a quality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown quality {0:?}; use source, best, or a height such as 1080p")]
pub struct InvalidQuality(String);

impl FromStr for Quality {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, InvalidQuality> {
        match text {
            "source" => Ok(Self::Source),
            "best" => Ok(Self::Best),
            _ => {
                let height =
                    text.strip_suffix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                let height = height.and_then(|digits| digits.parse().ok()).filter(|height| *height > 0);
                height.map(Self::UpTo).ok_or_else(|| InvalidQuality(text.to_owned()))
            }
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("the source file"),
            Self::Best => f.write_str("a file"),
            Self::UpTo(height) => write!(f, "a file of at most {height}p"),
        }
    }
}

impl Quality {
    /// Chooses among the files that have a link.
    pub(super) fn choose(self, files: &[VideoFile]) -> Option<&VideoFile> {
        let files = || files.iter().filter(|file| file.link.is_some());
        let source = || files().find(|file| is_source(file));
        let renditions = || files().filter(|file| !is_source(file) && !is_stream(file));
        match self {
            Self::Source => source(),
            Self::Best => source().or_else(|| renditions().max_by_key(|file| size_key(file))),
            Self::UpTo(height) => renditions()
                .filter(|file| file.height.is_some_and(|found| found > 0 && found <= u64::from(height)))
                .max_by_key(|file| size_key(file)),
        }
    }
}

/// Returns the name of a file, such as `source` or `1080p`.
pub(super) fn name(file: &VideoFile) -> String {
    if is_source(file) {
        return "source".to_owned();
    }
    let named = file.rendition.as_ref().map(ToString::to_string);
    named.or_else(|| file.height.map(|height| format!("{height}p"))).unwrap_or_else(|| "unknown".to_owned())
}

/// Lists the names of the files that have a link.
pub(super) fn names(files: &[VideoFile]) -> String {
    let mut names: Vec<String> = files.iter().filter(|file| file.link.is_some()).map(name).collect();
    names.dedup();
    names.join(", ")
}

fn is_source(file: &VideoFile) -> bool {
    file.quality == Some(VideoQuality::Source) || file.rendition == Some(VideoRendition::Source)
}

/// Whether the link leads to a playlist and not to a file.
fn is_stream(file: &VideoFile) -> bool {
    file.quality == Some(VideoQuality::Hls) || file.rendition == Some(VideoRendition::Adaptive)
}

/// Orders by the picture, then by the size of the file.
fn size_key(file: &VideoFile) -> (u64, u64, u64) {
    (file.height.unwrap_or(0), file.width.unwrap_or(0), file.size.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files() -> Vec<VideoFile> {
        let file = |quality: &str, rendition: &str, height: u32, size: u64, link: Option<&str>| json!({"quality": quality, "rendition": rendition, "height": height, "width": height * 2, "size": size, "link": link});
        serde_json::from_value(json!([
            file("sd", "360p", 360, 10, Some("https://a/360")),
            file("hd", "1080p", 1080, 30, Some("https://a/1080")),
            file("hd", "1080p", 1080, 31, Some("https://a/1080-larger")),
            file("hd", "720p", 720, 20, Some("https://a/720")),
            file("hls", "adaptive", 2160, 0, Some("https://a/list")),
            file("uhd", "2k", 1440, 40, None),
            file("source", "source", 540, 99, Some("https://a/source")),
        ]))
        .unwrap()
    }

    #[test]
    fn a_file_is_chosen_by_its_quality() {
        let mut files = files();
        let chosen = |quality: Quality, files: &[VideoFile]| {
            quality
                .choose(files)
                .map(|file| file.link.as_ref().unwrap().expose().rsplit('/').next().unwrap().to_owned())
        };
        for (quality, link) in [
            (Quality::Source, Some("source")),
            (Quality::Best, Some("source")),
            (Quality::UpTo(1080), Some("1080-larger")),
            (Quality::UpTo(1079), Some("720")),
            (Quality::UpTo(4320), Some("1080-larger")),
            (Quality::UpTo(359), None),
        ] {
            assert_eq!(chosen(quality, &files).as_deref(), link, "{quality:?}");
        }
        files.pop();
        assert_eq!(chosen(Quality::Source, &files), None);
        assert_eq!(chosen(Quality::Best, &files).as_deref(), Some("1080-larger"));
        assert_eq!(chosen(Quality::Best, &[]), None);
    }

    #[test]
    fn qualities_are_read_from_text() {
        for (text, quality) in [
            ("source", Some(Quality::Source)),
            ("best", Some(Quality::Best)),
            ("1p", Some(Quality::UpTo(1))),
            ("0p", None),
            ("p", None),
            ("+1p", None),
            ("99999999999p", None),
            ("Source", None),
        ] {
            assert_eq!(text.parse().ok(), quality, "{text}");
        }
    }

    #[test]
    fn offered_files_are_named() {
        assert_eq!(names(&files()), "360p, 1080p, 720p, adaptive, source");
    }
}
