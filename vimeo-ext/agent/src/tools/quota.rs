//! How much of a quota is used, for the error of an upload that exceeds it.

use vimeo_api::types;

use vimeo_ext::{Error, Vimeo};

/// Returns the used part of the quota that an upload exceeds, as a sentence; `None` for other errors, and if Vimeo does
/// not report it.
pub(crate) async fn usage(vimeo: &Vimeo, error: &Error) -> Option<String> {
    let Some(vimeo_api::Error::QuotaExceeded(exceeded)) = error.call() else { return None };
    let call = vimeo.api().users().get_me().fields("upload_quota");
    let quota = call.send().await.ok()?.into_inner().upload_quota?;
    let space = quota.space.map(|part| (part.used, part.max, part.unit));
    let part = match exceeded.quota {
        vimeo_api::Quota::Period => quota.periodic.map(|part| (part.used, part.max, part.unit)),
        _ => quota.lifetime.map(|part| (part.used, part.max, part.unit)).filter(|(_, max, _)| max.is_some()),
    };
    let (used, max, unit) = part.or(space)?;
    sentence(used?, max?, unit.as_ref())
}

/// Formats the usage in the unit of the account, bytes or videos; `None` for an unknown unit.
fn sentence(used: u64, max: i64, unit: Option<&types::QuotaUnit>) -> Option<String> {
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
    fn usage_is_in_the_quotas_unit() {
        let unit = |value: &str| types::QuotaUnit::other(value);
        for (value, expected) in [
            (Some("video_count"), Some("25 of 30 videos are used.")),
            (Some("video_size"), Some("25 of 30 bytes are used.")),
            (None, Some("25 of 30 bytes are used.")),
            (Some("minutes"), None),
        ] {
            assert_eq!(sentence(25, 30, value.map(unit).as_ref()).as_deref(), expected, "{value:?}");
        }
    }
}
