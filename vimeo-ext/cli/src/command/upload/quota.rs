//! Describes the usage of an exceeded quota.

use serde_json::Value;
use vimeo_ext::api;
use vimeo_ext::{Error, Vimeo};

use crate::output::bytes;

/// Returns the usage of an exceeded quota, to append to an error message. Empty for other errors, or if the usage is
/// unknown.
pub(crate) async fn usage(vimeo: &Vimeo, error: &Error) -> String {
    let Some(api::Error::QuotaExceeded(exceeded)) = error.call() else { return String::new() };
    let Ok(me) = vimeo.get("/me").fields("upload_quota").send().await else { return String::new() };
    let quota = me.get("upload_quota").unwrap_or(&Value::Null);
    let part = match exceeded.quota {
        api::Quota::Period => quota.get("periodic"),
        _ => quota.get("lifetime").filter(|part| part.get("max").is_some_and(Value::is_u64)),
    };
    part.or_else(|| quota.get("space")).and_then(format_usage).unwrap_or_default()
}

/// Formats `; 1 of 2 videos used`, in videos or bytes, as the account counts.
fn format_usage(part: &Value) -> Option<String> {
    let number = |name: &str| part.get(name).and_then(Value::as_u64);
    let (used, max) = (number("used")?, number("max")?);
    match part.get("unit").and_then(Value::as_str) {
        Some("video_count") => Some(format!("; {used} of {max} videos used")),
        Some("video_size") | None => Some(format!("; {} of {} used", bytes(used), bytes(max))),
        // Unknown unit.
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats_usage_in_videos_or_bytes() {
        let table = [
            (json!({"unit": "video_count", "used": 25, "max": 25}), Some("; 25 of 25 videos used")),
            (json!({"unit": "video_size", "used": 1536, "max": 2048}), Some("; 1.5 KiB of 2.0 KiB used")),
            (json!({"used": 1024, "max": 1024}), Some("; 1.0 KiB of 1.0 KiB used")),
            (json!({"unit": "minutes", "used": 1, "max": 1}), None),
            (json!({"unit": "video_count", "used": 25, "max": null}), None),
        ];
        for (part, text) in table {
            assert_eq!(format_usage(&part).as_deref(), text, "{part}");
        }
    }
}
