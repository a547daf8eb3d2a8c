//! Host names, the path of the control API, and header names that several modules use.

use http::HeaderName;

/// The root path of the control API.
pub(crate) const CONTROL_ROOT: &str = "/_sandbox";

/// The offset of an upload, in bytes.
pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// Whether a path belongs to the control API.
pub(crate) fn is_control_path(path: &str) -> bool {
    path.strip_prefix(CONTROL_ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The API's host name.
pub(crate) const API: &str = "api.vimeo.com";

/// Suffixes of the upload hosts' names; the label before them is the region or cluster.
pub(crate) const UPLOAD: [&str; 2] = [".tus.vimeo.com", ".cloud.vimeo.com"];

/// The upload host in https links. Recorded responses show this region.
#[cfg(feature = "tls")]
pub(crate) const UPLOAD_LINKS: &str = "https://asia-files.tus.vimeo.com";

/// Whether the sandbox emulates this host.
pub(crate) fn is_vimeo(name: &str) -> bool {
    name.eq_ignore_ascii_case(API) || is_upload(name)
}

/// Whether a host name is that of an upload host.
pub(crate) fn is_upload(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // One label only, as in a wildcard certificate.
    UPLOAD
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|label| !label.is_empty() && !label.contains('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_control_paths() {
        for (path, expected) in
            [("/_sandbox", true), ("/_sandbox/x", true), ("/_sandboxes", false), ("/me/_sandbox", false)]
        {
            assert_eq!(is_control_path(path), expected, "{path}");
        }
    }

    #[test]
    fn recognizes_vimeo_hosts() {
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
