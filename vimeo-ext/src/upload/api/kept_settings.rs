//! What of a video's settings the journal keeps, to tell whether a later call means the same upload.

use serde_json::Value;
use vimeo_api::types::CreateVideoBody;

/// The settings as they are sent, without what is secret and without how the bytes come.
pub(crate) fn kept(body: &CreateVideoBody) -> Value {
    let mut settings = serde_json::to_value(body).unwrap_or_default();
    if let Some(members) = settings.as_object_mut() {
        members.remove("password");
        members.remove("upload");
    }
    settings
}

/// Which of them differ. Nothing does where an entry kept none.
pub(crate) fn differing(then: &Value, now: &Value) -> Vec<String> {
    let (Some(then), Some(now)) = (then.as_object(), now.as_object()) else { return Vec::new() };
    let mut names: Vec<&String> = then.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| then.get(*name) != now.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vimeo_api::types::{UploadApproach, UploadInput};

    use super::*;

    #[test]
    fn passwords_are_not_kept_and_differences_are_named() {
        let body = CreateVideoBody::new(UploadInput::new(UploadApproach::Tus))
            .name("Surf")
            .password("s3cret")
            .locale("de");
        let then = kept(&body);
        assert_eq!(then, json!({"name": "Surf", "locale": "de"}));
        // (settings now, what differs)
        let table = [
            (json!({"name": "Surf", "locale": "de"}), vec![]),
            (json!({"name": "Swell", "locale": "de"}), vec!["name"]),
            (json!({"name": "Surf", "license": "by"}), vec!["license", "locale"]),
            (Value::Null, vec![]),
        ];
        for (now, names) in table {
            assert_eq!(differing(&then, &now), names, "{now}");
        }
    }
}
