//! The names that the sandbox goes by, and the ways in for clients that insist on them.

pub(crate) mod ports;
#[cfg(feature = "tls")]
pub(crate) mod proxy;
#[cfg(feature = "tls")]
pub(crate) mod tls;

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
