//! The Vimeo client for Rust: typed calls, uploads that resume, whole lists as streams, rate limits that are kept.
//!
//! ```no_run
//! use vimeo_ext::Vimeo;
//!
//! # async fn demo() -> Result<(), vimeo_ext::Error> {
//! let vimeo = Vimeo::from_env()?; // VIMEO_ACCESS_TOKEN
//! let video = vimeo.upload("film.mp4").name("Surf").send().await?;
//! let mut videos = vimeo.api().videos().list_my_videos().fields("uri,name").items();
//! while let Some(video) = videos.next().await {
//!     tracing::info!(name = video?.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Calls
//!
//! Every operation of the API is a method of [`Vimeo::api`], by area. [`fields`](api::Fields) asks for a part of the
//! answer only, which is faster and counts for less; the type stays the same, the rest of it is `None`.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let video = vimeo.api().videos().get_video(76979871).fields("name,duration").send().await?;
//! tracing::info!(name = video.name, seconds = video.duration, left = ?video.rate_limit());
//!
//! // Into a type of one's own:
//! #[derive(serde::Deserialize)]
//! struct Title {
//!     name: String,
//! }
//! let title = vimeo.api().videos().get_video(76979871).fields("name").send_as::<Title>().await?;
//!
//! // Any path, untyped, through the same layers:
//! let me = vimeo.get("/me").fields("name,account").send().await?;
//! tracing::info!(name = %me["name"], status = %me.status());
//! # Ok(())
//! # }
//! ```
//!
//! # Uploads
//!
//! [`Vimeo::upload`] takes a path, an open file, bytes or a stream of known size. The module [`upload`] has the engine
//! underneath: tickets that another process or a browser can finish, a journal that survives `kill -9`, queues.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! use vimeo_ext::api::types::VideoViewPrivacy;
//! let video = vimeo
//!     .upload("film.mp4")
//!     .name("Surf")
//!     .privacy(VideoViewPrivacy::Unlisted)
//!     .on_progress(|progress| tracing::info!(sent = progress.sent, total = progress.total))
//!     .send()
//!     .await?;
//! let id = video.id();
//! # Ok(())
//! # }
//! ```
//!
//! The upload of a file is written down until it is finished: when the process is killed, the same call goes on with the
//! same video, and never makes a second one ([`journal`](CreateVideo::journal), [`Vimeo::pending_uploads`]).
//!
//! | to | call |
//! |---|---|
//! | give a video another file | [`Vimeo::replace`] |
//! | upload many files | [`Vimeo::upload_many`] |
//! | let Vimeo fetch the file | [`Vimeo::upload_from_url`] |
//! | let a browser send it with a form | [`Vimeo::upload_form`] |
//! | let another process or a browser send it over tus | [`Vimeo::upload_ticket`] |
//! | set a thumbnail, portrait, logo, poster | [`Vimeo::upload_picture`], [`Vimeo::thumbnail_at`], [`Vimeo::animated_thumbnail`] |
//! | add captions or subtitles | [`Vimeo::upload_text_track`] |
//! | wait until it can be watched | [`Vimeo::wait_transcoded`] |
//!
//! # Lists
//!
//! `items()` and `pages()` make a stream out of every call that responds with a page, typed or untyped. The walk can be saved and resumed, fetch pages ahead, and drop what comes twice.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
//! let list = vimeo.api().videos().list_my_videos().fields("uri,name");
//! let videos = list.items().concurrency(4).dedup_by_uri().collect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Logging in
//!
//! [`Vimeo::auth`] has the ways to a token: for the app alone, for a user through the browser or on a device. A
//! [`Refresher`](auth::Refresher) of your own renews it. The token goes to the API's host over https and nowhere else,
//! and is not printed by anything.
//!
//! ```no_run
//! use vimeo_ext::{Scope, Vimeo};
//! # async fn demo(callback: &str) -> Result<(), vimeo_ext::Error> {
//! let app = Vimeo::builder().app("client id", "client secret").build()?;
//! let login = app.auth().authorization("https://example.com/callback")?.scopes([Scope::Private]).begin()?;
//! // The user goes to login.url() and comes back with `callback`.
//! let grant = app.auth().exchange_code(&login, callback).await?;
//! let vimeo = app.for_account("user 7", grant.token)?;
//! # Ok(())
//! # }
//! ```
//!
//! # When things go wrong
//!
//! [`Error`] is one enum to match on; that of a call is [`api::Error`]. Reads are tried again with growing waits, and
//! what creates something only when it surely did not arrive ([`RetryPolicy`]). Calls beyond the account's rate limit
//! wait for their turn ([`RateLimitPolicy`]). A call whose token lacks a scope fails before it is sent.
//!
//! ```no_run
//! # async fn demo(vimeo: vimeo_ext::Vimeo) {
//! use vimeo_ext::api::Error;
//! match vimeo.api().videos().delete_video(76979871).send().await {
//!     Ok(_) => tracing::info!("gone"),
//!     Err(error) if error.is_not_found() => tracing::info!("gone before"),
//!     Err(Error::MissingScope(scope)) => tracing::warn!(needed = ?scope.needed(), "another token is needed"),
//!     Err(Error::RateLimited(limited)) => tracing::warn!(at = ?limited.retry_at, "come back later"),
//!     Err(Error::LoginRequired(login)) => tracing::warn!(account = login.account, "log in again"),
//!     Err(error) => tracing::error!(%error, status = ?error.status()),
//! }
//! # }
//! ```
//!
//! # Many accounts
//!
//! [`Vimeo::for_account`] gives a client for another account over the same connections. Accounts share nothing else: one
//! that is at its limit holds no other back. With the feature `accounts`, the module `accounts` keeps them: it lets users
//! log in, encrypts their tokens, renews them and notices when they are revoked.
//!
//! # Features
//!
//! | feature | does |
//! |---|---|
//! | `all` (default) | all areas of the API; or name the areas alone, such as `showcases` |
//! | `upload` (default) | uploads, pictures, text tracks: all that `upload` has, and the methods of a client that use it |
//! | `oauth` (default) | logging users in through the browser and on a device |
//! | `rustls` (default) | TLS by rustls with the cryptography of ring |
//! | `rustls-aws-lc` | TLS by rustls with the cryptography of aws-lc |
//! | `rustls-no-provider` | TLS by rustls with the provider that the program installs |
//! | `native-tls` | TLS by the system's library; it is used if others are on as well |
//! | `socks` | SOCKS proxies |
//! | `shared-limits` | rate limits that processes share: [`RateLimiters::shared`](crate::RateLimiters); on with `accounts` |
//! | `blocking` | the client without `async`: `blocking` |
//! | `tower` | a `tower` service in place of the HTTP client: `TowerTransport` |
//! | `accounts` | many users: their logins, tokens and connections, in memory or in a store of your own |
//! | `sqlite`, `postgres`, `postgres-tls` | the same, kept in a file or on a server |
//! | `webhooks`, `axum` | receiving webhooks, and an extractor for services of axum |
//!
//! `authentication` and `videos` are always on, since the client itself needs them.
//!
//! # TLS
//!
//! ring is the default because it builds fastest of the providers that rustls supports; a program that wants aws-lc turns on
//! `rustls-aws-lc`. If several features are on, `native-tls` comes before `rustls-aws-lc`, and that before `rustls`. A default
//! `CryptoProvider` that the program has installed comes before both of rustls's. Without any of the features, a client for an
//! https address is an error at [`build`](VimeoBuilder::build), [`ConfigError::NoTls`].
//!
//! With any of the rustls features, reqwest is built without cryptography of its own. A `reqwest::Client` that your program
//! builds by itself then needs reqwest's feature `rustls`, or a default provider, which one line at the start installs:
//! `rustls::crypto::ring::default_provider().install_default()`.
#![forbid(unsafe_code)]

mod client;
mod clock;
mod error;
#[doc(hidden)]
pub mod hex;
#[cfg(feature = "accounts")]
mod ids;
mod loopback;
#[cfg(any(feature = "sqlite", feature = "upload"))]
#[doc(hidden)]
pub mod private_files;
#[cfg(feature = "accounts")]
mod status;
mod timeouts;
mod tls;
#[cfg(feature = "tower")]
mod tower_transport;
#[cfg(feature = "upload")]
mod upload_ticket;

#[cfg(feature = "accounts")]
pub mod accounts;
pub mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod pipeline;
pub mod rate_limit;
pub mod retry;
#[cfg(feature = "upload")]
pub mod upload;
#[cfg(feature = "webhooks")]
pub mod webhooks;

/// The crate whose types hold secrets; brings `ExposeSecret`.
pub use secrecy;
pub use vimeo_api as api;
pub use vimeo_api::{
    ChannelId, DomainName, FolderId, GroupId, InvalidId, Scope, ScopeSet, ShowcaseId, UserId, VideoId,
};

pub use auth::AccessToken;
pub use client::{Vimeo, VimeoBuilder};
pub use clock::Clock;
#[cfg(feature = "upload")]
pub use error::MediaError;
pub use error::{ConfigError, Error};
pub use pipeline::{Middleware, Next};
pub use rate_limit::{RateLimitPolicy, RateLimiter, RateLimiters};
pub use retry::RetryPolicy;
pub use timeouts::Timeouts;
#[cfg(feature = "tower")]
pub use tower_transport::TowerTransport;
#[cfg(feature = "upload")]
pub use upload::{
    AnimatedThumbnail, CreateVideo, DelegatedUpload, FormBacked, FormUpload, FromUrl, NewVideo,
    PendingUploads, PictureTarget, PullUpload, Reconciliation, Replace, ReplacedVersion, SourceBacked,
    ThumbnailAt, TranscodeState, Transcoded, UnclaimedVideo, UploadMany, UploadPicture, UploadTextTrack,
    UploadVideo, UploadedFile, WaitTranscoded, Warning,
};
pub use vimeo_api::{Conditional, ConditionalFuture, Items, PageToken, Pages};

/// The README's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
