//! The ways to name a video, a user or a folder: IDs, URIs and links of the site.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vimeo_ext::{FolderId, UserId, VideoId};

fuzz_target!(|input: &str| {
    if let Ok(video) = input.parse::<VideoId>() {
        let again: VideoId = video.uri().parse().expect("a URI that we wrote");
        assert_eq!((again.number(), again.hash()), (video.number(), video.hash()));
    }
    if let Ok(user) = input.parse::<UserId>() {
        let uri = user.uri();
        assert!(uri.starts_with("/users/") && !uri.contains(['?', '#', ' ']), "{uri}");
    }
    if let Ok(folder) = input.parse::<FolderId>() {
        assert_eq!(folder.uri().parse::<FolderId>().expect("a URI that we wrote").number(), folder.number());
    }
});
