//! Tests of operation metadata.

use std::collections::BTreeSet;

use vimeo_api::{operation, operation_at, operations};

#[test]
fn operation_names_are_unique_and_readable() {
    let mut seen = BTreeSet::new();
    for operation in operations() {
        assert!(seen.insert(operation.id), "{} twice", operation.id);
        assert!(operation.id.len() <= 50, "{}", operation.id);
        let without = operation.id.replace("m3u8", "");
        assert!(!without.contains(|sign: char| sign.is_ascii_digit()), "{}", operation.id);
        assert!(operation.summary.split(' ').count() > 2, "{}: {}", operation.id, operation.summary);
    }
    assert_eq!(seen.len(), 520);
}

#[test]
fn my_and_user_operations_have_matching_names() {
    for operation in operations().filter(|operation| operation.path.starts_with("/me/")) {
        let twin = operation.path.replacen("/me", "/users/{user_id}", 1);
        let Some(twin) = operations().find(|other| other.path == twin && other.method == operation.method)
        else {
            continue;
        };
        let unlike: Vec<(&str, &str)> =
            operation.id.split('_').zip(twin.id.split('_')).filter(|(own, other)| own != other).collect();
        assert_eq!(
            operation.id.split('_').count(),
            twin.id.split('_').count(),
            "{} and {}",
            operation.id,
            twin.id
        );
        assert!(
            unlike.iter().all(|pair| matches!(pair, ("my", "user") | ("me", "user"))),
            "{} and {}",
            operation.id,
            twin.id
        );
    }
}

#[test]
fn finds_operations_by_name_and_path() {
    assert_eq!(operation("list_my_videos").map(|found| found.path), Some("/me/videos"));
    assert_eq!(operation("get_videos_alt1").map(|found| found.id), Some("list_my_videos"));
    assert_eq!(operation("no_such_thing"), None);
    let at =
        |method: &str, path: &str| operation_at(&method.parse().unwrap(), path).map(|operation| operation.id);
    assert_eq!(at("GET", "/"), Some("get_endpoints"));
    assert_eq!(at("GET", "/videos/7"), Some("get_video"));
    assert_eq!(at("GET", "/videos/7/"), Some("get_video"));
    assert_eq!(at("DELETE", "/videos/7"), Some("delete_video"));
    assert_eq!(at("GET", "/videos//x"), None);
    assert_eq!(at("GET", "/me/videos"), Some("list_my_videos"));
}

/// BEHAVIOUR.md: D05.
#[test]
fn every_list_supports_fields() {
    let without: Vec<&str> = operations()
        .filter(|operation| {
            operation.paged && !operation.query.iter().any(|parameter| parameter.name == "fields")
        })
        .map(|operation| operation.id)
        .collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn all_scopes_have_variants() {
    for operation in vimeo_api::operations() {
        assert!(
            !operation.scopes.iter().any(|scope| matches!(scope, vimeo_api::Scope::Other(_))),
            "{operation}"
        );
    }
}
