//! Where people find a video: on vimeo.com, or on a sandbox's page, since links to vimeo.com do not lead into a sandbox.

use vimeo_sandbox::cli::Page;

/// The site that has the pages of videos and other objects.
pub(crate) enum Site {
    /// The API returns links that people can open.
    Vimeo,
    /// A sandbox that keeps running.
    Sandbox(Page),
    /// A sandbox that ends with this command: nobody can open its page afterwards.
    EndingSandbox,
}

impl Site {
    /// Returns the address of a video's page, given its URI and the link that the API returned.
    pub(crate) fn video(&self, uri: Option<&str>, link: Option<&str>) -> Option<String> {
        match (self, uri.and_then(video_id)) {
            (Self::Sandbox(page), Some(id)) => Some(page.video(id).into()),
            _ => self.object(link),
        }
    }

    /// Returns the address to open for another object, given the link that the API returned. A sandbox has one page for
    /// all objects.
    pub(crate) fn object(&self, link: Option<&str>) -> Option<String> {
        match self {
            Self::Vimeo => link.map(str::to_owned),
            Self::Sandbox(page) => link.map(|_| page.url().to_string()),
            Self::EndingSandbox => None,
        }
    }

    /// Whether links of the API lead nowhere.
    pub(crate) fn is_sandbox(&self) -> bool {
        !matches!(self, Self::Vimeo)
    }
}

/// The number of a video, of `/videos/7` or `/videos/7:hash`.
fn video_id(uri: &str) -> Option<u64> {
    let id = uri.strip_prefix("/videos/")?;
    id.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_number_of_a_video() {
        for (uri, id) in [
            ("/videos/7", Some(7)),
            ("/videos/7:a1b2", Some(7)),
            ("/videos/", None),
            ("/videos/7/versions", None),
            ("/users/7", None),
        ] {
            assert_eq!(video_id(uri), id, "{uri}");
        }
    }

    #[test]
    fn links_to_vimeo_stay_unless_the_api_is_a_sandbox() {
        let link = Some("https://vimeo.com/7");
        assert_eq!(Site::Vimeo.video(Some("/videos/7"), link).as_deref(), link);
        assert_eq!(Site::Vimeo.video(Some("/videos/7"), None), None);
        assert_eq!(Site::EndingSandbox.video(Some("/videos/7"), link), None);
        assert_eq!(Site::EndingSandbox.object(link), None);
    }
}
