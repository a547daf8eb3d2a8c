//! The names that the sandbox goes by: hosts, the path of the control API, and headers that several of its parts know.

use http::HeaderName;

/// Where the control API is.
pub(crate) const CONTROL_ROOT: &str = "/_sandbox";

/// Where an upload stands.
pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// Whether a path is the control API's.
pub(crate) fn is_control_path(path: &str) -> bool {
    path.strip_prefix(CONTROL_ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The API's own name.
pub(crate) const API: &str = "api.vimeo.com";

/// What the names of the hosts that take files end in; what stands before tells the region or the cluster.
pub(crate) const UPLOAD: [&str; 2] = [".tus.vimeo.com", ".cloud.vimeo.com"];

/// The upload host of links that are https. The region is one that recorded answers show.
#[cfg(feature = "tls")]
pub(crate) const UPLOAD_LINKS: &str = "https://asia-files.tus.vimeo.com";

/// Whether a name is one of those that the sandbox stands in for.
pub(crate) fn is_vimeo(name: &str) -> bool {
    name.eq_ignore_ascii_case(API) || is_upload(name)
}

/// Whether a name is one of the upload hosts'.
pub(crate) fn is_upload(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // One label only, as a certificate's wildcard has it.
    UPLOAD
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|label| !label.is_empty() && !label.contains('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_control_api_are_told_from_others() {
        for (path, is_its_own) in
            [("/_sandbox", true), ("/_sandbox/x", true), ("/_sandboxes", false), ("/me/_sandbox", false)]
        {
            assert_eq!(is_control_path(path), is_its_own, "{path}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        for (name, vimeo, upload) in [
            ("api.vimeo.com", true, false),
            ("API.Vimeo.com", true, false),
            ("asia-files.tus.vimeo.com", true, true),
            ("1515143405.cloud.vimeo.com", true, true),
            ("tus.vimeo.com", false, false),
            (".tus.vimeo.com", false, false),
            ("a.b.tus.vimeo.com", false, false),
            ("vimeo.com", false, false),
            ("api.vimeo.com.example", false, false),
        ] {
            assert_eq!((is_vimeo(name), is_upload(name)), (vimeo, upload), "{name}");
        }
    }
}
