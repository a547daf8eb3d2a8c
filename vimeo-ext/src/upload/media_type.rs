//! Detects the kind of a file by its first bytes.

use futures_util::StreamExt;
use infer::MatcherType;

use super::Warning;
use crate::upload::{Source, UploadError};

/// Every known signature lies within these first bytes.
const SNIFF_LEN: u64 = 4096;

/// The kind of file that an upload expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Video,
    Image,
    Text,
}

impl Expected {
    fn label(self) -> &'static str {
        match self {
            Self::Video => "a video",
            Self::Image => "an image",
            Self::Text => "a text track",
        }
    }

    fn fits(self, kind: MatcherType) -> bool {
        match self {
            // Vimeo also accepts audio files, as tracks and as the sound of a video.
            Self::Video => matches!(kind, MatcherType::Video | MatcherType::Audio),
            Self::Image => kind == MatcherType::Image,
            Self::Text => kind == MatcherType::Text,
        }
    }
}

/// Returns the media type of a file that starts with `head`, if it is known, and a warning if it is not of the
/// expected kind.
///
/// An unknown type causes no warning: not all video formats are listed.
pub(crate) fn sniff(head: &[u8], expected: Expected) -> (Option<&'static str>, Option<Warning>) {
    // Browsers and players detect WebVTT this way; `infer` does not know text tracks.
    if head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).starts_with(b"WEBVTT") {
        let warning = (expected != Expected::Text).then(|| Warning::media_type("text/vtt", expected.label()));
        return (Some("text/vtt"), warning);
    }
    let Some(found) = infer::get(head) else { return (None, None) };
    let warning = (!expected.fits(found.matcher_type()))
        .then(|| Warning::media_type(found.mime_type(), expected.label()));
    (Some(found.mime_type()), warning)
}

/// Detects the type of a source by its first bytes. Skips a source that can be read only once.
pub(crate) async fn sniff_source(
    source: &mut dyn Source,
    expected: Expected,
) -> Result<(Option<&'static str>, Option<Warning>), UploadError> {
    if source.replay_limit().is_some() || source.min_offset() > 0 {
        return Ok((None, None));
    }
    let mut head = Vec::new();
    let mut pieces = source.read(0..source.size().min(SNIFF_LEN)).await?;
    while let Some(piece) = pieces.next().await {
        head.extend_from_slice(&piece?);
    }
    let (found, warning) = sniff(&head, expected);
    if let Some(warning) = &warning {
        tracing::warn!(source = source.name(), "{warning}");
    }
    Ok((found, warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_only_about_known_other_types() {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
        const PDF: &[u8] = b"%PDF-1.7";
        // (first bytes, expected, media type, whether a warning is returned)
        let table: [(&[u8], Expected, Option<&str>, bool); 10] = [
            (MP4, Expected::Video, Some("video/mp4"), false),
            (PNG, Expected::Video, Some("image/png"), true),
            (PDF, Expected::Video, Some("application/pdf"), true),
            (b"unknown format", Expected::Video, None, false),
            (b"", Expected::Video, None, false),
            (PNG, Expected::Image, Some("image/png"), false),
            (MP4, Expected::Image, Some("video/mp4"), true),
            (b"\xef\xbb\xbfWEBVTT\n", Expected::Text, Some("text/vtt"), false),
            (b"WEBVTT\n", Expected::Video, Some("text/vtt"), true),
            (PNG, Expected::Text, Some("image/png"), true),
        ];
        for (head, expected, found, warned) in table {
            let (media_type, warning) = sniff(head, expected);
            assert_eq!((media_type, warning.is_some()), (found, warned), "{head:?} as {expected:?}");
        }
    }
}
