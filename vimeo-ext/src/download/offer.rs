//! The files that Vimeo offers of a video, and their links.

use vimeo_api::types::VideoFile;
use vimeo_api::{SignedUrl, VideoId, is_loopback};

use super::quality::{self, Quality};
use crate::error::DownloadError;
use crate::signed_link::link_problem;
use crate::{Error, Vimeo};

/// The files that Vimeo offers of a video.
pub(super) struct Offer {
    pub(super) vimeo: Vimeo,
    pub(super) id: VideoId,
    pub(super) quality: Quality,
}

impl Offer {
    /// Requests the links, and returns the name and the link of the chosen file: that of the rendition `again`, if given.
    pub(super) async fn request(&self, again: Option<&str>) -> Result<(String, SignedUrl), Error> {
        let call = self.vimeo.api().videos().get_video(&self.id).fields("download");
        let files: Vec<VideoFile> = call.send().await?.into_inner().download.unwrap_or_default();
        let uri = self.id.uri();
        if files.iter().all(|file| file.link.is_none()) {
            return Err(DownloadError::NoFiles { uri }.into());
        }
        let chosen = match again {
            Some(rendition) => {
                files.iter().find(|file| file.link.is_some() && quality::name(file) == rendition)
            }
            None => self.quality.choose(&files),
        };
        let Some((file, link)) = chosen.and_then(|file| Some((file, file.link.clone()?))) else {
            let wanted = again.map_or_else(|| self.quality.to_string(), str::to_owned);
            return Err(DownloadError::NoSuchFile { uri, wanted, offered: quality::names(&files) }.into());
        };
        if let Some(problem) = link_problem(link.expose(), is_loopback(self.vimeo.api().base_url())) {
            return Err(DownloadError::InvalidLink { uri, reason: format!("it {problem}") }.into());
        }
        Ok((quality::name(file), link))
    }
}
