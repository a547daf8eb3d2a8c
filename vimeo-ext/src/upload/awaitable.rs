//! `IntoFuture` for the builders: `vimeo.upload("film.mp4").name("Surf").await`.

use std::pin::Pin;

use vimeo_api::types;

use crate::Error;
use crate::upload::UploadTicket;
use crate::upload::{
    AnimatedThumbnail, CreateVideo, DelegatedUpload, FormBacked, FormUpload, FromUrl, NewVideo, PullUpload,
    Replace, ReplacedVersion, SourceBacked, ThumbnailAt, UploadPicture, UploadTextTrack, UploadedFile,
};

macro_rules! awaitable {
    ($($builder:ty => $output:ty,)*) => {
        $(
            /// Awaiting the builder is the same as `send()`.
            impl IntoFuture for $builder {
                type Output = Result<$output, Error>;
                type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

                fn into_future(self) -> Self::IntoFuture {
                    Box::pin(self.send())
                }
            }
        )*
    };
}

awaitable! {
    CreateVideo<SourceBacked> => NewVideo,
    CreateVideo<FromUrl> => PullUpload,
    CreateVideo<FormBacked> => FormUpload,
    CreateVideo<DelegatedUpload> => UploadTicket,
    Replace => ReplacedVersion,
    UploadPicture => UploadedFile,
    UploadTextTrack => UploadedFile,
    ThumbnailAt => types::Picture,
    AnimatedThumbnail => types::AnimatedThumbnailSet,
}
