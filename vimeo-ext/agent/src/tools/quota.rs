//! How much of a quota is used, told where an upload was refused for it.

use vimeo_api::types;

use vimeo_ext::{Error, Vimeo};

/// The used part of the quota that an upload was refused for, as a sentence; `None` for other errors, and where Vimeo does
/// not tell.
pub(crate) async fn used(vimeo: &Vimeo, error: &Error) -> Option<String> {
    let Some(vimeo_api::Error::QuotaExceeded(exceeded)) = error.call() else { return None };
    let call = vimeo.api().users().get_me().fields("upload_quota");
    let quota = call.send().await.ok()?.into_inner().upload_quota?;
    let space = quota.space.map(|part| (part.used, part.max, part.unit));
    let part = match exceeded.quota {
        vimeo_api::Quota::Period => quota.periodic.map(|part| (part.used, part.max, part.unit)),
        _ => quota.lifetime.map(|part| (part.used, part.max, part.unit)).filter(|(_, max, _)| max.is_some()),
    };
    let (used, max, unit) = part.or(space)?;
    told(used?, max?, unit.as_ref())
}

/// In bytes or in videos, as the account counts; `None` for what nobody knows.
fn told(used: u64, max: i64, unit: Option<&types::QuotaUnit>) -> Option<String> {
    match unit {
        Some(types::QuotaUnit::VideoCount) => Some(format!("{used} of {max} videos are used.")),
        Some(types::QuotaUnit::VideoSize) | None => Some(format!("{used} of {max} bytes are used.")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_told_in_what_it_counts() {
        let unit = |word: &str| types::QuotaUnit::other(word);
        for (word, said) in [
            (Some("video_count"), Some("25 of 30 videos are used.")),
            (Some("video_size"), Some("25 of 30 bytes are used.")),
            (None, Some("25 of 30 bytes are used.")),
            (Some("minutes"), None),
        ] {
            assert_eq!(told(25, 30, word.map(unit).as_ref()).as_deref(), said, "{word:?}");
        }
    }
}
